"""Responses to one prompt, computed as one text: the prompt once, forward and backward, for all of them.

Plain rows repeat a prompt as often as it was sampled, and in self-play prompts outweigh responses. A packed text is
each prompt followed by its responses; every response continues the prompt's positions, and attends to the prompt and
to itself alone. So each token's log-probability, and the gradient of any sum of them, is that of plain rows but for
rounding. The idea is that of arXiv 2506.05433.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "abzero_shared_prefix"
"""Of our attention among those of transformers: its ``sdpa``, but for packed texts."""
UNKNOWN = ("sliding_window", "softcap", "s_aux", "position_bias")
"""What a layer may ask of its attention that ours does not do."""
MASK_ELEMENTS = 1 << 26
"""Of the mask of one response, at most: longer ones are left to plain rows, which need no mask."""
TOLERANCES = {torch.float64: 1e-6, torch.float32: 1e-3, torch.float16: 0.02, torch.bfloat16: 0.1}
"""Share of the largest hidden value by which packing may move any, in each type."""

PromptAndReply = tuple[Sequence[int], Sequence[int]]
"""A prompt and a response to it."""


class UnknownAttentionError(ValueError):
    """A layer asks for what attention over packed texts does not do."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Responses of like length to one prompt."""

    places: Tensor
    """Of their tokens in the packed text, ``[N, S]``; padded with the last one's, which none of them sees."""
    visible: Tensor
    """Which of the prompt's tokens and of its own each token sees, ``[S, prompt + S]``."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A prompt and the responses to it."""

    prompt: slice
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the parts of a packed text are."""

    families: Sequence[Family]
    order: Tensor
    """The place of each token among those of all prompts and padded blocks, end to end, ``[T]``."""
    positions: Tensor
    """Of each token in its own row, ``[1, T]``."""
    states: Tensor
    """The place of what predicts each response token, ``[N]``: the token before it, for the first the prompt's last."""


def pack(texts: Sequence[PromptAndReply], device: torch.device) -> tuple[Tensor, Tensor, Layout]:
    """The packed text ``[1, T]`` of `texts`, equal prompts being neighbours; its responses' places, and its layout.

    Places come in the order of `texts`.
    """
    tokens: list[int] = []
    positions: list[int] = []
    places: list[int] = []
    states: list[int] = []
    order: dict[int, int] = {}
    families = []
    seen = 0
    for prompt, members in groupby(texts, key=lambda text: list(text[0])):
        start = len(tokens)
        tokens += prompt
        positions += range(len(prompt))
        order |= {start + place: seen + place for place in range(len(prompt))}
        seen += len(prompt)
        rows = []
        for _, response in members:
            first = len(tokens)
            rows.append(range(first, first + len(response)))
            states += [start + len(prompt) - 1, *rows[-1][:-1]]
            tokens += response
            positions += range(len(prompt), len(prompt) + len(response))
        places += [place for row in rows for place in row]
        blocks = []
        for block in _blocks(rows):
            width = len(block[0])
            padded = [[*row, *[row[-1]] * (width - len(row))] for row in block]
            order |= {place: seen + n * width + s for n, row in enumerate(block) for s, place in enumerate(row)}
            seen += len(block) * width
            visible = torch.ones(width, len(prompt) + width, dtype=torch.bool, device=device).tril(len(prompt))
            blocks.append(Block(torch.tensor(padded, device=device), visible))
        families.append(Family(slice(start, start + len(prompt)), blocks))
    layout = Layout(
        families,
        torch.tensor([order[place] for place in range(len(tokens))], device=device),
        torch.tensor([positions], device=device),
        torch.tensor(states, device=device),
    )
    return torch.tensor([tokens], device=device), torch.tensor(places, device=device), layout


def _blocks(rows: Sequence[range]) -> list[list[range]]:
    """`rows` by length, the longest first, none less than half as long as the first of its block."""
    blocks: list[list[range]] = []
    for row in sorted(rows, key=len, reverse=True):
        if blocks and 2 * len(row) >= len(blocks[-1][0]):
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    layout: Layout | None = None,
    **asked: Any,
) -> tuple[Tensor, None]:
    """Attention as a layer of transformers calls it; over a packed text where it has a `layout`."""
    if layout is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **asked
        )
    if found := [name for name in UNKNOWN if asked.get(name) is not None]:
        raise UnknownAttentionError(f"{type(module).__name__} asks for {found[0]}")
    q_THE, k_TKE, v_TKE = (states.transpose(1, 2)[0] for states in (query, key, value))
    mixed = []
    for family in layout.families:
        q_1HPE, k_1KPE, v_1KPE = (states[:, :, family.prompt] for states in (query, key, value))
        mixed.append(_mix(q_1HPE, k_1KPE, v_1KPE, None, scaling))
        for block in family.blocks:
            count = len(block.places)
            q_NHSE = _gather(q_THE, block.places)
            k_NKLE, v_NKLE = (
                torch.cat((before.expand(count, -1, -1, -1), _gather(own, block.places)), 2)
                for before, own in ((k_1KPE, k_TKE), (v_1KPE, v_TKE))
            )
            mixed.append(_mix(q_NHSE, k_NKLE, v_NKLE, block.visible, scaling))
    return torch.cat(mixed).index_select(0, layout.order)[None], None


def _gather(states_THE: Tensor, places_NS: Tensor) -> Tensor:
    """``[N, H, S, E]``"""
    gathered = states_THE.index_select(0, places_NS.flatten())
    return gathered.view(*places_NS.shape, *states_THE.shape[1:]).transpose(1, 2)


def _mix(q_NHSE: Tensor, k_NKLE: Tensor, v_NKLE: Tensor, visible_SL: Tensor | None, scaling: float | None) -> Tensor:
    """What each query mixes, end to end, ``[N * S, H, E]``; without a mask, causally."""
    times = q_NHSE.shape[1] // k_NKLE.shape[1]
    if visible_SL is not None and times > 1 and q_NHSE.device.type == "cuda":
        # kernels that take a mask take no grouped heads there
        k_NKLE, v_NKLE = (states.repeat_interleave(times, 1) for states in (k_NKLE, v_NKLE))
        times = 1
    mixed_NHSE = scaled_dot_product_attention(
        q_NHSE, k_NKLE, v_NKLE, visible_SL, is_causal=visible_SL is None, scale=scaling, enable_gqa=times > 1
    )
    return mixed_NHSE.transpose(1, 2).flatten(0, 1)


def states(model: PreTrainedModel, tokens_1T: Tensor, layout: Layout) -> Tensor:
    """The last hidden states ``[1, T, D]`` of a packed text."""
    ready = tokens_1T.new_ones(1, 1, 1, 1, dtype=torch.bool)
    """A mask of four axes is handed on as it is; without one, a square of the whole text would be made."""
    found: Tensor = model.get_decoder()(
        input_ids=tokens_1T,
        position_ids=layout.positions,
        attention_mask=ready,
        use_cache=False,
        layout=layout,
    ).last_hidden_state
    return found


@torch.no_grad()
def enable(model: PreTrainedModel) -> bool:
    """Have `model` take packed texts from now on, if it gives them the states of plain rows; tried on a small one.

    Sliding windows, recurrent layers and attention of unknown kind are left as they are.
    """
    config = model.get_decoder().config
    kinds = getattr(config, "layer_types", None) or []
    if config._attn_implementation == NAME:
        return True
    if config._attn_implementation != "sdpa" or any(kind != "full_attention" for kind in kinds):
        return False
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    config._attn_implementation = NAME
    if _same(model):
        return True
    config._attn_implementation = "sdpa"
    return False


def obstacle(model: PreTrainedModel) -> str:
    """What keeps `model` from taking packed texts, where `enable` says that it does not."""
    config = model.get_decoder().config
    if (implementation := config._attn_implementation) != "sdpa":
        return f"{implementation} attention"
    others = {kind for kind in getattr(config, "layer_types", None) or [] if kind != "full_attention"}
    if not others and getattr(config, "sliding_window", None):
        return "sliding attention"
    return " and ".join(sorted(others)).replace("_", " ") or f"the attention of {config.model_type}"


def _same(model: PreTrainedModel) -> bool:
    """Whether packing two prompts, three responses to the first of them, leaves each token's state what it was."""
    vocabulary = model.config.get_text_config().vocab_size
    row = [(7 * place + 3) % vocabulary for place in range(24)]
    prompts, responses = (row[:9], row[9:13]), (row[13:17], row[17:19], row[19:20], row[20:])
    texts: list[PromptAndReply] = [(prompts[number > 2], response) for number, response in enumerate(responses)]
    tokens_1T, places_N, layout = pack(texts, model.device)
    try:
        found_ND = states(model, tokens_1T, layout)[0, places_N]
    except (TypeError, UnknownAttentionError):
        return False
    plain = [
        model.get_decoder()(
            input_ids=torch.tensor([[*prompt, *response]], device=model.device), use_cache=False
        ).last_hidden_state[0, len(prompt) :]
        for prompt, response in texts
    ]
    expected_ND = torch.cat(plain)
    distance = float((found_ND - expected_ND).abs().max() / expected_ND.abs().max())
    return distance <= TOLERANCES.get(model.dtype, 0.0)
