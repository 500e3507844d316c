"""Prompt sets: a folder of Markdown templates each, package data, one for each role and mode."""

from importlib.resources import files
from string import Template

from abzero.errors import ConfigError
from abzero.types import Prompt

SETS = ("compact", "paper")


class Prompts:
    """The templates of one set. Values are inserted as they are: what a model wrote is never read as a template."""

    def __init__(self, name: str) -> None:
        if name not in SETS:
            raise ConfigError(f"prompts '{name}' do not exist: choose one of {', '.join(SETS)}")
        self._templates = {
            file.name.removesuffix(".md"): Template(file.read_text(encoding="utf-8-sig").removesuffix("\n"))
            for file in files(__name__).joinpath(name).iterdir()
            if file.name.endswith(".md") and file.name != "README.md"
        }

    def render(self, template: str, **values: str) -> str:
        """The text of `template` with its placeholders filled; `values` may hold more than it has."""
        return self._templates[template].substitute(values)

    def converse(self, template: str, **values: str) -> Prompt:
        """A whole prompt: the rendered text inside the conversation, up to and including the opening think tag."""
        before, after = (part.replace("$$", "$") for part in self._templates["conversation"].template.split("$prompt"))
        return Prompt.of(before, self.render(template, **values), after)
