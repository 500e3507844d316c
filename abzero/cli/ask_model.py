"""``abzero eval MODEL --suite …``: asks a model the problems of benchmarks, and has its answers scored."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from abzero.cli.output import progress, say, under_way
from abzero.cli.recipes import measured
from abzero.errors import ConfigError
from abzero.evals import asking, data, samples, suites


@dataclass(frozen=True)
class Asking:
    """Measure a model or a run's newest checkpoint: abzero eval MODEL --suite humaneval+,aime24 --data DIR."""

    model: tyro.conf.Positional[str]
    """Folder of a model or of a run, tiny, or a Hugging Face name with a slash in it."""
    suite: str
    """Names with commas between; paper is all."""
    data: tuple[str, ...] = ()
    """Folders, or SUITE=FILE."""
    out: Path | None = None
    """Where results go; by default evals-MODEL here."""
    limit: int = 0
    """Ask the first so many problems of each suite only; 0 is all."""
    lcb: str = "v5"
    """LiveCodeBench's release, v1 to v6."""
    seed: int = 0
    """Seed of all chance."""
    resume: bool = False
    """Go on with what the folder of results holds."""
    allow_missing: bool = False
    """Missing data is no failure."""
    recipe: str | None = None
    """Recipe whose settings to ask with; by default a run's own, or those that training the model would begin with."""


ScoreSamples = Callable[[Path, str, Path], int]


def ask(asked: Asking, places: data.Where, score: ScoreSamples) -> int:
    """Write each suite's answers to OUT/SUITE.samples.jsonl, then have them scored; the worst exit status of all."""
    from abzero.config import backends
    from abzero.config.backends import local
    from abzero.tasks.prompts import Prompts

    found = {suite.name: data.find(suite, places) for suite in suites.named(asked.suite)}
    missing = [name for name, paths in found.items() if not paths]
    for name in missing:
        say(f"{name}  MISSING: no {suites.SUITES[name].expected}; docs/evals.md says where it is published")
    if missing and not asked.allow_missing:
        return 3
    folder = asked.out or Path(f"evals-{Path(asked.model).name}")
    config, weights = measured(asked.model, asked.recipe)
    under_way(f"loading {weights}")
    config = backends.settled(config, weights)
    prompts, loaded = Prompts("paper", backends.frame(config, weights)), None
    worst = 0
    for name, paths in found.items():
        if not paths:
            continue
        file = folder / f"{name}.samples.jsonl"
        if file.exists() and not asked.resume:
            raise ConfigError(f"{file} is there: go on with it by --resume, or choose another folder by --out")
        if not file.exists():
            loaded = loaded or local.load(config, weights)
            source = data.read(suites.SUITES[name], paths, asked.lcb)
            questions = asking.questions(source, prompts)[: asked.limit or None]
            with progress(name, len(questions)) as done:
                greedy = local.generator(config, *loaded, 0.0, done)
                rollouts = greedy.generate([prompt for _, prompt in questions], 1, random.Random(asked.seed))
            asked_and_told = zip(questions, rollouts, strict=True)
            answered = [
                {"id": key, "response": one.text, "tokens": len(one.tokens), "finish": one.finish,
                 "seed": asked.seed, "prompt_sha256": samples.sha256(prompt)}
                for (key, prompt), [one] in asked_and_told
            ]  # fmt: skip
            _write(file, answered)
        worst = max(worst, score(file, name, folder))
    return worst


def _write(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    fresh.replace(file)
