"""What every command owes its user: help for each option, an example, a suggestion, and one clear error."""

import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
import tyro

import abzero
from abzero.cli import ask_model, eval_compare, eval_data, evaluate, plan, score_samples, train
from abzero.cli.main import COMMANDS, RAW, main
from abzero.cli.oversight import ACTIONS
from abzero.cli.recipes import settings
from abzero.cli.words import EXAMPLES, described
from abzero.config.config import Config
from abzero.config.tree import names

PARSED = [described(command) for command in COMMANDS.values() if command not in RAW]
PARSED += [described(action) for action in (*ACTIONS.values(), evaluate.evaluate)]
PARSED += [train.Training, plan.Planned, ask_model.Asking, score_samples.Scoring, eval_compare.Comparing]
PARSED += [eval_data.Data]


OVERSIGHT = [f"oversight {action}" for action in ACTIONS]
EVALS = [f"eval {form}" for form in ("MODEL --suite NAME", "--samples FILE", "data", "compare", "export")]


@pytest.mark.parametrize("command", PARSED, ids=lambda one: one.__name__)
def test_every_option_has_help(command):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        actions = tyro.extras.get_parser(command)._actions
    bare = re.compile(r"\((default|required|sets|repeatable|unset|fixed|optional)\b.*", re.DOTALL)
    silent = [action.dest for action in actions if bare.sub("", str(action.help)).strip() in ("", action.dest)]
    assert not silent


def test_what_a_message_says_to_set_is_a_flag_that_can_be_pasted():
    setting = "|".join(re.escape(name).replace("\\-", "[-_]") for name in names(Config()) if "." in name)
    bare = re.compile(rf"\bset (?:{setting})\b")
    sources = Path(abzero.__file__).parent.rglob("*.py")
    assert [(file.name, *found) for file in sources if (found := bare.findall(file.read_text()))] == []


def test_an_extra_to_install_can_be_pasted_into_any_shell():
    bare = re.compile(r"pip install abzero\[.*")
    sources = Path(abzero.__file__).parent.rglob("*.py")
    assert [(file.name, *found) for file in sources if (found := bare.findall(file.read_text(encoding="utf-8")))] == []


def test_the_doctor_knows_every_extra():
    from abzero.cli.machine import EXTRAS

    project = tomllib.loads((Path(abzero.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert {*EXTRAS.values(), "dev"} == set(project["project"]["optional-dependencies"])


@pytest.mark.parametrize("name", ["train", "resume", "fork", "plan"])
def test_help_begins_with_what_the_command_does(name, capsys):
    main([])
    [listed] = re.findall(rf"^  {name} +(\w+)", capsys.readouterr().out, re.MULTILINE)
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert re.search(rf"^ *{listed}\b", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_of_its_own(name):
    assert EXAMPLES[name].startswith(f"abzero {name}")
    assert str(COMMANDS[name].__doc__).strip()


def test_help_of_a_command_ends_with_its_example(capsys):
    for arguments in (["help", "show"], ["show", "--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert capsys.readouterr().out.rstrip().endswith(EXAMPLES["show"])


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["shwo"], 2, "did you mean abzero show?"),
        (["xyzzy"], 2, "abzero --help lists all commands"),
        (["train", "tiny-cp"], 1, "did you mean tiny-cpu?"),
        (["recipes", "qwen2.5-7b-code"], 1, "did you mean qwen2.5-7b-coder?"),
        (["eval", "demoo"], 2, "there is no run or model 'demoo'"),
        (["doctor", "--model", "demoo"], 1, "there is no run or model 'demoo'"),
        (["train", "--model.name", "./nowhere/model"], 1, "model './nowhere/model' is neither a folder that exists"),
        (["eval", "/nowhere/model"], 2, "model '/nowhere/model' is neither a folder that exists"),
        (["eval", "tiny", "--n", "0"], 2, "--n 0: ask 1 to"),
        (["eval", "tiny", "--n", "100000000"], 2, "--n 100000000: ask 1 to"),
        (["eval", "tiny", "--json", "/none/of/it.json"], 2, "there is no folder '/none/of'"),
        (["train", "--optimizer.microbatch-tokens", f"{10**12}", "--run", "/none/run"], 1, "--force begins anyway"),
        (["train", "--seeds", "/none/seeds", "--run", "/none/run"], 1, "seeds '/none/seeds' cannot be read"),
        (["compare"], 2, "there is nothing to compare"),
        (["show", "x" * 300], 1, "File name too long"),
        (["show", "--stepp", "3"], 2, "show has no flag --stepp: did you mean --step? abzero help show lists all"),
        (["oversight", "scan", "r", "--tires=0"], 2, "scan has no flag --tires: did you mean --tiers?"),
        (["oversight", "scna"], 2, "oversight has no action 'scna': did you mean abzero oversight scan?"),
        (["train", "--lr", "1"], 2, "train has no flag --lr: did you mean --optimizer.lr?"),
        (["resume", "r", "--optimizer.lrr", "1"], 2, "did you mean --optimizer.lr? abzero help resume lists all"),
        (["resume"], 2, "name the run's folder: abzero resume runs/NAME"),
        (["eval", "tiny", "--suite", "mbpp+", "--lmit", "1"], 2, "eval MODEL --suite NAME has no flag --lmit: did"),
        (["eval", "--sute", "x"], 2, "eval has no flag --sute: did you mean --suite?"),
        (["eval"], 2, "eval needs MODEL: folder of a model or of a run"),
        (["eval", "compare", "a"], 2, "eval compare needs RIGHT: folder of results of the second"),
        (["eval", "export", "a"], 2, "eval export needs --to: the format"),
        (["grep", "r"], 2, "grep needs PATTERN: regular expression"),
        (["grep", "r", "x", "--role", "both"], 2, "grep: --role cannot be 'both': choose from propose, solve"),
        (["show", "a", "b"], 2, "show takes no 'b'; abzero help show says more"),
        (["show", "r", "--step", "x"], 2, "show: --step cannot be 'x': give a whole number"),
        (["show", "r", "--step"], 2, "show: --step needs a value: number of one step"),
        (["plan", "--gib=much"], 2, "plan: --gib cannot be 'much': give a number"),
        (
            ["train", "--model.chat", "\x1b[2J"],
            2,
            "--model.chat cannot be '\\x1b[2J': choose from auto, plain, template",
        ),
        (["completion", "ksh"], 2, "completion: SHELL cannot be 'ksh': choose from bash, zsh"),
        (["\x1b[2J"], 2, "there is no command '\\x1b[2J'"),
    ],
)
def test_what_is_wrong_is_said_at_once_with_the_remedy(capsys, arguments, status, said):
    assert main(arguments) == status
    assert said in capsys.readouterr().err.replace("\n", "")


@pytest.mark.parametrize(
    "words", [*sorted({*COMMANDS} - {"oversight"}), *(f"oversight {one}" for one in ACTIONS), *EVALS]
)
def test_a_wrong_flag_is_told_in_one_line_by_every_command(words, capsys):
    assert main([*words.split(), "--qqqq", "1"]) == 2
    assert capsys.readouterr().err == f"abzero: {words} has no flag --qqqq: abzero help {words} lists all\n"


@pytest.mark.parametrize("words", EVALS)
def test_every_form_of_eval_has_help_of_its_own(words, capsys):
    with pytest.raises(SystemExit):
        main(["help", *words.split()])
    assert f"usage: abzero {words} [-h]" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["recipes", "--help"])
def test_a_full_disk_is_one_clear_error(words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "abzero", words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "abzero: No space left on device\n")


def test_a_stream_that_was_closed_is_written_into_nothing():
    closed = ["sh", "-c", 'exec "$0" -m abzero recipes <&- >&-', sys.executable]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_imports_what_it_shows_and_no_more():
    """That is what it takes: torch would make it seconds, the settings and the benchmarks twice as long."""
    code = "import sys; from abzero.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert not loaded & {"torch", "transformers", "numpy", "regex", "sqlite3", "pygments", "asyncio", "http"}
    ours = {name for name in loaded if name.startswith("abzero.") and not name.startswith("abzero.cli")}
    assert ours == {
        *("abzero.config", "abzero.config.flags", "abzero.errors", "abzero.python", "abzero.python.entry"),
        *("abzero.python.source", "abzero.run", "abzero.run.directory", "abzero.run.files", "abzero.sandbox"),
        *("abzero.sandbox.base", "abzero.text", "abzero.text.sanitize", "abzero.text.terminal", "abzero.types"),
    }


def test_a_task_type_that_is_none_is_refused_before_a_model_is_loaded(capsys, tmp_path):
    assert main(["train", "--tasks.modes", "foo", "--run", str(tmp_path / "run")]) == 1
    printed = capsys.readouterr()
    assert "tasks.modes 'foo' does not exist" in printed.err
    assert "loading tiny" not in printed.out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--seeds", "nowhere.jsonl"], "seeds 'nowhere.jsonl' cannot be read"),
        (["--observe.tensorboard", "True"], "pip install 'abzero[tensorboard]'"),
        (["--observe.wandb", "mine"], "pip install 'abzero[wandb]'"),
    ],
)
def test_what_is_missing_is_told_before_a_model_is_loaded(flags, said, capsys, tmp_path, monkeypatch):
    for package in ("tensorboard", "wandb"):
        monkeypatch.setitem(sys.modules, package, None)
    assert main(["train", "--run", str(tmp_path / "run"), *flags]) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert "loading tiny" not in printed.out + printed.err
    assert not (tmp_path / "run").exists()


def test_a_name_of_nothing_is_refused_before_torch_is_loaded():
    code = (
        "import sys; from abzero.cli.main import main\n"
        "for words in (['eval', 'demoo'], ['doctor', '--model', 'demoo'], ['train', '--model.name', 'demoo']):\n"
        "    main(words)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("there is no run or model 'demoo'") == 3
    assert done.stdout.split()[-1] == "False"


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [("mine", ["tiny-cpu", "--run", "mine"]), ("runs/tiny-cpu", []), ("runs/smollm2-135m-cpu", ["smollm2-135m-cpu"])],
)
def test_a_run_that_exists_is_told_before_torch_is_loaded(folder, arguments, tmp_path):
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "config.json").write_text("{}")
    code = f"import sys; from abzero.cli.main import main; main(['train', *{arguments}]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert f"run '{folder}' exists" in done.stderr
    assert done.stdout.split()[-1] == "False"


def test_a_folder_that_is_named_is_the_one_that_must_be_free():
    told = []
    for flags in (["--run", "runs/default"], ["--run=mine"], []):
        settings(Config, ["tiny-cpu", *flags], "abzero train", lambda model, run: told.append((model, str(run))))
    assert told == [("tiny", "runs/default"), ("tiny", "mine"), ("tiny", "runs/tiny-cpu")]


def test_a_plan_for_a_cpu_says_what_the_c_library_may_keep(capsys):
    assert main(["plan", "--model.device", "cpu"]) == 0
    assert re.search(r"ok\s+memory: not counted\s+up to as much again", capsys.readouterr().out)


def test_a_plan_that_does_not_fit_marks_the_row_and_says_what_it_cannot_know(capsys):
    assert main(["plan", "qwen2.5-7b-coder", "--gib", "24"]) == 1
    printed = capsys.readouterr().out
    assert re.search(r"TOO MUCH\s+memory: peak", printed)
    assert "MALLOC_MMAP_THRESHOLD_" not in printed, "it is about cards"
    assert re.search(r"hours\s+not known", printed)
    assert main(["plan", "tiny-cpu"]) == 0
    assert "TOO MUCH" not in capsys.readouterr().out


def test_a_run_s_folder_is_its_newest_model(tmp_path):
    from abzero.config.backends.local import model_name

    for step in (2, 10):
        (tmp_path / "checkpoints" / f"step-{step:06d}" / "model").mkdir(parents=True)
    assert model_name(str(tmp_path)) == str(tmp_path / "checkpoints" / "step-000010" / "model")
