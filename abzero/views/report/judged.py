"""The section of answers to held-out problems: figures of each suite, and what was not right, with why."""

from collections.abc import Sequence
from pathlib import Path

from abzero.views import averages
from abzero.views.html import Html, html, joined, prose
from abzero.views.judged import Judgement, Row, judgements, newest, tally

_SHOWN = 20
"""Answers of a suite that are shown in full, evenly spaced among those that are not right."""


def answers_section(folder: Path) -> Html:
    """The newest answers of each suite that the run was asked; nothing where it was asked none. Raises `RunError`."""
    found = [(one, one.rows()) for one in newest(judgements(folder))]
    if not found:
        return Html("")
    return html(
        '<section><h2>Answers to held-out problems</h2><p class="note">The newest of each suite, with 95 % intervals; '
        "of what is not right, up to {most} evenly spaced. All of them: <code>abzero show RUN --suite SUITE</code>.</p>"
        '<div class="wide"><table><tr><th>suite</th><th>step</th><th>asked as</th><th>problems</th><th>correct</th>'
        "<th>95 %</th><th>base</th><th>wrong</th><th>no answer</th><th>timeout</th><th>cut</th><th>error</th></tr>"
        "{figures}</table></div>{averages}{mistakes}</section>",
        most=_SHOWN,
        figures=joined(_figures(one, rows) for one, rows in found),
        averages=joined(map(_averages, {one.path.parent: one for one, _ in found}.values())),
        mistakes=joined(_mistakes(one, rows) for one, rows in found),
    )


def _averages(one: Judgement) -> Html:
    """The paper's averages over the suites that lie in one folder."""
    said = averages.lines(one.path.parent)
    where = f"step {one.step}, asked as {one.preset}; " if one.step is not None else ""
    return html('<p class="note">{where}{said}</p>', where=where, said="; ".join(said)) if said else Html("")


def _figures(one: Judgement, rows: Sequence[Row]) -> Html:
    sums = tally(rows)
    errors = sums.counts.get("error", 0)
    cells = (
        one.suite, "" if one.step is None else one.step, one.preset, sums.n,
        "no score" if errors else f"{sums.correct:.1%}", f"{100 * sums.low:.1f}–{100 * sums.high:.1f}",
        "" if sums.base is None else f"{sums.base:.1%}",
        *(sums.counts.get(name, 0) for name in ("wrong", "no_answer", "timeout")), sums.cut, errors,
    )  # fmt: skip
    return html("<tr>{cells}</tr>", cells=joined(html("<td>{cell}</td>", cell=cell) for cell in cells))


def _mistakes(one: Judgement, rows: Sequence[Row]) -> Html:
    wrong = [row for row in rows if row.verdict != "correct"]
    count = min(_SHOWN, len(wrong))
    shown = [wrong[index * len(wrong) // count] for index in range(count)]
    if not shown:
        return Html("")
    return html(
        "<details><summary>{suite}: {n} of {wrong} answers that are not right</summary>{rows}</details>",
        suite=one.suite,
        n=count,
        wrong=len(wrong),
        rows=joined(_answer(one, row) for row in shown),
    )


def _answer(one: Judgement, row: Row) -> Html:
    texts = one.texts(row)
    judged = html("<p>what was judged</p>{answer}", answer=prose(texts.answer)) if texts.answer else Html("")
    return html(
        '<details class="card"><summary><code>{id}</code>, sample {sample}: <span class="bad">{verdict}</span> {why}'
        "</summary><p>the problem</p>{problem}<p>the completion{cut}</p>{completion}{judged}</details>",
        id=row.id,
        sample=row.sample,
        verdict=row.verdict,
        why=row.detail,
        problem=prose(texts.problem or "(its text was not kept)"),
        cut=", cut at the token limit" if row.finish == "length" else "",
        completion=prose(texts.completion),
        judged=judged,
    )
