"""`abzero show --proposal STEP/POSITION`, `--attempt …`: one rollout in full. What a model wrote is made harmless."""

from rich.console import Group, RenderableType
from rich.text import Text

from abzero.errors import ConfigError
from abzero.run.journal import Attempted, JournalReader, Proposed
from abzero.text.sanitize import abridged, harmless
from abzero.text.terminal import SourceText, heading
from abzero.text.thought import parted
from abzero.types import Finding, Role
from abzero.views.format import attempt_derivation, outcome, proposal_derivation, score, solve_rate

_LONGEST = 1_000_000
"""Characters of a text that are shown: all, of whatever a token limit lets a model write."""


def address(text: str, flag: str) -> tuple[int, int]:
    """``12/3`` as step and position. Raises `ConfigError`."""
    step, slash, position = text.partition("/")
    if not slash or not all(part.isdecimal() and part.isascii() and len(part) < 16 for part in (step, position)):
        raise ConfigError(f"{flag} '{text[:80]}' is no address: give STEP/POSITION, such as {flag} 12/3")
    return int(step), int(position)


def proposal_view(reader: JournalReader, step: int, position: int) -> RenderableType:
    """A proposal: the prompt as it was sent, the thought, the answer, what became of it, what it earned and why."""
    proposed = reader.proposal(step, position)
    verdict = Text(harmless(outcome(proposed)))
    if proposed.task:
        verdict.append(f", solved {solve_rate(proposed)}" if proposed.solve_rate is not None else "")
        verdict.append(
            f"\ntask {harmless(proposed.task)}" + {None: "", True: ", new", False: ", known before"}[proposed.new]
        )
    for place, reference in enumerate(proposed.references, 1):
        verdict.append(f"\nreference {place}: {harmless(reference)}")
    task: list[Text | SourceText] = []
    if proposed.task:
        task = [heading("program"), SourceText(reader.task(proposed.task).program, _LONGEST)]
    estimates = [
        Text(f"estimated by --attempt {step}/{one.position}: {score(one)}")
        for one in reader.attempts(step)
        if one.proposal == position
    ]
    return _view(reader, proposed, "propose", proposal_derivation(proposed), [verdict, *task], estimates)


def attempt_view(reader: JournalReader, step: int, position: int) -> RenderableType:
    """An attempt: the prompt as it was sent, the thought, the answer, the verdict, what it earned and why."""
    attempted = reader.attempt(step, position)
    task = reader.task(attempted.task)
    verdict = Text(f"{score(attempted)}; what was judged: ").append(_full(attempted.answer) or "nothing")
    owner = (
        "drawn for the solver" if attempted.proposal is None else f"estimates --proposal {step}/{attempted.proposal}"
    )
    verdict.append(f"\ntask {task.id}, {owner}")
    truth = [Text(f"{_full(case.input)} -> {_full(case.output)}") for case in task.cases]
    program = SourceText(task.program, _LONGEST)
    about: list[Text | SourceText] = [verdict, heading("program"), program, heading("cases"), *truth]
    return _view(reader, attempted, "solve", attempt_derivation(attempted), about, [])


def _view(
    reader: JournalReader,
    record: Proposed | Attempted,
    role: Role,
    derivation: str,
    verdict: list[Text | SourceText],
    more: list[Text],
) -> RenderableType:
    thought, answer = parted(record.completion)
    advantage = f", advantage {record.reward.advantage:+.3f}" if record.reward else ""
    kind = "proposal" if role == "propose" else "attempt"
    found = [one for one in reader.findings(record.step) if (one.role, one.position) == (role, record.position)]
    return Group(
        heading(f"{kind} {record.step}/{record.position}, {harmless(record.mode)}"),
        Text(f"{record.tokens} tokens, ended by {harmless(record.finish)}, weights of version {record.version}"),
        heading("prompt, as it was sent"),
        Text(_full(record.prompt)),
        heading("thought"),
        Text(_full(thought)),
        heading("answer: none, no tag closes the thought" if answer is None else "answer"),
        Text(_full(answer or "")),
        heading("verdict"),
        *verdict,
        heading("reward"),
        Text(harmless(derivation) + advantage),
        *more,
        *([heading("what monitors found")] if found else []),
        *map(_finding, found),
    )


def _finding(one: Finding) -> Text:
    where = f"in the {one.part}, characters {one.begin} to {one.end} ({one.source})"
    return Text(f"! {harmless(f'{one.category}, severity {one.severity}, {where}')}", style="yellow")


def _full(text: str) -> str:
    return abridged(text, _LONGEST)
