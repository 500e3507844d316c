"""What kind of model this is, and what to know before training it: for ``abzero doctor --model``."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from torch import Tensor
from transformers import PreTrainedModel

from abzero.policy.local import packed_engine, shared_prefix
from abzero.policy.models import loading
from abzero.policy.models.tokenizer import Codec

THINK = "<think>"


@dataclass(frozen=True, slots=True)
class Trait:
    """One line of the report; `fine` is false where it deserves a warning."""

    what: str
    found: str
    fine: bool = True


def traits(name: str | Path) -> list[Trait]:
    """Of the model in a folder or of a Hugging Face name. Raises `ConfigError` if it cannot be loaded."""
    model, codec = loading.load(name, dtype=None, device="cpu")
    config = model.config
    engine = (
        "lean"
        if packed_engine.fits(model) and model.num_parameters() <= packed_engine.PACKED_PARAMETERS
        else "transformers' own"
    )
    return [
        Trait("model", f"{config.model_type}, {model.num_parameters():,} parameters in {str(model.dtype)[6:]}"),
        Trait("context", f"{getattr(config.get_text_config(), 'max_position_embeddings', 'unknown')} tokens"),
        _think(model, codec),
        _space(codec),
        Trait("decoding on CPU", engine),
        Trait("updates", _updates(model)),
    ]


def _updates(model: PreTrainedModel) -> str:
    if shared_prefix.enable(model):
        return "compute a prompt once for all of its rows"
    return f"compute a prompt for each of its rows: {shared_prefix.obstacle(model)} takes no packed rows"


def _think(model: PreTrainedModel, codec: Codec) -> Trait:
    """Some base models have the tag as a token that no text has ever trained: such a model cannot write the format."""
    tokens = codec.tokenizer.encode(THINK, add_special_tokens=False)
    if len(tokens) != 1:
        return Trait("think tag", f"plain text, {len(tokens)} tokens")
    embeddings = cast(Tensor, model.get_input_embeddings().weight).detach().float()
    if untrained(embeddings, tokens[0], len(codec.tokenizer)):
        words = f"one token ({tokens[0]}) that looks untrained: the model may never write it; train tags as plain text"
        return Trait("think tag", words, fine=False)
    return Trait("think tag", f"one trained token ({tokens[0]})")


def untrained(embeddings_VD: Tensor, token: int, used: int) -> bool:
    """Whether a token's embedding is much shorter than most, or all but equal to those beyond the `used` ones."""
    median = embeddings_VD[:used].norm(dim=1).median()
    if bool(embeddings_VD[token].norm() < median / 4):
        return True
    spare_SD = embeddings_VD[used:]
    return len(spare_SD) > 0 and bool((embeddings_VD[token] - spare_SD.mean(0)).norm() < median / 10)


def _space(codec: Codec) -> Trait:
    text = "def f(x):\n    return x + 1"
    if codec.decode(codec.tokenizer.encode(text, add_special_tokens=False)) == text:
        return Trait("round trip", "programs survive the tokenizer")
    return Trait("round trip", "programs change on the way through the tokenizer: they cannot be learned", fine=False)
