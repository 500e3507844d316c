"""Where commands write: plain words and tables to standard output, errors to standard error."""

from rich.console import Console
from rich.text import Text

out = Console()
err = Console(stderr=True)


def say(words: str) -> None:
    """Print plain words, whatever they hold."""
    out.print(Text(words), soft_wrap=True)
