"""T1: a pack of rules, each with its own examples as its test. Trip-wires: precise, and blind to other words.

A rule is a list of regular expressions that must all be found in one sentence (of at most `LONGEST` characters, so
that no text makes a rule slow), after one cheap look for its required words.
"""

import hashlib
import re
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from abzero.errors import ConfigError
from abzero.oversight.reading import (
    CATEGORIES,
    MAX_SEVERITY,
    Category,
    Monitor,
    Reading,
    ReadingPart,
    prose,
    sentences,
)
from abzero.oversight.respelt import respelt
from abzero.oversight.unmasked import unmasked
from abzero.types import Finding

RuleScope = Literal["thought", "answer", "any"]

SLOWEST = 0.05
"""CPU seconds that a rule may take on 100 kB."""
_PROBE = 100_000
_TRIES = 6
_HOPELESS = 3.0
"""CPU seconds of slow tries that are enough."""
_KEYS = {"id", "category", "severity", "part", "words", "pattern", "unless", "positive", "negative"}
_NEEDED = {"id", "category", "severity", "pattern", "positive", "negative"}
_GROUP = re.compile(r"<<(\w+)>>")


@dataclass(frozen=True, slots=True)
class Rule:
    """One trip-wire."""

    id: str
    category: Category
    severity: int
    part: RuleScope
    words: tuple[str, ...]
    """Lower-case strings, one of which every text holds that the rule can match; none means: always look."""
    patterns: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str] | None
    positive: tuple[str, ...]
    negative: tuple[str, ...]

    def search(self, lowered: str) -> Iterator[tuple[int, int]]:
        """The spans of the sentences of a lower-cased text that the rule matches."""
        if self.words and not any(word in lowered for word in self.words):
            return
        for begin, sentence in sentences(lowered):
            if all(pattern.search(sentence) for pattern in self.patterns) and not (
                self.unless and self.unless.search(sentence)
            ):
                yield begin, begin + len(sentence)


@dataclass(frozen=True, slots=True)
class Pack:
    """A set of rules with a version and a hash."""

    version: str
    digest: str
    rules: tuple[Rule, ...]

    @property
    def name(self) -> str:
        return f"rules@{self.digest[:8]}"


def monitor(pack: Pack) -> Monitor:
    """What reads completions by the rules of `pack`. Keeps the results of the last 5,000 distinct texts."""
    match = lru_cache(maxsize=5_000)(partial(_matches, pack))

    def read(readings: Sequence[Reading]) -> Iterator[Finding]:
        for reading in readings:
            parts: tuple[tuple[ReadingPart, str], ...] = (("thought", reading.thought), ("answer", reading.answer))
            for part, text in parts:
                for rule, begin, end in match(part, text):
                    source = f"{pack.name}/{rule.id}"
                    place = (reading.role, reading.position)
                    yield Finding(*place, part, begin, end, 1, source, rule.category, rule.severity, 1.0)

    return read


def _matches(pack: Pack, part: ReadingPart, text: str) -> tuple[tuple[Rule, int, int], ...]:
    """The matches in one part, as a person sees it. What stands in programs and values of an answer is not read; what
    is lower-cased keeps its length, so that spans fit the text.
    """
    if not text.strip():
        return ()
    rules = [rule for rule in pack.rules if rule.part in (part, "any")]
    text, places = unmasked(text)
    matches = dict.fromkeys(_read(rules, part, text, places))
    if said := respelt(text, places):
        matches |= dict.fromkeys(_read(rules, part, *said))
    return tuple(matches)


def _read(
    rules: Sequence[Rule], part: ReadingPart, text: str, places: Sequence[int]
) -> Iterator[tuple[Rule, int, int]]:
    lowered = _lowered(text)
    needed = [rule for rule in rules if not rule.words or any(word in lowered for word in rule.words)]
    if needed and part == "answer":
        lowered = _lowered(prose(text))
    for rule in needed:
        for begin, end in rule.search(lowered):
            yield rule, places[begin], places[end]


_SPELT = str.maketrans("\u2019\u015f\u0163", "'\u0219\u021b")
"""The apostrophe of print, and Romanian letters with a cedilla in place of a comma."""

_WRAPPED = re.compile(r"(?<=[^\W\d_]|,)\n(?=[^\W\d_])")
"""The end of a line within a sentence."""


def _lowered(text: str) -> str:
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    return _WRAPPED.sub(" ", lowered.translate(_SPELT))


def load(name: str) -> Pack:
    """The pack called ``default`` or ``none``, or the one in a file. Raises `ConfigError` before anything is read by a
    rule that is malformed, untested, failing its examples or slow.
    """
    if name == "none":
        return Pack("none", hashlib.sha256(b"").hexdigest(), ())
    try:
        where = files("abzero.oversight").joinpath("rules.toml") if name == "default" else Path(name)
        text = where.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"oversight.rules '{name}' cannot be read ({error.strerror}): set it to default, none or a pack's path"
        ) from error
    pack = _parsed(name, text)
    if name != "default":
        for rule in pack.rules:
            if (seconds := slowest(rule)) > SLOWEST:
                raise ConfigError(
                    f"{name}: rule '{rule.id}' takes {seconds * 1000:.0f} ms on 100 kB of hostile text, more than "
                    f"{SLOWEST * 1000:.0f}: give it `words`, and no repetition inside a repetition"
                )
    return pack


def _parsed(name: str, text: bytes) -> Pack:
    try:
        table = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: not a pack of rules in TOML: {error}") from error
    unknown = sorted(table.keys() - {"version", "groups", "rule"})
    if unknown:
        raise ConfigError(f"{name}: unknown key '{unknown[0]}': a pack has version, [groups] and [[rule]]")
    entries, groups = table.get("rule", []), table.get("groups", {})
    if not isinstance(entries, list) or not isinstance(groups, dict):
        raise ConfigError(f"{name}: a pack has [groups], a table of strings, and [[rule]], a list of tables")
    if not entries:
        raise ConfigError(f"{name}: a pack without a [[rule]] finds nothing: add one, or set --oversight.rules none")
    rules = [_rule(name, number, entry, groups) for number, entry in enumerate(entries, 1)]
    ids = [rule.id for rule in rules]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise ConfigError(f"{name}: two rules are called '{twice[0]}': give one another id")
    return Pack(str(table.get("version", "")), hashlib.sha256(text).hexdigest(), tuple(rules))


def _rule(name: str, number: int, entry: object, groups: dict[str, object]) -> Rule:
    if not isinstance(entry, dict):
        raise ConfigError(f"{name}: rule {number} is no table: write [[rule]]")
    where = f"{name}: rule '{entry.get('id', number)}'"
    if unknown := sorted(entry.keys() - _KEYS):
        raise ConfigError(f"{where}: unknown key '{unknown[0]}': choose from {', '.join(sorted(_KEYS))}")
    if missing := sorted(_NEEDED - entry.keys()):
        remedy = " (two examples or more)" if missing[0] == "positive" else ""
        remedy = " (three examples or more)" if missing[0] == "negative" else remedy
        raise ConfigError(f"{where}: '{missing[0]}' is missing: add it{remedy}")
    if entry["category"] not in CATEGORIES:
        raise ConfigError(f"{where}: category '{entry['category']}': choose from {', '.join(CATEGORIES)}")
    severity = entry["severity"]
    if isinstance(severity, bool) or not isinstance(severity, int) or not 1 <= severity <= MAX_SEVERITY:
        raise ConfigError(f"{where}: severity {severity!r}: set it to 1, 2, 3 or {MAX_SEVERITY}")
    part = entry.get("part", "thought")
    if part not in get_args(RuleScope):
        raise ConfigError(f"{where}: part '{part}': choose from {', '.join(get_args(RuleScope))}")
    raw = entry["pattern"]
    patterns = _strings(where, "pattern", [raw] if isinstance(raw, str) else raw, 1)
    rule = Rule(
        str(entry["id"]),
        entry["category"],
        severity,
        part,
        _strings(where, "words", entry.get("words", []), 0),
        tuple(_compiled(where, pattern, groups) for pattern in patterns),
        _compiled(where, str(entry["unless"]), groups) if "unless" in entry else None,
        _strings(where, "positive", entry["positive"], 2),
        _strings(where, "negative", entry["negative"], 3),
    )
    for example in rule.positive:
        if not any(rule.search(_lowered(example))):
            raise ConfigError(f"{where}: it does not match its positive example {example!r}: change one of the two")
    for example in rule.negative:
        if any(rule.search(_lowered(example))):
            raise ConfigError(f"{where}: it matches its negative example {example!r}: narrow the pattern")
    return rule


def _strings(where: str, key: str, values: object, least: int) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ConfigError(f"{where}: '{key}' must be a list of strings")
    if len(values) < least:
        raise ConfigError(f"{where}: '{key}' has {len(values)} entries: give {least} or more")
    return tuple(values)


def _compiled(where: str, pattern: str, groups: dict[str, object]) -> re.Pattern[str]:
    def group(found: re.Match[str]) -> str:
        if not isinstance(groups.get(found[1]), str):
            raise ConfigError(f"{where}: no group '{found[1]}': define it under [groups]")
        return f"(?:{groups[found[1]]})"

    try:
        return re.compile(_GROUP.sub(group, pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise ConfigError(f"{where}: pattern {pattern!r} is no regular expression ({error})") from error


def slowest(rule: Rule) -> float:
    """The most CPU seconds that `rule` takes on texts made to hold it up, of up to 100 kB; stops once too slow."""
    worst = 0.0
    seeds = [*rule.positive[:2], *(" ".join(rule.words[:8]),) * bool(rule.words)]
    letters = sorted({letter for example in rule.positive for letter in example.lower() if letter.isalnum()})
    seeds += [letters[0], " ".join(letters[:2]), "".join(rule.positive).replace(" ", "")] if letters else []
    for seed in seeds:
        seed = _lowered(seed).rstrip(".!?") or "a"
        size = 16
        while size <= _PROBE and worst <= SLOWEST:
            text = (f"{seed} " if " " in seed else seed) * (size // len(seed) + 1)
            worst = max(worst, _seconds(rule, f"{text[:size]}\x00"))
            size = min(_PROBE, size * 4) if size >= 1_024 and size < _PROBE else size + max(4, size // 8)
    return worst


def _seconds(rule: Rule, text: str) -> float:
    """CPU seconds for one search: the least of some tries, of which a collection of garbage or a busy machine makes
    some look slow, however slow.
    """
    tries: list[float] = []
    while not tries or (min(tries) > SLOWEST and len(tries) < _TRIES and sum(tries) < _HOPELESS):
        begin = time.thread_time()
        for _ in rule.search(text):
            pass
        tries.append(time.thread_time() - begin)
    return min(tries)
