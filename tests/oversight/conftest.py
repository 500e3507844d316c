import pytest

from tests.oversight.runs import Run


@pytest.fixture
def run(tmp_path):
    def make(name="run", **settings):
        (tmp_path / name).mkdir()
        return Run(tmp_path / name, **settings)

    return make
