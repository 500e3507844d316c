"""A file of samples: what a model, any model, wrote for the problems of a suite."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from abzero.errors import ConfigError
from abzero.evals import schema
from abzero.evals.data import drop_torn_line, rows_of
from abzero.run.files import append_text

FORMS = ("response", "solution", "completion", "answer")
"""All that the model wrote; code as it is; what continues the prompt; an answer that needs no more reading."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of one problem."""

    key: str
    number: int
    form: str
    text: str
    tokens: int | None = None
    finish: str | None = None
    seed: int | None = None
    prompt_sha256: str | None = None
    """Of the prompt as it was sent, in UTF-8."""


def read(path: Path, key: str, known: Collection[str], partial: bool) -> list[Sample]:
    """The samples of `path`. Raises `ConfigError` for a row that does not fit, and, unless `partial`, for problems that
    have none.
    """
    samples: list[Sample] = []
    counts: Counter[str] = Counter()
    seen: set[tuple[str, int]] = set()
    for place, row in rows_of(path):
        if (found := row.get(key, row.get("id"))) is None:
            raise ConfigError(f"{place}: no field '{key}' (or 'id'), which says whose problem it is")
        if not isinstance(found, str | int) or not schema.KEY.holds(found):
            raise ConfigError(f"{place}, field '{key}': a problem's name is wanted, not {schema.shown(found)}")
        name = str(found)
        if name not in known:
            raise ConfigError(
                f"{place}, field '{key}': the suite has no problem {name[:80]!r}; is this its data's release?"
            )
        forms = [form for form in FORMS if form in row]
        if len(forms) != 1 or not isinstance(text := row[forms[0]], str):
            raise ConfigError(
                f"{place}: one of {', '.join(FORMS)} is wanted, as text; found {', '.join(forms) or 'none'}"
            )
        number = row.get("sample", counts[name])
        if not isinstance(number, int) or not schema.WHOLE.holds(number) or number < 0:
            raise ConfigError(f"{place}, field 'sample': a whole number from 0 is wanted, not {schema.shown(number)}")
        if (name, number) in seen:
            raise ConfigError(f"{place}: sample {number} of {name} is in the file twice; leave one of them")
        seen.add((name, number))
        counts[name] += 1
        samples.append(
            Sample(
                name, number, forms[0], text, _whole(row, "tokens"), _text(row, "finish"), _whole(row, "seed"),
                _text(row, "prompt_sha256"),
            )
        )  # fmt: skip
    missing = len(set(known) - set(counts))
    if missing and not partial:
        raise ConfigError(
            f"{path}: {missing} of {len(known)} problems have no sample; give one for each, or score the first N"
            " problems with --limit N"
        )
    return samples


def append(path: Path, given: Iterable[Sample]) -> None:
    """Add samples to a file, and see them on the disk."""
    rows = [
        {
            "id": one.key, "sample": one.number, one.form: one.text, "tokens": one.tokens, "finish": one.finish,
            "seed": one.seed, "prompt_sha256": one.prompt_sha256,
        }
        for one in given
    ]  # fmt: skip
    append_text(path, "".join(f"{json.dumps(row)}\n" for row in rows))


def kept(path: Path) -> set[tuple[str, int]]:
    """Problem and number of the samples that `append` has written, if any. What a kill cut short is taken off."""
    if not path.exists():
        return set()
    drop_torn_line(path)
    return {(str(row.get("id")), _whole(row, "sample") or 0) for _, row in rows_of(path)}


def _whole(row: Mapping[str, object], name: str) -> int | None:
    found = row.get(name)
    return found if isinstance(found, int) and schema.WHOLE.holds(found) else None


def _text(row: Mapping[str, object], name: str) -> str | None:
    found = row.get(name)
    return found if isinstance(found, str) else None


def sha256(prompt: str) -> str:
    """The hash that a row has of the prompt that was sent."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
