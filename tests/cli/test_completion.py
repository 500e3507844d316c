"""The script that completes commands in a shell: bash takes it, and finds commands, actions and settings."""

import shutil
import subprocess

import pytest

from abzero.cli.completion import BEHIND, settings
from abzero.cli.main import COMMANDS, RAW, main

WORDS = {
    "abzero tr": "train",
    "abzero oversight me": "measure",
    "abzero oversight scan --tie": "--tiers",
    "abzero train --sampling.te": "--sampling.temperature",
    "abzero resume --trust": "--trust-code",
    "abzero eval --spl": "--split",
    "abzero show --ste": "--step",
    "abzero train qwen2.5-7b-": "qwen2.5-7b-coder",
    "abzero plan tiny": "tiny-cpu",
    "abzero recipes ref": "reference",
    "abzero completion ba": "bash",
    "abzero eval com": "compare",
    "abzero eval tiny --sui": "--suite",
    "abzero nursery b": "build",
}


def test_every_command_that_reads_its_arguments_itself_says_what_it_takes():
    assert set(settings()) == {name for name, command in COMMANDS.items() if command in RAW}


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_takes_the_script_and_completes_by_it(tmp_path, capsys):
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "abzero.bash"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    subprocess.run(["bash", "-n", script], check=True)
    asked = "\n".join(
        f'COMP_WORDS=({words}); COMP_CWORD={words.count(" ")}; COMPREPLY=(); _abzero; echo "${{COMPREPLY[*]}}"'
        for words in WORDS
    )
    program = f"source {script}\n{asked}\ncomplete -p abzero"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    *found, registered = done.stdout.splitlines()
    assert dict(zip(WORDS, found, strict=True)) == WORDS
    assert "-o default" in registered  # or no run's folder would be completed


def test_zsh_s_script_is_one_of_zsh_s(capsys):
    assert main(["completion", "zsh"]) == 0
    script = capsys.readouterr().out
    assert script.startswith("#compdef abzero\n")
    assert "compdef _abzero abzero" in script
    assert "eval) compadd -- compare data export tiny ;;" in script
    assert all(f"        {command}) compadd -- " in script for command in BEHIND)


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
@pytest.mark.parametrize("way", ["source {folder}/_abzero", "fpath=({folder} $fpath); compinit -u -D"])
def test_zsh_takes_the_script_read_at_once_or_found_by_its_name(way, tmp_path, capsys):
    assert main(["completion", "zsh"]) == 0
    (tmp_path / "_abzero").write_text(capsys.readouterr().out, encoding="utf-8")
    program = f"autoload -Uz compinit; compinit -u -D; {way.format(folder=tmp_path)}; print $_comps[abzero]"
    done = subprocess.run(["zsh", "-f", "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("_abzero\n", "")
