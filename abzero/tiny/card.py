"""The model card that lies beside the weights: what it read, for how long, and what it can do."""

from collections.abc import Sequence
from typing import Protocol

from abzero.tiny import corpus, grammar, pretrain
from abzero.tiny.pretrain import Stage


class MeasuredAccuracy(Protocol):
    """A measured share with its 95 % interval, as the nursery suite returns it."""

    @property
    def mode(self) -> str: ...
    @property
    def k(self) -> int: ...
    @property
    def metric(self) -> str: ...
    @property
    def n(self) -> int: ...
    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


_CARD = """\
---
license: apache-2.0
library_name: transformers
---
# tiny: the model in the box

A language model of {parameters:,} parameters (a Llama of 4 layers, stored in bfloat16) that proposes and solves Python
programs of a few lines in abzero's `compact` prompts. It exists so that the whole self-play loop can be run, watched
and tested on a laptop. It knows nothing else.

## What it read

Only text that `abzero.tiny.corpus` made up and that is true: no planted errors, no text of a person or of another
model. The grammar has {operations} operations on digits, lists of up to four digits and short strings; a program is a
chain of assignments. Shares of the documents: {mix}.

* Solutions are of programs with at most {solved} operations. Most are worked (a trace, then the answer); where the
  stages below say so, some give the answer alone.
* Proposals have one to six, so the model can write programs that it was never shown how to solve.
* Programs held out for evaluation (one in eight by hash, and all with one of the held-out pairs of neighbouring
  operations) do not occur. Programs of one operation all occur.

## How it was made

`abzero nursery build FOLDER --seed {seed}`, in stages:

{stages}

Muon at {muon} for matrices and AdamW at {adam} for the rest, one thread, bfloat16 compute on float32 weights. Budgets
count steps, not time: the same seed gives the same weights on the same machine and library versions.

## What it can do

Held-out test problems of the `nursery` suite, in percent with 95 % Wilson intervals; *traced* counts greedy answers
that are right by a trace of every statement. k is the number of operations; beyond {solved}, no solution was shown.

{table}
"""


def card(seed: int, stages: Sequence[Stage], parameters: int, figures: Sequence[MeasuredAccuracy]) -> str:
    """The card's Markdown."""
    return _CARD.format(
        parameters=parameters,
        operations=len(grammar.OPERATIONS),
        mix=", ".join(f"{name.replace('_', ' ')} {share:.0%}" for name, share in corpus.shares().items()),
        solved=corpus.SOLVED,
        seed=seed,
        stages="\n".join(f"{number}. {_stage(stage)}" for number, stage in enumerate(stages, 1)),
        muon=pretrain.MUON_RATE,
        adam=pretrain.ADAM_RATE,
        table=_table(figures),
    )


def _stage(stage: Stage) -> str:
    lesson = stage.lesson
    lengths = " ".join(f"{share:.0%}" for share in lesson.lengths)
    copies = f"; {lesson.copied:.0%} of the solved programs also hold up to {lesson.copies} plain copies (`m = j`)"
    return (
        f"{stage.steps:,} steps of {stage.documents} documents at {stage.peak:g} of the peak rates"
        f"{copies if lesson.copied else ''}; proposed programs of one to {len(lesson.lengths)} operations: {lengths}"
        f"{'' if lesson.redundant else ', all of which matter to the result'}"
        f"{f'; {lesson.direct:.0%} of the solutions give the answer alone, without the work' if lesson.direct else ''}"
    )


def _table(figures: Sequence[MeasuredAccuracy]) -> str:
    metrics = list(dict.fromkeys(figure.metric for figure in figures))
    cells = {(figure.mode, figure.k, figure.metric): figure for figure in figures}
    lines = [f"| mode | k | n | {' | '.join(metrics)} |", f"|---|---|---|{'---|' * len(metrics)}"]
    for mode, k in dict.fromkeys((figure.mode, figure.k) for figure in figures):
        row = [cells.get((mode, k, metric)) for metric in metrics]
        shown = " | ".join(f"{100 * f.value:.0f} ({100 * f.low:.0f}-{100 * f.high:.0f})" if f else "" for f in row)
        lines.append(f"| {mode} | {k} | {max(f.n for f in row if f)} | {shown} |")
    return "\n".join(lines)
