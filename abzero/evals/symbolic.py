"""math-verify in a child process, which is killed when a pair takes too long: one child serves many pairs."""

import contextlib
import json
import select
import subprocess
import sys
import time
from importlib.util import find_spec
from types import TracebackType
from typing import Literal, Self

from abzero.errors import ConfigError, SandboxError

SECONDS = 20.0
"""Of wall time for one pair."""
MEMORY_BYTES = 4 << 30
_START_SECONDS = 60.0
_MOST_CHARACTERS = 20_000

Comparison = Literal["right", "wrong", "timeout", "error"]


class Symbolic:
    """Compares two LaTeX answers as mathematics. Owns one child process; one thread at a time uses it."""

    def __init__(self, seconds: float = SECONDS) -> None:
        if find_spec("math_verify") is None:
            raise ConfigError("maths is judged with math-verify, which is not installed: pip install 'abzero[math]'")
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None

    def compare(self, gold: str, answer: str) -> Comparison:
        """What math-verify says of `answer`; ``timeout`` where it had to be killed, ``error`` where it raised."""
        if len(gold) > _MOST_CHARACTERS or len(answer) > _MOST_CHARACTERS:
            return "wrong"
        child = self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps([gold, answer]).encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:
            self.close()
            return "error"
        reply = self._line(child, self._seconds)
        if reply is None:
            self.close()
            return "timeout"
        if not reply:
            self.close()
            return "error"
        match json.loads(reply):
            case True:
                return "right"
            case False:
                return "wrong"
            case _:
                return "error"

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            command = [sys.executable, "-m", "abzero.evals.symbolic_child", str(MEMORY_BYTES)]
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            if self._line(self._child, _START_SECONDS) != b"ready\n":
                self.close()
                raise SandboxError(
                    "the process that runs math-verify did not start: try `python -c 'import math_verify'`"
                )
        return self._child

    @staticmethod
    def _line(child: subprocess.Popen[bytes], seconds: float) -> bytes | None:
        """Its next line; empty where it ended, ``None`` where it was too slow."""
        assert child.stdout is not None
        deadline, data = time.monotonic() + seconds, b""
        while not data.endswith(b"\n"):
            if not select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            part = child.stdout.read1(65_536)  # type: ignore[attr-defined]
            if not part:
                return b""
            data += part
        return data

    def close(self) -> None:
        """End the child. Idempotent."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for stream in (self._child.stdin, self._child.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
