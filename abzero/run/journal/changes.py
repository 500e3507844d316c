"""What changed in a run's settings while it went on, as notes: ``changed from step 41: optimizer.lr``."""

import json
import re
from collections.abc import Iterator, Mapping

_NOTE = re.compile(r"changed from step (\d+): (.+)")
_TO = " -> "


def changes(about: Mapping[str, str], config: str, step: int) -> dict[str, str]:
    """All notes on changes that hold before step `step` is taken with the settings `config`.

    `about` is what was noted so far. A change that was noted for a later step, which is now taken again, begins with
    this one; one that is taken back before any step was taken with it is none.
    """
    noted: dict[tuple[int, str], tuple[str, str]] = {}
    for key, value in sorted(about.items(), key=_order):
        if found := _NOTE.fullmatch(key):
            was, _, now = value.partition(_TO)
            place = min(int(found[1]), step), found[2]
            noted[place] = noted.get(place, (was, ""))[0], now
    before, after = (dict(_leaves(json.loads(text))) for text in (about.get("config", "{}"), config))
    for name in (name for name in before if before[name] != after.get(name, before[name]) and name != "run"):
        was, _ = noted.get((step, name), (before[name], ""))
        noted[step, name] = was, after[name]
    return {
        f"changed from step {at}: {name}": f"{was}{_TO}{now}" for (at, name), (was, now) in noted.items() if was != now
    }


def is_change(key: str) -> bool:
    """Whether a note is on a change."""
    return _NOTE.fullmatch(key) is not None


def _order(note: tuple[str, str]) -> int:
    found = _NOTE.fullmatch(note[0])
    return int(found[1]) if found else 0


def _leaves(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        name = f"{prefix}{key.replace('_', '-')}"
        if isinstance(value, dict):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, " ".join(map(str, value)) if isinstance(value, list) else str(value)
