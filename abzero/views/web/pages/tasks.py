"""A task, a proposal, an attempt: why this verdict, why this reward?"""

from collections.abc import Sequence

from abzero.errors import RunError
from abzero.text.thought import parted
from abzero.types import Role
from abzero.views.html import Html, code, html, joined, prose
from abzero.views.web.pages.frame import (
    Page,
    PageRequest,
    block,
    dots,
    empty,
    link,
    more,
    number,
    one_line,
    section,
    table,
)
from abzero.views.web.pages.reward import derivation
from abzero.views.web.pages.steps import attempts as attempt_list
from abzero.views.web.queries import step, task

_ATTEMPTS = 100
_SHOWN_CASES = 10
WHY = "why this verdict, this reward?"


def one_task(ask: PageRequest) -> Page:
    """A task, every proposal that became it, every attempt at it, its ancestors and descendants."""
    found = task.task(ask.journal, ask.about[0] if ask.about else "")
    made = step.of_task(ask.journal, found.id, 20)
    start = _natural(ask.query.get("from"))
    tries = step.attempts_at(ask.journal, found.id, start, _ATTEMPTS)
    parts = [_task(ask, found)]
    if made:
        parts.append(_proposed(ask, made[0]))
    else:
        parts.append(section("Where it comes from", empty("A seed: no proposal of this run made it.")))
    if len(made) > 1:
        again = [
            link(ask.to("proposal", row.step, row.position), f"step {row.step}, {row.position}") for row in made[1:]
        ]
        parts.append(section("Proposed again", html("<p>{links}</p>", links=_spaced(again))))
    following = len(tries) == _ATTEMPTS
    on = link(ask.to("task", found.id, query={"from": start + _ATTEMPTS}), "more attempts") if following else ""
    parts.append(section("Attempts", html("{a}<p>{on}</p>", a=attempt_list(ask, tries), on=on)))
    parts.append(_descendants(ask, found.id))
    parts.append(_replay(ask, found.id))
    return Page(f"{found.mode} {found.id[:16]}", "steps", joined(parts), question=WHY)


def one_proposal(ask: PageRequest) -> Page:
    """A proposal from its prompt to its advantage."""
    n, position = _place(ask.about)
    row = step.proposal(ask.journal, n, position)
    if row is None:
        raise RunError(f"step {n} has no proposal {position}")
    parts = [_around(ask, "proposal", n, position)]
    if row.task:
        parts.append(_task(ask, task.task(ask.journal, row.task)))
    parts.append(_proposed(ask, row))
    if row.task:
        every = link(ask.to("task", row.task), "every attempt at this task, over the whole run")
        estimates = [
            a for a in step.attempts_at(ask.journal, row.task, 0, 500) if (a.step, a.proposal) == (n, position)
        ]
        body = html("{list}<p>{every}</p>", list=attempt_list(ask, estimates), every=every)
        parts.append(section("The attempts that estimated its solve rate", body))
        parts.append(_descendants(ask, row.task))
        parts.append(_replay(ask, row.task))
    return Page(f"Proposal {position} of step {n}", "steps", joined(parts), question=WHY)


def one_attempt(ask: PageRequest) -> Page:
    """An attempt: the question, the thought, the answer, the score."""
    n, position = _place(ask.about)
    query = (
        f"SELECT a.task, a.answer, a.score, f.name FROM attempt AS a {step.FAULT} WHERE a.step = ? AND a.position = ?"
    )
    row = ask.journal.row(query, n, position)
    if row is None:
        raise RunError(f"step {n} has no attempt {position}")
    found = task.task(ask.journal, str(row[0]))
    score = None if row[2] is None else float(str(row[2]))
    words = "malformed: it could not be read as an answer" if score is None else f"score {score:g}"
    if row[3] is not None:
        words = f"not graded: {row[3]!s}, a fault of abzero's"
    answer = section(
        "Answer",
        html("<p>{d} <b>{w}</b></p>{a}", d=dots((score,)), w=words, a=block(ask, ask.journal.text(row[1]), True)),
    )
    parts = [_around(ask, "attempt", n, position), answer, derivation(ask, "solve", n, position, found.mode, None)]
    parts += [_rollout(ask, "solve", n, position), _task(ask, found)]
    parts.append(html("<p>{l}</p>", l=link(ask.to("task", found.id), "every attempt at this task")))
    return Page(f"Attempt {position} of step {n}", "steps", joined(parts), question=WHY)


def text(ask: PageRequest) -> Page:
    """A stored text, a portion at a time."""
    wanted = _natural(ask.about[0] if ask.about else None)
    start = _natural(ask.query.get("from"))
    if start > 20_000_000:
        raise RunError("texts are shown up to their twenty-millionth character")
    found = ask.journal.text(wanted, 50_000, start)
    on = "" if found.whole else link(ask.to("text", wanted, query={"from": start + 50_000}), "go on reading")
    head = html('<p class="soft">from character {s}</p>', s=f"{start:,}")
    return Page(f"Text {wanted}", "", html("{h}{t}<p>{on}</p>", h=head, t=prose(found.text, len(found.text)), on=on))


def _task(ask: PageRequest, found: task.TaskRecord) -> Html:
    cases = [
        html(
            '<div class="case">{i}<span class="arrow" aria-label="gives">→</span>{o}</div>',
            i=code(f"f({given})"),
            o=code(result),
        )
        for given, result in found.cases[:_SHOWN_CASES]
    ]
    hidden = len(found.cases) - _SHOWN_CASES + found.more_cases if len(found.cases) > _SHOWN_CASES else found.more_cases
    return html(
        '<section class="task"><div class="card"><h2>Program <span class="mode">{mode}</span> '
        '<code>{id}</code></h2>{program}</div><div class="card"><h2>{n}</h2>{cases}{hidden}{message}</div></section>',
        mode=found.mode,
        id=link(ask.to("task", found.id), found.id),
        program=block(ask, found.program, True),
        n="Case" if len(found.cases) == 1 else "Cases",
        cases=joined(cases),
        hidden=html('<p class="soft">and {n} more</p>', n=hidden) if hidden > 0 else "",
        message=html("<h3>Message</h3>{m}", m=block(ask, found.message)) if found.message.text else "",
    )


def _proposed(ask: PageRequest, row: step.ProposalRow) -> Html:
    """The way of a proposal, station by station."""
    sent = task.rollout(ask.journal, "propose", row.step, row.position)
    shown = task.references(ask.journal, row.step, row.position)
    new = task.novelty(ask.journal, row.step, row.position)
    stations: list[tuple[str, Html]] = [
        (
            "prompt",
            html("shown {links}", links=_tasks(ask, shown)) if shown else html("showed no task"),
        ),
        (
            "sampled",
            html(
                "{t} tokens, {f}, by weights after {v} updates", t=sent.tokens, f=_finish(sent.finish), v=sent.version
            ),
        ),
        ("format", html("kept" if sent.well_formed else "broken: no think and answer tags as asked for")),
    ]
    if row.task is None:
        why = block(ask, row.error) if row.error else html("no reason was recorded")
        ours = html('<p class="soft">for a reason of ours: neither rewarded nor learned from</p>') if row.ours else ""
        stations.append(("verdict", html('<b class="bad">rejected</b>{ours}{why}', ours=ours, why=why)))
    else:
        stations.append(
            ("verdict", html('<b class="good">valid</b>: it ran, alike under every seed, and returned a literal'))
        )
        novelty = "new to the buffer" if new.new else "the buffer held it already" if new.new is False else "unknown"
        repeats = f", a program of this form was offered {new.repeats} times before" if new.repeats else ""
        same = f", {new.answer_share:.0%} of the buffer has its answer" if new.answer_share else ""
        stations.append(("novelty", html("{w}", w=novelty + repeats + same)))
        right = sum(score or 0.0 for score in row.scores)
        rate = f"{right:g}/{len(row.scores)}" if row.scores else number(row.solve_rate)
        stations.append(("estimate", html("{d} solve rate <b>{r}</b>", d=dots(row.scores), r=rate)))
    line = joined(html('<li><span class="station">{k}</span><div>{v}</div></li>', k=k, v=v) for k, v in stations)
    return html(
        '<section><h2>From prompt to verdict</h2><p class="note">{where}</p><ol class="way">{line}</ol>'
        "</section>{reward}{sent}",
        where=html(
            "Proposal {l}", l=link(ask.to("proposal", row.step, row.position), f"{row.position} of step {row.step}")
        ),
        line=line,
        reward=derivation(ask, "propose", row.step, row.position, row.mode, row.solve_rate),
        sent=_rollout(ask, "propose", row.step, row.position),
    )


def _rollout(ask: PageRequest, role: Role, n: int, position: int) -> Html:
    """Prompt as it was sent, completion with its thought folded."""
    sent = task.rollout(ask.journal, role, n, position)
    thought, rest = parted(sent.completion.text)
    folded = (
        html(
            "<details><summary>the thought, {n} characters</summary>{t}</details>",
            n=f"{len(thought):,}",
            t=prose(thought, len(thought)),
        )
        if rest and thought.strip()
        else Html("")
    )
    shown = prose(rest, len(rest)) if rest else block(ask, sent.completion)
    return section(
        "Completion",
        html(
            '<p class="note">{tokens} tokens, {finish}</p>{folded}{shown}{more}'
            "<details><summary>the prompt as it was sent, {n} characters</summary>{prompt}</details>",
            tokens=sent.tokens,
            finish=_finish(sent.finish),
            folded=folded,
            shown=shown,
            more=more(ask, sent.completion) if rest else "",
            n=f"{len(sent.prompt.text):,}{'' if sent.prompt.whole else '+'}",
            prompt=block(ask, sent.prompt),
        ),
    )


def _descendants(ask: PageRequest, identity: str) -> Html:
    found = task.descendants(ask.journal, identity, 60)
    if not found:
        return section("Descendants", empty("No task descends from it."))
    rows = []
    for name, n in found[:20]:
        row = ask.journal.row("SELECT program FROM task WHERE id = ?", name)
        program = ask.journal.text(row[0], 300) if row else None
        rows.append([link(ask.to("task", name), name[:8], "item"), f"step {n}", one_line(program)])
    rest = html('<p class="soft">and {n} more</p>', n=len(found) - 20) if len(found) > 20 else ""
    shown = table(("task", "proposed at", "program"), rows, "descendants")
    return section("Descendants", html("{t}{r}", t=shown, r=rest), "Tasks whose proposal was shown this one.")


def _replay(ask: PageRequest, identity: str) -> Html:
    line = f"abzero replay {ask.run.path} {identity}"
    return section(
        "Run it again",
        html('<p class="copy"><code>{l}</code><button type="button" data-copy="{l}">copy</button></p>', l=line),
    )


def _around(ask: PageRequest, kind: str, n: int, position: int) -> Html:
    before = link(ask.to(kind, n, position - 1), "← previous", "prev") if position else ""
    table_of = "proposal" if kind == "proposal" else "attempt"
    there = ask.journal.row(f"SELECT 1 FROM {table_of} WHERE step = ? AND position = ?", n, position + 1)
    after = link(ask.to(kind, n, position + 1), "next →", "next") if there else ""
    return html('<p class="around">{b}{s}{a}</p>', b=before, s=link(ask.to("step", n), f"step {n}"), a=after)


def _finish(finish: str) -> str:
    return "cut at the token limit" if finish == "length" else "ended by itself" if finish == "stop" else finish


def _tasks(ask: PageRequest, names: Sequence[str]) -> Html:
    return _spaced([link(ask.to("task", name), name[:8]) for name in names])


def _spaced(parts: Sequence[Html]) -> Html:
    return joined(html("{p} ", p=part) for part in parts)


def _place(about: Sequence[str]) -> tuple[int, int]:
    if len(about) != 2:
        raise RunError("the address lacks a step and a position")
    return _natural(about[0]), _natural(about[1])


def _natural(text: str | None) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise RunError(f"{text[:40]!r} in the address is no number")
    return int(text)
