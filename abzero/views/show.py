"""`abzero show`: a run, a step or a task, for the terminal. Everything a model wrote is made harmless first."""

import json
from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from abzero.algo.figures import FIGURES
from abzero.errors import RunError
from abzero.python.entry import entry_of
from abzero.run.journal import Attempted, JournalReader, Proposed
from abzero.text.sanitize import abridged, harmless
from abzero.text.terminal import Column, Pairs, Ragged, RankedTable, SourceText, counted, heading
from abzero.views.format import attempt_derivation, outcome, proposal_derivation, score, solve_rate

_RECENT = 10
_MOST_ATTEMPTS = 64
_SETTINGS = (
    *("model.name", "seed", "steps", "batch_size", "tasks.modes", "tasks.prompts", "sampling.temperature"),
    *("sampling.max_tokens", "propose.references", "propose.samples", "propose.frozen_copy", "solve.reuse_estimates"),
    *("reward.learnability", "advantage.estimator", "loss.reduction", "optimizer.lr"),
)
_COLUMNS = tuple(
    FIGURES[name]
    for name in (
        *("propose/valid/{mode}", "propose/new/{mode}", "propose/learnable/{mode}", "propose/solve_rate/{mode}"),
        *("propose/reward/{mode}", "solve/reward/{mode}", "solve/score/{mode}", "learner/entropy"),
    )
)
"""The table of steps: each figure is its mean over the modes."""


def overview(reader: JournalReader) -> RenderableType:
    """The run: what it is, its last steps, its alarms."""
    steps = reader.steps()
    about = reader.about()
    ranks = (1, 3, 2, 1, 4, 4, 0, 5)
    columns = [Column(one.label.replace(" ", "\n"), rank, "right") for one, rank in zip(_COLUMNS, ranks, strict=True)]
    title = f"last {min(_RECENT, len(steps))} of {counted(len(steps), 'step')}"
    table = RankedTable([Column("step", 0, "right"), *columns], title)
    for number in steps[-_RECENT:]:
        metrics = reader.metrics(number)
        table.add_row(str(number), *(_mean_of(metrics, column.prefix) for column in _COLUMNS))
    alarms = [Text(f"! step {alarm.step}: {harmless(alarm.message)}", style="yellow") for alarm in reader.alarms()]
    more = [Text(f"({len(alarms) - _RECENT} earlier alarms)")] if len(alarms) > _RECENT else []
    return Group(
        Pairs({key: value for key, value in about.items() if key != "config"}),
        Pairs(_settings(about.get("config", "{}"))),
        table,
        *more,
        *(alarms[-_RECENT:] or [Text("no alarms")]),
        Text(
            "one step: --step N    one task: --task ID    one rollout: --attempt STEP/POSITION, --proposal …",
            style="dim",
        ),
    )


def step_view(reader: JournalReader, number: int) -> RenderableType:
    """One step: its proposals with outcomes and rewards, how its attempts went, its figures. Raises `RunError`."""
    steps = reader.steps()
    if number not in steps:
        held = f"{steps[0]} to {steps[-1]}" if steps else "none yet"
        raise RunError(f"the journal holds no step {number}: it has {held}")
    proposals = [_proposal(reader, proposed) for proposed in reader.proposals(number)]
    figures = reader.metrics(number)
    flagged: list[RenderableType] = [
        Text(
            f"! --{'proposal' if one.role == 'propose' else 'attempt'} {number}/{one.position}: "
            + harmless(f"{one.category}, severity {one.severity}, in the {one.part} ({one.source})"),
            style="red" if one.severity > 2 else "yellow",
        )
        for one in reader.findings(number)
    ]
    return Group(
        heading(f"proposals of step {number}"),
        *proposals,
        _attempt_table(reader.attempts(number)),
        *([heading("what monitors found")] if flagged else []),
        *flagged,
        Pairs({name: f"{value:.5g}" for name, value in figures.items()}),
    )


def task_view(reader: JournalReader, prefix: str) -> RenderableType:
    """One task: where it comes from, its program and cases, what was answered, and every reward. Raises `RunError`."""
    task = reader.task(prefix)
    proposals = reader.proposals_of(task.id)
    attempts = reader.attempts_at(task.id)
    children = reader.children(task.id)
    times = "once" if len(proposals) == 1 else f"{len(proposals)} times"
    seen = f"first seen at step {reader.first_seen(task.id)}, proposed {times}"
    cases = RankedTable([Column("input"), Column("output")], "cases")
    for case in task.cases:
        cases.add_row(_cell(case.input), _cell(case.output))
    return Group(
        heading(f"{harmless(task.mode)} task {task.id}"),
        Text(seen if proposals else "a seed: no proposal of this run made it"),
        heading("program"),
        SourceText(task.program),
        cases,
        *([heading("message"), Text(abridged(task.message))] if task.message else []),
        *(part for proposed in proposals[:3] for part in _origin(reader, proposed)),
        _answers(attempts),
        Text(
            f"shown as a reference to {counted(len(children), 'task')}"
            + "".join(f"\n  {harmless(child)}" for child in children[:10])
        ),
    )


def _proposal(reader: JournalReader, proposed: Proposed) -> RenderableType:
    """A proposal in a few lines: what became of it, its reward, the task that it became."""
    head = Text(f"{proposed.position:>3} {harmless(proposed.mode)} ", style="bold")
    if proposed.task is None:
        head.append_text(Text(abridged(outcome(proposed), 300), style="red"))
    else:
        head.append_text(Text(f"{proposed.task} {outcome(proposed)}, solved {solve_rate(proposed)}", style="green"))
    reward = Text(f"reward {harmless(proposal_derivation(proposed))}, advantage {_advantage(proposed) or 'none'}")
    below: list[RenderableType] = [reward]
    if proposed.task is not None:
        task = reader.task(proposed.task)
        below.append(SourceText(f"{task.program}\n# {entry_of(task.program)}({task.cases[0].input})", 600))
    return Group(head, *(Ragged(Padding(one, (0, 0, 0, 4), expand=False)) for one in below))


def _origin(reader: JournalReader, proposed: Proposed) -> list[RenderableType]:
    """A proposal that made the task: what became of it, its reward, its references."""
    head = Text(f"--proposal {proposed.step}/{proposed.position}: ")
    head.append(harmless(outcome(proposed)))
    head.append(f"\nreward {harmless(proposal_derivation(proposed))}, advantage {_advantage(proposed) or 'none'}")
    for place, reference in enumerate(proposed.references, 1):
        task = reader.task(reference)
        head.append(f"\nreference {place}: {task.id}  {task.mode}  {_line(task.program, 70)}")
    return [head, heading("completion"), Text(abridged(proposed.completion))]


def _answers(attempts: Sequence[Attempted]) -> RenderableType:
    estimates = sum(attempt.proposal is not None for attempt in attempts)
    title = f"{counted(len(attempts), 'attempt')}, {estimates} of them to estimate the solve rate"
    names = {"address": 0, "kind": 2, "score": 0, "answer": 0, "ended by": 4, "reward": 1, "advantage": 3}
    table = RankedTable([Column(name, rank) for name, rank in names.items()], title)
    for attempt in attempts[:_MOST_ATTEMPTS]:
        table.add_row(
            *(
                f"{attempt.step}/{attempt.position}",
                "drawn" if attempt.proposal is None else "estimate",
                score(attempt),
            ),
            *(_cell(attempt.answer, 200, lines=8), harmless(attempt.finish)),
            *(harmless(attempt_derivation(attempt)), _advantage(attempt)),
        )
    left = len(attempts) - _MOST_ATTEMPTS
    return Group(table, Text(f"and {left} later attempts")) if left > 0 else table


def _attempt_table(attempts: Sequence[Attempted]) -> RankedTable:
    faults = ["faults"] if any(attempt.fault for attempt in attempts) else []
    names = ("mode", "kind", "attempts", "solved", "malformed", "cut", *faults)
    table = RankedTable([Column(name) for name in names], "attempts")
    for mode in sorted({attempt.mode for attempt in attempts}):
        for estimate in (True, False):
            rows = [
                attempt for attempt in attempts if attempt.mode == mode and (attempt.proposal is not None) == estimate
            ]
            solved = sum(attempt.score or 0.0 for attempt in rows)
            malformed = sum(attempt.score is None and not attempt.fault for attempt in rows)
            cut = sum(attempt.finish == "length" for attempt in rows)
            if rows:
                kind = "estimate" if estimate else "drawn"
                faulty = [str(sum(bool(attempt.fault) for attempt in rows))] if faults else []
                counts = (str(len(rows)), f"{solved:g}", str(malformed), str(cut), *faulty)
                table.add_row(harmless(mode), kind, *counts)
    return table


def _settings(config: str) -> dict[str, str]:
    """The settings that tell one run from another, as far as `config` (JSON) has them."""
    flat: dict[str, str] = {}
    for key, value in json.loads(config).items():
        entries = {f"{key}.{inner}": leaf for inner, leaf in value.items()} if isinstance(value, dict) else {key: value}
        flat |= {
            name: ", ".join(map(str, leaf)) if isinstance(leaf, list) else str(leaf) for name, leaf in entries.items()
        }
    return {name: flat[name] for name in _SETTINGS if name in flat}


def _mean_of(metrics: Mapping[str, float], prefix: str) -> str:
    values = [value for name, value in metrics.items() if name.startswith(prefix)]
    return f"{sum(values) / len(values):.2f}" if values else ""


def _advantage(record: Proposed | Attempted) -> str:
    return f"{record.reward.advantage:+.3f}" if record.reward else ""


def _cell(text: str, limit: int = 160, lines: int = 4) -> Text:
    """Model text in a table: short, and no more than some lines."""
    rows = abridged(text, limit).split("\n")
    return Text("\n".join([*rows[:lines], f"… {len(rows) - lines} more lines …"] if len(rows) > lines else rows))


def _line(text: str, limit: int) -> str:
    flat = harmless(text[:limit]).replace("\n", "\\n")
    return flat + ("…" if len(text) > limit else "")
