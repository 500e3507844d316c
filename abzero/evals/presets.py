"""Presets: how a model is asked the problems of each kind, for how many tokens, and what ends its answer.

A base model and the model that was trained from it are compared under one preset: the words around a problem alone may
move a score by more than training does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from abzero.errors import ConfigError
from abzero.evals import asking
from abzero.evals.asking import Item, ProblemKind, Voice
from abzero.evals.data import SuiteRows
from abzero.types import Prompt

Ask = Callable[[Item, Voice], Prompt]
TokenLimits = Mapping[ProblemKind, int]

STOPS = ("\nif __name__", "\ndef main(", "\nprint(")
"""At which EvalPlus ends a program of any model."""
FENCE = "\n```\n"
"""At which it ends a block that was begun for the model."""
BARE_STOPS: Mapping[str, tuple[str, ...]] = {
    "humaneval+": ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert "),
    "mbpp+": ('\n"""', "\nassert"),
}
"""At which it ends one that goes on with the problem's text, besides."""

TOKENS: TokenLimits = {"maths": 16_000, "program": 8_096, "function": 768, "output": 8_096, "input": 8_096}
"""The paper's evaluation, section 4 and the reference's flags."""
LONG: TokenLimits = {**TOKENS, "function": 8_096}
SHORT: TokenLimits = {"maths": 2_048, "program": 2_048, "function": 768, "output": 256, "input": 256}


@dataclass(frozen=True, slots=True)
class Question:
    """One problem as it is put to a model."""

    key: str
    prompt: Prompt
    form: str = "response"
    """What its completion is, as in files of samples: ``completion`` goes on with the problem's text."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One way of asking."""

    name: str
    ask: Mapping[ProblemKind, Ask]
    tokens: TokenLimits | None
    """Of a completion, at most; ``None``: as many as the run samples."""
    stop: Callable[[str, Voice], tuple[str, ...] | None]
    """Strings at which a suite's completions end, and are cut; ``None``: those of the run, which stay."""
    form: Callable[[str, Voice], str] = lambda suite, voice: "response"

    def questions(self, source: SuiteRows, voice: Voice) -> list[Question]:
        """Each problem of `source`, in the file's order. Raises `ConfigError` where `voice` lacks what it takes."""
        suite = source.suite
        ask, form = self.ask[asking.kind(suite.name)], self.form(suite.name, voice)
        return [Question(str(row[suite.key]), ask(Item(suite.name, row), voice), form) for row in source.rows]

    def tokens_of(self, suite: str) -> int | None:
        """Of a completion of `suite`, at most; ``None``: as many as the run samples."""
        return None if self.tokens is None else self.tokens[asking.kind(suite)]


def _own(words: str) -> Ask:
    return lambda item, voice: voice.own.frame(words.format(problem=item.problem))


def _paper(words: str) -> Ask:
    return lambda item, voice: voice.paper.frame(words.format(problem=item.problem))


def _unopened(words: str) -> Ask:
    return lambda item, voice: asking.without_think(voice.paper.frame(words.format(problem=item.problem)))


def _predicts(own: bool) -> Ask:
    def ask(item: Item, voice: Voice) -> Prompt:
        prompts, row = voice.own if own else voice.paper, item.row
        if item.suite == "cruxeval-i":
            return prompts.converse("solve_abduction", program=str(row["code"]), entry="f", output=str(row["output"]))
        return prompts.converse("solve_deduction", program=str(row["code"]), entry=item.entry, input=item.arguments)

    return ask


def _chat(words: str) -> Ask:
    def ask(item: Item, voice: Voice) -> Prompt:
        if voice.template is None:
            raise ConfigError("--preset chat: the model's tokenizer has no chat template; give --preset bare or paper")
        return asking.templated(voice.template, words.format(problem=item.problem), thinks=True)

    return ask


def _script(item: Item, voice: Voice) -> Prompt:
    """With the reply begun up to its open fence; by the problem's bare text where there is no template."""
    if voice.template is None:
        return _bare_function(item, voice)
    words = asking.SCRIPT.format(problem=item.problem)
    return asking.templated(voice.template, words, thinks=False, begun=asking.SCRIPT_BEGUN)


def _bare(text: Callable[[Item], str], begun: Callable[[Item], str]) -> Ask:
    return lambda item, voice: Prompt.of("", text(item), begun(item), begun(item))


def _bare_function(item: Item, voice: Voice) -> Prompt:
    return Prompt.of("", str(item.row["prompt"]), "")


def _given_output(item: Item) -> str:
    return f"{item.row['code']}\n\n# a call that returns {item.row['output']}\n"


def _script_stop(suite: str, voice: Voice) -> tuple[str, ...] | None:
    if asking.kind(suite) != "function":
        return ()
    return (*STOPS, FENCE) if voice.template is not None else (*STOPS, *BARE_STOPS[suite])


def _bare_stop(suite: str, voice: Voice) -> tuple[str, ...] | None:
    of: Mapping[ProblemKind, tuple[str, ...]] = {
        "maths": ("\n\nProblem:",), "program": (FENCE,), "output": ("\n",), "input": ("\n",),
        "function": (*STOPS, *BARE_STOPS.get(suite, ())),
    }  # fmt: skip
    return of[asking.kind(suite)]


def _goes_on(suite: str, voice: Voice) -> str:
    return "completion" if asking.kind(suite) == "function" else "response"


PAPER = Preset(
    "paper",
    {
        "maths": _unopened("{problem}"), "program": _paper(asking.PROGRAM), "function": _script,
        "output": _predicts(own=False), "input": _predicts(own=False),
    },
    TOKENS,
    _script_stop,
    lambda suite, voice: "response" if voice.template is not None else _goes_on(suite, voice),
)  # fmt: skip
PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        PAPER,
        Preset(
            "paper-boxed", {**PAPER.ask, "maths": _unopened(asking.BOXED)}, PAPER.tokens, PAPER.stop, PAPER.form
        ),
        Preset(
            "trained",
            {
                "maths": _own(asking.BOXED), "program": _own(asking.PROGRAM), "function": _own(asking.FUNCTION),
                "output": _predicts(own=True), "input": _predicts(own=True),
            },
            None,
            lambda suite, voice: None,
        ),
        Preset(
            "chat",
            {
                "maths": _chat(asking.STEPWISE), "program": _chat(asking.PROGRAM), "function": _chat(asking.SCRIPT),
                "output": _chat(asking.OUTPUT), "input": _chat(asking.INPUT),
            },
            LONG,
            lambda suite, voice: (),
        ),
        Preset(
            "bare",
            {
                "maths": _bare(lambda item: f"Problem:\n{item.problem}", lambda item: "\n\nSolution:"),
                "program": _bare(lambda item: item.problem, lambda item: "\n\n```python\n"),
                "function": _bare_function,
                "output": _bare(lambda item: f"{item.row['code']}\n\n", lambda item: f"assert {item.call} =="),
                "input": _bare(_given_output, lambda item: "assert f("),
            },
            SHORT,
            _bare_stop,
            _goes_on,
        ),
    )
}  # fmt: skip


def named(name: str) -> Preset:
    """The preset of that name. Raises `ConfigError`."""
    if name not in PRESETS:
        raise ConfigError(f"--preset '{name}' does not exist: choose from {', '.join(PRESETS)}")
    return PRESETS[name]


def suited(trained: bool, tuned: bool) -> Preset:
    """The preset of a model for which none is named: `trained` here, `tuned` on its chat template, or a base model."""
    return PRESETS["trained" if trained else "chat" if tuned else "bare"]


def cut(text: str, stop: Sequence[str]) -> str:
    """`text` up to the first of `stop`."""
    return text[: min((at for at in map(text.find, stop) if at >= 0), default=len(text))]
