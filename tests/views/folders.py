"""Runs on disk for the viewer's tests: short, hostile, damaged."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from abzero.run.journal import JournalWriter
from tests.steps import IDENTITY, history

SETTINGS = json.dumps({"steps": 5, "model": {"name": "tiny"}, "sampling": {"temperature": 1.0}})


def run(folder: Path, steps: int = 5) -> Path:
    """A run whose proposals and attempts hold hostile text."""
    folder.mkdir(parents=True)
    with closing(JournalWriter(folder / "run.db")) as journal:
        journal.describe({"config": SETTINGS, "version": "0.1"})
        journal.seed([IDENTITY])
        for step in history(steps):
            journal.write(step)
    (folder / "config.json").write_text(SETTINGS, encoding="utf-8")
    return folder


def altered(folder: Path, script: str) -> Path:
    """A run whose journal somebody worked on with SQL."""
    run(folder)
    with closing(sqlite3.connect(folder / "run.db")) as connection:
        connection.executescript(script)
        connection.commit()
    return folder
