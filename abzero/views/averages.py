"""The paper's averages as they lie on disk, in words: what they lack and what they leave out stands with them."""

from pathlib import Path

from abzero.text.sanitize import harmless
from abzero.views.judged import read_object

_SUITES = 9
"""That belong to the averages."""


def lines(folder: Path) -> list[str]:
    """The averages of a folder of results; none where it has scores of fewer than two of their suites."""
    path = folder / "summary.json"
    if not path.is_file():
        return []
    match read_object(path).get("averages"):
        case {"code": code, "maths": maths, "total": total, "missing": list(missing), "partial": dict(partial)}:
            if _SUITES - len(missing) < 2:
                return []
        case _:
            return []
    named = {"code": code, "maths": maths, "mean of the two": total}
    without = f"no score of {', '.join(map(str, missing))}"
    if all(mean is None for mean in named.values()):
        return [harmless(f"averages MISSING: {without}")]
    found = ["averages: " + " · ".join(f"{name} {_percent(mean)}" for name, mean in named.items())]
    if missing:
        found.append(without)
    if partial:
        parts = ", ".join(f"{name} {_of(counts)}" for name, counts in partial.items())
        found.append(f"NOT the paper's averages, but of a part of the problems: {parts}")
    return [harmless(line) for line in found]


def _percent(mean: object) -> str:
    return f"{100 * mean:.1f} %" if isinstance(mean, int | float) else "MISSING"


def _of(counts: object) -> str:
    return f"{counts[0]} of {counts[1]}" if isinstance(counts, list) and len(counts) == 2 else ""
