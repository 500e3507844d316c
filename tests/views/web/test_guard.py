"""Who may ask: hosts, methods, tokens, headers, over plain HTTP."""

import asyncio

import pytest
from starlette.testclient import TestClient

from abzero.errors import ConfigError
from abzero.views.web.app import create
from abzero.views.web.guard import ENTRY, POLICY, Guard, Token
from abzero.views.web.serve import _listen, token_for
from tests.views.folders import run


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return run(tmp_path_factory.mktemp("runs") / "one").parent


def client(root, token=None, host="127.0.0.1"):
    return TestClient(create(root, {}, host, token), base_url="http://127.0.0.1:8642", follow_redirects=False)


ADDRESSES = ["/", "/static/viewer.css", "/r/one/live", "/r/one/newest", "/r/one/events", "/nothing", "/compare"]
STRANGERS = [
    *(
        "evil.com",
        "127.0.0.1.evil.com",
        "localhost.evil.com:80",
        "127.0.0.1:8000@evil.com",
        "",
        "0.0.0.0",
        "localhost.",
    ),
    *(
        "127.0.0.1:x",
        "[::1",
        "::1",
        "[::2]",
        "127.0.0.1:8642:1",
        "localhost evil.com",
        "127.0.0.1/",
        "2130706433",
        "127.1",
    ),
]


@pytest.mark.parametrize("host", STRANGERS)
def test_a_strange_name_is_refused_everywhere(root, host):
    for address in ADDRESSES:
        assert client(root).get(address, headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]", "[::1]:8642", "127.0.0.1:8642"])
def test_this_machine_s_names_are_known(root, host):
    assert client(root).get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_nothing_but_get_and_head_is_answered(root, method):
    assert client(root).request(method, "/r/one/live").status_code == 405


@pytest.mark.parametrize("address", [one for one in ADDRESSES if one != "/r/one/events"])
def test_every_answer_carries_the_policy_and_no_cors(root, address):
    headers = client(root).get(address, headers={"origin": "http://evil.com"}).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in headers if name.startswith("access-control-")]


def test_a_token_opens_the_door_once(root):
    token = Token()
    browser = client(root, token, "192.0.2.1")
    assert browser.get("/").status_code == 403
    assert browser.get(f"{ENTRY}?token=wrong").status_code == 403
    entered = browser.get(f"{ENTRY}?token={token.entry}")
    assert entered.status_code == 303
    assert {"HttpOnly", "SameSite=Strict"} <= set(entered.headers["set-cookie"].split("; "))
    assert browser.get("/").status_code == 200
    other = client(root, token, "192.0.2.1")
    assert other.get(f"{ENTRY}?token={token.entry}").status_code == 403
    assert other.get("/r/one/events").status_code == 403
    assert other.get("/", headers={"cookie": "abzero=é".encode("latin-1")}).status_code == 403


def test_a_server_for_all_addresses_answers_to_numbers_not_to_names(root):
    token = Token("long enough to be a token")
    browser = client(root, token, "0.0.0.0")
    browser.get(ENTRY, params={"token": token.entry})
    assert browser.get("/", headers={"host": "192.0.2.7:8642"}).status_code == 200
    assert browser.get("/", headers={"host": "rebound.evil.com"}).status_code == 400


def test_another_host_needs_a_token():
    assert token_for("127.0.0.1", None) is None
    with pytest.raises(ConfigError, match="--token auto"):
        token_for("0.0.0.0", None)
    with pytest.raises(ConfigError, match="16 or more"):
        token_for("0.0.0.0", "short")
    assert len(token_for("0.0.0.0", "auto").entry) > 20


def test_loopback_alone_is_listened_on_unless_another_host_is_asked_for():
    sockets = _listen("127.0.0.1", 0)
    try:
        assert {one.getsockname()[0] for one in sockets} <= {"127.0.0.1", "::1"}
        assert len({one.getsockname()[1] for one in sockets}) == 1
    finally:
        for one in sockets:
            one.close()


def test_the_stream_of_events_carries_the_policy_too(root):
    """The test client reads a stream to its end, and this one has none: the guard is asked directly."""
    sent = []

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/r/one/events", "headers": [(b"host", b"127.0.0.1")]}
    asyncio.run(Guard(application)(scope, None, send))
    assert (b"content-security-policy", POLICY.encode()) in sent[0]["headers"]


@pytest.mark.parametrize("kind", ["websocket", "webtransport"])
def test_nothing_but_http_is_answered(kind):
    async def never(*_):
        raise AssertionError

    asyncio.run(Guard(never)({"type": kind, "headers": []}, never, never))
