"""Whether a Tinker server is there. The SDK asks a dead one again for minutes without a word; this takes seconds."""

import json
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from abzero.errors import BackendError

READY = ("ok", "ready")


def check(url: str, seconds: float) -> None:
    """Ask the server at `url` for its health. Raises `BackendError`: nobody there, too slow, another API, not ready."""
    address = f"{url.rstrip('/')}/api/v1/healthz"
    try:
        with urlopen(address, timeout=seconds) as response:
            state = json.load(response)["status"]
    except HTTPError as error:
        raise BackendError(
            f"{address} says {error.code} {error.reason}: what runs there is no Tinker server, or one of another "
            "version; set --tinker.url to where it listens"
        ) from error
    except TimeoutError as error:
        raise _slow(address, seconds) from error
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _slow(address, seconds) from error
        raise BackendError(
            f"no Tinker server answers at {url} ({error.reason}): start it, or set --tinker.url to where it listens"
        ) from error
    except (OSError, HTTPException) as error:
        raise BackendError(f"the Tinker server at {url} hung up ({error!r}): look at its log") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackendError(
            f"{address} does not answer as a Tinker server does: set --tinker.url to where one listens"
        ) from error
    if state not in READY:
        raise BackendError(f"the Tinker server at {url} is not ready, it says {state!r}: wait, or look at its log")


def _slow(address: str, seconds: float) -> BackendError:
    return BackendError(
        f"{address} did not answer within {seconds:g} s: the server is overloaded or still starting; wait, or raise "
        "tinker.connect-timeout"
    )
