"""``abzero eval export``: results in the format of another tool."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from abzero import __version__
from abzero.cli.output import say
from abzero.errors import ConfigError
from abzero.run.files import replacing
from abzero.text.terminal import counted


@dataclass(frozen=True)
class Exporting:
    """Write results as logs that Inspect's viewer reads: abzero eval export OUT --to inspect."""

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """Folder of results, or of a run that was measured while it trained."""
    to: Literal["inspect"]
    """The format: inspect."""
    out: Path | None = None
    """Folder to write to; by default one named inspect in the folder of results."""


def export(asked: Exporting) -> int:
    """Write results as logs for Inspect, one for each suite, and for each step of a run; older ones are replaced."""
    from abzero.views.inspect_log import log
    from abzero.views.judged import judgements

    found = judgements(asked.folder)
    if not found:
        raise ConfigError(f"'{asked.folder}' holds no results: name a folder that abzero eval --out made, or a run's")
    out = asked.out or asked.folder / "inspect"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out '{out}' cannot be made ({error.strerror}): name another folder") from error
    for one in found:
        name, content = log(one, _model(one.path, one.suite, asked.folder), __version__)
        with replacing(out / name) as file:
            json.dump(content, file)
    say(f"{counted(len(found), 'log')} in {out}: inspect view --log-dir {out}")
    return 0


def _model(rows: Path, suite: str, folder: Path) -> str:
    """What the summary beside `rows` says that the model is called; the name of `folder` where none does."""
    from abzero.views.judged import read_object

    path = rows.with_name("summary.json")
    match read_object(path) if path.exists() else {}:
        case {"suites": {**suites}} if isinstance(entry := suites.get(suite), dict):
            match entry.get("asked"):
                case {"model": str(model)}:
                    return f"abzero/{model.strip('/')}"
    return f"abzero/{folder.resolve().name}"
