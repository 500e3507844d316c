"""Prompt sets: a folder of Markdown templates each, one for each role and mode, in the box or of one's own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from string import Template

from abzero.errors import ConfigError
from abzero.types import Prompt, Rollout

SETS = ("compact", "examples", "paper")

ChatFrame = Callable[[str, bool], tuple[str, str]]
"""A model's chat template around one message of the user: from the system's message, '' for none, and whether the model
is to think first, to what stands before the message and after it, up to where the model's turn begins.
"""

REQUIRED: Mapping[str, frozenset[str]] = {
    "propose_deduction": frozenset({"references"}),
    "propose_abduction": frozenset({"references"}),
    "propose_induction": frozenset({"program"}),
    "reference": frozenset({"program", "input", "output"}) - {"output"},
    "pair": frozenset({"input", "output"}),
    "solve_deduction": frozenset({"program", "input"}),
    "solve_abduction": frozenset({"program", "output"}),
    "solve_induction": frozenset({"pairs", "message"}),
    "conversation": frozenset({"prompt"}),
}
"""The files of a set, and the placeholders without which each says too little."""

ALLOWED: Mapping[str, frozenset[str]] = {
    "propose_deduction": frozenset({"references"}),
    "propose_abduction": frozenset({"references"}),
    "propose_induction": frozenset({"program", "entry", "inputs"}),
    "reference": frozenset({"number", "program", "input", "output"}),
    "pair": frozenset({"input", "output"}),
    "solve_deduction": frozenset({"program", "entry", "input"}),
    "solve_abduction": frozenset({"program", "entry", "output"}),
    "solve_induction": frozenset({"pairs", "message"}),
    "conversation": frozenset({"prompt"}),
    "system": frozenset(),
    "reply": frozenset(),
}
"""All files that a set may have, and the placeholders that each may use."""

PROMPTS = tuple(name for name in REQUIRED if name.startswith(("propose_", "solve_")))
REPLY = "$reply"
"""Where, in a prompt, what the model is to go on with begins."""
_OPENS = "<think>"


class Prompts:
    """The templates of one set. Values are inserted as they are: what a model wrote is never read as a template."""

    def __init__(self, name: str, frame: ChatFrame | None = None) -> None:
        """`name` is one of `SETS` or a folder. With a `frame`, prompts stand in a chat template, not in the set's own
        conversation. Raises `ConfigError` for a set that lacks something.
        """
        self._replies: dict[str, str] = {}
        self._templates: dict[str, Template] = {}
        for template, text in _read(name):
            asked, _, reply = text.partition(REPLY) if template in PROMPTS else (text, "", "")
            self._templates[template] = Template(asked)
            self._replies[template] = _literally(reply)
        self._frame = frame

    def render(self, template: str, **values: str) -> str:
        """The text of `template` with its placeholders filled; `values` may hold more than it has."""
        return self._templates[template].substitute(values)

    def converse(self, template: str, **values: str) -> Prompt:
        """A whole prompt: the rendered text inside the conversation, up to and including the opening think tag, or to
        the beginning of the answer in a set whose prompts begin it.
        """
        return self.frame(self.render(template, **values), self._replies[template])

    def frame(self, text: str, reply: str = "") -> Prompt:
        """`text` inside the conversation, and what the model's reply begins with."""
        if self._frame is None:
            before, after = map(_literally, self._templates["conversation"].template.split("$prompt"))
        else:
            opening = reply or self._optional("reply")
            before, after = self._frame(self.system, opening.endswith(_OPENS))
            text = text.strip()
            if not (opening and after.rstrip().endswith(opening)):
                reply = opening
        begun = "</think>" + reply if reply and not reply.endswith(_OPENS) else ""
        return Prompt.of(before, text, after + reply, begun)

    @property
    def system(self) -> str:
        """The system's message in a chat template; '' for none."""
        return self._optional("system")

    def _optional(self, template: str) -> str:
        return _literally(self._templates[template].template) if template in self._templates else ""


def whole(prompt: str, rollout: Rollout) -> Rollout:
    """`rollout` with the text of the whole reply: what `prompt` began of it, and the completion."""
    begun = prompt.begun if isinstance(prompt, Prompt) else ""
    return replace(rollout, text=begun + rollout.text) if begun else rollout


def boxed_seeds(name: str) -> Path | None:
    """The first tasks that come with the set `name`, if it is one in the box that has some."""
    file = Path(str(files(__name__))) / name / "seeds.jsonl"
    return file if name in SETS and file.is_file() else None


def _literally(text: str) -> str:
    return text.replace("$$", "$")


def _read(name: str) -> Iterator[tuple[str, str]]:
    """The templates of a set, by name, each checked. Raises `ConfigError`."""
    folder = files(__name__).joinpath(name) if name in SETS else Path(name).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"prompts '{name}' do not exist: choose one of {', '.join(SETS)}, or give a folder of such")
    found = {file.name.removesuffix(".md"): file for file in folder.iterdir() if file.name.endswith(".md")}
    if missing := sorted(REQUIRED.keys() - found.keys()):
        raise ConfigError(f"tasks.prompts '{name}' lacks {missing[0]}.md: begin with a copy of {files(__name__)}/paper")
    for template, allowed in ALLOWED.items():
        if template in found:
            yield template, _checked(f"{name}/{template}.md", found[template].read_bytes(), template, allowed)


def _checked(place: str, content: bytes, template: str, allowed: frozenset[str]) -> str:
    try:
        text = content.decode("utf-8-sig").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"tasks.prompts {place} is not UTF-8: save it as UTF-8") from error
    parsed = Template(text.replace(REPLY, "", 1) if template in PROMPTS else text)
    if not parsed.is_valid():
        raise ConfigError(f"tasks.prompts {place} has a $ that begins no placeholder: write $$ for a dollar sign")
    used = parsed.get_identifiers()
    late = Template(text.partition(REPLY)[2] if template in PROMPTS else "").get_identifiers()
    if unknown := [one for one in used if one not in allowed]:
        known = ", ".join(f"${one}" for one in sorted(allowed)) or "none"
        raise ConfigError(f"tasks.prompts {place} has ${unknown[0]}, which nothing fills; placeholders here: {known}")
    if late:
        raise ConfigError(
            f"tasks.prompts {place} has ${late[0]} after $reply, where the model's own words begin and nothing is "
            "filled: put it before"
        )
    if missing := sorted(REQUIRED.get(template, frozenset()) - set(used)):
        raise ConfigError(f"tasks.prompts {place} lacks ${missing[0]}: without it the model cannot know the task")
    if template == "conversation" and len(text.split("$prompt")) != 2:
        raise ConfigError(f"tasks.prompts {place} must have $prompt once, written so")
    return text
