"""Alarms in words: what looks wrong in the metrics of the last steps, and what to try.

Pure functions of a window of metrics, so that a resumed run, whose window is read from the journal, raises the same
alarms at the same steps. An alarm is raised when its condition begins, not at every step that it lasts.
"""

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from abzero.algo.figures import FIGURES
from abzero.types import Alarm, Step

Metrics = Mapping[str, float]
AlarmText = tuple[str, str]
"""(name, message) of something that looks wrong."""

WINDOW = 30
"""Steps that the alarms look back, the newest included."""
RECENT = 5
"""Steps whose mean is judged; no alarm but `not_finite` and `gradient_skipped` is raised on fewer."""


def truncated(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    for role, share in _recent(window, "(.+)/truncated"):
        if share > 0.9:
            yield (
                f"truncated/{role}",
                f"{share:.0%} of the completions of role {role} were cut at the token limit: "
                "raise sampling.max_tokens, or use a prompt set or a model that answers more briefly.",
            )


def no_reward_variance(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    for _, share in _recent(window, FIGURES["advantage/zero_groups"].pattern):
        if share > 0.9:
            yield (
                "no reward variance",
                f"in {share:.0%} of the groups (a role in a mode) every rollout earned the same, which teaches "
                "nothing: raise the batch size or the samples, or start from a model that succeeds sometimes.",
            )


def nothing_learnable(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    rates = dict(_recent(window, FIGURES["propose/solve_rate/{mode}"].pattern))
    for mode, share in _recent(window, FIGURES["propose/learnable/{mode}"].pattern):
        if share < 0.05:
            kind = "too easy" if rates.get(mode, 0.0) > 0.5 else "too hard"
            yield (
                f"nothing learnable/{mode}",
                f"{1 - share:.0%} of the {mode} tasks proposed are solved always or never, most of them {kind}: "
                "raise the samples of the estimate; if it lasts, the proposer needs other references or a bonus.",
            )


def validity_collapsing(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    before = dict(_means(window[:-RECENT], FIGURES["propose/valid/{mode}"].pattern))
    for mode, share in _recent(window, FIGURES["propose/valid/{mode}"].pattern):
        earlier = before.get(mode, 0.0)
        if share < 0.1 or share < earlier / 2:
            yield (
                f"validity/{mode}",
                f"only {share:.0%} of the {mode} proposals become tasks (earlier: {earlier:.0%}): look at the errors "
                "with `abzero show RUN --step N`; a lower learning rate or a KL penalty keeps the proposer's form.",
            )


def proposals_repeating(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    new = dict(_recent(window, FIGURES["propose/new/{mode}"].pattern))
    for mode, unique in _recent(window, FIGURES["propose/unique/{mode}"].pattern):
        if unique < 0.5 or new.get(mode, 1.0) < 0.1:
            yield (
                f"repeating/{mode}",
                f"{mode} proposals repeat: {unique:.0%} are unique within a step, {new.get(mode, 1.0):.0%} new to the "
                "buffer: pay repeats less against other tasks (--reward.repeats-invalid True, or "
                "reward.novelty), or lower the learning rate.",
            )


def entropy_gone(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    before = dict(_means(window[:-RECENT], FIGURES["learner/entropy"].pattern))
    for _, entropy in _recent(window, FIGURES["learner/entropy"].pattern):
        if entropy < 0.02 or entropy < before.get("learner/entropy", 0.0) / 4:
            yield (
                "entropy gone",
                f"the policy is nearly deterministic, {entropy:.3f} nats a token: samples no longer differ, so nothing "
                "more is explored. Go back to an earlier checkpoint with a lower learning rate or an entropy bonus.",
            )


def log_prob_gap(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    for _, gap in _recent(window, FIGURES["learner/logprob_gap"].pattern):
        if gap > 0.1:
            yield (
                "log-prob gap",
                f"sampler and learner disagree by {gap:.2f} nats a token on the tokens sampled: are both on the same "
                "weights, the same precision and temperature?",
            )


def not_finite(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    broken = [name for name, value in window[-1].items() if name.startswith("learner/") and not math.isfinite(value)]
    if broken:
        yield (
            "not finite",
            f"{', '.join(sorted(broken))} is not a finite number: the weights may be lost. Go back to the last "
            "checkpoint with a lower learning rate.",
        )


def gradient_skipped(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    if (count := window[-1].get(FIGURES["learner/skipped"].name, 0.0)) > 0:
        yield (
            "gradient skipped",
            f"{count:.0f} optimizer steps were left out: their gradient was not finite. Once is an accident; if it "
            "happens again, lower the learning rate, or compute in a wider type.",
        )


def unsteady(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    if count := window[-1].get(FIGURES["buffer/withdrawn"].name, 0.0):
        yield (
            "unsteady tasks",
            f"{count:.0f} tasks were withdrawn: their programs passed verification, then gave different values while "
            "answers were graded. A few are chance; if it lasts, a proposer has found what the sandbox's seeds do not "
            "tell apart: look at the errors with `abzero show RUN --step N`.",
        )


def unforeseen(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    for name, count in sorted(window[-1].items()):
        if name.startswith("fault/"):
            error = name.removeprefix("fault/")
            yield (
                f"fault of ours/{error}",
                f"{count:.0f} checks of what the model wrote raised {error}: a fault of abzero, for which those "
                "rollouts do not pay; they are left out. The errors: `abzero show RUN --step N`; please report them.",
            )


def answers_in_comments(window: Sequence[Metrics]) -> Iterator[AlarmText]:
    for mode, share in _recent(window, "propose/answer_in_comments/(.+)"):
        if share > 0.2:
            yield (
                f"answers in comments/{mode}",
                f"{share:.0%} of the {mode} tasks proposed say their answer in a comment or docstring: a proposer "
                "tells its solver what to say. --tasks.strip-comments true takes comments out of programs.",
            )


CONDITIONS: tuple[Callable[[Sequence[Metrics]], Iterator[AlarmText]], ...] = (
    not_finite,
    gradient_skipped,
    truncated,
    validity_collapsing,
    nothing_learnable,
    no_reward_variance,
    proposals_repeating,
    entropy_gone,
    log_prob_gap,
    unsteady,
    unforeseen,
    answers_in_comments,
)


def findings(window: Sequence[Metrics]) -> dict[str, str]:
    """Message by name of everything that looks wrong in `window`, the newest step last."""
    return dict(finding for condition in CONDITIONS for finding in condition(window)) if window else {}


def alarm_tracker(history: Iterable[Metrics] = ()) -> Callable[[Step], Step]:
    """A function that is given every step in turn and returns it with alarms for what began to look wrong.

    `history` is the metrics of the last `WINDOW` steps before, ascending, where a run is resumed.
    """
    window = deque(history, maxlen=WINDOW)
    active = findings(list(window))

    def annotate(step: Step) -> Step:
        nonlocal active
        if step.number == 0:  # the seeding is no step of self-play: its figures are compared with none
            return step
        window.append(dict(step.metrics))
        before, active = active, findings(list(window))
        new = [Alarm(step.number, name, text) for name, text in active.items() if name not in before]
        return replace(step, alarms=(*step.alarms, *new))

    return annotate


def _recent(window: Sequence[Metrics], pattern: str) -> list[tuple[str, float]]:
    return _means(window[-RECENT:], pattern) if len(window) >= RECENT else []


def _means(window: Sequence[Metrics], pattern: str) -> list[tuple[str, float]]:
    """For every metric that matches `pattern`: its group (a role, a mode), and its mean over the steps that have it."""
    values: dict[str, list[float]] = {}
    for metrics in window:
        for name, value in metrics.items():
            match = re.fullmatch(pattern, name)
            if match and math.isfinite(value):
                values.setdefault(match[match.lastindex or 0], []).append(value)
    return [(key, sum(figures) / len(figures)) for key, figures in sorted(values.items())]
