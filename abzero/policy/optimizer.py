"""AdamW on fp32 master weights, whatever the model computes in; its moments in fp32 or in eight bits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from abzero.errors import BackendError
from abzero.policy.adam8bit import Adam8bit


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How the weights move; the defaults are the paper's."""

    learning_rate: float = 1e-6
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    """The gradient is scaled down to at most this norm."""
    warmup: int = 0
    """Optimizer steps over which the learning rate rises to its value, where it stays."""
    minibatches: int = 1
    """Optimizer steps per update, each on its share of the batch."""


Adam = Callable[[Sequence[Tensor], Optimisation], torch.optim.Optimizer]
"""Makes the optimizer of some fp32 tensors; its state may be tensors only."""


def adam(weights: Sequence[Tensor], settings: Optimisation) -> torch.optim.Optimizer:
    """AdamW with its moments in fp32: 8 bytes per weight."""
    return torch.optim.AdamW(
        weights,
        lr=settings.learning_rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def adam_8bit(weights: Sequence[Tensor], settings: Optimisation) -> torch.optim.Optimizer:
    """AdamW with its moments in blocks of eight-bit numbers: 2 bytes per weight."""
    return Adam8bit(weights, settings.learning_rate, settings.betas, settings.weight_decay)


class MasterOptimizer:
    """Steps the trainable `parameters`, keeping an fp32 master of each one that is narrower.

    Gradients of narrow parameters are added up in fp32 as soon as each backward pass has made them, and not kept.
    """

    def __init__(self, parameters: Iterable[tuple[str, nn.Parameter]], settings: Optimisation, make: Adam) -> None:
        self.steps = 0
        self._settings = settings
        self._parameters = {name: parameter for name, parameter in parameters if parameter.requires_grad}
        self._masters = {name: _master(parameter) for name, parameter in self._parameters.items()}
        for name, parameter in self._parameters.items():
            if self._masters[name] is not parameter:
                parameter.register_post_accumulate_grad_hook(self._gatherer(self._masters[name]))
        self._adam = make(list(self._masters.values()), settings)

    @staticmethod
    def _gatherer(master: Tensor) -> Callable[[Tensor], None]:
        def gather(parameter: Tensor) -> None:
            assert parameter.grad is not None
            gradient = parameter.grad.float()
            master.grad = gradient if master.grad is None else master.grad.add_(gradient)
            parameter.grad = None

        return gather

    @property
    def learning_rate(self) -> float:
        """Of the last step."""
        return self._settings.learning_rate * min(1.0, self.steps / max(self._settings.warmup, 1))

    def step(self) -> float:
        """One step on the gradients so far; returns their norm before clipping. Raises `BackendError` if not finite."""
        norm = float(torch.nn.utils.clip_grad_norm_(self._masters.values(), self._settings.clip_norm))
        if not norm < float("inf"):
            self.zero_grad()
            raise BackendError(f"the gradient's norm is {norm}: lower the learning rate, or compute in a wider type")
        self.steps += 1
        for group in self._adam.param_groups:
            group["lr"] = self.learning_rate
        self._adam.step()
        self.zero_grad()
        self._publish()
        return norm

    def zero_grad(self) -> None:
        self._adam.zero_grad()

    @torch.no_grad()
    def _publish(self) -> None:
        for name, parameter in self._parameters.items():
            if self._masters[name] is not parameter:
                parameter.copy_(self._masters[name])

    def state(self) -> dict[str, Tensor]:
        """Moments and masters, by the parameter's name; `steps` is not among them."""
        tensors = {
            f"{name}.{kind}": value
            for name, master in self._masters.items()
            for kind, value in self._adam.state.get(master, {}).items()
        }
        narrow = {
            f"{name}.master": master.detach()
            for name, master in self._masters.items()
            if master is not self._parameters[name]
        }
        return tensors | narrow

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor], steps: int) -> None:
        """Take over what `state` returned, after `steps` steps. Raises `KeyError` where a master is missing."""
        self.steps = steps
        self._adam.state.clear()
        for name, master in self._masters.items():
            if master is not self._parameters[name]:
                master.copy_(state[f"{name}.master"])
            prefix = f"{name}."
            kinds = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            kinds.pop("master", None)
            if kinds:
                self._adam.state[master] = kinds
        self._publish()


def _master(parameter: nn.Parameter) -> Tensor:
    if parameter.dtype in (torch.float32, torch.float64):
        return parameter
    return parameter.detach().float().requires_grad_()
