"""Whether code that settings name may run: this user named it now, or the run is theirs and the code is as it was.

What a run recorded of its code stands twice. ``code.json`` in its folder has the names and their files' sha256, for
everybody who is given the folder. The same with the files' paths stands under the user's own state folder, beneath a
token that ``code.json`` repeats: only a folder that this user began, at this place, has both.
"""

import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from abzero.config import named
from abzero.config.config import Config
from abzero.config.named import CodeFile, CodeReference, Own
from abzero.config.resolve import FLAG
from abzero.errors import ConfigError, RunError
from abzero.run.directory import RunFolder
from abzero.run.files import read_text, replace_text

_TOKEN = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
Hashes = Mapping[str, str]


@dataclass(frozen=True)
class Code:
    """What the settings of a run name, loaded; nothing as a rule."""

    own: Own = field(default_factory=dict)
    sources: Mapping[str, CodeFile] = field(default_factory=dict)
    """The file of each reference, by its text."""
    token: str = ""
    """Of the run, if this user began it; '' for a run that only the flag lets go on, which stays a stranger's."""

    def record(self, folder: RunFolder) -> None:
        """Note in the run's folder what its code is, and in the user's state that this user began it so, here."""
        if not self.token:
            return
        mine = {name: {"sha256": one.sha256, "path": str(one.path)} for name, one in self.sources.items()}
        state = _state()
        try:
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"'{state}' cannot be made ({error.strerror}): set XDG_STATE_HOME") from error
        replace_text(state / f"{self.token}.json", json.dumps({"run": str(folder.path.resolve()), "code": mine}) + "\n")
        replace_text(folder.code, json.dumps({"token": self.token, "code": self.hashes()}, indent=1) + "\n")

    def hashes(self) -> dict[str, str]:
        """The sha256 of each reference's file."""
        return {name: source.sha256 for name, source in sorted(self.sources.items())}

    def about(self) -> dict[str, str]:
        """What the journal notes of it."""
        return {"code": json.dumps(self.hashes())} if self.sources else {}


def named_now(references: Sequence[CodeReference], folders: Sequence[Path]) -> Code:
    """Load what this user has just named, from `folders` or what is installed. Raises `ConfigError`."""
    sources = {reference.text: named.find(reference, folders) for reference in references}
    return _loaded(references, sources, secrets.token_hex(16))


def _loaded(references: Sequence[CodeReference], sources: Mapping[str, CodeFile], token: str) -> Code:
    own = {one.text: named.load(one, sources[one.text]) for one in references}
    return Code(own, sources, token) if own else Code()


def recorded(
    folder: RunFolder, config: Config, origins: Mapping[str, str], trusted: bool, forked: bool = False
) -> Code:
    """Load the code that a run's recorded settings name, and what flags name now. Raises `ConfigError`.

    Code of the record is loaded only if its file is still what it was when the run began, and if this user began the
    run in this folder or says, by ``--trust-code``, that this code is to be trusted.
    """
    references = named.references(config)
    if not references:
        return Code()
    token, noted = _noted(folder)
    mine = _begun_here(folder, token)
    old = [one for one in references if origins.get(one.kind.setting) != FLAG or (one.text in noted and not forked)]
    if old and mine is None and not trusted:
        raise ConfigError(
            f"'{folder.path}' was not begun here by this user, and its settings name code: "
            f"{', '.join(one.text for one in old)}. If you have read that code and trust it, add --trust-code"
        )
    sources = {one.text: _unchanged(one, folder, noted, mine) for one in old}
    now = [one for one in references if one.text not in sources]
    if now and mine is None and not forked:
        raise ConfigError(f"{now[0].kind.setting} '{now[0].text}': a run of somebody else's takes no new code: fork it")
    sources |= {one.text: named.find(one, [Path()]) for one in now}
    fresh = secrets.token_hex(16) if forked else token if mine is not None else ""
    return _loaded(references, sources, fresh)


def _unchanged(
    reference: CodeReference, folder: RunFolder, noted: Hashes, mine: Mapping[str, tuple[str, str]] | None
) -> CodeFile:
    """The file of `reference`, which is still what was recorded of it. Raises `ConfigError`."""
    name = f"{reference.kind.setting} '{reference.text}'"
    if mine is None:
        source, sha256 = named.find(reference, [Path()]), noted.get(reference.text)
    else:
        sha256, path = mine.get(reference.text, (None, ""))
        there = Path(path).is_file() if sha256 else False
        source = named.at(Path(path)) if there else named.find(reference, [Path()])
    if sha256 is None:
        raise ConfigError(f"{name}: '{folder.path}' did not begin with it, so nothing tells which code is meant")
    if source.path.is_relative_to(folder.path.resolve()):
        raise ConfigError(f"{name}: '{source.path}' is in the run's own folder, from which no code is run: move it")
    if source.sha256 != sha256:
        raise ConfigError(
            f"{name}: '{source.path}' is not the code that the run began with (sha256 {sha256[:12]}…, now "
            f"{source.sha256[:12]}…): put that back, or begin a run of its own with what there is now"
        )
    return source


def _noted(folder: RunFolder) -> tuple[str, Hashes]:
    """The token and the hashes in a run's code.json; none if it has none. Raises `RunError` if it is damaged."""
    if not os.path.lexists(folder.code):
        return "", {}
    read = _json(folder.code)
    token, code = read.get("token"), read.get("code")
    if isinstance(token, str) and _TOKEN.fullmatch(token) and isinstance(code, dict):
        hashes = {str(name): str(value) for name, value in code.items()}
        if all(map(_SHA256.fullmatch, hashes.values())):
            return token, hashes
    raise RunError(f"'{folder.code}' is damaged: put it back from a copy")


def _begun_here(folder: RunFolder, token: str) -> Mapping[str, tuple[str, str]] | None:
    """The hash and the path of each reference, if this user began the run of this token in this folder."""
    file = _state() / f"{token}.json"
    if not token or not file.is_file() or folder.path.stat().st_uid != os.getuid():
        return None
    read = _json(file)
    if read.get("run") != str(folder.path.resolve()):
        return None
    code = read["code"]
    assert isinstance(code, dict), "this user's own state"
    return {name: (str(one["sha256"]), str(one["path"])) for name, one in code.items()}


def _json(file: Path) -> dict[str, object]:
    try:
        read = json.loads(read_text(file))
        if isinstance(read, dict):
            return read
    except (ValueError, RecursionError) as error:
        raise RunError(f"'{file}' is damaged ({error}): put it back from a copy") from error
    raise RunError(f"'{file}' is damaged: put it back from a copy")


def _state() -> Path:
    """Where this user's programs keep what outlasts them, by the user's own settings."""
    home = os.environ.get("XDG_STATE_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".local" / "state") / "abzero" / "runs-with-code"
