"""Rows made to hurt are refused by name, in bounded memory, and nothing of them is run; a killed command goes on."""

import base64
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
import zlib

import pytest

from abzero.errors import ConfigError
from abzero.evals import answers, data
from abzero.evals.suites import SUITES
from abzero.evals.symbolic import Symbolic
from tests.evals.test_programs import DOUBLE, SUM

GIGABYTE = 1 << 30


def packed(body):
    return base64.b64encode(body).decode()


def bomb(megabytes):
    """Zeros, compressed a thousandfold: one block of them again and again."""
    pack = zlib.compressobj(9)
    first, second = (pack.compress(bytes(1 << 20)) + pack.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + second * megabytes


class Calls:
    def __reduce__(self):
        return os.system, ("touch was-run",)


HOSTILE = {
    "a bomb": (packed(bomb(2_000)), "more than 256 MB"),
    "a call": (packed(zlib.compress(pickle.dumps(Calls()))), "asks for posix.system"),
    "a memo bomb": (packed(zlib.compress(b"]" + b"2" * 10**6 + b".")), "pickle"),
    "a long length": (packed(zlib.compress(b"\x80\x04\x8d" + (1 << 60).to_bytes(8, "little") + b"x.")), "pickle"),
    "a list": (packed(zlib.compress(pickle.dumps(["x"]))), "pickled list"),
    "many values": (packed(zlib.compress(pickle.dumps("[" + "[]," * 40_000_000 + "0]"))), "more than 5,000,000 values"),
    "many quotes": ("[" + '"' + '\\",' * 20_000_000, ""),
    "half": (packed(zlib.compress(pickle.dumps("[]"))[:-3]), "cut short"),
    "deep": ("[" * 200_000, "JSON"),
    "a huge number": ("[" + "9" * 10_000 + "]", ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tests_are_refused_in_less_than_a_gigabyte(name):
    text, words = HOSTILE[name]
    script = "import sys; from abzero.evals import payload\ntry: payload.tests(sys.stdin.read())\n"
    script += "except ValueError as error: print('refused:', error)"
    child = subprocess.run(
        [sys.executable, "-c", script], input=text, capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (GIGABYTE, GIGABYTE)),
    )  # fmt: skip
    assert child.stdout.startswith("refused:"), child.stderr
    assert words in child.stdout


def test_a_test_that_is_hostile_is_refused_by_file_problem_and_field(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from abzero.evals.livecodebench import LiveCodeBench

    (tmp_path / "test.jsonl").write_text(json.dumps({**SUM, "private_test_cases": HOSTILE["a call"][0]}) + "\n")
    suite = LiveCodeBench(data.read(SUITES["livecodebench"], [tmp_path / "test.jsonl"]), None)
    with pytest.raises(ConfigError, match=r"test\.jsonl, sum, field 'private_test_cases'.*nothing of it was run"):
        suite.tests("sum")
    assert [path.name for path in tmp_path.iterdir()] == ["test.jsonl"]


@pytest.mark.parametrize(
    "line", ['{"id": ' + "9" * 2_000_000 + "}", '{"id": ' + "[" * 100_000, '{"id": 1e999}', "\0" * 9]
)
def test_a_hostile_row_is_refused_by_its_line(tmp_path, line):
    (tmp_path / "aime24.jsonl").write_text(line + "\n")
    with pytest.raises(ConfigError, match=r"aime24\.jsonl, line 1"):
        data.read(SUITES["aime24"], [tmp_path / "aime24.jsonl"])


def test_a_row_of_too_many_values_is_refused_before_they_are_made(tmp_path):
    (tmp_path / "aime24.jsonl").write_text('{"id": [' + "[]," * 3_000_000 + "0]}\n")
    with pytest.raises(ConfigError, match=r"aime24\.jsonl, line 1: more than 5,000,000 values"):
        data.read(SUITES["aime24"], [tmp_path / "aime24.jsonl"])


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{7}" + "}" * 120_000,
        r"\boxed{7}" + " " * 120_000,
        r"\boxed{7}" + r"\boxed{" * 20_000 + "}" * 20_000,
        r"\boxed{" * 20_000,
    ],
)
def test_long_and_deep_answers_are_read(text):
    assert answers.mathematical(text)[:1] in ("7", "\\")


@pytest.mark.slow
def test_a_tower_of_powers_ends_with_the_child_and_the_next_pair_is_judged():
    """Whatever the library makes of it, within the child's own limits of time and memory: never an answer of ours."""
    pytest.importorskip("math_verify")
    with Symbolic() as symbolic:
        assert symbolic.compare("9", "9^{9^{9^{9}}}") in ("wrong", "timeout", "error")
        assert symbolic.compare("x + 1", "1 + x") == "right"


def command(folder, out, *more):
    return [
        sys.executable, "-m", "abzero", "eval", "--samples", str(folder / "s.jsonl"), "--suite", "humaneval+", "--data",
        str(folder), "--out", str(folder / out), *more,
    ]  # fmt: skip


def kept(folder, out):
    rows = map(json.loads, (folder / out / "humaneval+.jsonl").read_text().splitlines())
    return [{**row, "seconds": 0} for row in rows]


@pytest.fixture
def samples(tmp_path):
    """Two hundred problems, of which every third answer is wrong: five writes to disk."""
    names = [f"double_{i}" for i in range(200)]
    problems = [
        {**DOUBLE, "task_id": f"HumanEval/{i}", "prompt": f"def {name}(x):\n", "entry_point": name}
        for i, name in enumerate(names)
    ]
    asked = [
        {"task_id": f"HumanEval/{i}", "solution": f"def {name}(x):\n    return {'x' if i % 3 == 0 else 'x + x'}"}
        for i, name in enumerate(names)
    ]
    (tmp_path / "HumanEvalPlus.jsonl").write_text("".join(json.dumps(one) + "\n" for one in problems))
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked))
    return tmp_path


@pytest.mark.slow
def test_a_killed_command_goes_on_with_the_same_rows(samples):
    subprocess.run(command(samples, "whole"), check=True, capture_output=True)
    whole = kept(samples, "whole")
    assert [row["verdict"] for row in whole].count("wrong") == 67
    file, rounds = samples / "killed" / "humaneval+.jsonl", 0
    while len(done := kept(samples, "killed") if file.exists() else []) < 200:
        child = subprocess.Popen(
            command(samples, "killed", "--resume"), stdout=subprocess.DEVNULL, start_new_session=True
        )
        while child.poll() is None and (len(file.read_bytes().splitlines()) if file.exists() else 0) <= len(done):
            time.sleep(0.01)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        rounds += 1
    assert rounds > 1  # it was killed in the middle
    assert done == whole


@pytest.mark.slow
def test_without_a_network_and_a_home_the_numbers_are_the_same(samples):
    subprocess.run(command(samples, "whole"), check=True, capture_output=True)
    (samples / "home").mkdir()
    alone = ["unshare", "-n"] if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0 else []
    subprocess.run(
        [*alone, *command(samples, "alone")], check=True, capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": str(samples / "home")},
    )  # fmt: skip
    assert kept(samples, "alone") == kept(samples, "whole")
    assert list((samples / "home").iterdir()) == []
