"""One pool for all tests of this folder; they are skipped where ``strict`` isolation is not possible."""

from collections.abc import Iterator

import pytest

from abzero.errors import IsolationError
from abzero.sandbox.pool import SandboxPool


@pytest.fixture(scope="session")
def pool() -> Iterator[SandboxPool]:
    try:
        sandbox = SandboxPool(workers=2)
    except IsolationError as error:
        pytest.skip(str(error))
    with sandbox:
        yield sandbox
