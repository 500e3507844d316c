"""How much of one batch's policy gradient is signal: the study of docs/learning/earlier/README.md.

    python benchmarks/gradient_signal.py [--batches 8] [--tasks 32] [--mode deduction] [--k 1 2 3 4 5 6]

Draws batches of training tasks of the nursery, eight attempts each, from the model in the box, and takes the gradient
of each batch under each estimator. If g is a batch's gradient, signal is |E g|² and noise E|g - E g|²; their ratio says
how many batches it takes until the mean gradient is more signal than noise. Nothing is timed. What bounds the figures:
the variance of a score function, which no estimator without a critic removes, and the number of batches, which bounds
the precision of the ratio itself (about ±0.02 with eight).
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace

import torch

from abzero.algo.advantages import grpo, trr_pp
from abzero.algo.losses import Objective, token_weights
from abzero.config import build
from abzero.config.backends import local
from abzero.config.load import parse
from abzero.config.recipe import find, read_recipe
from abzero.evals.base import judge
from abzero.evals.tiny import Nursery
from abzero.policy.local.learner import LocalLearner
from abzero.policy.models import loading
from abzero.policy.optimisation import Optimisation
from abzero.types import Experience

ATTEMPTS = 8


def positive(batch: Sequence[Experience]) -> list[Experience]:
    return [replace(row, advantage=max(row.advantage, 0.0)) for row in grpo(batch)]


def successes(batch: Sequence[Experience]) -> list[Experience]:
    return [replace(row, advantage=float(row.reward > 0)) for row in batch]


ESTIMATORS = {"trr_pp": trr_pp, "grpo": grpo, "grpo, its positive part": positive, "successes alone": successes}


def gradient(batch: Sequence[Experience]) -> torch.Tensor:
    """Of the token-mean loss in float32, all parameters end to end, at the untouched base."""
    model, codec = loading.load(local.model_name("tiny"), dtype=torch.float32, device="cpu")
    before = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    learner = LocalLearner(
        model,
        codec,
        objective=Objective(entropy=0.0, importance_cap=0.0),
        weighting=token_weights,
        optimisation=Optimisation(learning_rate=1.0, weight_decay=0.0, clip_norm=1e9),
        adam=lambda weights, settings: torch.optim.SGD(weights, lr=settings.learning_rate),
        micro_batch_tokens=4096,
    )
    learner.update(batch)
    return before - torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def ratio(gradients: torch.Tensor) -> tuple[float, float]:
    """Signal over noise of one batch, and the mean cosine of two batches' gradients; rows are batches."""
    noise = float(gradients.var(0).sum())
    signal = float(gradients.mean(0).square().sum()) - noise / len(gradients)
    unit = gradients / gradients.norm(dim=1, keepdim=True)
    pairs = len(gradients) * (len(gradients) - 1)
    return signal / noise, (float((unit @ unit.T).sum()) - len(gradients)) / pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--tasks", type=int, default=32)
    parser.add_argument("--mode", default="deduction")
    parser.add_argument("--k", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6])
    given = parser.parse_args()
    torch.set_num_threads(1)
    config = parse(read_recipe(find("tiny-cpu")), "signal")
    types = [task_type for task_type in build.task_types(config.tasks) if task_type.mode == given.mode]
    generator = local.generator(config, *local.load(config, "tiny"), temperature=1.0)
    each = -(-given.batches * given.tasks // len(given.k))
    suite = Nursery(types, "train", seed=3, n=each, lengths=given.k)
    problems = list(suite.problems())
    random.Random(1).shuffle(problems)
    found: dict[str, list[torch.Tensor]] = {name: [] for name in ESTIMATORS}
    with build.sandbox(config.sandbox, seed=1) as box:
        for number in range(given.batches):
            asked = problems[number * given.tasks : (number + 1) * given.tasks]
            sampled = generator.generate([problem.prompt for problem in asked], ATTEMPTS, random.Random(number))
            answers = [(p, rollout.text) for p, rollouts in zip(asked, sampled, strict=True) for rollout in rollouts]
            scores = iter([score.value for score in judge(suite, answers, box)])
            batch = [
                Experience(("solve", group), given.mode, group, rollout, (("score", 1.0 if next(scores) else -0.5),))
                for group, rollouts in enumerate(sampled)
                for rollout in rollouts
            ]
            for name, estimate in ESTIMATORS.items():
                found[name].append(gradient(estimate(batch)))
    print(f"{given.mode}, k = {given.k}, {given.batches} batches of {given.tasks} tasks, {ATTEMPTS} attempts each")
    print(f"{'':24} {'signal/noise':>13} {'cosine':>8}")
    for name, gradients in found.items():
        print("{:24} {:13.4f} {:8.4f}".format(name, *ratio(torch.stack(gradients))))


if __name__ == "__main__":
    main()
