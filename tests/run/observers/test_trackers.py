import sys
from types import ModuleType

import pytest

from abzero.errors import ConfigError
from abzero.run.observers.trackers import tensorboard, wandb
from abzero.types import Alarm, Step


@pytest.mark.parametrize(
    ("package", "tracker"), [("tensorboard", tensorboard), ("wandb", lambda run: wandb("p", run, {}))]
)
def test_an_absent_package_is_one_error_that_names_the_extra(package, tracker, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"pip install 'abzero\[{package}\]'"), tracker(tmp_path):
        pass


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_what_was_written_and_forgets_what_a_resumed_run_repeats(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no tensorboard here")
    for steps in ((1, 2, 3), (3, 4)):
        with tensorboard(tmp_path) as observe:
            for number in steps:
                alarms = (Alarm(number, "name", "words"),) if number == 2 else ()
                observe(Step(number, [], [], [], {"a/b": number * len(steps)}, {"seconds/step": 1.0}, alarms))
    events = reader.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("a/b")] == [(1, 3.0), (2, 6.0), (3, 6.0), (4, 8.0)]
    assert [event.value for event in events.Scalars("alarms")] == [0.0, 1.0, 0.0, 0.0]
    assert [event.value for event in events.Scalars("seconds/step")] == [1.0] * 4


class FakeWandb(ModuleType):
    """Keeps what it is told, as the package's own session would send it."""

    def __init__(self):
        super().__init__("wandb")
        self.told = []

    def init(self, **options):
        self.told.append(("init", options))
        return self

    def log(self, figures, step):
        self.told.append(("log", step, figures))

    def alert(self, title, text):
        self.told.append(("alert", title, text))

    def finish(self):
        self.told.append(("finish",))


def test_wandb_is_sent_every_step_and_alarm_and_is_finished_even_after_an_error(tmp_path, monkeypatch):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)

    def run():
        with wandb("project", tmp_path / "name", {"steps": 3}) as observe:
            observe(Step(7, [], [], [], {"a": 1.0}, {"seconds/step": 2.0}, (Alarm(7, "name", "words"),)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert fake.told == [
        ("init", {"project": "project", "group": "name", "dir": str(tmp_path / "name"), "config": {"steps": 3}}),
        ("log", 7, {"a": 1.0, "seconds/step": 2.0, "alarms": 1.0}),
        ("alert", "name", "step 7: words"),
        ("finish",),
    ]
