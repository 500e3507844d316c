"""What a child does, once locked in: compile, analyze, run, report values, never verdicts. Standard library only.

The program shares this process, so the host believes no more of it than what a program could have returned. What is
used after a program has run is bound to a local name before: tampering with builtins does not change its own report.
"""

import ast
import builtins
import gc
import marshal
import os
import sys
from collections.abc import Callable, Sequence
from types import CodeType, ModuleType
from typing import Any

from abzero.sandbox.child import analyze, heap, surroundings, tripwires, wire
from abzero.sandbox.child.encode import Unfit, encoder
from abzero.sandbox.child.memory_errors import MemoryErrors
from abzero.sandbox.child.report import ReplyFrame, Write
from abzero.sandbox.child.typing_caches import TypingCaches

MODULE = "program"
"""What a program finds in ``__name__``: it is imported, so it leaves out what it would do as a script."""

_LARGEST = 65_536
"""Most bytes of code that the parent is asked to keep for a program; folded constants can make more out of little."""
_FRAMES_OF_OURS = 9
"""How much deeper a program stands here than one that is run as a script: it has as much room below as that."""
_WARM = 20
"""Rounds of warming up: the interpreter adapts code that has run so often."""


class Worker:
    """Prepared once in the zygote, used once in each child. With `imports` None, no module is refused."""

    def __init__(
        self,
        imports: frozenset[str] | None,
        value_characters: int,
        value_depth: int,
        value_nodes: int,
        noticed: tripwires.Flag | None = None,
    ) -> None:
        self._encode = encoder(value_characters, value_depth, value_nodes)
        self._free = imports is None
        self._refused: list[str] = []
        self._builtins: object = builtins
        if imports is not None:
            self._builtins = surroundings.gated(imports, self._refused)
        self._blind = noticed is None
        self._noticed = (noticed or tripwires.Flag()).bits
        self._typing, self._errors = TypingCaches(), MemoryErrors()
        sys.setrecursionlimit(1_000 + _FRAMES_OF_OURS)
        self._seen = 0  # what the last run raised of that

    def isolated(self, request: bytes, write: Write) -> None:
        """Run the only call of `request`. Everything may happen here, an end without a report included."""
        write((wire.LOCKED, ""))
        *settled, (_, program), (_, arguments) = wire.frames(request)
        try:
            code, call = _compile(program.decode()), _call(arguments.decode())
        except BaseException as error:
            write(_told(error))
            return
        telling = tripwires.SHOWN
        if not settled:
            telling |= self._tell_of_hashes(code, call, write)
        _taken = heap.pass_over()
        gc.enable()
        answer = self._run_by_itself(code, call, write)
        if self._seen & telling:
            write((wire.HASHING, ""), answer)
        else:
            write(answer)

    def _tell_of_hashes(self, code: CodeType, call: CodeType, write: Write) -> int:
        """Have all seeds run if the analysis says so; which tripwire, if any, may still ask for them."""
        analyses = analyze.analyze(code), analyze.analyze(call, beside_imports=True)
        if self._free or self._blind or _needs_all_seeds(analyses):
            write((wire.HASHING, ""))
        elif any(analysis.evaluating for analysis in analyses):
            _analyze_what_is_evaluated(analyses, write, self._noticed)
        return tripwires.ORDERED

    def compiled(self, request: bytes, write: Write) -> None:
        """Compile and analyze the programs and calls of `request`, for other children to run. Runs none of them."""
        write((wire.LOCKED, ""))
        for program, inputs in _groups(request):
            frames = _compiled(_compile, program, wire.CODE, wire.SOURCE)
            if frames[-1][0] in (wire.CODE, wire.SOURCE):
                for arguments in inputs:
                    frames += _compiled(_call, arguments, wire.CALL, wire.CALL_SOURCE)
            write(*frames)

    def shared(self, request: bytes, write: Write, rehearsal: bool = False) -> None:
        """Run the calls of `request` in turn, each in a namespace of its own."""
        load, leave, hashing = marshal.loads, os._exit, False
        write((wire.LOCKED, ""))
        if not rehearsal:
            self._typing.bypass()
        for tag, body in wire.frames(request):
            if tag == wire.CODE:
                code = load(body)
            elif tag == wire.SOURCE:
                code = _compile(body.decode())
            elif tag == wire.HASHING:
                hashing = True
            else:
                call = load(body) if tag == wire.CALL else _call(body.decode())
                write(self._run_among_others(code, call, hashing))
                if self._seen & tripwires.REFUSED:
                    leave(wire.CUT_SHORT)  # for want of memory, which is all that is wrong with the others
                hashing = False

    def warm_up(self) -> None:
        """Do everything a few times, so that children find it in memory, adapted by the interpreter, and write less."""
        told: list[tuple[bytes, bytes]] = []

        def keep(*frames: tuple[bytes, bytes]) -> None:
            told.extend(frames)

        for program in (b"def f(x):\n    return [x, {1: 'a'}]\n", b"class A:\n    pass\ndef f(x):\n    return A\n"):
            request = wire.frame(wire.SOURCE, program) + wire.frame(wire.CALL_SOURCE, b"f((1.5, -2, {3}, b'', None))")
            for _ in range(_WARM):
                self.compiled(request, keep)
                calls = [frame for frame in told if frame[0] in (wire.CODE, wire.CALL)]
                self.shared(b"".join(wire.frame(*frame) for frame in calls), keep, rehearsal=True)
                self.isolated(request, keep)
                told.clear()
        for kind in (str, bytes, int, float, list, tuple, dict, set, frozenset, range, ModuleType):
            for name in dir(kind):
                hasattr(kind, name)
                analyze.MEANINGS[name]
        sys.modules[MODULE] = None  # type: ignore[assignment]  # or each child frees a module first, and an object lies there
        gc.disable()

    def _run_by_itself(self, code: CodeType, call: CodeType, write: Write) -> ReplyFrame:
        """A frame of the stack like `_run_among_others`: programs can tell how deep they are."""
        return self._evaluate(code, call, write)

    def _run_among_others(self, code: CodeType, call: CodeType, hashing: bool) -> ReplyFrame:
        tag, text = self._evaluate(code, call, None)
        vars(sys.modules[MODULE]).clear()
        self._errors.restore()
        telling = tripwires.SHOWN | tripwires.REFUSED | (0 if hashing else tripwires.ORDERED)
        doubted = self._seen & telling > 0 or (hashing and tripwires.address_hashed(self._seen))
        unseen = self._seen & tripwires.CLASS_MADE > 0 and analyze.names(code, "type")  # classes with any members
        if doubted or unseen or tag in (wire.MEMORY, wire.REFUSED) or text == "RecursionError":
            return wire.DOUBT, ""
        return tag, text

    def _evaluate(self, code: CodeType, call: CodeType, write: Write | None) -> ReplyFrame:
        run, evaluate, told, encode, lies_at, base = exec, eval, _told, self._encode, _prints_address, BaseException
        stop, prepared, valued = gc.disable, wire.PREPARED, wire.VALUE
        no_literal, address, refused_tag, value = wire.NO_LITERAL, wire.ADDRESS, wire.REFUSED, None
        refused, noticed, refused_memory, full = self._refused, self._noticed, tripwires.REFUSED, wire.MEMORY
        refused.clear()
        module = sys.modules[MODULE] = ModuleType(MODULE)
        namespace = vars(module)
        namespace["__builtins__"] = self._builtins
        noticed[0] = 0
        try:
            run(code, namespace)
            if write is not None:
                write((prepared, ""))
            value = evaluate(call, namespace)
            stop()
            answer = valued, encode(value)
        except base as error:
            answer = told(error)
        self._seen = noticed[0]
        if self._seen & refused_memory:
            answer = full, ""
        if answer[0] == no_literal and lies_at(value):
            answer = address, answer[1]
        return (refused_tag, refused[0]) if refused else answer


def _needs_all_seeds(analyses: Sequence[analyze.Analysis]) -> bool:
    return analyze.hashing(analyses) or any(analysis.reaching and not analysis.evaluating for analysis in analyses)


def _analyze_what_is_evaluated(analyses: Sequence[analyze.Analysis], write: Write, noticed: bytearray) -> None:
    """From now on, analyze what ``eval`` and ``exec`` are given too, and tell, before it runs, if that and `analyses`
    together need all seeds. The compiler and the analysis go through sets of their own, which stays out of `noticed`.
    """
    analyze_code, needs_all_seeds, report = analyze.analyze, _needs_all_seeds, (wire.HASHING, "")
    seen, silent, before = [*analyses], True, -1

    def hook(event: str, details: tuple[Any, ...]) -> None:
        nonlocal silent, before
        if silent and event == "compile":
            before = noticed[0]
        elif silent and event == "exec":
            bits = noticed[0] if before < 0 else before
            found = analyze_code(details[0], beside_imports=True)
            if found not in seen:
                seen.append(found)
                if needs_all_seeds(seen):
                    silent = False
                    write(report)
            noticed[0], before = bits, -1

    sys.addaudithook(hook)


def _prints_address(value: object) -> bool:
    """Whether the text of `value` shows where it lies in memory, which no two runs have in common."""
    try:
        return " at 0x" in repr(value)
    except BaseException:
        return False


def _groups(request: bytes) -> list[tuple[str, list[str]]]:
    """The programs of `request`, each with its inputs, all as text."""
    groups: list[tuple[str, list[str]]] = []
    for tag, body in wire.frames(request):
        if tag == wire.SOURCE:
            groups.append((body.decode(), []))
        else:
            groups[-1][1].append(body.decode())
    return groups


def _compiled(
    compiler: Callable[[str], CodeType], text: str, code_tag: bytes, text_tag: bytes
) -> list[ReplyFrame | tuple[bytes, bytes]]:
    """The frames for `text`: its code for a shared child, or why it does not get there.

    A constant set goes as text. Its order comes from how it was built, and unmarshalling builds it in another way.
    """
    try:
        code = compiler(text)
        analysis = analyze.analyze(code, beside_imports=code_tag == wire.CALL)
    except (SyntaxError, Unfit) as error:
        return [_told(error)]
    except BaseException:
        return [(wire.DOUBT, "")]
    if not analysis.clean:
        return [(wire.DOUBT, "")]
    body = (text_tag, text) if analysis.frozen else (code_tag, marshal.dumps(code))
    if len(body[1]) > _LARGEST:
        return [(wire.DOUBT, "")]
    hashing = analysis.hashing or (code_tag == wire.CALL and (analysis.viewing or analysis.operating))
    return [(wire.HASHING, ""), body] if hashing else [body]


def _compile(program: str) -> CodeType:
    return compile(program, "<program>", "exec", dont_inherit=True)


def _call(expression: str) -> CodeType:
    """``entry(arguments)``, compiled. Raises `Unfit` unless that is one call of entry and nothing else."""
    entry, _, rest = expression.partition("(")
    arguments = rest[:-1]
    source = f"{entry}({arguments}\n)"
    try:
        if ")" not in arguments:  # then only ours can end the call, and it is the last character
            return compile(source, "<call>", "eval", dont_inherit=True)
        tree = ast.parse(source, "<call>", "eval")
        call = tree.body
        whole = type(call) is ast.Call and type(call.func) is ast.Name and call.func.id == entry
        if whole and call.end_lineno == source.count("\n") + 1 and call.end_col_offset == 1:
            return compile(tree, "<call>", "eval", dont_inherit=True)
    except SyntaxError:
        pass
    raise Unfit(wire.REFUSED, f"arguments that are not one whole call of {entry}")


def _teller() -> Callable[[BaseException], ReplyFrame]:
    """A function that gives the frame for a run that raised."""
    kind_of, name_of = type, type.__dict__["__name__"].__get__
    unfit, leaving, full = Unfit, SystemExit, MemoryError
    raised, exited, memory = wire.RAISED, (wire.EXITED, ""), (wire.MEMORY, "")

    def told(error: BaseException) -> ReplyFrame:
        kind = kind_of(error)
        if kind is unfit:
            return error.tag, error.name  # type: ignore[attr-defined]
        if kind is leaving:
            return exited
        return memory if kind is full else (raised, name_of(kind))

    return told


_told = _teller()
