"""What is known of a call before it runs: outcomes that need no run, and programs that must not share. No processes."""

import keyword
import re
from collections import OrderedDict
from collections.abc import Iterable

from abzero.sandbox.base import Call, Outcome, Refused, Stopped
from abzero.sandbox.child.limits import Limits

_REMEMBERED = 4096
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Precheck:
    """Text that no child should see, and what hung before."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._hung: OrderedDict[tuple[str, str | None], float] = OrderedDict()
        """With which share of the processor time."""
        self._barred: OrderedDict[str, None] = OrderedDict()

    def outcome(self, call: Call) -> Outcome | None:
        """The outcome of `call`, if it is known beforehand."""
        limits = self._limits
        for what, text, most in (
            ("a program", call.program, limits.program_characters),
            ("arguments", call.arguments, limits.argument_characters),
        ):
            if len(text) > most:
                return Refused(f"{what} of {len(text)} characters, more than {most}")
            if "\0" in text or (not text.isascii() and _LONE_SURROGATE.search(text)):
                return Refused(f"{what} with a NUL character or a lone surrogate")
        if not call.entry.isidentifier() or keyword.iskeyword(call.entry):
            return Refused("an entry point that is no name")
        if any(call.time_share <= self._hung.get((call.program, key), 0.0) for key in (None, call.expression)):
            return Stopped("timeout")
        return None

    def remember_hanging(self, call: Call, in_its_call: bool) -> None:
        """`call` hung: with this input, or before its program came to that, and so with any."""
        self._hung[call.program, call.expression if in_its_call else None] = call.time_share
        if len(self._hung) > _REMEMBERED:
            self._hung.popitem(last=False)

    def bar(self, programs: Iterable[str]) -> None:
        """Keep `programs` out of shared children from now on: one of them may have changed what came after it."""
        for program in programs:
            self._barred[program] = None
            if len(self._barred) > _REMEMBERED:
                self._barred.popitem(last=False)

    def barred(self, call: Call) -> bool:
        return call.program in self._barred
