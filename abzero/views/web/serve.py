"""The server: sockets, the token, the browser. uvicorn is imported here alone."""

import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import uvicorn

from abzero.errors import ConfigError
from abzero.views.web.app import create
from abzero.views.web.guard import ENTRY, LOOPBACK, Token

_SHORTEST = 16


def token_for(host: str, chosen: str | Literal["auto"] | None) -> Token | None:
    """The token that `host` asks for: none on loopback. Raises `ConfigError`."""
    if chosen is None and host in LOOPBACK | {"::1"}:
        return None
    if chosen is None:
        raise ConfigError(f"--host {host} can be reached by others: add --token auto")
    if chosen != "auto" and (len(chosen) < _SHORTEST or not chosen.isascii() or not chosen.isprintable()):
        raise ConfigError(f"--token needs {_SHORTEST} or more printable ASCII characters: use --token auto")
    return Token(None if chosen == "auto" else chosen)


def serve(
    root: Path,
    defaults: dict[str, str],
    host: str,
    port: int,
    token: Token | None,
    browse: bool,
    say: Callable[[str], None],
) -> None:
    """Serve until interrupted. Raises `ConfigError` if the port cannot be had."""
    sockets = _listen(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{sockets[0].getsockname()[1]}"
    entry = f"{address}{ENTRY}?token={token.entry}" if token else address
    say(f"watching {root} at {entry}")
    config = uvicorn.Config(
        create(root, defaults, host, token, lambda: server.should_exit),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    if browse:
        webbrowser.open(entry)
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):  # the server has ended well, and says so
        server.run(sockets)
    say(f"no longer watching {root}")


def _listen(host: str, port: int) -> list[socket.socket]:
    """Sockets for `host`; for loopback both of its addresses, where the machine has both."""
    names = ["127.0.0.1", "::1"] if host in LOOPBACK | {"::1"} else [host]
    found: list[socket.socket] = []
    for name in names:
        family = socket.AF_INET6 if ":" in name else socket.AF_INET
        try:
            one = socket.socket(family, socket.SOCK_STREAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((name, found[0].getsockname()[1] if found else port))
            one.listen()  # a browser that is quicker than the server waits for it
        except OSError as error:
            if found:
                continue
            raise ConfigError(
                f"--host {name} --port {port} cannot be had ({error.strerror}): try --port {port + 1}"
            ) from error
        found.append(one)
    return found
