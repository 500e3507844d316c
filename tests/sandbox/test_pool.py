import os
import resource
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

from abzero.errors import ConfigError, SandboxError
from abzero.python.entry import entry_point
from abzero.sandbox.base import Call, Nondeterministic, NotLiteral, Raised, Refused, Returned, Stopped
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.child.zygote import BURST
from abzero.sandbox.host import Zygote
from abzero.sandbox.means import isolated_at_once
from abzero.sandbox.pool import SandboxPool

SYSTEM = Refused("something that only the operating system could do")
CASES = {
    "a value": ("def f(x):\n    return x + 1", "41", Returned("42")),
    "sets in order of text": ("def f(x):\n    return {x: {3, 1, 2}}", "'a'", Returned("{'a': {1, 2, 3}}")),
    "an error": ("def f(x):\n    return 1 // x", "0", Raised("ZeroDivisionError")),
    "an error of its own": ("class Bad(Exception): pass\ndef f(x):\n    raise Bad", "0", Raised("Bad")),
    "no syntax": ("def f(x:", "0", Raised("SyntaxError")),
    "no f": ("def g(x): return x", "0", Raised("NameError")),
    "a module that is missing": ("import numpy\ndef f(x): return x", "0", Raised("ModuleNotFoundError")),
    "a module that is refused": ("import os\ndef f(x): return x", "0", Refused("import of os")),
    "a refusal swallowed": (
        "try:\n    import os\nexcept BaseException:\n    pass\ndef f(x): return x",
        "0",
        Refused("import of os"),
    ),
    "an endless loop": ("def f(x):\n    while True: pass", "0", Stopped("timeout")),
    "too much memory": ("def f(x):\n    return 'a' * (1 << 31)", "0", Stopped("memory")),
    "an exit": ("def f(x):\n    raise SystemExit(0)", "0", Stopped("exited")),
    "a deadlock": ("import queue\ndef f(x):\n    queue.Queue().get()", "0", SYSTEM),
    "infinity": ("def f(x):\n    return [float('inf')]", "0", NotLiteral("float")),
    "a class of its own": ("class A(int): pass\ndef f(x):\n    return A(1)", "0", NotLiteral("A")),
    "a text too long": (
        "def f(x):\n    return 'a' * 40000",
        "0",
        Refused("a value of more than 32768 characters"),
    ),
    "a list that holds itself": (
        "def f(x):\n    a = []\n    a.append(a)\n    return a",
        "0",
        Refused("a value nested more than 64 deep"),
    ),
    "two calls": ("def f(x): return x", "1)(2", Refused("arguments that are not one whole call of f")),
    "a disjunction": ("def f(x): return x", "1) or (2", Refused("arguments that are not one whole call of f")),
    "an address": ("def f(x): return str(object())", "0", Nondeterministic()),
    "an object at an address": ("def f(x): return object()", "0", Nondeterministic()),
    "the order of a set": ("def f(x): return list(set(x))", "['a', 'b', 'c', 'd']", Nondeterministic()),
    "one bit of a hash": ("def f(x): return hash(x) % 2", "'abc'", Nondeterministic()),
    "arguments that are expressions": (
        "def f(*a, **k): return a, k",
        "*[1, 2], k=dict(b=3)",
        Returned("((1, 2), {'k': {'b': 3}})"),
    ),
    "text encodings": (
        "def f(x, *names):\n    return [len(x.encode(name)) for name in names]",
        "'é', 'utf-8', 'utf-16', 'utf-32-le', 'cp1252', 'unicode_escape'",
        Returned("[2, 4, 4, 1, 4]"),
    ),
    "a NUL": ("def f(x): return x\0", "0", Refused("a program with a NUL character or a lone surrogate")),
    "a surrogate": ("def f(x): return x", "'\ud800'", Refused("arguments with a NUL character or a lone surrogate")),
}


@pytest.mark.parametrize(("program", "arguments", "expected"), CASES.values(), ids=CASES)
def test_an_isolated_call_has_its_outcome(pool, program, arguments, expected):
    assert pool.run([Call(program, arguments, verify=True)]) == [expected]


def test_a_batch_has_the_same_outcomes_in_the_order_of_its_calls(pool):
    calls = [Call(program, arguments, verify=True) for program, arguments, _ in CASES.values()]
    assert pool.run(calls * 2) == [expected for _, _, expected in CASES.values()] * 2


def test_an_object_is_no_literal_where_nothing_is_verified(pool):
    assert pool.run([Call("def f(x): return object()", "0")]) == [NotLiteral("object")]


def test_arguments_do_not_reach_through_what_the_program_imported(pool):
    program = "import collections, typing\ndef f(x):\n    return collections.Counter('aab')['a']\n"
    poison = "modules.update(math=f)"
    reaching = [Call(program, f"{way}.{poison} or {n}") for way in ("collections._sys", "typing.sys") for n in range(9)]
    others = [Call(f"import math\ndef f(x):\n    return math.gcd(x, 6) + {n}", "12") for n in range(80)]
    outcomes = pool.run([call for pair in zip(reaching, others, strict=False) for call in pair] + others)
    assert outcomes[1:36:2] == [Returned(str(n + 6)) for n in range(18)]
    assert outcomes[36:] == [Returned(str(n + 6)) for n in range(80)]
    assert pool.report().sharing


def test_what_eval_and_exec_are_given_gets_all_seeds_where_it_hashes(pool):
    """Two seeds would miss nearly half of these orders; the program's own text has nothing that hashes."""
    pairs = [f"'{n}', '{n + 1}'" for n in range(8)]
    evaluated = [Call(f"def f(x):\n    return eval(x)\n# {n}", repr(f"list({{{n}}})"), True) for n in pairs]
    executed = [
        Call(f"def f(x):\n    exec(x, d := {{}})\n    return list(d['s'])\n# {n}", f'"s = {{{n}}}"', True)
        for n in pairs
    ]
    assert pool.run(evaluated + executed) == [Nondeterministic()] * 16
    assert pool.run([Call("def f(x):\n    return eval(x)", "'2 + 3'", True)]) == [Returned("5")]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="typing has no get_protocol_members before")
@pytest.mark.parametrize("way", ["list(s)", "str(s)", "[*s]", "sorted(s, key=len)", "eval('2') and list(s)"])
def test_a_set_of_the_librarys_gets_all_seeds_where_it_is_gone_through(pool, way):
    """No name tells that there is a set; two seeds would miss nearly half of these orders."""
    program = "from typing import *\nclass P(Protocol):\n    a{0}: int\n    b{0}: int\ndef f(s):\n    return {1}\n"
    calls = [Call(program.format(n, way), "get_protocol_members(P)", verify=True) for n in range(12)]
    assert pool.run(calls) == [Nondeterministic()] * 12


def test_constant_sets_have_one_order_isolated_and_among_others(pool):
    programs = [f"def f(x):\n    return [y for y in {{{n + 8}, {n}, {n + 16}, 'a'}}]" for n in range(40)]
    alone = [pool.run([Call(program, "0")])[0] for program in programs]
    assert pool.run([Call(program, "0") for program in programs]) == alone


def test_nothing_to_do_is_done(pool):
    assert pool.run([]) == []


def test_a_program_with_many_inputs_starts_afresh_for_each(pool):
    program = "seen = []\ndef f(x):\n    seen.append(x)\n    return seen"
    outcomes = pool.run([Call(program, str(n), verify=True) for n in range(20)])
    assert outcomes == [Returned(f"[{n}]") for n in range(20)]


def test_a_text_over_the_limit_is_refused_and_never_cut(pool):
    program = "def f(x):\n    return len(x)\n#" + "a" * 40_000
    assert pool.run([Call(program, "'a'")]) == [Refused(f"a program of {len(program)} characters, more than 32768")]
    assert pool.run([Call("def f(x): return len(x)", f"'{'a' * 20_000}'")]) == [
        Refused("arguments of 20002 characters, more than 16384")
    ]


def test_more_values_than_one_report_holds_all_arrive(pool):
    calls = [Call(f"def f(x):\n    return x * {n}", "'a'") for n in range(30_000, 30_080)]
    assert pool.run(calls) == [Returned(repr("a" * n)) for n in range(30_000, 30_080)]


def test_runs_that_one_zygote_forks_in_a_row_are_told_apart(pool):
    programs = [f"def f(x):\n    return eval('x + {number}')" for number in range(80)]
    numbers = [number for number, text in enumerate(programs) if zlib.crc32(text.encode()) % 2 == 0]
    outcomes = pool.run([Call(programs[number], "1") for number in numbers])
    assert outcomes == [Returned(str(1 + number)) for number in numbers]
    assert len(numbers) > 2 * BURST


def test_a_program_that_hung_is_not_run_again(pool):
    calls = [Call("while True: pass\ndef f(x): return x", str(n)) for n in range(50)]
    started = time.monotonic()
    assert pool.run(calls[:1]) == [Stopped("timeout")]
    assert pool.run(calls) == [Stopped("timeout")] * 50
    assert time.monotonic() - started < 20, "fifty runs of half a second each"


def test_an_input_that_hangs_says_nothing_about_the_others(pool):
    program = "def f(n):\n    while n != 0:\n        n = n - 1\n    return n"
    assert pool.run([Call(program, "-1")]) == [Stopped("timeout")]
    assert pool.run([Call(program, "5"), Call(program, "-1")]) == [Returned("0"), Stopped("timeout")]


def test_a_zygote_that_dies_is_replaced_and_its_calls_run_again(pool):
    before = pool.report()
    os.kill(before.zygotes[0], signal.SIGKILL)
    os.kill(before.zygotes[1], signal.SIGKILL)
    calls = [Call(f"def f(x): return x + {n}", "1", verify=True) for n in range(200)]
    assert pool.run(calls) == [Returned(str(n + 1)) for n in range(200)]
    after = pool.report()
    assert after.respawned == before.respawned + 2
    assert not set(before.zygotes[:2]) & set(after.zygotes)


def test_the_report_names_every_layer(pool):
    report = pool.report()
    assert pool.isolation == report.isolation == "strict"
    assert {"uid", "privileges", "limits", "seccomp", "landlock", "namespaces", "clocks", "tripwires"} == set(
        report.layers
    )
    assert report.escapes == ()
    assert len(set(report.seeds)) == 8


def test_without_optional_layers_outcomes_are_the_same():
    calls = [Call(program, arguments, verify=True) for program, arguments, _ in CASES.values()]
    with SandboxPool(workers=2, without=("landlock", "namespaces", "clocks")) as sandbox:
        assert sandbox.run(calls) == [expected for _, _, expected in CASES.values()]


def test_strict_cannot_do_without_a_required_layer():
    with pytest.raises(ConfigError, match="seccomp"):
        SandboxPool(without=("seccomp",))


def test_reduced_runs_without_the_filter_and_says_so():
    with pytest.warns(RuntimeWarning, match="seccomp"):
        sandbox = SandboxPool(workers=1, isolation="reduced", without=("seccomp",))
    with sandbox:
        assert sandbox.isolation == "reduced"
        assert "open" not in sandbox.report().escapes, "landlock refuses what the filter would have"
        assert sandbox.run([Call("def f(x): return x", "1", verify=True)]) == [Returned("1")]


def test_the_same_seed_gives_the_same_verdicts():
    calls = [Call(f"def f(x): return [hash(x) % 2, {n}]", repr(str(n)), verify=False) for n in range(40)]
    verdicts = []
    for _ in range(2):
        with SandboxPool(workers=2, seed=7) as sandbox:
            verdicts.append(sandbox.run(calls))
    assert verdicts[0] == verdicts[1]


def test_a_closed_pool_refuses_and_closing_twice_is_fine():
    sandbox = SandboxPool(workers=1)
    zygotes = sandbox.report().zygotes
    sandbox.close()
    sandbox.close()
    assert not [pid for pid in zygotes if Path(f"/proc/{pid}").exists()]
    with pytest.raises(SandboxError):
        sandbox.run([Call("def f(x): return x", "1")])


def test_a_forked_copy_of_the_trainer_may_not_use_the_pool(pool):
    if (pid := os.fork()) == 0:
        try:
            pool.close()
            pool.run([Call("def f(x): return x", "1")])
        except SandboxError:
            os._exit(3)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert pool.run([Call("def f(x): return x", "1")]) == [Returned("1")]


@pytest.mark.filterwarnings("ignore:unclosed .socket:ResourceWarning")  # one that the interrupt found half made
def test_an_interrupt_leaves_a_pool_that_works(pool):
    hang = [Call(f"def f(x):\n    while x != -{n}: x += 1", "1") for n in range(1, 30)]
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with pytest.raises(KeyboardInterrupt):
        pool.run(hang)
    assert pool.run([Call("def f(x): return x", "1")]) == [Returned("1")]


def test_an_interrupt_right_after_a_start_forgets_that_run(pool, monkeypatch):
    start = Zygote.start

    def interrupted(*details):
        start(*details)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(Zygote, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pool.run([Call("def f(x): return x + 1", "1")])
    assert not any(zygote.busy for zygote in pool._zygotes)
    assert pool.run([Call("def f(x): return x", "1")] * 2) == [Returned("1")] * 2


TRAINER = """
from abzero.sandbox.base import Call
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.pool import SandboxPool
sandbox = SandboxPool(workers=2, limits=Limits(cpu_seconds=60))
print(*sandbox.report().zygotes, flush=True)
sandbox.run([Call(f"def f(x):\\n    while x != -{n}: x += 1", "1") for n in range(1, 9)])
"""


def test_no_process_outlives_a_trainer_that_is_killed():
    trainer = subprocess.Popen([sys.executable, "-c", TRAINER], stdout=subprocess.PIPE, text=True)
    assert trainer.stdout is not None
    with trainer.stdout as output:
        zygotes = [int(pid) for pid in output.readline().split()]
    everyone = wait_for(lambda: family(zygotes) if len(family(zygotes)) > 10 else [])
    trainer.kill()
    trainer.wait()
    assert wait_for(lambda: not [pid for pid in everyone if alive(pid)] or None) is not None
    assert len(zygotes) == 8


def family(parents: list[int]) -> list[int]:
    """`parents` and their children."""
    found = list(parents)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent in parents:
                found.append(int(entry.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition):
    """The first true value of `condition`, within ten seconds."""
    for _ in range(200):
        if value := condition():
            return value
        time.sleep(0.05)
    return None


def test_a_limit_that_limits_nothing_is_refused():
    for limits in (Limits(cpu_seconds=0), Limits(memory_bytes=0), Limits(value_characters=10**6)):
        with pytest.raises(ConfigError):
            SandboxPool(limits=limits)


def test_isolated_runs_are_several_at_once_only_where_memory_has_room_for_them_all():
    assert isolated_at_once(Limits(memory_bytes=1), workers=2) == 16
    assert isolated_at_once(Limits(memory_bytes=1 << 46), workers=2) == 2
    half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    assert isolated_at_once(Limits(memory_bytes=half // 5), workers=2) == 5


def test_depth_is_the_same_isolated_and_among_others(pool):
    program = "def f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n        return n\n"
    [alone] = pool.run([Call(program, "0")])
    assert pool.run([Call(program, "0" + " " * n) for n in range(2, 6)]) == [alone] * 4


def test_a_class_finds_its_module(pool):
    program = (
        "import typing\nclass A:\n    other: 'B'\nclass B: pass\n"
        "def f(x):\n    return typing.get_type_hints(A)['other'].__name__, A.__module__, repr(A)"
    )
    assert pool.run([Call(program, "1", verify=True)]) == [Returned("('B', 'program', \"<class 'program.A'>\")")]


ENTRIES = {
    "a keyword argument of its name": (
        "def reverse(xs):\n    return sorted(xs, reverse=True)",
        "[1, 3, 2]",
        "[3, 2, 1]",
    ),
    "recursion in an f-string": ("def go(n):\n    return f'{n % 10}{go(n // 10)}' if n else ''", "12", "'21'"),
    "a parameter f": ("def grow(f, n):\n    return f if n == 0 else grow(f * 2, n - 1)", "1, 3", "8"),
    "a global f": ("f = 5\ndef plus(x):\n    return x + f", "1", "6"),
    "a global f that counts": ("f = 0\ndef up(x):\n    global f\n    f += x\n    return f", "3", "3"),
    "a field of its name": ("def name(x):\n    return '{name}'.format(name=x)", "1", "'1'"),
    "a method of its name": (
        "class S:\n    def push(self, x):\n        return [x]\ndef push(x):\n    return S().push(x)",
        "1",
        "[1]",
    ),
    "an import of its name": ("from math import gcd as _gcd\ndef gcd(a, b):\n    return _gcd(a, b)", "4, 6", "2"),
    "a name that is not ASCII": ("def größe(ä):\n    return ä", "ä=(1)", "1"),
    "a guard": ("def run(x):\n    return x\nif __name__ == '__main__':\n    run(input())", "1", "1"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_program_runs_as_it_was_written_whatever_its_entry_is_called(pool, name):
    program, arguments, value = ENTRIES[name]
    calls = [Call(program, arguments + " " * n, n % 2 == 0, str(entry_point(program))) for n in range(3)]
    assert pool.run(calls[:1]) == [Returned(value)]
    assert pool.run(calls) == [Returned(value)] * 3


@pytest.mark.parametrize("entry", ["", "f(", "if", "1", "a.b", "f\n"])
def test_an_entry_point_that_is_no_name_is_refused(pool, entry):
    assert pool.run([Call("def f(x):\n    return x", "1", entry=entry)]) == [Refused("an entry point that is no name")]


def test_a_missing_entry_point_is_the_program_s_error(pool):
    assert pool.run([Call("def f(x):\n    return x", "1", entry="g")]) == [Raised("NameError")]


def test_limits_are_the_callers():
    with SandboxPool(workers=1, limits=Limits(cpu_seconds=0.05, value_characters=100)) as sandbox:
        assert sandbox.run([Call("def f(x): return 'a' * 200", "1")]) == [
            Refused("a value of more than 100 characters")
        ]
        assert sandbox.run([Call("def f(x):\n    while True: pass", "1")]) == [Stopped("timeout")]


def test_idle_zygotes_that_died_are_replaced_before_a_batch(pool):
    for _ in range(2):
        for pid in pool.report().zygotes:
            os.kill(pid, signal.SIGKILL)
        assert wait_for(lambda: not any(map(alive, pool.report().zygotes)))
        assert pool.run([Call("def f(x): return x", "1", verify=True)]) == [Returned("1")]


def test_a_start_that_fails_is_tried_again(pool, monkeypatch):
    start, failing = SandboxPool._start, iter([True, True])

    def start_at_last(self, index):
        zygote = start(self, index)
        if next(failing, False):
            os.kill(zygote.pid, signal.SIGKILL)
        return zygote

    monkeypatch.setattr(SandboxPool, "_start", start_at_last)
    os.kill(pool.report().zygotes[3], signal.SIGKILL)
    assert wait_for(lambda: not alive(pool.report().zygotes[3]))
    assert pool.run([Call("def f(x): return x", "2")]) == [Returned("2")]


def test_a_child_has_no_descriptor_but_its_report_however_many_the_trainer_has():
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(100)]
    try:
        with SandboxPool(workers=1, limits=Limits(cpu_seconds=20)) as sandbox:
            hang = "def f(x):\n    while x != -1: x += 1"
            watcher = threading.Timer(0.2, lambda: found.extend(descriptors(sandbox.report().zygotes)))
            found: list[set[str]] = []
            watcher.start()
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, 0.7)
            with pytest.raises(KeyboardInterrupt):
                sandbox.run([Call(hang, "1")])
            watcher.join()
    finally:
        for descriptor in held:
            os.close(descriptor)
    assert found == [{"0", "1", "2", "3"}]


def descriptors(zygotes: tuple[int, ...]) -> list[set[str]]:
    """Those of each child of `zygotes` that runs a program."""
    children = [pid for pid in family(list(zygotes)) if pid not in zygotes]
    return [set(os.listdir(f"/proc/{pid}/fd")) for pid in children if busy(pid)]


def busy(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "R"


def test_what_the_user_must_change_is_named(monkeypatch):
    monkeypatch.setattr(sys, "get_int_max_str_digits", lambda: 640)
    with pytest.raises(ConfigError, match="PYTHONINTMAXSTRDIGITS"):
        SandboxPool(workers=1)
    monkeypatch.undo()
    for seconds in (0.0, -1.0, 1e9, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match=r"--sandbox\.cpu-seconds"):
            SandboxPool(workers=1, limits=Limits(cpu_seconds=seconds))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 20, hard))
    try:
        with pytest.raises(ConfigError, match="ulimit -n"):
            SandboxPool(workers=2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_verification_has_less_time_than_grading():
    """A program that takes three quarters of the time is never verified, so that what is verified is never too slow."""
    with SandboxPool(workers=1, limits=Limits(cpu_seconds=1.0)) as sandbox:
        slow = "def f(x):\n    n = 0\n    while n < x: n += 1\n    return n"
        assert sandbox.run([Call(slow, "3_000_000", time_share=0.02)]) == [Stopped("timeout")]
        assert sandbox.run([Call(slow, "3_000_000")]) == [Returned("3000000")]
