"""Programs and answers with known verdicts: ../shared/data/bench, or any folder of its form in ABZERO_BENCH."""

import gzip
import json
import os
from pathlib import Path

import pytest

BENCH = Path(os.environ.get("ABZERO_BENCH") or Path(__file__).resolve().parents[3] / "shared/data/bench")


def rows(name):
    """The rows of an oracle; a test that asks for one that is not there is skipped."""
    file = BENCH / "oracle" / name
    if not file.exists():
        pytest.skip(f"no {file}")
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        return [json.loads(line) for line in lines]


def spread(found, count):
    """About `count` of `found`, evenly."""
    return found[:: max(1, len(found) // count)]
