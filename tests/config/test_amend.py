"""Which settings a run keeps, beside the fields that say so."""

import pytest

from abzero.config.amend import fixed, forked, resumed
from abzero.config.config import Config
from abzero.config.load import to_json
from abzero.config.resolve import names
from abzero.errors import ConfigError

FREE_IN_A_RESUME = {
    *("steps", "batch-size", "model.engine", "model.device", "model.dtype", "model.sampler-dtype", "optimizer.lr"),
    *("optimizer.clip", "optimizer.warmup", "optimizer.schedule", "optimizer.minibatches", "optimizer.skips"),
    *("loss.kl", "loss.clip-low", "loss.clip-high", "loss.entropy", "loss.max-gap", "solve.attempts"),
    *("propose.samples", "sampling.temperature", "sampling.max-tokens", "checkpoint.every", "oversight.gate"),
}
KEPT = {
    "seed",
    "tasks.prompts",
    "reward.wrong",
    "advantage.estimator",
    "seeding.factor",
    "sandbox.cpu-seconds",
    "seeds",
}
KEPT_IN_FORKS = {"model.name", "model.lora-rank", "optimizer.eight-bit", "sampling.max-prompt-tokens", "tinker.server"}


def test_rules_and_weights_are_kept_and_what_steers_the_learning_is_free():
    rules = dict(fixed(Config()))
    assert set(rules) <= set(names(Config()))
    assert not FREE_IN_A_RESUME & set(rules)
    assert set(rules) >= KEPT | KEPT_IN_FORKS
    assert all(rules[name].in_forks for name in KEPT_IN_FORKS)


def test_weights_may_become_wider_not_narrower():
    recorded = to_json(Config())
    for kept in (resumed, forked):
        with pytest.raises(ConfigError, match=r"model\.dtype bfloat16: this run has float32.*abzero export RUN FOLDER"):
            kept(Config, recorded, ["--model.dtype=bfloat16"], "abzero resume")
    narrow = recorded.replace('"dtype": "float32"', '"dtype": "bfloat16"', 1)
    assert resumed(Config, narrow, ["--model.dtype=float32"], "abzero resume").config == Config()


def test_a_server_s_weights_stay_there():
    flags = ["--model.engine=tinker", "--loss.entropy=0", "--optimizer.clip=1e9", "--model.lora-rank=0"]
    with pytest.raises(ConfigError, match=r"model\.engine tinker: this run has local"):
        forked(Config, to_json(Config()), flags, "abzero fork")
    assert resumed(Config, to_json(Config()), ["--model.engine=vllm"], "abzero resume").config.model.engine == "vllm"
