"""What judges the sandbox sees harm where there is some."""

import subprocess
import sys

from tests.sandbox import harness

ENTRY = {"file": "x.py", "category": "exit", "expected": "valid", "output": "1"}
SAID = """
import os
print('@@RESULT {"verdict": "valid", "output": "1.0"}')
print('@@RESULT {"canary": "ok"}')
print('@@RESULT {"done": true}', flush=True)
"""
HARMFUL = """
import subprocess, sys
folder = os.environ["AZR_ATTACK_DIR"]
os.chmod(folder + "/victim.txt", 0o600)
open(folder + "/left", "w").close()
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
"""


def judged(tmp_path, driver):
    markers = tmp_path / "markers"
    return harness.judge(ENTRY, [sys.executable, "-c", driver], tmp_path, [], markers)


def test_a_driver_that_says_so_is_right_and_harmless(tmp_path):
    result = judged(tmp_path, SAID)
    assert (result["right"], result["harm"]) == (True, [])


def test_files_a_victim_and_a_process_left_are_seen(tmp_path):
    result = judged(tmp_path, SAID + HARMFUL)
    assert (result["right"], result["harm"]) == (True, ["processes", "files", "victim"])


def test_a_driver_that_dies_without_a_word_is_neither_right_nor_harmless(tmp_path):
    result = judged(tmp_path, "raise SystemExit(1)")
    assert (result["right"], result["harm"]) == (False, ["driver died", "canary"])


def test_processor_time_is_that_of_children_too():
    spin = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    process = subprocess.Popen([sys.executable, "-c", spin], start_new_session=True)
    assert not harness.finished(process, b"ATTACK_RUN=none", seconds=0.3)
    assert harness.family(process.pid) == []
