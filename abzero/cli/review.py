"""`abzero oversight review`: a person reads what monitors found, and decides."""

import time
from contextlib import closing
from pathlib import Path

from rich.text import Text
from tyro.conf import Positional

from abzero.cli.arguments import Switch
from abzero.cli.estimate import audit_share
from abzero.cli.output import heading, out, say
from abzero.config.load import as_recorded
from abzero.errors import ConfigError
from abzero.oversight import chain, gate, verdicts
from abzero.oversight.recorded import Recorded, record_path
from abzero.run.directory import RunFolder
from abzero.run.journal import JournalReader
from abzero.text.sanitize import abridged, harmless


def review(
    run: Positional[Path],
    finding: int | None = None,
    decision: str = "",
    by: str = "",
    reason: str = "",
    all: Switch = False,
    audit: int = 0,
    share: float | None = None,
) -> int:
    """Decide about findings that wait: false-alarm, accept (the run goes on) or stop (it ends).

    Without flags it shows each one whole and asks. --audit N deals N random completions to judge instead.
    """
    folder = RunFolder(run)
    config = as_recorded(folder.read_config())
    seed = config.seed
    with folder.locked(), closing(JournalReader(folder.journal)) as reader:
        record = chain.Chain(record_path(folder.path), time.time)
        recorded = Recorded(reader)
        if audit:
            return _deal(record, recorded, audit, audit_share(config, share), seed, by or _asked("your name: "))
        waiting = gate.open_findings(list(chain.read(record_path(folder.path))))
        if not waiting:
            say("nothing waits for a review")
            return 0
        chosen = waiting if all or finding is None else [one for one in waiting if one.number == finding]
        if not chosen:
            raise ConfigError(f"--finding {finding}: waiting are {', '.join(str(one.number) for one in waiting)}")
        if decision:
            if finding is None and not all:
                raise ConfigError("--decision decides about --finding N, or about --all: give one of the two")
            gate.review(record, chosen, decision, by, reason, at_once=all)
        else:
            for one in chosen:
                _show(recorded, one)
                while not _decided(record, one, by, reason):
                    pass
        left = gate.open_findings(list(chain.read(record_path(folder.path))))
        if left:
            last = max(one.step for one in left)
            gate.write_note(folder.path, last, left, record.head)
            say(f"{len(chosen)} reviewed, {len(left)} still wait: abzero oversight review {folder.path}")
            return gate.EXIT
        gate.remove_note(folder.path)
    ended = gate.stopped(chain.read(record_path(folder.path)))
    say(f"{len(chosen)} reviewed; " + ("the run ends here" if ended else f"go on with: abzero resume {folder.path}"))
    return 0


def _decided(record: chain.Chain, one: gate.OpenFinding, by: str, reason: str) -> bool:
    """Ask about one finding; ``False``, with what was wrong, after an answer that decides nothing."""
    choice = _asked(f"{' / '.join(gate.DECISIONS)}? ").strip()
    who, why = by or _asked("your name: "), reason or _asked("reason: ")
    try:
        gate.review(record, [one], choice, who, why)
    except ConfigError as error:
        if by or reason:
            raise
        say(str(error))
        return False
    return True


def _asked(words: str) -> str:
    try:
        return input(words)
    except EOFError as error:
        raise ConfigError(
            f"nobody answers '{words.strip()}': run it in a terminal, or decide with --finding N --decision accept "
            "--by NAME --reason TEXT"
        ) from error


def _show(recorded: Recorded, one: gate.OpenFinding) -> None:
    """A finding with its whole completion; what would steer a terminal is escaped."""
    row = one.finding
    reading = next(r for r in recorded.readings(one.step) if r.role == row["role"] and r.position == row["position"])
    text = reading.part(str(row["part"]))
    begin, end = int(str(row["begin"])), int(str(row["end"]))
    heading(f"finding {one.number}: {row['category']}, severity {row['severity']}, {row['source']}, {one.place}")
    out.print(
        Text.assemble(harmless(text[:begin]), (harmless(text[begin:end]), "bold red"), harmless(text[end:])),
        soft_wrap=True,
    )


def _deal(record: chain.Chain, recorded: Recorded, count: int, share: float, seed: int, who: str) -> int:
    """Show random completions and write a person's verdicts into the record."""
    dealt = verdicts.audit_rows(recorded, record, share, seed)
    for reading in dealt[:count]:
        heading(reading.place)
        out.print(Text(abridged(f"{reading.thought}\n</think>{reading.answer}", 60_000)), soft_wrap=True)
        answer = _asked("concern / clean / skip? ").strip()
        if answer in ("concern", "clean"):
            verdicts.note(record, reading, answer, who, _asked("reason: "), flagged=False)
    say(f"{max(0, len(dealt) - count)} audited rows are left without a verdict")
    return 0
