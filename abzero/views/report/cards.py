"""The sections of single tasks: the hardest one's family, and proposals with outcomes, attempts and rewards."""

from collections.abc import Sequence

from abzero.python.entry import entry_of
from abzero.run.journal import Attempted
from abzero.types import Task
from abzero.views.format import attempt_derivation, outcome, proposal_derivation, score, solve_rate
from abzero.views.html import Html, code, html, joined, prose
from abzero.views.report.examples import Ancestor, Card


def family_section(line: Sequence[Ancestor]) -> Html:
    """The hardest task that was solved, then its ancestors back to a seed."""
    if not line:
        return html("<section><h2>The hardest task it solved</h2><p>None was solved yet.</p></section>")
    members = [
        html(
            '<div class="card"><h3>{mode} <code>{id}</code></h3><p>step {step}{rate}</p>{program}{case}</div>',
            mode=one.task.mode,
            id=one.task.id,
            step=one.step,
            rate=f", solved {one.solve_rate:.0%} of the time" if one.solve_rate is not None else ", a seed",
            program=code(one.task.program),
            case=_case(one.task),
        )
        for one in line
    ]
    return html(
        '<section><h2>The hardest task it solved</h2><p class="note">The lowest solve rate above nought, among equals '
        "the longest program. Beside it the family it descends from: of the tasks that its prompt showed, the one most "
        'like it, and so on back.</p><div class="line">{members}</div></section>',
        members=joined(members),
    )


def proposals_section(title: str, step: int, cards: Sequence[Card]) -> Html:
    return html(
        '<section><h2>{title}</h2><p class="note">{n} proposals of step {step}, evenly spaced.</p>'
        '<div class="cards">{cards}</div></section>',
        title=title,
        n=len(cards),
        step=step,
        cards=joined(map(_card, cards)),
    )


def _card(card: Card) -> Html:
    proposed = card.proposed
    reward = proposed.reward
    return html(
        '<div class="card"><h3>{mode} <code>{id}</code><span class="{badge}">{word}</span></h3>{body}'
        "<p>{dots} {rate}</p><p>reward {derivation}{advantage}</p>"
        "<details><summary>the prompt, as it was sent</summary>{prompt}</details>"
        "<details><summary>thought and answer, {tokens} tokens (--proposal {address})</summary>{completion}</details>"
        "{attempts}</div>",
        mode=proposed.mode,
        id=proposed.task or "",
        badge="good" if proposed.task else "bad",
        word="valid" if proposed.task else "rejected",
        body=joined([code(card.task.program), _case(card.task)]) if card.task else prose(outcome(proposed), 600),
        dots=joined(_dot(attempt) for attempt in card.attempts),
        rate=f"solved {solve_rate(proposed)}" if proposed.task else "",
        derivation=proposal_derivation(proposed),
        advantage=f", advantage {reward.advantage:+.2f}" if reward else "",
        prompt=prose(proposed.prompt),
        address=f"{proposed.step}/{proposed.position}",
        tokens=proposed.tokens,
        completion=prose(proposed.completion),
        attempts=_attempts(card.attempts) if card.attempts else "",
    )


def _case(task: Task) -> Html:
    first = task.cases[0]
    more = f"\n# and {len(task.cases) - 1} more cases" if len(task.cases) > 1 else ""
    return code(f">>> {entry_of(task.program)}({first.input})\n{first.output}{more}", 600)


def _dot(attempt: Attempted) -> Html:
    kind = "bad" if not attempt.score else "good" if attempt.score == 1 else "part"
    return html('<i class="dot {kind}" title="{score}"></i>', kind=kind, score=score(attempt))


def _attempts(attempts: Sequence[Attempted]) -> Html:
    rows = [
        html(
            "<tr><td>{score}</td><td>{answer}<details><summary>thought and answer (--attempt {address})</summary>"
            "{whole}</details></td><td>{reward}</td></tr>",
            score=score(attempt),
            answer=prose(attempt.answer, 300),
            address=f"{attempt.step}/{attempt.position}",
            whole=prose(attempt.completion),
            reward=attempt_derivation(attempt),
        )
        for attempt in attempts
    ]
    return html(
        "<details><summary>{n} attempts that estimated the solve rate</summary><table><tr><th>score</th><th>answer</th>"
        "<th>reward</th></tr>{rows}</table></details>",
        n=len(attempts),
        rows=joined(rows),
    )
