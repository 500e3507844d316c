"""``abzero eval MODEL --suite …``: asks a model the problems of benchmarks, and has its answers scored."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from abzero.cli.arguments import numbers
from abzero.cli.eval_data import release
from abzero.cli.eval_table import show
from abzero.cli.output import at_once, progress, say, under_way
from abzero.cli.score_samples import missing_file, passed
from abzero.errors import ConfigError
from abzero.evals import data, presets, repeated, samples, suites
from abzero.evals.summary import Asked
from abzero.policy.models.naming import check_named
from abzero.run.files import check_links, replace_text

if TYPE_CHECKING:
    from abzero.config.answering import Answering
    from abzero.evals.summary import SuiteEntry

CHUNK = 256
"""Completions between two writes to disk."""


@dataclass(frozen=True)
class Asking:
    """Measure a model or a run's newest checkpoint: abzero eval MODEL --suite humaneval+,aime24 --data DIR."""

    model: Annotated[Positional[str], arg(metavar="MODEL")]
    """Folder of a model or of a run, tiny, or a Hugging Face name with a slash in it."""
    suite: str
    """Names with commas between; paper is all."""
    data: tuple[str, ...] = ()
    """Folders, or SUITE=FILE."""
    out: Path | None = None
    """Where results go; by default RUN/evals/STEP/PRESET, or evals-MODEL/PRESET here."""
    preset: str | None = None
    """How to ask: paper, paper-boxed, trained (the default of a run), chat (of a model with a chat template) or bare.
    """
    limit: int = 0
    """Ask the first so many problems of each suite only; 0 is all."""
    max_tokens: int = 0
    """Longest completion; 0 is the preset's."""
    temperature: float = 0.0
    """0 is greedy: always the likeliest token. Nothing else is cut off: top-p is 1."""
    repeats: int = 1
    """Samples of each problem, with each seed; more than one needs a temperature."""
    seeds: str = ""
    """Seeds with commas between, such as 0,1,2: how much the score depends on them is printed."""
    seed: int = 0
    """Seed of all chance."""
    k: str = ""
    """Which pass@k to print, with commas between; by default 1, 2, 4, … up to the samples of a problem."""
    lcb: str = "v5"
    """LiveCodeBench's release, v1 to v6."""
    resume: bool = False
    """Go on with what the folder of results holds."""
    allow_missing: bool = False
    """Missing data is no failure."""
    recipe: str | None = None
    """Recipe whose settings to ask with; by default a run's own, or those that training the model would begin with."""

    def drawn(self) -> tuple[int, ...]:
        """The seeds. Raises `ConfigError` for what greedy answers have no use for."""
        found = numbers("--seeds", self.seeds) or (self.seed,)
        if self.repeats < 1 or self.temperature < 0 or self.max_tokens < 0 or self.limit < 0:
            raise ConfigError("--repeats is 1 or more; --temperature, --max-tokens and --limit are 0 or more")
        if len(set(found)) < len(found):
            raise ConfigError(f"--seeds {self.seeds}: one of them is there twice")
        if self.temperature == 0 and (self.repeats > 1 or len(found) > 1):
            what = f"--repeats {self.repeats}" if self.repeats > 1 else f"--seeds {self.seeds}"
            raise ConfigError(f"{what} of greedy answers are all the same: give --temperature 1.0, too")
        return found


def ask(asked: Asking) -> int:
    """Ask a model the problems of benchmarks, and score its answers."""
    scored: dict[str, SuiteEntry] = {}
    folders: list[Path] = []
    try:
        return _asked(asked, scored, folders)
    except KeyboardInterrupt:
        say("interrupted; what was answered and judged is kept: the same command with --resume goes on")
        return 130
    finally:  # of the suites before an error, too
        if scored:
            show(scored, folders[0])


def _asked(asked: Asking, scored: "dict[str, SuiteEntry]", folders: list[Path]) -> int:
    """Write each suite's answers to OUT/SUITE.samples.jsonl and have them `scored`; the worst exit status of all.

    Every file is read, and every judge tested, before a model is loaded.
    """
    release(asked.lcb)
    check_named(asked.model)
    seeds, ks, chosen = asked.drawn(), numbers("--k", asked.k), suites.named(asked.suite)
    repeated.check(ks, {"": asked.repeats * len(seeds)})
    preset = presets.named(asked.preset) if asked.preset is not None else None
    places = data.where(asked.data, cache=data.hub_cache())
    found = {suite.name: data.find(suite, places) for suite in chosen}
    missing = [name for name, paths in found.items() if not paths]
    limited = f", the first {asked.limit} problems{' of each' * (len(found) > 1)}" if asked.limit else ""
    at_once(f"{asked.model} on {', '.join(found)}{limited}")
    for name in missing:
        at_once(missing_file(suites.SUITES[name], asked.data))
    if missing and not asked.allow_missing:
        return 3
    sources = [data.read(suites.SUITES[name], paths, asked.lcb) for name, paths in found.items() if paths]
    under_way("loading torch")
    from abzero.cli.recipes import measured
    from abzero.config import answering, exported
    from abzero.evals import judging, scoring

    config, weights = measured(asked.model, asked.recipe)
    trained = weights != asked.model or exported.known(asked.model)
    config, preset = answering.asked_by(config, weights, trained, preset)
    folder = asked.out or _folder(asked.model, weights) / preset.name
    folders.append(folder)
    at_once(f"preset {preset.name} · {_drawn(asked, seeds)} · results in {folder}")
    for name in (source.suite.name for source in sources):
        judging.check_new(_samples_file(folder, name), asked.resume)
        judging.check_new(judging.rows_file(folder, name), asked.resume)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        judges = scoring.judges(stack)
        tested = []
        for source in sources:
            under_way(f"testing the judge of {source.suite.name}")
            suite = scoring.suited(source, judges, public_only=asked.allow_missing)
            if passed(suite, judging.keys(suite, asked.limit), judges, folder):
                tested.append(suite)
        if not tested:
            return int(bool(sources))
        under_way(f"loading {weights}")
        model = answering.Answering(config, weights, preset)
        for suite in tested:
            file, how = _answered(asked, seeds, model, suite.source, folder)
            benchmark = replace(suite, opens_think=how.opens_think)
            given = judging.given(file, benchmark, asked.limit)
            scored[suite.source.suite.name] = judging.judge(given, benchmark, judges, folder, asked.limit, ks, how)
    return int(len(tested) < len(sources) or any(one.score is None for one in scored.values()))


def _samples_file(folder: Path, suite: str) -> Path:
    return folder / f"{suite}.samples.jsonl"


def _answered(
    asked: Asking, seeds: Sequence[int], model: "Answering", source: data.SuiteRows, folder: Path
) -> tuple[Path, Asked]:
    """The file of a suite's samples, with those that it lacked, and how they came about, which stands beside them."""
    name = source.suite.name
    suite = model.suite(source, asked.max_tokens, asked.temperature, asked.repeats, seeds)
    how, questions = suite.how, suite.questions[: asked.limit or None]
    file, beside = _samples_file(folder, name), folder / f"{name}.asked.json"
    if file.exists():
        _same_as(beside, how)
    replace_text(beside, json.dumps(asdict(how), indent=1) + "\n")
    done = samples.kept(file)
    waiting = [
        (one, [(number, seed) for number, seed in how.samples() if (one.key, number) not in done]) for one in questions
    ]
    waiting = [(one, some) for one, some in waiting if some]
    if long := sum(not suite.fits(one.prompt) for one in questions):
        say(f"{name}: {long} of {len(questions)} problems are longer than the model's room, and count as not answered")
    with progress(name, sum(len(some) for _, some in waiting)) as told:
        for begin in range(0, len(waiting), max(1, CHUNK // len(how.samples()))):
            some = waiting[begin : begin + max(1, CHUNK // len(how.samples()))]
            samples.append(file, suite.answers(some, told))
    return file, how


def _same_as(beside: Path, how: Asked) -> None:
    """Raise `ConfigError` if the samples that are there were asked for otherwise."""
    try:
        before = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{beside} does not say how the samples beside it were asked for: give another --out"
        ) from error
    for name, value in json.loads(json.dumps(asdict(how))).items():
        if name != "model" and before.get(name) != value:
            raise ConfigError(
                f"{beside}: {name} was {before.get(name)!r} and would now be {value!r}: "
                "ask as before, or choose another folder by --out"
            )


def _folder(model: str, weights: str) -> Path:
    step = Path(weights).parent.name
    if not step.startswith("step-"):
        return Path(f"evals-{Path(model).name}")
    check_links(Path(model))
    return Path(model, "evals", step)


def _drawn(asked: Asking, seeds: Sequence[int]) -> str:
    if asked.temperature == 0:
        return "greedy"
    times = f"{asked.repeats * len(seeds)} samples of each problem"
    return f"temperature {asked.temperature:g}, {times}, seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
