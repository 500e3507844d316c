import ast
import dataclasses
import itertools
import json
import math
import re
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.config import config as settings
from abzero.config.config import Config
from abzero.config.load import RENAMED, from_json, parse, to_json
from abzero.config.recipe import read_recipe
from abzero.errors import ConfigError, RunError


@pytest.fixture
def recipe(tmp_path):
    def read(text: str) -> list[str]:
        path = tmp_path / "recipe.toml"
        path.write_text(text, encoding="utf-8")
        return read_recipe(path)

    return read


def train(*flags: str) -> Config:
    return parse(flags, "abzero train")


def test_the_defaults_are_the_paper_s():
    config = train()
    assert config == Config()
    assert (config.batch_size, config.steps, config.seeding.factor) == (64, 500, 4)
    assert (config.propose.references, config.propose.samples, config.tasks.inputs) == (6, 8, 10)
    assert (config.sampling.temperature, config.sampling.max_prompt_tokens, config.sampling.max_tokens) == (
        1.0,
        6144,
        8096,
    )
    assert (config.advantage.estimator, config.advantage.per) == ("trr_pp", "response")
    assert (config.reward.unlearnable, config.reward.invalid, config.reward.wrong, config.reward.malformed) == (
        0,
        -1,
        -0.5,
        -1,
    )
    assert (config.optimizer.lr, config.optimizer.clip, config.optimizer.betas) == (1e-6, 1.0, (0.9, 0.999))
    assert (config.loss.clip_low, config.loss.clip_high, config.loss.kl, config.loss.entropy) == (0.2, 0.2, 0.0, 0.001)
    assert config.buffer.capacity == 16384
    bonuses = (
        config.reward.complexity,
        config.reward.edit_distance,
        config.reward.answer_diversity,
        config.reward.novelty,
    )
    assert bonuses == (0, 0, 0, 0)


def test_a_recipe_s_settings_become_flags(recipe):
    config = train(
        *recipe(
            """
            batch_size = 16
            seeds = "some seeds.jsonl"
            [sampling]
            temperature = 0.8
            [reward]
            unlearnable = -0.5
            [tasks]
            modes = ["deduction", "abduction"]
            prompts = "compact"
            [optimizer]
            betas = [0.9, 0.95]
            [propose]
            train = false
            """
        )
    )
    assert config == Config(
        batch_size=16,
        seeds=Path("some seeds.jsonl"),
        sampling=settings.Sampling(temperature=0.8),
        reward=settings.Reward(unlearnable=-0.5),
        tasks=settings.Tasks(modes=("deduction", "abduction"), prompts="compact"),
        optimizer=settings.Optimizer(betas=(0.9, 0.95)),
        propose=settings.Propose(train=False),
    )


def test_keys_may_be_written_with_hyphens_or_underscores(recipe):
    assert train(*recipe("batch-size = 16")) == train(*recipe("batch_size = 16")) == train("--batch-size", "16")


def test_flags_win_over_the_recipe(recipe):
    flags = recipe("batch_size = 16\n[sampling]\ntemperature = 0.8\n[tasks]\nmodes = ['deduction']")
    config = train(*flags, "--batch-size", "8", "--sampling.temperature=0.5", "--tasks.modes", "abduction", "deduction")
    assert (config.batch_size, config.sampling.temperature) == (8, 0.5)
    assert config.tasks.modes == ("abduction", "deduction")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("bach_size = 3", "--batch-size"),
        ("[sampling]\ntemprature = 1", "--sampling.temperature"),
        ("[propose]\nreference = 6", "--propose.references"),
        ("[bufer]\ncapacity = 6", "--buffer.capacity"),
    ],
)
def test_an_unknown_key_names_its_line_and_what_was_meant(recipe, text, suggestion):
    lines = len(text.split("\n"))
    with pytest.raises(ConfigError, match=rf"recipe.toml', line {lines}: .*did you mean {suggestion.strip('-')}\?"):
        recipe(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("batch_size = 'many'", "--batch-size"),
        ("batch_size = 1.5", "--batch-size"),
        ("batch_size = [1, 2]", "2"),
        ("[sampling]\ntemperature = true", "--sampling.temperature"),
        ("[propose]\ntrain = 'maybe'", "--propose.train"),
        ("[advantage]\nestimator = 'gae'", "trr_pp"),
        ("[optimizer]\nbetas = [0.9]", "--optimizer.betas"),
        ("[[reward]]\nextreme = 1", "reward"),
        ("sampling = 3", "--sampling"),
    ],
)
def test_a_mistyped_value_fails_and_names_its_setting(recipe, text, name):
    with pytest.raises(ConfigError, match=name.strip("-")):
        recipe(text)


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 5000, "x = " + "9" * 5000, 'run = "\\u0000"', "base = 3", "base = 'itself'"]
)
def test_no_recipe_ends_in_a_traceback(recipe, tmp_path, text):
    (tmp_path / "itself.toml").write_text("base = 'itself.toml'")
    with pytest.raises(ConfigError, match="recipe"):
        recipe(text)


def test_a_recipe_builds_on_another(recipe, tmp_path):
    (tmp_path / "lower.toml").write_text("base = 'qwen2.5-7b-coder'\nsteps = 3\nbatch-size = 8")
    config = train(*recipe("base = 'lower.toml'\nsteps = 4"))
    assert (config.steps, config.batch_size, config.model.name) == (4, 8, "Qwen/Qwen2.5-Coder-7B")


@pytest.mark.parametrize(
    "text", ["[]", "3", "{", "[" * 5000, '{"steps": "many"}', '{"stesp": 1}', '{"run": "\\u0000"}']
)
def test_a_damaged_config_of_a_run_is_one_clear_error(text):
    with pytest.raises(RunError, match=r"config\.json of the run"):
        from_json(text)


@pytest.mark.parametrize("text", ["batch_size 3", "[a", "a = 1\na = 2", "\ud800".encode("utf-8", "surrogatepass")])
def test_a_recipe_that_is_no_toml_is_one_clear_error(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match="is no TOML"):
        read_recipe(path)


def test_a_recipe_that_cannot_be_read_is_one_clear_error(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_recipe(path)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--steps=-1", "steps -1: set it to 0 or more"),
        ("--batch-size=0", "batch-size 0: set it to 1"),
        ("--propose.samples=0", "propose.samples 0"),
        ("--propose.samples=1", "--propose.samples 2 or more"),
        ("--loss.dual-clip=0.5", "--loss.dual-clip 3"),
        ("--loss.truncated=-1", "loss.truncated -1"),
        ("--optimizer.skips=-1", "optimizer.skips -1"),
        ("--sampling.stop=", "sampling.stop ''"),
        ("--propose.references=-1", "propose.references -1"),
        ("--solve.attempts=0", "solve.attempts 0"),
        ("--tasks.inputs=1", "tasks.inputs 1: set it to 2"),
        ("--checkpoint.every=0", "checkpoint.every 0"),
        ("--checkpoint.keep=0", "checkpoint.keep 0"),
        ("--buffer.capacity=0", "buffer.capacity 0"),
        ("--sampling.max-tokens=0", "sampling.max-tokens 0"),
        ("--model.threads=-1", "model.threads -1"),
        ("--sampling.temperature=0", "greedy samples are all alike"),
        ("--batch-size=10 --solve.attempts=4", "solve.attempts 4 does not divide batch-size 10"),
        ("--advantage.estimator=grpo", "set --solve.attempts 2 or more, not 1, or --solve.reuse-estimates True"),
        ("--advantage.estimator=rloo --solve.attempts=4", "set --propose.train False"),
        ("--advantage.estimator=dr_grpo --solve.reuse-estimates=True", "set --propose.train False"),
    ],
)
def test_settings_that_do_not_go_together_name_their_remedy(flags, words):
    with pytest.raises(ConfigError) as caught:
        train(*flags.split())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "flags",
    [
        "--batch-size=12 --solve.attempts=4",
        "--advantage.estimator=grpo --solve.attempts=4 --propose.train=False",
        "--advantage.estimator=rloo --solve.reuse-estimates=True --propose.train=False",
        "--advantage.estimator=dr_grpo --solve.attempts=2 --propose.frozen-copy=True",
        "--advantage.estimator=reinforce_pp",
        "--steps=0",
        "--propose.references=0",
    ],
)
def test_settings_that_go_together_are_accepted(flags):
    assert isinstance(train(*flags.split()), Config)


def changes(kind):
    """A strategy for instances of a settings class, every field drawn from values of its own type."""
    values = {}
    for field in dataclasses.fields(kind):
        default = getattr(kind(), field.name)
        match default:
            case bool():
                values[field.name] = st.booleans()
            case int():
                values[field.name] = st.just(default) | st.integers(2, 10**9)
            case float():
                values[field.name] = st.just(default) | st.floats(2.0, 1e9)
            case _ if dataclasses.is_dataclass(default):
                values[field.name] = changes(type(default))
            case _:
                values[field.name] = st.just(default)
    return st.builds(kind, **values)


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
SECTIONS = {
    field.name: changes(type(default))
    for field in dataclasses.fields(Config)
    if dataclasses.is_dataclass(default := getattr(Config(), field.name)) and field.name != "solve"
}
CONFIGS = st.builds(
    Config,
    run=TEXTS.map(Path),
    seeds=st.none() | TEXTS.map(Path),
    seed=st.integers(-(2**70), 2**70),
    **SECTIONS,
)


@hypothesis.settings(max_examples=30)
@given(CONFIGS, TEXTS, st.sampled_from([("deduction",), ("induction", "abduction")]))
def test_every_config_survives_its_own_json(config, name, modes):
    config = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, name=name),
        observe=dataclasses.replace(config.observe, wandb=name),
        tasks=dataclasses.replace(config.tasks, modes=modes),
    )
    assert from_json(to_json(config)) == config


def test_the_json_names_every_setting():
    written = json.loads(to_json(Config()))
    assert written["sampling"]["temperature"] == 1.0
    assert set(written) == {field.name for field in dataclasses.fields(Config)}


def test_every_setting_says_what_it_is():
    """The text under a field is its help: a field without one is a knob without a meaning."""
    for section in ast.walk(ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))):
        if isinstance(section, ast.ClassDef):
            for line, below in itertools.pairwise([*section.body, None]):
                if isinstance(line, ast.AnnAssign) and "default_factory" not in ast.unparse(line):
                    assert isinstance(below, ast.Expr), f"{section.name}.{ast.unparse(line.target)}"


def test_a_number_stays_the_number_it_is():
    config = train("--optimizer.lr=1e-6", "--reward.unlearnable=-0.5")
    assert math.isclose(config.optimizer.lr, 1e-6)
    assert from_json(to_json(config)).optimizer.lr == config.optimizer.lr


@pytest.mark.parametrize(
    "flag",
    [
        "--sampling.temperature=nan",
        "--optimizer.lr=inf",
        "--reward.wrong=nan",
        "--sandbox.cpu-seconds=0",
        "--sandbox.workers=-1",
        "--seeding.factor=0",
        "--loss.clip-low=-0.1",
        "--optimizer.clip=0",
        "--optimizer.minibatches=0",
        "--tasks.max-output=0",
        "--sampling.max-prompt-tokens=0",
    ],
)
def test_a_number_out_of_range_names_the_setting_and_the_bound(flag: str):
    name = flag[2:].partition("=")[0]
    with pytest.raises(ConfigError, match=f"^{re.escape(name)} .*: set it to "):
        parse([flag], "abzero train")


def test_modes_are_named_once_and_decay_rates_are_below_one():
    with pytest.raises(ConfigError, match=r"tasks\.modes"):
        parse(["--tasks.modes", "deduction", "deduction"], "abzero train")
    with pytest.raises(ConfigError, match=r"optimizer\.betas"):
        parse(["--optimizer.betas", "0.9", "1.5"], "abzero train")


def test_a_setting_is_still_read_by_its_former_name_with_a_warning(tmp_path):
    new = train("--tasks.redundant-steps=False", "--reward.unlearnable=-0.5")
    (tmp_path / "old.toml").write_text("[tasks]\nidle-steps = false\n[reward]\nextreme = -0.5\n")
    text = to_json(new).replace('"redundant_steps"', '"idle_steps"').replace('"unlearnable"', '"extreme"')
    assert text != to_json(new)
    for read in (
        lambda: train("--tasks.idle_steps=False", "--reward.extreme", "-0.5"),
        lambda: train(*read_recipe(tmp_path / "old.toml")),
        lambda: from_json(text),
    ):
        with pytest.warns(FutureWarning, match="is now called") as warned:
            assert read() == new
        assert {str(one.message).rpartition(" ")[2] for one in warned} == set(RENAMED.values())
