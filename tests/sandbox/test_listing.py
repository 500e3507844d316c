"""The sandbox of benchmarks: it states the isolation that it found, and lives on after a death."""

import os
import signal

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
