"""How the weights move, whatever moves them."""

from dataclasses import dataclass

from abzero.policy.schedules import RateSchedule, constant


@dataclass(frozen=True, slots=True)
class Optimisation:
    """Settings of AdamW; the defaults are the paper's."""

    learning_rate: float = 1e-6
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    """The gradient is scaled down to at most this norm."""
    warmup: int = 0
    """Optimizer steps over which the learning rate rises to its value."""
    minibatches: int = 1
    """Optimizer steps per update, each on its share of the batch."""
    schedule: RateSchedule = constant
    """How the learning rate falls after that."""
    total: int = 0
    """Optimizer steps of the whole run, after which it would be at its end."""
    skips: int = 0
    """Gradients in a row that may be not finite, and then are not used."""

    def rate(self, step: int) -> float:
        """Learning rate of optimizer step `step`, the first being 1."""
        done = (step - 1 - self.warmup) / max(self.total - self.warmup, 1)
        return self.learning_rate * min(1.0, step / max(self.warmup, 1)) * self.schedule(min(max(done, 0.0), 1.0))
