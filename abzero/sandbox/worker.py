"""What a child does, once locked in: compile, screen, run, report. Standard library only.

The program shares this process with the code below, so nothing here is believed by the parent beyond what the program
could have returned anyway: a child reports values, never verdicts. Everything used after a program has run is bound to
a local name before, so that tampering with builtins or modules does not even change its own report.
"""

import ast
import builtins
import gc
import json
import os
import sys
from collections.abc import Callable
from types import CodeType

from abzero.sandbox import screen, wire
from abzero.sandbox.encode import Unfit

DESCRIPTOR = 3
"""The only open descriptor of a child: its end of the socket pair."""


class Refusal(BaseException):
    """Raised in the program where it imports a module that is kept from it."""


class Worker:
    """Prepared once in the zygote, used once in each child."""

    def __init__(self, imports: frozenset[str] | None, encode: Callable[[object], str]) -> None:
        self._imports = imports
        self._encode = encode
        self._standard = sys.stdlib_module_names

    def alone(self, request: bytes) -> None:
        """Run the only call of `request`. Everything may happen here, an end without a report included."""
        write = _writer()
        write(wire.LOCKED, "")
        [[program, [arguments]]] = json.loads(request)
        try:
            code, call = _compile(program), _call(arguments)
        except BaseException as error:
            return write(*_told(error))
        hashing = screen.hashing(code) or screen.hashing(call) or self._unscreened(code, call)
        write(wire.SCREENED, "1" if hashing else "0")
        write(*self._evaluate(code, call, write))
        return None

    def shared(self, request: bytes) -> None:
        """Run the calls of `request` in turn, each in a namespace of its own, but for the doubtful ones."""
        write = _writer()
        write(wire.LOCKED, "")
        for program, inputs in json.loads(request):
            try:
                code: CodeType | None = _compile(program)
            except BaseException:
                code = None
            if code is not None and not screen.clean(code):
                code = None
            for arguments in inputs:
                if code is None:
                    write(wire.DOUBT, "")
                    continue
                try:
                    call = _call(arguments)
                except BaseException as error:
                    write(*_told(error))
                    continue
                if not screen.clean(call):
                    write(wire.DOUBT, "")
                    continue
                write(wire.SCREENED, "1" if screen.hashing(code) or screen.hashing(call) else "0")
                tag, text = self._evaluate(code, call, None)
                doubtful = tag in (wire.MEMORY, wire.REFUSED) or text == "RecursionError"
                write(*((wire.DOUBT, "") if doubtful else (tag, text)))

    def report_escapes(self, forbidden: list[str], clocks: list[str]) -> None:
        """The self-test's report: names of what was possible, and of the clocks that could be read."""
        write = _writer()
        write(wire.LOCKED, "")
        write(wire.VALUE, json.dumps([forbidden, clocks]))

    def warm_up(self) -> None:
        """Use every part once, so that children find it in memory."""
        code, call = _compile("def f(x):\n    return [x, {1: 'a'}]\n"), _call("(1.5, -2, {3})")
        screen.clean(code), screen.hashing(call)
        self._evaluate(code, call, None)

    def _unscreened(self, *codes: CodeType) -> bool:
        return self._imports is None or not all(map(screen.clean, codes))

    def _evaluate(
        self, code: CodeType, call: CodeType, write: Callable[[bytes, str], None] | None
    ) -> tuple[bytes, str]:
        run, evaluate, told, encode, lies_at, base = exec, eval, _told, self._encode, _prints_address, BaseException
        no_literal, address, value = wire.NO_LITERAL, wire.ADDRESS, None
        stop, prepared = gc.disable, wire.PREPARED
        gc.enable()
        refused: list[str] = []
        namespace = self._namespace(refused)
        try:
            run(code, namespace)
            if write is not None:
                write(prepared, "")
            value = evaluate(call, namespace)
            stop()
            answer = wire.VALUE, encode(value)
        except base as error:
            answer = told(error)
            if answer[0] == no_literal and lies_at(value):
                answer = address, answer[1]
        if refused:
            return wire.REFUSED, f"import of {refused[0]}"
        return answer

    def _namespace(self, refused: list[str]) -> dict[str, object]:
        if self._imports is None:
            return {"__builtins__": builtins, "__name__": "__main__"}
        return {"__builtins__": {**vars(builtins), "__import__": self._gate(refused)}, "__name__": "__main__"}

    def _gate(self, refused: list[str]) -> Callable[..., object]:
        """``__import__`` for the program; a refused name also goes on record, lest the program swallow the error."""
        imports, standard, real = self._imports or frozenset(), self._standard, builtins.__import__

        def gate(name: str, globals=None, locals=None, fromlist=(), level=0):  # type: ignore[no-untyped-def]
            if type(name) is str and level == 0:
                if name in imports:
                    return real(name, globals, locals, fromlist)
                if name.partition(".")[0] in standard:
                    refused.append(name)
                    raise Refusal(name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        return gate


def _prints_address(value: object) -> bool:
    """Whether the text of `value` shows where it lies in memory, which no two runs have in common."""
    try:
        return " at 0x" in repr(value)
    except BaseException:
        return False


def _writer() -> Callable[[bytes, str], None]:
    """A function that sends one frame; what does not fit the socket's buffer is lost, and shows as a broken end."""
    send, descriptor, pack, encode, length, leave = os.write, DESCRIPTOR, wire.FRAME.pack, str.encode, len, os._exit

    def write(tag: bytes, text: str) -> None:
        body = encode(text, "utf-8", "replace")
        frame = pack(tag, length(body)) + body
        if send(descriptor, frame) != length(frame):
            leave(wire.CUT_SHORT)

    return write


def _compile(program: str) -> CodeType:
    return compile(program, "<program>", "exec", dont_inherit=True)


def _call(arguments: str) -> CodeType:
    """``f(arguments)``, compiled. Raises `Unfit` unless that is one call of f and nothing else."""
    source = f"f({arguments}\n)"
    tree = _parse(source)
    call = tree.body
    whole = type(call) is ast.Call and type(call.func) is ast.Name and call.func.id == "f"
    if not whole or call.end_lineno != source.count("\n") + 1 or call.end_col_offset != 1:
        raise Unfit(wire.REFUSED, "arguments that are not one whole call of f")
    return compile(tree, "<call>", "eval", dont_inherit=True)


def _parse(source: str) -> ast.Expression:
    try:
        return ast.parse(source, "<call>", "eval")
    except SyntaxError:
        raise Unfit(wire.REFUSED, "arguments that are not one whole call of f") from None


def _teller() -> Callable[[BaseException], tuple[bytes, str]]:
    """A function that gives the frame for a run that raised."""
    kind_of, name_of = type, type.__dict__["__name__"].__get__
    unfit, leaving, full = Unfit, SystemExit, MemoryError
    raised, exited, memory = wire.RAISED, (wire.EXITED, ""), (wire.MEMORY, "")

    def told(error: BaseException) -> tuple[bytes, str]:
        kind = kind_of(error)
        if kind is unfit:
            return error.tag, error.name  # type: ignore[attr-defined]
        if kind is leaving:
            return exited
        return memory if kind is full else (raised, name_of(kind))

    return told


_told = _teller()
