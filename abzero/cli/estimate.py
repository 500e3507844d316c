"""`abzero oversight estimate`: what the monitors of a run are estimated to miss."""

from contextlib import closing
from dataclasses import asdict
from json import dumps
from pathlib import Path

from tyro.conf import Positional

from abzero.cli.arguments import Switch
from abzero.cli.output import say
from abzero.config.config import Config
from abzero.config.load import as_recorded
from abzero.errors import ConfigError
from abzero.oversight import chain, drift, verdicts
from abzero.oversight.recorded import Recorded, record_path
from abzero.run.directory import RunFolder
from abzero.run.journal import JournalReader
from abzero.text.terminal import counted


def audit_share(config: Config, asked: float | None) -> float:
    """The share that the audit draws: as asked, or the run's own. Raises `ConfigError`."""
    if asked is not None and not 0.0 < asked <= 1.0:
        raise ConfigError(f"--share {asked:g}: give a share above 0 and up to 1, as --share 0.01")
    return (config.oversight.audit or 0.01) if asked is None else asked


def estimate(run: Positional[Path], share: float | None = None, json: Switch = False) -> int:
    """Say what the monitors are estimated to miss, from the verdicts on flagged and audited completions.

    --share is the run's own, oversight.audit, or 0.01 where it has none. Rules that fall silent while the audit does
    not are said, too: in a run without a judge people's verdicts tell.
    """
    folder = RunFolder(run)
    config = as_recorded(folder.read_config())
    entries, seed = list(chain.read(record_path(folder.path))), config.seed
    with closing(JournalReader(folder.journal)) as reader:
        recorded, drawn = Recorded(reader), audit_share(config, share)
        steps = list(verdicts.audited(recorded, entries, drawn, seed))
        guess = verdicts.estimated(steps, drawn)
        evasion = [words for _, words in drift.evasion(verdicts.figures(recorded, steps))]
    if json:
        print(dumps({**asdict(guess), "evasion": evasion}, indent=1))
        return 0
    middle = "unknown" if guess.recall is None else f"{guess.recall:.0%}"
    (low, high), (least, most) = guess.recall_bounds, guess.missed_bounds
    say(f"found {guess.found:.0f}, missed about {guess.missed:.0f} [{least:.0f}, {most:.0f}]")
    say(f"recall {middle} [{low:.0%}, {high:.0%}]; of concern is {guess.prevalence_bounds[1]:.2%} of all, at most")
    say(f"{counted(guess.unjudged, 'row')} without a verdict, in none of these figures")
    for words in evasion:
        say(f"monitor evasion: {words}")
    return 0
