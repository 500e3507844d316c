"""The sandbox of benchmarks: it states the isolation that it found, and lives on after a death."""

import marshal
import os
import signal
import time
from pathlib import Path
from threading import Thread

import pytest

from abzero.errors import SandboxError
from abzero.sandbox import admission
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.host import Zygote
from abzero.sandbox.listing import ProgramRun, Runner

DOUBLE = ProgramRun("print(2 * int(input()))", "", (b"21",))


def test_its_isolation_is_what_its_self_test_found():
    with Runner(workers=1) as runner:
        assert runner.isolation == "strict, clocks readable"


def test_a_zygote_without_a_layer_is_told_from_a_whole_one():
    zygote = Zygote(1, 0, Limits(), ["math"], ("seccomp",))
    try:
        zygote.wait_until_ready()
        tried = admission.tried(zygote)
    finally:
        zygote.close()
    assert tried.missing == ("seccomp (off on request)",)
    assert "socket" in tried.escapes
    assert "self-test: socket" in tried.faults


def test_a_dead_zygote_is_an_error_of_ours_and_another_takes_its_place():
    with Runner(workers=1) as runner:
        os.kill(runner.pid, signal.SIGKILL)
        with pytest.raises(SandboxError, match="died"):
            runner.run([DOUBLE])
        [ran] = runner.run([DOUBLE])
    assert [value.text.strip() for value in ran.values] == ["42"]


LOOPS = "def f(x):\n    while x: pass\n    return 0"


def test_a_process_is_ended_at_the_first_value_that_is_not_wanted():
    """Else it would go on with the next input, for hours."""
    inputs = tuple(marshal.dumps([x]) for x in (0, 0, 1))
    with Runner(workers=1) as runner:
        [ran] = runner.run([ProgramRun(LOOPS, "f", inputs, 1e3, 2e3)], [lambda place, value: place == 0])
    assert (ran.ended, [value.text for value in ran.values]) == ("refused", ["0", "0"])


BUSY = ProgramRun("n = int(input())\nfor _ in range(4_000_000 * n): pass\nprint(n)", "", (b"3",), 60.0)


@pytest.mark.parametrize(("kills", "ended"), [(1, "done"), (2, "killed")])
def test_what_somebody_else_kills_is_run_again_once(kills, ended):
    """The kernel's killer of processes, for want of memory: it takes sandboxed ones first."""
    with Runner(workers=1) as runner:
        children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children")
        if not children.exists():
            pytest.skip(f"no {children}")
        idle = children.read_text().split()

        def kill():
            seen = set(idle)
            for _ in range(kills):
                while not (new := set(children.read_text().split()) - seen):
                    time.sleep(0.001)
                seen |= new
                for child in new:
                    os.kill(int(child), signal.SIGKILL)

        killer = Thread(target=kill)
        killer.start()
        [ran] = runner.run([BUSY])
        killer.join()
    assert ran.ended == ended
