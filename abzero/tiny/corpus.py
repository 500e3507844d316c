"""What the base model reads: true documents only, drawn on the fly, none of them about a program that is held out.

A worked solution's trace repeats the program's statements in the order they are needed, each with its value; a direct
one gives the answer alone. Solved programs have at most `SOLVED` operations; proposals have up to six, so the base can
write what it cannot yet solve.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from abzero.tasks.base import IDENTITY
from abzero.tiny import grammar
from abzero.tiny.grammar import Program, TinyValue
from abzero.tiny.splits import held_out

SOLVED = 2
"""Most operations of a program whose worked solution the corpus holds."""
INPUTS = 6
"""Inputs of an induction proposal; the solver is shown the first half of the pairs."""

_SOLVED_LENGTHS = {1: 0.5, 2: 0.5}
MAX_WRITTEN = 6
"""Most operations of a proposed program."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one stage of the pretraining reads."""

    copied: float = 0.0
    """Share of worked solutions whose program also holds plain copies: longer traces of programs no harder."""
    copies: int = 4
    """Most copies that a program holds."""
    identities: float = 0.0
    """Share of proposals that are shown the loop's first task, which is no program of the grammar."""
    lengths: tuple[float, ...] = (0.28, 0.28, 0.18, 0.12, 0.08, 0.06)
    """Shares of proposed programs with one to `MAX_WRITTEN` operations."""
    redundant: bool = True
    """Whether a proposed program may have operations that its result does not need."""
    direct: float = 0.0
    """Share of solutions that give the answer alone, as true as the others, without the work."""


@dataclass(frozen=True, slots=True)
class Document:
    """A prompt in the compact format and the completion that follows its ``<think>``."""

    prompt: str
    completion: str
    prompt_weight: float
    weight: float
    """Weights of a prompt's and of a completion's token in the loss."""


@dataclass(frozen=True, slots=True)
class TracedProgram:
    """A program that may be trained on, an argument it accepts, and what each statement assigns."""

    program: Program
    argument: TinyValue
    values: Sequence[TinyValue]


def draw(rng: random.Random, lesson: Lesson) -> Document:
    """One document; the kinds are mixed as `_MIX` says."""
    [kind] = rng.choices([kind for kind, _ in _MIX], [share for _, share in _MIX])
    return kind(rng, lesson)


def deduction(rng: random.Random, lesson: Lesson) -> Document:
    run = _solved(rng, lesson)
    prompt = f"<deduce>{_program(run.program)}<input>{run.argument!r}</input>"
    return _solution(prompt, forward_trace(run.program, run.values), repr(run.values[-1]), rng, lesson)


def abduction(rng: random.Random, lesson: Lesson) -> Document:
    run = _solved(rng, lesson)
    output = run.values[-1]
    needed = run.program.preimages(output) or [*run.values[-2::-1], run.argument]
    prompt = f"<abduce>{_program(run.program)}<output>{output!r}</output>"
    return _solution(prompt, backward_trace(run.program, needed), repr(needed[-1]), rng, lesson)


def induction(rng: random.Random, lesson: Lesson) -> Document:
    """One operation in three of four; the trace works the guess out on the first pair shown."""
    while True:
        run = _run(rng.choices((1, 2), (3, 1))[0], rng)
        arguments = _inputs(run.program, INPUTS // 2, rng)
        if arguments:
            break
    values = [run.program.values(argument) or [] for argument in arguments]
    pairs = "".join(_pair(argument, found[-1]) for argument, found in zip(arguments, values, strict=True))
    prompt = f"<induce>{pairs}<message></message>"
    return _solution(prompt, forward_trace(run.program, values[0]), _program(run.program), rng, lesson)


def propose_deduction(rng: random.Random, lesson: Lesson) -> Document:
    return _proposal("deduction", rng, lesson)


def propose_abduction(rng: random.Random, lesson: Lesson) -> Document:
    return _proposal("abduction", rng, lesson)


def propose_induction(rng: random.Random, lesson: Lesson) -> Document:
    while True:
        program = _written(rng, lesson).program
        if arguments := _inputs(program, INPUTS, rng):
            break
    inputs = "".join(f"<input>{argument!r}</input>" for argument in arguments)
    shown = f"<program>{IDENTITY}</program>" if _chance(lesson.identities, rng) else _program(program)
    prompt = f"<propose-induction>{shown}"
    return Document(prompt, f"</think><answer>{inputs}<message></message></answer>", 0.0, 0.3)


_MIX: tuple[tuple[Callable[[random.Random, Lesson], Document], float], ...] = (
    (deduction, 0.44),
    (abduction, 0.2),
    (induction, 0.14),
    (propose_deduction, 0.1),
    (propose_abduction, 0.08),
    (propose_induction, 0.04),
)


def shares() -> dict[str, float]:
    """The kinds of documents and how much of the corpus each is."""
    return {kind.__name__: share for kind, share in _MIX}


def forward_trace(program: Program, values: Sequence[TinyValue]) -> str:
    """The program's body as it runs: ``statement -> what it assigns``, down to the return."""
    lines = [f"{text} -> {value!r}" for text, value in zip(program.statements, values, strict=True)]
    return "".join(f"\n    {line}" for line in [*lines, f"return {program.names[-1]}"])


def backward_trace(program: Program, needed: Sequence[TinyValue]) -> str:
    """The program's body from its end: ``statement <- what its operand must have been``, up to ``x``."""
    lines = [f"{text} <- {value!r}" for text, value in zip(reversed(program.statements), needed, strict=True)]
    return "".join(f"\n    {line}" for line in lines)


def _proposal(mode: str, rng: random.Random, lesson: Lesson) -> Document:
    """A new program and input after up to two references: fresh, or one of them with statements added or replaced."""
    references = [_written(rng, lesson) for _ in range(rng.choice((0, 1, 1, 2)))]
    shown = [_program(run.program) + _pair(run.argument, run.values[-1]) for run in references]
    if _chance(lesson.identities, rng):
        shown[:1] = [f"<program>{IDENTITY}</program><input>'Hello world'</input><output>'Hello world'</output>"]
    run = _variation(rng.choice(references).program, rng, lesson) if references and rng.random() < 0.6 else None
    run = run or _written(rng, lesson)
    answer = f"{_program(run.program)}<input>{run.argument!r}</input>"
    return Document(f"<propose-{mode}>{''.join(shown)}", f"</think><answer>{answer}</answer>", 0.0, 0.3)


def _variation(program: Program, rng: random.Random, lesson: Lesson) -> TracedProgram | None:
    """`program` with one or two statements appended, or with its last one replaced, on an argument of its own."""
    kept = program.operations[: len(program.operations) - (rng.random() < 0.3)]
    operations = list(kept)
    for _ in range(rng.choice((1, 1, 2)) if len(kept) == len(program.operations) else 1):
        takes = operations[-1].gives if operations else program.takes
        operations.append(grammar.draw_operation(takes, rng))
    if len(operations) > MAX_WRITTEN:
        return None
    varied = Program(tuple(operations), grammar.draw_names(len(operations), rng))
    found = None if held_out(varied.source) else grammar.draw_run(varied, rng)
    if found is None or not (lesson.redundant or grammar.every_statement_matters(varied, found[0])):
        return None
    return TracedProgram(varied, *found)


def _solved(rng: random.Random, lesson: Lesson) -> TracedProgram:
    """A run to be worked out; copies make it longer, never harder."""
    run = _run(_length(_SOLVED_LENGTHS, rng), rng)
    if not _chance(lesson.copied, rng):
        return run
    copied = grammar.with_copies(run.program, rng.randint(1, lesson.copies), rng)
    return TracedProgram(copied, run.argument, copied.values(run.argument) or run.values)


def _written(rng: random.Random, lesson: Lesson) -> TracedProgram:
    while True:
        [k] = rng.choices(range(1, MAX_WRITTEN + 1), lesson.lengths)
        run = _run(k, rng)
        if lesson.redundant or grammar.every_statement_matters(run.program, run.argument):
            return run


def _run(k: int, rng: random.Random) -> TracedProgram:
    while True:
        program = grammar.draw_program(k, rng)
        found = None if held_out(program.source) else grammar.draw_run(program, rng)
        if found:
            return TracedProgram(program, *found)


def _chance(share: float, rng: random.Random) -> bool:
    return share > 0 and rng.random() < share


def _length(shares: dict[int, float], rng: random.Random) -> int:
    return rng.choices(list(shares), list(shares.values()))[0]


def _inputs(program: Program, count: int, rng: random.Random) -> list[TinyValue]:
    """`count` different arguments that `program` accepts; empty where they were not found soon."""
    found: list[TinyValue] = []
    for _ in range(6 * count):
        argument = grammar.draw_value(program.takes, rng)
        if argument not in found and program.values(argument) is not None:
            found.append(argument)
            if len(found) == count:
                return found
    return []


def _solution(prompt: str, trace: str, answer: str, rng: random.Random, lesson: Lesson) -> Document:
    work = "" if _chance(lesson.direct, rng) else trace
    return Document(prompt, f"{work}</think><answer>{answer}</answer>", 0.1, 1.0)


def _program(program: Program) -> str:
    return f"<program>{program.source}</program>"


def _pair(argument: TinyValue, output: TinyValue) -> str:
    return f"<input>{argument!r}</input><output>{output!r}</output>"
