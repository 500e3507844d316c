"""AdamW on fp32 master weights, whatever the model computes in; its moments in fp32 or in eight bits."""

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from abzero.errors import BackendError
from abzero.policy.local.adam8bit import Adam8bit
from abzero.policy.local.sharding import ALONE, World, cut, gathered, own
from abzero.policy.optimisation import Optimisation

AdamFactory = Callable[[Sequence[Tensor], Optimisation], torch.optim.Optimizer]
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

    Gradients of narrow parameters are added up in fp32 as soon as each backward pass has made them, and not kept. Of
    sharded parameters, only this process' slices are held and stepped.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        settings: Optimisation,
        make: AdamFactory,
        world: World = ALONE,
    ) -> None:
        self.steps = 0
        self.skipped = 0
        """Gradients that were not finite since the last one that was."""
        self._world = world
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
            gradient = own(parameter.grad).to(master.dtype)
            master.grad = gradient if master.grad is None else master.grad.add_(gradient)
            parameter.grad = None

        return gather

    @property
    def learning_rate(self) -> float:
        """Of the last step."""
        return self._settings.rate(self.steps)

    def step(self) -> float | None:
        """One step on the gradients so far; returns their norm before clipping, or None if it is skipped."""
        masters = list(self._masters.values())
        gradients = [master.grad for master in masters if master.grad is not None]
        total = self._world.norm(torch.nn.utils.get_total_norm(gradients))
        norm = float(total)
        if not math.isfinite(norm):
            self.skip(f"the gradient is not finite: its norm is {norm}")
            return None
        self.skipped = 0
        torch.nn.utils.clip_grads_with_norm_(masters, self._settings.clip_norm, total)
        self.steps += 1
        for group in self._adam.param_groups:
            group["lr"] = self.learning_rate
        self._adam.step()
        self.zero_grad()
        self._publish()
        return norm

    def skip(self, why: str) -> None:
        """Forget the gradients so far. Raises `BackendError` if that has happened too often in a row."""
        self.zero_grad()
        self.skipped += 1
        if self.skipped > self._settings.skips:
            raise BackendError(
                f"{why}; lower --optimizer.lr, compute in a wider type (--model.dtype float32), or let some in a row "
                f"be skipped: abzero resume RUN --optimizer.skips {max(3, 2 * self._settings.skips)}"
            )

    def zero_grad(self) -> None:
        self._adam.zero_grad()

    @torch.no_grad()
    def _publish(self) -> None:
        for name, parameter in self._parameters.items():
            if self._masters[name] is not parameter:
                own(parameter).copy_(self._masters[name])

    @torch.no_grad()
    def state(self) -> dict[str, Tensor]:
        """Moments and masters, whole, by the parameter's name; `steps` is not among them.

        Sharded ones come together in main memory, one by one, on the leading process alone; all must ask at once.
        """
        held = {
            (name, kind): value
            for name, master in self._masters.items()
            for kind, value in self._adam.state.get(master, {}).items()
        }
        held |= {(name, "master"): master.detach() for name, master in self._masters.items() if self._narrow(name)}
        if self._world.size == 1:
            return {f"{name}.{kind}": value for (name, kind), value in held.items()}
        state = {}
        for (name, kind), value in held.items():
            whole = gathered(value, self._parameters[name])
            if self._world.leads:
                state[f"{name}.{kind}"] = whole.cpu()
        return state

    def _narrow(self, name: str) -> bool:
        return self._parameters[name].dtype != self._masters[name].dtype

    @torch.no_grad()
    def restore(self, names: Iterable[str], read: Callable[[str], Tensor], steps: int, skipped: int = 0) -> None:
        """Take over what `state` returned, after `steps` steps, `read` by name. Raises `KeyError` for foreign names.

        Masters that were kept for narrow parameters become the parameters themselves where these are wide now.
        """
        self.steps, self.skipped = steps, skipped
        self._adam.state.clear()
        held = set(names)
        for key in sorted(held):
            name, _, kind = key.rpartition(".")
            if kind != "master":
                master = self._masters[name]
                value = cut(read(key), self._parameters[name]).to(master.device)
                self._adam.state[master][kind] = value
        for name, master in self._masters.items():
            parameter = self._parameters[name]
            kept = self._narrow(name) or f"{name}.master" in held
            master.copy_(cut(read(f"{name}.master"), parameter) if kept else own(parameter))
        self._publish()


def _master(parameter: nn.Parameter) -> Tensor:
    """What to step: the parameter where it is whole and wide, else fp32 of what this process holds of it."""
    part = own(parameter)
    if part.dtype not in (torch.float32, torch.float64):
        return part.detach().float().requires_grad_()
    return parameter if part is parameter else part.detach().requires_grad_()
