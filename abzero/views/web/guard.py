"""Who may ask: loopback is not a trust boundary, since any page in the same browser can reach it.

A page of a name that is rebound to 127.0.0.1 counts as same-origin and need not send an ``Origin``, so the ``Host`` it
sends is what gives it away. Every request passes here before anything else sees it.
"""

import hmac
import ipaddress
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
ENTRY = "/enter"
_COOKIE = "abzero"
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*[A-Za-z0-9])(?::(\d{1,5}))?", re.ASCII)


class Token:
    """What lets a browser in from outside: shown once in an address, then kept in a cookie."""

    def __init__(self, chosen: str | None = None) -> None:
        self.entry = chosen or secrets.token_urlsafe(24)
        self._cookie = secrets.token_urlsafe(32)
        self._once = chosen is None
        self._used = False

    def enter(self, given: str) -> str | None:
        """The cookie's value for the right token, which is spent by it unless the user chose it."""
        if not hmac.compare_digest(given.encode(), self.entry.encode()) or (self._once and self._used):
            return None
        self._used = True
        return self._cookie

    def admits(self, cookie: str) -> bool:
        return hmac.compare_digest(cookie.encode(), self._cookie.encode())


class Guard:
    """Refuses strange hosts (400), all that is not GET or HEAD (405) and strangers (403); adds the headers."""

    def __init__(self, app: App, host: str = "127.0.0.1", token: Token | None = None) -> None:
        self._app = app
        self._host = f"[{host}]" if ":" in host else host
        self._token = token

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await _answer(guarded, *refusal)
        elif self._token and scope["path"] == ENTRY:
            await _answer(guarded, *self._entrance(self._token, scope))
        else:
            await self._app(scope, receive, guarded)

    def _refusal(self, scope: AsgiScope) -> tuple[int, str] | None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self._knows(hosts[0]):
            return 400, "this server does not answer to that name"
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "this server is read-only"
        if self._token and scope["path"] != ENTRY and not self._token.admits(_cookie(scope)):
            return 403, "open the address that `abzero watch` printed"
        return None

    def _knows(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        name = match[1].lower() if match else ""
        if not name or name in LOOPBACK | {self._host}:
            return bool(name) and name != "0.0.0.0"
        return self._host in ("0.0.0.0", "[::]") and _address(name)

    @staticmethod
    def _entrance(token: Token, scope: AsgiScope) -> tuple[int, str, list[tuple[bytes, bytes]]]:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        cookie = token.enter(given)
        if cookie is None:
            return 403, "this address was used already, or is wrong: start `abzero watch` again for a new one", []
        value = f"{_COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict"
        return 303, "", [(b"set-cookie", value.encode()), (b"location", b"/")]


def _address(name: str) -> bool:
    """Whether a host is a number: a name can be rebound by who owns it, a number cannot."""
    try:
        return not ipaddress.ip_address(name.strip("[]")).is_unspecified
    except ValueError:
        return False


def _cookie(scope: AsgiScope) -> str:
    text = b"; ".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")
    try:
        found = SimpleCookie(text).get(_COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


async def _answer(send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*plain, *(headers or [])]})
    await send({"type": "http.response.body", "body": text.encode()})
