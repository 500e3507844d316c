"""Log-probabilities of given tokens under a model, and the checks that the learner can train it."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from abzero.errors import ConfigError
from abzero.policy.local.logprobs import token_logprobs
from abzero.policy.local.shared_prefix import Layout, states

EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
"""What configs call the number of a layer's experts."""
LOUD = 1000.0
"""Logits that any cap shows at."""


class Scorer(nn.Module):
    """A model as one function from texts to log-probabilities: one call gathers what it needs of a sharded model."""

    def __init__(
        self, model: PreTrainedModel, temperature: float, head: torch.dtype | None = None, shares: bool = False
    ) -> None:
        """Logits are computed in `head`, or in the type of the hidden states; `shares` says that `model` takes packed
        texts (`shared_prefix.enable`).
        """
        super().__init__()
        self.model = model
        self.shares = shares
        self._temperature = temperature
        self._head = head

    def forward(self, tokens_BT: Tensor, places_N: Tensor, layout: Layout | None = None) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies of the tokens at `places_N` of the flattened texts, packed if they have a
        `layout`.
        """
        if layout is None:
            hidden_BTD = self.model.get_decoder()(input_ids=tokens_BT, use_cache=False).last_hidden_state
            states_N = places_N - 1
        else:
            hidden_BTD = states(self.model, tokens_BT, layout)
            states_N = layout.states
        hidden_ND, head_VD = hidden_BTD.flatten(0, 1)[states_N], self.model.get_output_embeddings().weight
        if self._head is not None:
            hidden_ND, head_VD = hidden_ND.to(self._head), head_VD.to(self._head)
        return token_logprobs(hidden_ND, head_VD, tokens_BT.flatten()[places_N], self._temperature)


def check_router(model: PreTrainedModel) -> None:
    """Raise `ConfigError` if a router would be trained: without a loss that balances them, it leaves experts idle."""
    config = model.config.get_text_config()
    experts = any((getattr(config, name, None) or 0) > 1 for name in EXPERTS)
    if experts and all(weight.requires_grad for weight in model.get_decoder().parameters()):
        raise ConfigError(
            f"model.lora-rank 0: a {config.model_type} model routes tokens to experts, and training all of its weights "
            "needs a loss that balances them, which the learner does not have; set --model.lora-rank 32, which leaves "
            "router and experts as they are"
        )


@torch.no_grad()
def check_head(model: PreTrainedModel) -> None:
    """Raise `ConfigError` unless logits are hidden states times the head, as `token_logprobs` takes them to be.

    A cap does nothing to the small logits of most texts: so the head is also made to say something loud.
    """
    head = model.get_output_embeddings()
    tokens_BT = torch.zeros(1, 2, dtype=torch.long, device=model.device)
    said: list[tuple[Tensor, Tensor]] = []

    def shout(_: nn.Module, __: object, logits_BTV: Tensor) -> Tensor:
        said.append((logits_BTV, torch.linspace(-LOUD, LOUD, logits_BTV.numel()).view_as(logits_BTV).to(logits_BTV)))
        return said[-1][1]

    hook = head.register_forward_hook(shout)
    try:
        heard = model(tokens_BT).logits
    finally:
        hook.remove()
    hidden_BTD = model.get_decoder()(input_ids=tokens_BT, use_cache=False).last_hidden_state
    expected = hidden_BTD @ head.weight.T
    plain = len(said) == 1 and torch.equal(heard.float(), said[0][1].float())
    if not plain or not torch.allclose(said[0][0], expected, rtol=0.01, atol=0.01 * float(expected.abs().max())):
        raise ConfigError(
            f"a {model.config.model_type} model does more to its logits than one product (a bias, a scale or a cap), "
            "which the learner does not know: choose another model"
        )
