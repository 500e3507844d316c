"""What a Tinker server cannot do is refused by name before anything is asked of it."""

import pytest

from abzero.config.backends import tinker
from abzero.config.config import Config
from abzero.config.load import parse
from abzero.errors import ConfigError
from abzero.policy.tinker.servers import SERVERS, sequence_mean, token_sum

FINE = ("--model.engine=tinker", "--loss.entropy=0", "--optimizer.clip=1e9")


def train(*flags: str) -> Config:
    return parse([*FINE, *flags], "abzero train")


@pytest.mark.parametrize(
    "flags",
    [
        ("--tinker.server=skyrl-jax", "--model.lora-rank=8"),
        ("--tinker.server=skyrl",),
        ("--tinker.server=skyrl", "--model.lora-rank=8"),
        ("--tinker.server=verl",),
        ("--tinker.server=hosted", "--model.lora-rank=8", "--optimizer.clip=1"),
    ],
)
def test_what_a_server_can_do_passes(flags):
    assert tinker.where(train(*flags)) == "the Tinker server at http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--sampling.temperature=0.7",), r"sampling\.temperature 0\.7.*set --sampling\.temperature 1"),
        (("--loss.entropy=0.001",), r"loss\.entropy 0\.001.*set --loss\.entropy 0"),
        (("--loss.kl=0.1",), r"loss\.kl 0\.1.*set --loss\.kl 0"),
        (("--model.dtype=bfloat16",), r"model\.dtype bfloat16.*leave it out"),
        (("--model.device=cpu",), r"model\.device cpu.*leave it out"),
        (("--model.lora-alpha=32",), r"model\.lora-alpha 32.*leave it out"),
        (("--optimizer.eight-bit=True",), r"optimizer\.eight-bit True.*leave it out"),
        (("--optimizer.microbatch-tokens=1024",), r"optimizer\.microbatch-tokens 1024.*leave it out"),
        (("--optimizer.clip=1", "--tinker.server=verl"), r"optimizer\.clip 1.*'verl'.*set --optimizer\.clip 1e\+09"),
        (("--model.lora-rank=8", "--tinker.server=verl"), r"model\.lora-rank 8.*'verl'.*set --model\.lora-rank 0"),
        (("--tinker.server=skyrl-jax",), r"model\.lora-rank 0.*'skyrl-jax'.*set --model\.lora-rank 32"),
        (("--tinker.server=hosted",), r"model\.lora-rank 0.*'hosted'.*set --model\.lora-rank 32"),
        (("--tinker.timeout=0",), r"tinker\.timeout 0"),
        (("--tinker.connect-timeout=0",), r"tinker\.connect-timeout 0"),
    ],
)
def test_what_it_cannot_is_named_with_the_remedy(flags, words):
    with pytest.raises(ConfigError, match=words):
        train(*flags)


def test_an_engine_of_this_machine_is_not_asked_what_a_server_can_do():
    assert parse(["--model.dtype=bfloat16"], "abzero train").model.engine == "local"


def test_reductions_by_hand():
    """Rows of 3 and 6 positions: a mean over positions, then over two rows, is undone by 3 x 2 and 6 x 2."""
    assert token_sum([3, 6]) == [1.0, 1.0]
    assert sequence_mean([3, 6]) == [6.0, 12.0]
    assert {name: server.reduction([3, 6])[0] for name, server in SERVERS.items()} == {
        "skyrl-jax": 6.0,
        "skyrl": 1.0,
        "verl": 1.0,
        "hosted": 1.0,
    }
