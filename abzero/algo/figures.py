"""The vocabulary of figures: what is logged, and what every table, chart and alarm calls it.

`docs/metrics.md` is made from this table (`make docs`), and every view takes its words from it.
"""

from collections.abc import Iterable

from abzero.algo.figure import Figure
from abzero.algo.oversight_figures import OVERSIGHT

SECTIONS: dict[str, tuple[Figure, ...]] = {
    "Proposing": (
        Figure(
            "propose/reward/{mode}",
            "proposer's reward",
            "mean reward of the mode's proposals, penalties and bonuses included",
            "rises as the proposer finds the learnable; near the penalty for invalid ones, it has lost the form",
        ),
        Figure(
            "propose/valid/{mode}",
            "valid",
            (
                "share of the proposals that became tasks: parsed, run, deterministic; those refused for reasons of "
                "ours (held-out programs) do not count either way"
            ),
            "falls when the proposer loses the form, or tries what it cannot write",
            share=True,
        ),
        Figure(
            "propose/well_formed/{mode}",
            "well-formed",
            "share whose completion keeps the think/answer format; a valid task may break it",
            "near 1 after some steps",
            share=True,
        ),
        Figure(
            "propose/answer_in_comments/{mode}",
            "answers in comments",
            "share of the valid tasks whose program states its answer in a comment or docstring",
            "a proposer tells its solver what to say: `tasks.strip-comments true` takes them out",
            share=True,
        ),
        Figure(
            "propose/new/{mode}",
            "new",
            "share of the valid tasks that the buffer did not hold yet",
            "near 0: the proposer repeats itself over time",
            share=True,
        ),
        Figure(
            "propose/unique/{mode}",
            "unique",
            "distinct tasks among the step's valid ones, as a share",
            "low: it repeats itself within a step",
            share=True,
        ),
        Figure(
            "propose/solve_rate/{mode}",
            "solve rate",
            "mean solve rate of the valid tasks, each from `propose.samples` attempts",
            "1 is too easy, 0 impossible",
            share=True,
        ),
        Figure(
            "propose/learnable/{mode}",
            "learnable",
            (
                "share of the valid tasks with a solve rate strictly between 0 and 1: those that earn learnability "
                "(eq. 4)"
            ),
            "near 0: nothing to learn from",
            share=True,
        ),
        Figure("propose/tokens", "tokens a proposal", "mean length of a proposal in sampled tokens, the end included"),
        Figure(
            "propose/truncated",
            "proposals cut",
            "share of the proposals cut at `sampling.max_tokens`",
            "above a few percent, raise the limit",
            share=True,
        ),
    ),
    "Solving": (
        Figure(
            "solve/reward/{mode}",
            "solver's reward",
            (
                "mean reward of the attempts that are learned from (eqs. 5 and 6); the estimates' too, where they "
                "are reused"
            ),
        ),
        Figure(
            "solve/score/{mode}",
            "solver's score",
            "mean score in [0, 1] of the attempts drawn for the solver's batch, malformed ones as 0",
            "not a benchmark: the tasks change with the proposer",
            share=True,
        ),
        Figure(
            "solve/malformed/{mode}",
            "malformed answers",
            "share of these attempts that break the format, or whose answer does not parse",
            "falls towards 0 early",
            share=True,
        ),
        Figure(
            "solve/has_cot/{mode}",
            "attempts that show their work",
            "share of all attempts, estimates included, whose thought holds anything at all",
            "rises where work pays; falling to 0 means that answers are guessed",
            share=True,
        ),
        Figure("solve/tokens", "tokens an attempt", "mean length of an attempt in sampled tokens, estimates included"),
        Figure(
            "solve/truncated",
            "attempts cut",
            "share of the attempts cut at `sampling.max_tokens`, estimates included",
            "above a few percent, raise the limit",
            share=True,
        ),
    ),
    "Held-out problems": (
        Figure(
            "eval/{suite}",
            "held-out problems solved",
            (
                "share of a suite's problems that one sample each solves, with the weights that the step leaves; only "
                "at each `eval.every`-th step"
            ),
            "rises if training helps with what you care about; the problems and the chance are the same each time",
            share=True,
        ),
        Figure(
            "eval/nursery/{mode}",
            "nursery",
            "the same, of the nursery's held-out problems of a mode",
            share=True,
        ),
    ),
    "Buffer and advantages": (
        Figure(
            "buffer/size/{mode}",
            "tasks in the buffer",
            "tasks that the buffer holds after the step",
            "flat below the capacity: nothing new is proposed",
        ),
        Figure(
            "buffer/withdrawn",
            "tasks withdrawn",
            "tasks withdrawn because their programs gave different values while answers were graded",
            "above 0 for long: what the sandbox's seeds do not tell apart has been found",
        ),
        Figure(
            "fault/{error}",
            "faults of ours",
            "checks of what the model wrote that raised this error: left out of rewards, logged if there are any",
            "any: report it",
        ),
        Figure(
            "advantage/zero_groups",
            "groups that teach nothing",
            "share of the (role, mode) groups in which all rewards are equal, so that all advantages are 0",
            "near 1: nothing is learned",
            share=True,
        ),
        Figure(
            "advantage/repeats",
            "praise for repeats",
            "of the proposals' positive advantage, the share of those whose program was offered before",
            "near 1: the proposer is taught to repeat itself; a discount counts only against the group's other rewards",
            share=True,
        ),
    ),
    "Learning": (
        Figure(
            "learner/loss",
            "loss",
            "the objective of eq. 9 that was descended, with its KL and entropy terms",
            "its level means little; not finite is an alarm",
        ),
        Figure("learner/tokens", "tokens learned from", "number of tokens that were learned from"),
        Figure(
            "learner/grad_norm",
            "gradient norm",
            "norm of the gradient before clipping; mean over the optimizer steps, by their tokens",
            "spikes come before collapses",
        ),
        Figure(
            "learner/skipped",
            "steps left out",
            (
                "optimizer steps left out because a gradient or a log-probability was not finite; only with "
                "`optimizer.skips` above 0. Such a step counts in no other figure"
            ),
            "above 0 is an alarm; more than `optimizer.skips` in a row end the run",
        ),
        Figure(
            "learner/learning_rate",
            "learning rate",
            "the optimizer's learning rate at the last optimizer step, warm-up and schedule included",
        ),
        Figure(
            "learner/entropy",
            "entropy",
            "entropy of the next-token distribution, in nats",
            "near 0: samples no longer differ, nothing is explored",
        ),
        Figure(
            "learner/clip_fraction",
            "tokens clipped",
            (
                "share of tokens whose probability ratio, or whose response's with `loss.ratio sequence`, left the "
                "clip range"
            ),
            "0 with one optimizer step a step",
            share=True,
        ),
        Figure(
            "learner/kl_old",
            "KL to the step's start",
            "KL(weights at the step's start, weights as they move), in nats, k3 estimate",
            "0 with one optimizer step a step",
        ),
        Figure(
            "learner/kl_sampler",
            "KL to the sampler",
            "KL(sampler, learner at the step's start), k3 estimate",
            "numerical noise only",
        ),
        Figure(
            "learner/kl_reference",
            "KL to the initial model",
            "KL(learner, initial model), k3 estimate; only with `loss.kl` above 0",
        ),
        Figure(
            "learner/importance",
            "importance weight",
            "mean weight that corrects for the sampler's log-probabilities, capped at `loss.importance_cap`",
            "1 up to noise",
        ),
        Figure(
            "learner/logprob_gap",
            "mean log-prob gap",
            ("mean absolute difference of the sampler's and the learner's log-probability of a sampled token, in nats"),
            "above 0.1 is an alarm; above `loss.max_gap` the run stops",
        ),
        Figure("learner/logprob_gap_max", "largest log-prob gap", "the largest such difference in the step"),
    ),
    "Oversight": OVERSIGHT,
    "Clock": (
        Figure("seconds/step", "seconds a step", "wall time from the end of the step before to the end of this one"),
        Figure("seconds/propose", "propose", "of these, sampling proposals"),
        Figure("seconds/estimate", "estimate", "of these, sampling the attempts that estimate solve rates"),
        Figure("seconds/solve", "solve", "of these, sampling the solver's batch"),
        Figure("seconds/sandbox", "sandbox", "of these, running programs: validation and grading"),
        Figure("seconds/update", "update", "of these, the learner"),
        Figure("seconds/oversight", "oversight", "of these, reading what was sampled, and waiting for a judge"),
        Figure("seconds/eval", "held-out problems", "of these, sampling and judging held-out problems"),
        Figure("tokens_per_second", "tokens a second", "sampled tokens over the time spent sampling"),
        Figure("alarms", "alarms", "how many alarms began at this step; to trackers only"),
    ),
}
"""By the heading of `docs/metrics.md`."""

FIGURES = {figure.name: figure for figures in SECTIONS.values() for figure in figures}
"""By name."""


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table; without the last column where there is nothing to look for."""
    rows = [[f"`{figure.name}`", figure.doc, figure.watch] for figure in figures]
    head = ["name", "what it is", "what to look for"]
    width = 3 if any(row[2] for row in rows) else 2
    lines = [f"| {' | '.join(row[:width])} |".replace("|  |", "| |") for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]]) + "\n"


def filled(page: str) -> str:
    """`page` with the table under the heading of every section made anew."""
    for heading, figures in SECTIONS.items():
        before, mark, rest = page.partition(f"## {heading}\n")
        lines = rest.splitlines(keepends=True)
        first = next(number for number, line in enumerate(lines) if line.startswith("|"))
        last = next((number for number, line in enumerate(lines) if number > first and line[0] != "|"), len(lines))
        page = before + mark + "".join(lines[:first]) + table(figures) + "".join(lines[last:])
    return page
