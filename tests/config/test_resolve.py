"""Where settings come from: defaults, a recipe, flags, and what is adapted to the model."""

import tomllib

import pytest

from abzero.cli.main import main
from abzero.cli.recipes import settings
from abzero.config.backends.local import TINY
from abzero.config.config import Config
from abzero.config.load import parse
from abzero.config.recipe import read_recipe
from abzero.config.resolve import EXPORT, as_toml, fitted, leaves, resolved
from abzero.errors import ConfigError


def train(*arguments):
    return settings(Config, arguments, "abzero train")


def test_the_model_in_the_box_alone_has_a_recipe_without_being_told():
    boxed, named = train(), train("--model.name=tiny")
    assert boxed.config == named.config
    assert (boxed.config.optimizer.lr, boxed.config.tasks.prompts, str(boxed.config.run)) == (
        1e-4,
        "compact",
        "runs/tiny-cpu",
    )
    other = train("--model.name", "Qwen/Qwen2.5-0.5B", "--seed=3").config
    assert other == parse(["--run=runs/Qwen2.5-0.5B", "--model.name=Qwen/Qwen2.5-0.5B", "--seed=3"], "abzero train")
    assert train("tiny-cpu", "--model.name=X").config.optimizer.lr == 1e-4


def test_each_value_has_its_origin(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text("steps = 3\n[tasks]\nidle-steps = true\n")
    with pytest.warns(FutureWarning, match="redundant-steps"):
        found = train(str(mine), "--sampling.max_tokens", "9", "--seed=2")
    assert found.origins | {"run": ""} == {
        "run": "",
        "steps": "file",
        "tasks.redundant-steps": "file",
        "sampling.max-tokens": "flag",
        "seed": "flag",
    }
    assert train().origins["optimizer.lr"] == "recipe"


@pytest.mark.parametrize(("size", "attempts"), [(4, 4), (12, 6), (7, 7), (11, 1), (16, 8), (64, 8)])
def test_attempts_follow_a_batch_size_that_somebody_sets(size, attempts):
    found = train(f"--batch-size={size}")
    assert found.config.solve.attempts == attempts
    assert (found.origins["solve.attempts"] == "adapted") == bool(found.notes) == (attempts != 8)


def test_attempts_that_were_set_beside_the_batch_size_are_not_touched():
    with pytest.raises(ConfigError, match=r"--solve\.attempts 4, or --batch-size 8"):
        train("--batch-size=4", "--solve.attempts=8")
    with pytest.raises(ConfigError, match=r"--solve\.attempts 4, or --batch-size 5"):
        train("--solve.attempts=5")
    with pytest.raises(ConfigError, match="batch-size 0"):
        train("--batch-size=0")


def adapted(positions, *flags):
    config = fitted(resolved(Config, [("flag", flags)], "abzero train"), positions).config
    return config.sampling.max_prompt_tokens, config.sampling.max_tokens, config.tasks.prompts


@pytest.mark.parametrize("positions", [None, 14_240, 131_072])
def test_a_context_with_room_changes_nothing(positions):
    assert adapted(positions) == (6144, 8096, "paper")


def test_limits_that_nobody_set_are_lowered_to_the_context():
    assert adapted(4096) == (1767, 2329, "paper")
    assert adapted(512) == (220, 292, "compact")
    assert adapted(2, "--tasks.prompts=paper") == (1, 1, "paper")
    assert adapted(4096, "--sampling.max-tokens=96") == (4000, 96, "paper")
    assert adapted(4096, "--sampling.max-prompt-tokens", "1000") == (1000, 3096, "paper")


def test_limits_that_an_export_says_give_way_to_a_flag():
    layers = [(EXPORT, ["--sampling.max-prompt-tokens=4000", "--sampling.max-tokens=96"])]
    layers += [("flag", ["--sampling.max-tokens=1000"])]
    found = fitted(resolved(Config, layers, "abzero train"), 4096).config.sampling
    assert (found.max_prompt_tokens, found.max_tokens) == (3096, 1000)


def test_limits_that_somebody_set_stay():
    both = ("--sampling.max-tokens=4000", "--sampling.max-prompt-tokens=4000")
    assert adapted(4096, *both) == (4000, 4000, "paper")
    assert adapted(4096, "--sampling.max-tokens=5000") == (6144, 5000, "paper")
    assert adapted(1) == (6144, 8096, "paper")


def test_what_is_printed_is_a_recipe_of_the_same_run(tmp_path):
    found = fitted(train("--model.name=X", "--sampling.stop", 'a"\n', "--optimizer.lr=1e-7"), 4096)
    printed = as_toml(found)
    path = tmp_path / "printed.toml"
    path.write_text(printed)
    assert parse(read_recipe(path), "abzero train") == found.config
    assert [line for line in printed.splitlines() if "# adapted" in line] == [
        "max-tokens = 2329                            # adapted",
        "max-prompt-tokens = 1767                     # adapted",
    ]
    assert "has 4096 positions, so sampling.max-prompt-tokens 1767" in printed.splitlines()[0]
    origins = [line.rpartition("# ")[2] for line in printed.splitlines() if line and line[0] not in "[#"]
    assert set(origins) == {"default", "flag", "adapted"}
    assert len(origins) + 1 == len(dict(leaves(found.config)))


def test_settings_are_printed_and_nothing_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--batch-size=4", "--print-config"]) == 0
    printed = capsys.readouterr().out
    assert "attempts = 4                                 # adapted" in printed
    assert tomllib.loads(printed)["optimizer"]["lr"] == 1e-4
    assert list(tmp_path.iterdir()) == []


def test_another_model_is_trained_and_measured_by_the_defaults(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").symlink_to(TINY)
    assert main(["train", "--model.name=mine", "--print-config"]) == 0
    printed = capsys.readouterr().out
    assert "has 1024 positions" in printed
    assert {"lr = 1e-06", 'prompts = "compact"', 'holdout = "none"'} <= {
        line.partition("  ")[0] for line in printed.splitlines()
    }


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [([], "(default: 0.0001)"), (["--model.name=X"], "(default: 1e-06)"), (["qwen2.5-7b"], "Qwen/Qwen2.5-7B")],
)
def test_help_shows_the_values_that_a_recipe_brings(arguments, shown, capsys):
    with pytest.raises(SystemExit):
        main(["train", *arguments, "--help"])
    assert shown in " ".join(capsys.readouterr().out.split())
