"""Answers of a suite as a log that Inspect (inspect.aisi.org.uk) reads: one sample a row, our row in its metadata."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from abzero.views.judged import Judgement, Row, tally
from abzero.views.rows import JsonRow as Json

VERSION = 2
"""Of Inspect's log format."""
_SCORER = "abzero"
_VALUES = {"correct": "C", "no_answer": "N"}
"""Inspect's letters; everything else that was judged is I."""
_ENDS = {"length": "max_tokens", "stop": "stop"}


def log(one: Judgement, model: str, release: str) -> tuple[str, Json]:
    """The log's file name, which Inspect's viewer lists by, and its content. Raises `RunError`."""
    rows = one.rows()
    made = datetime.fromtimestamp(int(one.path.stat().st_mtime), UTC)
    identity = hashlib.sha256(f"{one.suite} {one.step} {one.preset} {model}".encode()).hexdigest()[:22]
    name = f"{made:%Y-%m-%dT%H-%M-%S}+00-00_{_plain(one.suite)}_{identity}.json"
    problems = list(dict.fromkeys(row.id for row in rows))
    return name, {
        "version": VERSION,
        "status": "success",
        "eval": {
            "run_id": identity,
            "eval_id": identity,
            "created": made.isoformat(),
            "task": one.suite,
            "task_id": identity,
            "task_version": 0,
            "model": model,
            "dataset": {"name": one.suite, "samples": len(problems), "sample_ids": problems, "shuffled": False},
            "config": {"epochs": max((row.sample for row in rows), default=0) + 1},
            "packages": {"abzero": release},
            "metadata": {"step": one.step, "asked": one.preset or None},
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": _results(rows),
        "stats": {"started_at": made.isoformat(), "completed_at": made.isoformat(), "model_usage": {}},
        "samples": [_sample(one, row, model) for row in rows],
    }


def _results(rows: Sequence[Row]) -> Json:
    """The figures; without an accuracy where an error is left, which is never counted as wrong."""
    sums = tally(rows)
    errors = sums.counts.get("error", 0)
    accuracy = {} if errors else {"accuracy": {"name": "accuracy", "value": sums.correct, "params": {}}}
    scores = [{"name": _SCORER, "scorer": _SCORER, "params": {}, "metrics": accuracy}]
    return {"total_samples": len(rows), "completed_samples": len(rows) - errors, "scores": scores}


def _sample(one: Judgement, row: Row, model: str) -> Json:
    texts = one.texts(row)
    reply = {"role": "assistant", "content": texts.completion, "source": "generate", "model": model}
    made: Json = {
        "id": row.id,
        "epoch": row.sample + 1,
        "input": texts.problem,
        "target": "",
        "messages": [{"role": "user", "content": texts.problem}, reply],
        "output": {
            "model": model,
            "choices": [{"message": reply, "stop_reason": _ENDS.get(row.finish or "", "unknown")}],
        },
        "metadata": {name: value for name, value in asdict(row).items() if name not in ("place", "id", "sample")},
        "store": {},
        "events": [],
        "model_usage": {},
        "attachments": {},
    }
    if row.verdict == "error":
        return {**made, "error": {"message": row.detail or "the judge failed", "traceback": "", "traceback_ansi": ""}}
    value = _VALUES.get(row.verdict, "I")
    score = {"value": value, "answer": texts.answer or texts.completion, "explanation": row.detail or row.verdict}
    return {**made, "scores": {_SCORER: {**score, "metadata": {"verdict": row.verdict, "by": row.by}}}}


def _plain(name: str) -> str:
    return "".join(one if one.isalnum() or one in "-+" else "-" for one in name)
