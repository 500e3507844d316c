"""`abzero oversight`: check a pack, measure monitors, scan a run, review what waits, verify the record, fit a head."""

import math
import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from abzero.cli.arguments import Switch
from abzero.cli.estimate import estimate
from abzero.cli.output import out, say, usage
from abzero.cli.review import review
from abzero.cli.truncate import truncate
from abzero.cli.words import described
from abzero.config.flags import nearest, parsed
from abzero.config.load import as_recorded
from abzero.errors import ConfigError, RunError, UsageError
from abzero.oversight import chain, judge, labelled, rules, tiers, verdicts, verify
from abzero.oversight.measure import Measured, measure, together
from abzero.oversight.recorded import Recorded, changed, record_path, scan
from abzero.run.directory import RunFolder
from abzero.run.files import check_output
from abzero.run.journal import JournalReader
from abzero.text.sanitize import harmless
from abzero.text.terminal import counted


def check(pack: Positional[str] = "default") -> int:
    """Check a pack of rules: its form, its examples, its speed on hostile text; exit status 1 if anything is wrong."""
    loaded = rules.load(pack)
    for rule in loaded.rules:
        if (seconds := rules.slowest(rule)) > rules.SLOWEST:
            raise ConfigError(f"{pack}: rule '{rule.id}' takes {seconds * 1000:.0f} ms on 100 kB of hostile text")
    examples = sum(len(rule.positive) + len(rule.negative) for rule in loaded.rules)
    version, count = loaded.version or "-", counted(len(loaded.rules), "rule")
    say(f"{pack}: version {version}, {loaded.name}, {count}, {examples} examples: all hold")
    return 0


def measure_file(
    file: Positional[Path],
    tiers_: Annotated[str, tyro.conf.arg(name="tiers")] = "0,1",
    rules_: Annotated[str, tyro.conf.arg(name="rules")] = "default",
    classifier: str = "ngram",
    judge_: Annotated[str, tyro.conf.arg(name="judge")] = "",
    judge_model: str = "",
    judge_key: str = "",
    json: Switch = False,
) -> int:
    """Measure monitors on a file of labelled thoughts: recall and false alarms by tier, with 95 % intervals.

    A figure on thoughts that rules or heads were made from says nothing of others.
    """
    rows = labelled.read(file)
    numbers = tiers.chosen(tiers_)
    built = tiers.build(numbers, rules_, classifier)
    results = {tier.name: measure(tier.name, rows, tier.monitor, tier.score) for tier in built}
    if 3 in numbers:
        ask = _ask(judge_, judge_model, judge_key)
        monitor, unjudged = verdicts.monitor(ask, random.Random(0), judge_model or judge_)
        found = list(monitor([row.reading(place) for place, row in enumerate(rows)]))
        results["t3"] = measure("t3", rows, lambda _: iter(found), None, frozenset(unjudged))
    if len(results) > 1 and 3 not in numbers:
        results["together"] = measure("together", rows, together([tier.monitor for tier in built]))
    unlabelled = sum(not row.labelled for row in rows)
    if json:
        figures = {name: one.json() for name, one in results.items()}
        print(dumps({"file": str(file), "rows": len(rows), "unlabelled": unlabelled, "tiers": figures}, indent=1))
        return 0
    _table(results)
    if unlabelled:
        say(f"{unlabelled} of {len(rows)} rows have no 'category' and are taken for benign: give null, or one of eight")
    return 0


def _table(results: dict[str, Measured]) -> None:
    for name, one in results.items():
        ranks = "" if one.auc is None or math.isnan(one.auc) else f", AUC {one.auc:.3f}"
        product = "" if math.isnan(one.g_mean_squared) else f", TPR x TNR {one.g_mean_squared:.2f}"
        say(f"{name}: recall {one.recall}, false alarms {one.false}{ranks}{product}")
        for category, share in one.by_category.items():
            say(f"    {category:15} {share}")
        if one.unjudged:
            say(f"    unjudged: {one.unjudged}, in none of these figures")


def scan_run(
    run: Positional[Path],
    tiers_: Annotated[str, tyro.conf.arg(name="tiers")] = "0,1",
    rules_: Annotated[str, tyro.conf.arg(name="rules")] = "default",
    classifier: str = "ngram",
    judge_: Annotated[str, tyro.conf.arg(name="judge")] = "",
    judge_model: str = "",
    judge_key: str = "",
    audit: float = 0.0,
    budget: int = 100,
    json: Switch = False,
) -> int:
    """Read a run's journal as it was read while it ran, or with other monitors: the same code, the same findings.

    With tier 3, a judge reads what the others flag and a random share --audit of the rest, at most --budget.
    """
    folder = RunFolder(run)
    seed = as_recorded(folder.read_config()).seed
    numbers = tiers.chosen(tiers_)
    built = tiers.build(numbers, rules_, classifier)
    found, completions, flagged, steps, lines = 0, 0, 0, 0, []
    with closing(JournalReader(folder.journal)) as reader:
        recorded = Recorded(reader)
        differs: dict[str, int] = {"new": 0, "gone": 0}
        for step, count, findings in scan(recorded, built, recorded.steps()):
            steps, completions, found = steps + 1, completions + count, found + len(findings)
            flagged += len({(one.role, one.position) for one in findings})
            lines += [{"step": step, **asdict(one)} for one in findings]
            other = changed(findings, recorded.findings(step), {tier.number for tier in built})
            differs = {key: differs[key] + len(other[key]) for key in differs}
        judged = None
        if 3 in numbers:
            ask = _ask(judge_, judge_model, judge_key)
            record = chain.Chain(record_path(folder.path), time.time)
            judged = verdicts.judge_run(recorded, built, record, ask, judge_model or judge_, audit, seed, budget)
    if json:
        body = {"steps": steps, "completions": completions, "flagged": flagged, "findings": lines, **differs}
        print(dumps(body | ({"judged": judged} if judged else {}), indent=1))
        return 0
    for line in lines[:200]:
        say(
            harmless(
                f"step {line['step']}, {line['role']} {line['position']}, {line['part']}: {line['category']}, "
                f"severity {line['severity']}, {line['source']}"
            )
        )
    read = f"{counted(steps, 'step')}, {counted(completions, 'completion')}"
    say(f"{read}: {counted(found, 'finding')} in {counted(flagged, 'completion')}")
    say(f"against the run's own: {differs['new']} new, {differs['gone']} gone")
    if judged:
        say(", ".join(f"{count} {state}" for state, count in judged.items()))
    return 0


def _ask(url: str, model: str, key: str) -> judge.AskJudge:
    if not url:
        raise ConfigError("--tiers 3 needs a judge: give --judge URL --judge-model NAME, or leave tier 3 out")
    return judge.endpoint(url, model, key)


def verify_run(run: Positional[Path]) -> int:
    """Walk the record, the journal and the checkpoints; exit status 1 with what is not as it was written."""
    folder = RunFolder(run)
    folder.read_config()
    record = record_path(folder.path)
    if not record.exists():
        raise RunError(f"'{folder.path}' has no record of oversight: it ran without, or {record.name} was removed")
    checkpoints = sorted(path for path in folder.checkpoints.glob("step-*") if path.is_dir())
    with closing(JournalReader(folder.journal)) as reader:
        faults = list(verify.faults(record, Recorded(reader), checkpoints, folder.path))
    for fault in faults:
        say(harmless(fault))
    if not faults:
        entries = list(chain.read(record))
        head = entries[-1].hash[:16]
        say(f"{len(entries)} entries, {len(checkpoints)} checkpoints: as they were written; head {head}")
    return 1 if faults else 0


def fit_head(files: Positional[tuple[str, ...]], out: Path, features: str = "ngram", seed: int = 0) -> int:
    """Fit a classifier's head to files of labelled thoughts; 'default' is the file in the box.

    Features: ngram, e5 (abzero[oversight]) or probe:FOLDER:LAYER, a frozen model's hidden states: the best of them.
    """
    from abzero.oversight.fit import fit

    check_output(out, "--out")
    rows = [row for file in files for row in labelled.read(labelled.IN_THE_BOX if file == "default" else Path(file))]
    measured = fit(rows, features, seed, out)
    concern = sum(row.category is not None for row in rows)
    say(f"{out}: fitted to {concern} thoughts of concern and {len(rows) - concern} benign ones; expect less of others'")
    for what, prefix in (("thoughts left out at random", ""), ("whole styles left out", "style_")):
        if f"{prefix}auc" in measured:
            recall, few, area = (measured[prefix + name] for name in ("recall", "false_share", "auc"))
            say(f"    {what}: finds {recall * concern:.0f} of {concern} at {few:.1%} false, AUC {area:.3f}")
    return 0


ACTIONS: dict[str, Callable[..., int]] = {
    "check": check,
    "measure": measure_file,
    "scan": scan_run,
    "review": review,
    "estimate": estimate,
    "verify": verify_run,
    "fit": fit_head,
    "truncate": truncate,
}


def oversight(arguments: Sequence[str]) -> int:
    """Take one of the actions, or list them."""
    name, *rest = [*arguments] or ["--help"]
    if name in ("--help", "-h", "help"):
        out.print(usage("abzero oversight", "ACTION", ACTIONS))
        return 0
    if name not in ACTIONS:
        meant = nearest(name, ACTIONS)
        remedy = f"did you mean abzero oversight {meant}?" if meant else "abzero help oversight lists all"
        raise UsageError(f"oversight has no action '{harmless(name)}': {remedy}")
    return parsed(described(ACTIONS[name]), rest, f"abzero oversight {name}")
