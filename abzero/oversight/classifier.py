"""T2: a linear head over a thought, whole and by its sentences. It ranks; it picks what a judge or a person reads next.

Never an alarm: on other people's wording it finds a quarter to a half at a few false ones in a hundred.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from abzero.errors import ConfigError
from abzero.oversight import features
from abzero.oversight.reading import CATEGORIES, Category, Monitor, Reading, sentences
from abzero.oversight.unmasked import unmasked
from abzero.types import Finding

FORMAT = 1
IN_THE_BOX = ("ngram", "e5")
MOST_WINDOWS = 2_000
"""Windows of one thought that are read at most; those beyond are counted as unread."""
_TOGETHER = 2
"""Sentences in a window."""


@dataclass(frozen=True, slots=True)
class Head:
    """A fitted head: what ``abzero oversight fit`` writes."""

    features: str
    """``ngram``, ``e5`` or ``probe:FOLDER:LAYER``."""
    rarity: Mapping[str, float]
    """For n-grams: the inverse document frequency of each feature; else empty."""
    weights: Mapping[str, float] | Sequence[float]
    bias: float
    threshold: float
    """From this score on a thought is flagged; fixed when the head was fitted, on texts that it was not fitted to."""
    categories: Mapping[str, Mapping[str, float] | Sequence[float]]
    """For each category, the weights that tell it from the others."""
    fitted: Mapping[str, str | int | float]
    """What it was fitted to, and what it reached there by cross-validation: rows, their hash, recall, false share."""
    digest: str
    canaries: tuple[str, ...] = ()
    """Thoughts that it was fitted to and flags: while it is alive, it goes on flagging them."""

    @property
    def name(self) -> str:
        kind = self.features.partition(":")[0]
        return f"{kind}@{self.digest[:8]}"


@dataclass(frozen=True, slots=True)
class ConcernScore:
    """How much a thought looks like concern, in [0, 1], and where most."""

    value: float
    begin: int
    end: int
    category: Category
    unread: int = 0
    """Characters beyond the last window that was read."""


def windows(text: str) -> tuple[list[tuple[int, int]], int]:
    """The whole text (its beginning), then each pair of neighbouring sentences; and what is left out, in characters."""
    spans = [(begin, begin + len(sentence)) for begin, sentence in sentences(text) if sentence.strip()]
    kept = spans[:MOST_WINDOWS]
    unread = sum(end - begin for begin, end in spans[MOST_WINDOWS:])
    if not kept:
        return [], 0
    pairs = [(begin, kept[min(place + _TOGETHER, len(kept)) - 1][1]) for place, (begin, _) in enumerate(kept)]
    whole = (kept[0][0], min(kept[-1][1], kept[0][0] + 4_000))
    return [whole, *(pairs if len(kept) > _TOGETHER else [])], unread


class Classifier:
    """Scores thoughts by a head. Keeps the scores of the last 5,000 distinct thoughts."""

    def __init__(self, head: Head) -> None:
        """Raises `ConfigError` where the features of the head cannot be had, or have another dimension."""
        self.head = head
        self._embed = None if head.features == "ngram" else features.dense(head.features)
        if self._embed is not None:
            [probe] = self._embed(["a"])
            if len(probe) != len(head.weights):
                raise ConfigError(
                    f"oversight.classifier: the head has {len(head.weights)} weights, '{head.features}' gives "
                    f"{len(probe)} numbers: fit the head to it with `abzero oversight fit`"
                )
        self.score = lru_cache(maxsize=5_000)(self._score)

    def _vectors(self, texts: Sequence[str]) -> Sequence[Mapping[str, float] | Sequence[float]]:
        if self._embed is not None:
            return self._embed(texts)
        return [features.weigh(features.ngrams(text), self.head.rarity) for text in texts]

    def _score(self, thought: str) -> ConcernScore:
        spans, unread = windows(thought)
        if not spans:
            return ConcernScore(0.0, 0, 0, "power")
        vectors = self._vectors([unmasked(thought[begin:end])[0] for begin, end in spans])
        values = [dot(vector, self.head.weights) for vector in vectors]
        best = max(range(len(values)), key=values.__getitem__)
        value = (values[0] + values[best]) / 2 + self.head.bias
        near = {name: dot(vectors[best], weights) for name, weights in self.head.categories.items()}
        category = max(CATEGORIES, key=lambda name: near.get(name, -math.inf))
        return ConcernScore(round(sigmoid(value), 3), *spans[best], category, unread)  # type: ignore[arg-type]

    def monitor(self) -> Monitor:
        def read(readings: Sequence[Reading]) -> Iterator[Finding]:
            for reading in readings:
                score = self.score(reading.thought)
                if score.value >= self.head.threshold:
                    place = (reading.role, reading.position, "thought", score.begin, score.end)
                    yield Finding(*place, 2, self.head.name, score.category, 2, score.value)

        return read


def dot(vector: Mapping[str, float] | Sequence[float], weights: Mapping[str, float] | Sequence[float]) -> float:
    """The inner product, summed exactly, so that equal texts have equal scores everywhere."""
    if isinstance(vector, Mapping):
        assert isinstance(weights, Mapping)
        return math.fsum(value * weights.get(name, 0.0) for name, value in vector.items())
    assert not isinstance(weights, Mapping)
    return math.fsum(a * b for a, b in zip(vector, weights, strict=True))


def sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, value))))


def load(name: str) -> Head:
    """The head in the box called ``ngram`` or ``e5``, or the one in a file. Raises `ConfigError`."""
    try:
        where = files("abzero.oversight").joinpath(f"{name}.json") if name in IN_THE_BOX else Path(name)
        if isinstance(where, Path) and where.is_dir():
            where /= "head.json"
        text = where.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"oversight.classifier '{name}' cannot be read ({error.strerror}): set it to {' or '.join(IN_THE_BOX)}, or "
            "to a head that `abzero oversight fit` wrote"
        ) from error
    try:
        row = json.loads(text)
        if row["format"] != FORMAT:
            raise ConfigError(f"{name}: a head of format {row['format']}; this abzero reads {FORMAT}")
        head = Head(
            row["features"],
            row["rarity"],
            row["weights"],
            float(row["bias"]),
            float(row["threshold"]),
            row["categories"],
            row["fitted"],
            hashlib.sha256(text).hexdigest(),
            tuple(map(str, row.get("canaries", ()))),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{name}: not a head that `abzero oversight fit` wrote ({error!r})") from error
    if set(head.categories) - set(CATEGORIES):
        raise ConfigError(f"{name}: unknown category in {sorted(head.categories)}: choose from {', '.join(CATEGORIES)}")
    return head
