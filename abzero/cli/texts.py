"""Commands that read every text of a run: grep, dump."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

from rich.text import Text
from tyro.conf import Positional, arg

from abzero.cli.arguments import Names, Switch
from abzero.cli.output import err, out, say
from abzero.errors import ConfigError
from abzero.run.directory import RunFolder
from abzero.run.files import check_output, replacing
from abzero.text.sanitize import harmless
from abzero.text.terminal import Sentence, counted
from abzero.types import Role

if TYPE_CHECKING:
    from abzero.views.grep import Hit, Search
    from abzero.views.grep_answers import AnswerHit
    from abzero.views.judged import Judgement


def grep(
    run: Positional[Path],
    pattern: Positional[str],
    role: Role | None = None,
    mode: Names = (),
    step: str | None = None,
    right: Switch = False,
    wrong: Switch = False,
    malformed: Switch = False,
    valid: Switch = False,
    rejected: Switch = False,
    faults: Switch = False,
    category: Names = (),
    suite: Names = (),
    thoughts: Switch = False,
    answers: Switch = False,
    programs: Switch = False,
    reasons: Switch = False,
    prompts: Switch = False,
    ignore_case: Annotated[Switch, arg(aliases=["-i"])] = False,
    most: int = 0,
    count: Switch = False,
    json: Switch = False,
) -> int:
    """Search every text of a run for a regular expression: abzero grep RUN 'sum\\(' --wrong --thoughts --step 10..20.

    Thoughts, answers, programs and reasons of rejection, unless some are named; prompts where --prompts is. Of attempts
    --right, --wrong, --malformed; of proposals --valid, --rejected; of either --faults; --category of what monitors
    found. --suite searches answers to held-out problems instead, a run's or those of a folder of abzero eval; 'all' is
    every suite. --most ends after so many hits, 0 never; --count prints the totals alone; --json a line a hit. Exit
    status 1 without hits.
    """
    from abzero.oversight.reading import CATEGORIES
    from abzero.run.journal import JournalReader
    from abzero.types import ROLES
    from abzero.views import grep as search
    from abzero.views import grep_answers
    from abzero.views.judged import judgements

    chosen = {"right": right, "wrong": wrong, "partly": wrong, "malformed": malformed}
    verdicts = {name for name, on in {**chosen, "valid": valid, "rejected": rejected, "fault": faults}.items() if on}
    named = {"thought": thoughts, "answer": answers, "program": programs, "reason": reasons, "prompt": prompts}
    parts = [name for name, on in named.items() if on]
    looked = search.Search(search.compiled(pattern, ignore_case))
    if suite or (not (run / "config.json").exists() and judgements(run)):
        answered = _answered(run, suite, step)
        among = frozenset(name for one in verdicts for name in grep_answers.VERDICTS.get(one, ()))
        samples = grep_answers.in_samples(answered, parts or grep_answers.PARTS, among)
        return _told(looked.run(samples), looked, most, count, json)
    if unknown := sorted({*category}.difference(CATEGORIES)):
        raise ConfigError(f"--category '{unknown[0]}': choose from {', '.join(CATEGORIES)}")
    wanted = search.Wanted(
        roles=[role] if role else ROLES,
        modes=frozenset(mode),
        verdicts=frozenset(verdicts),
        categories=frozenset(category),
        parts=parts or search.PARTS,
    )
    folder = RunFolder(run)
    folder.read_config()
    with closing(JournalReader(folder.journal)) as reader:
        found = search.in_rollouts(reader, search.steps_of(step, reader.steps()), wanted)
        return _told(looked.run(found), looked, most, count, json)


def _answered(run: Path, suites: Sequence[str], step: str | None) -> "list[Judgement]":
    """Answers to `suites`, of the newest step unless others are named."""
    from abzero.views.answers import chosen
    from abzero.views.grep import steps_of
    from abzero.views.judged import judgements, newest

    found = judgements(run)
    if step is not None:
        within = steps_of(step, sorted({one.step for one in found if one.step is not None}))
        found = [one for one in found if one.step in within]
    else:
        found = newest(found)
    if not suites or "all" in suites:
        return found
    return [one for name in suites for one in found if one.suite == name] or chosen(found, suites[0], None)


def _told(hits: "Iterator[Hit] | Iterator[AnswerHit]", found: "Search", most: int, count: bool, json: bool) -> int:
    """Print the hits, and what was searched; the exit status."""
    from abzero.views.rows import to_json

    for hit in hits:
        if not count:
            if json:
                print(to_json(asdict(hit)))
            else:
                out.print(hit_line(hit), soft_wrap=True)
        if most and found.hits >= most:
            break
    if found.timeouts:
        places = ", ".join(found.timeouts)
        err.print(Sentence(f"the pattern took too long, and was given up, on: {places}", "yellow"), soft_wrap=True)
    total = f"{counted(found.hits, 'hit')} in {found.matched:,} of {counted(found.rollouts, 'rollout')}"
    (err if json else out).print(Sentence(total), soft_wrap=True)
    return 0 if found.hits else 1


def dump(run: Positional[Path], out: Path, role: Role | None = None, step: str | None = None) -> int:
    """Write a run's rollouts as JSONL, one row each, gzipped where the name ends in .gz: abzero dump RUN --out FILE.

    docs/formats.md explains every field. --step 10..20 for a part.
    """
    from abzero.run.journal import JournalReader
    from abzero.types import ROLES
    from abzero.views.grep import steps_of
    from abzero.views.rows import rollouts, to_json

    check_output(out, "--out")
    folder = RunFolder(run)
    folder.read_config()
    count = 0
    with closing(JournalReader(folder.journal)) as reader, _fresh(out) as file:
        for row in rollouts(reader, steps_of(step, reader.steps()), [role] if role else ROLES):
            file.write(to_json(row) + "\n")
            count += 1
    say(f"{counted(count, 'rollout')} in {out}")
    return 0


@contextmanager
def _fresh(path: Path) -> Iterator[TextIO]:
    """A new file, gzipped by its name, that takes the place of `path` when the block ends well."""
    if path.suffix != ".gz":
        with replacing(path) as file:
            yield file
        return
    with (
        replacing(path) as raw,
        gzip.GzipFile("", "wb", 6, raw.buffer, 0) as packed,
        TextIOWrapper(packed, encoding="utf-8") as file,
    ):
        yield file


def hit_line(hit: "Hit | AnswerHit") -> Text:
    """``--attempt 12/3 deduction wrong, thought: words around what was found``."""
    from abzero.views.grep import AROUND, Hit

    if isinstance(hit, Hit):
        flag = "--proposal" if hit.role == "propose" else "--attempt"
        where, about = f"{flag} {hit.step}/{hit.position}", f" {harmless(hit.mode)} {hit.verdict}, {hit.part}: "
    else:
        step = "" if hit.step is None else f"--step {hit.step} "
        where = f"{step}--suite {harmless(hit.suite)} --problem {harmless(hit.id)}"
        about = f" sample {hit.sample} {harmless(hit.verdict)}, {hit.part}: "
    line = Text.assemble((where, "cyan"), about)
    before = "…" * (hit.begin > AROUND) + hit.before
    after = hit.after + "…" * (len(hit.after) == AROUND)
    for text, style in ((before, ""), (hit.found, "bold red"), (after, "")):
        line.append(harmless(text).replace("\n", "\\n").replace("\t", " "), style)
    return line
