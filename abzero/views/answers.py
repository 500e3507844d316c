"""`abzero show RUN --suite SUITE`: evaluations, the answers that are not right, and one problem's answers in full."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.text import Text

from abzero.errors import RunError
from abzero.text.sanitize import abridged, harmless
from abzero.text.terminal import Column, RankedTable, heading
from abzero.views import averages
from abzero.views.judged import Judgement, Row, newest, tally
from abzero.views.rows import JsonRow as Json

_LONGEST = 1_000_000
_MOST = 500
WRONG = ("wrong", "timeout", "no_answer", "error")


def chosen(found: Sequence[Judgement], suite: str, step: int | None) -> list[Judgement]:
    """Those of `suite` at `step`, by default the newest: one for each way of asking. Raises `RunError`."""
    of_suite = [one for one in found if one.suite == suite]
    if not of_suite:
        there = ", ".join(sorted({one.suite for one in found})) or "none"
        raise RunError(f"there are no answers to suite '{suite}' here: there are those to {there}")
    at = [one for one in of_suite if one.step == step] if step is not None else newest(of_suite)
    if not at:
        steps = sorted({one.step for one in of_suite if one.step is not None})
        held = f"steps {', '.join(map(str, steps[-10:]))}" if steps else "no step"
        raise RunError(f"suite '{suite}' was not asked at step {step}: answers are there of {held}")
    return at


def overview(found: Sequence[Judgement]) -> RenderableType:
    """One line for the newest of each suite."""
    names = {"suite": 0, "step": 0, "asked": 3, "n": 0, "correct": 0, "95 %": 1}
    more = {"base": 4, "wrong": 1, "no answer": 1, "timeout": 2, "cut": 5, "error": 2}
    columns = [Column(name, rank, "left" if name in ("suite", "asked") else "right") for name, rank in names.items()]
    table = RankedTable([*columns, *(Column(name, rank, "right") for name, rank in more.items())], "held-out problems")
    for one in newest(found):
        sums = tally(one.rows())
        errors = sums.counts.get("error", 0)
        table.add_row(
            harmless(one.suite), "" if one.step is None else str(one.step), harmless(one.preset), str(sums.n),
            "" if errors else f"{100 * sums.correct:.1f} %", f"{100 * sums.low:.1f}-{100 * sums.high:.1f}",
            "" if sums.base is None else f"{100 * sums.base:.1f} %",
            *(str(sums.counts.get(name, 0)) for name in ("wrong", "no_answer", "timeout")), str(sums.cut), str(errors),
        )  # fmt: skip
    means = [
        line for folder in dict.fromkeys(one.path.parent for one in newest(found)) for line in averages.lines(folder)
    ]
    return Group(
        table,
        *map(Text, means),
        Text("what is not right: --suite SUITE    one problem: --suite SUITE --problem ID", style="dim"),
    )


def mistakes(one: Judgement) -> RenderableType:
    """Every answer that is not right, with why."""
    rows = one.rows()
    wrong = [row for row in rows if row.verdict != "correct"]
    table = RankedTable([Column("problem"), Column("sample", 2), Column("verdict"), Column("why")])
    for row in wrong[:_MOST]:
        table.add_row(harmless(row.id), str(row.sample), harmless(row.verdict), abridged(row.detail, 300))
    left = len(wrong) - _MOST
    title = f"{harmless(one.suite)}{_at(one)}: {len(wrong)} of {len(rows)} answers are not right"
    return Group(
        heading(title),
        *([table] if wrong else []),
        *([Text(f"and {left} more: abzero grep reads all of them")] if left > 0 else []),
        Text(f"one of them in full: --suite {harmless(one.suite)} --problem ID", style="dim"),
    )


def in_full(one: Judgement, key: str) -> RenderableType:
    """A problem, and every sample of it: what was written, what was judged, the verdict, why. Raises `RunError`."""
    rows = _of(one, key)
    parts: list[RenderableType] = [
        heading(f"{harmless(one.suite)} {harmless(key)}{_at(one)}"),
        Text(abridged(one.texts(rows[0]).problem, _LONGEST) or "(the problem's text was not kept)"),
    ]
    for row in rows:
        texts = one.texts(row)
        verdict = Text(harmless(f"{row.verdict}, by {row.by}" if row.by else row.verdict))
        verdict.append(harmless(f"\n{row.detail}") if row.detail else "")
        cut = " (cut at the token limit)" if row.finish == "length" else ""
        parts += [heading(f"sample {row.sample}: completion{cut}"), Text(abridged(texts.completion, _LONGEST))]
        parts += [heading("what was judged"), Text(abridged(texts.answer, _LONGEST))] if texts.answer else []
        parts += [heading("verdict"), verdict]
    return Group(*parts)


def as_data(found: Sequence[Judgement], suite: str | None, key: str | None) -> list[Json]:
    """The same as plain data: figures of each, or of `found` the rows that are not right, or a problem's with texts."""
    if suite is None:
        return [{**_head(one), **asdict(tally(one.rows()))} for one in newest(found)]
    if key is None:
        return [{**_head(one), **_plain(row)} for one in found for row in one.rows() if row.verdict != "correct"]
    return [
        {**_head(one), **_plain(row), **asdict(one.texts(row))} for one in found for row in _of(one, key)
    ]  # fmt: skip


def _of(one: Judgement, key: str) -> list[Row]:
    rows = [row for row in one.rows() if row.id == key]
    if not rows:
        raise RunError(f"there is no answer to '{key}' in '{one.path}': abzero show --suite {one.suite} lists some")
    return rows


def _head(one: Judgement) -> Json:
    return {"suite": one.suite, "step": one.step, "asked": one.preset or None}


def _plain(row: Row) -> Json:
    return {name: value for name, value in asdict(row).items() if name != "place"}


def _at(one: Judgement) -> str:
    return "" if one.step is None else f", step {one.step}, asked as {harmless(one.preset)}"
