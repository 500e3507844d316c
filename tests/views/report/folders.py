"""Run folders made by hand, for tests of the report and the comparison."""

import json

from abzero.algo.intervals import wilson
from abzero.run.journal import JournalWriter
from tests.steps import history


def rows(value, n=300, modes=("deduction",), lengths=(1, 2), metrics=("pass@1", "greedy", "baseline")):
    low, high = wilson(value, n)
    return [
        {"mode": mode, "k": k, "metric": metric, "n": n, "value": value, "low": low, "high": high}
        for mode in modes
        for k in lengths
        for metric in metrics
    ]


def make_run(folder, steps=(), before=None, after=None, about=(), **settings):
    folder.mkdir(parents=True)
    journal = JournalWriter(folder / "run.db")
    journal.describe({"config": json.dumps(settings), "version": "0.1.0", **dict(about)})
    for step in steps or history(3):
        journal.write(step)
    journal.close()
    for name, evaluation in (("eval-before.json", before), ("eval-after.json", after)):
        if evaluation is not None:
            (folder / name).write_text(json.dumps(evaluation))
    return folder
