"""The viewer's commands."""

from pathlib import Path

from tyro.conf import Positional

from abzero.cli.output import say
from abzero.errors import ConfigError
from abzero.run.files import check_output

RUNS = Path("runs")


def watch(
    path: Positional[Path] = RUNS,
    port: int = 8642,
    host: str = "127.0.0.1",
    token: str | None = None,
    browser: bool = True,
) -> int:
    """Watch self-play in a browser: a run, live or after, or a folder of runs. It changes nothing.

    Any other `--host` than this machine's own needs `--token auto`.
    """
    _needs("web", "abzero.views.web", "starlette", "uvicorn")
    if not path.is_dir():
        raise ConfigError(f"'{path}' is neither a run nor a folder of runs: name one, or make one with abzero train")
    if not 0 <= port < 65536:
        raise ConfigError(f"--port {port} is none: choose one from 1 to 65535, or 0 for any that is free")
    from abzero.views.web.serve import serve, token_for

    serve(path, _defaults(), host, port, token_for(host, token), browser, say)
    return 0


def bundle(run: Positional[Path], out: Path = Path("run.html"), megabytes: float = 20.0) -> int:
    """Write a run's pages as one file that opens anywhere, with no server: steps far apart first, up to a size."""
    _needs("web", "abzero.views.web", "starlette")
    from abzero.views.run_folders import runs
    from abzero.views.web.bundle import bundle as write

    found = runs(run) if run.is_dir() else {}
    if len(found) != 1:
        raise ConfigError(f"'{run}' is not the folder of one run: name one that holds run.db")
    if megabytes < 1:
        raise ConfigError(f"--megabytes {megabytes:g} is too little for a page: use 1 or more")
    check_output(out, "--out")
    words = write(next(iter(found.values())), out, megabytes, _defaults())
    say(f"{out} holds {words}")
    return 0


def _defaults() -> dict[str, str]:
    import json

    from abzero.config.config import Config
    from abzero.config.load import to_json
    from abzero.views.report.gather import settings

    return settings(json.loads(to_json(Config())))


def _needs(extra: str, *packages: str) -> None:
    from importlib.util import find_spec

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ConfigError(f"the viewer needs {' and '.join(missing)}: pip install 'abzero[{extra}]'")
