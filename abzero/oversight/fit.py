"""Fit a classifier's head to labelled thoughts: logistic regression, and a threshold from texts that were left out."""

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from abzero.errors import ConfigError
from abzero.oversight import features
from abzero.oversight.classifier import FORMAT, sigmoid, windows
from abzero.oversight.labelled import Labelled
from abzero.oversight.measure import auc
from abzero.oversight.reading import CATEGORIES
from abzero.run.files import replace_text

PENALTY = {"ngram": 1e-3, "e5": 0.1, "probe": 1.0}
"""Ridge penalty by kind of features: on the unit vectors of n-grams, else on standardised columns."""
FOLDS = 5
FALSE_SHARE = {"ngram": 0.03, "e5": 0.005, "probe": 0.005}
"""Share of the benign texts, left out of the fit, that may be flagged: what fixes the threshold."""
CANARIES = 12
"""Thoughts that a head carries, to show later that it is alive: those that it is surest of."""
_RAREST = 3


def fit(rows: Sequence[Labelled], name: str, seed: int, out: Path) -> dict[str, float]:
    """Fit a head with the features `name` to `rows`, write it to `out`, and return what cross-validation measured: with
    texts left out at random, which fixes the threshold, and with whole styles left out, where rows have several.

    Raises `ConfigError` for too few rows of a class.
    """
    kinds = Counter(row.category is not None for row in rows)
    if min(kinds[True], kinds[False]) < FOLDS:
        raise ConfigError(
            f"fit: {kinds[True]} thoughts of concern, {kinds[False]} benign: give {FOLDS} or more of each"
        )
    spans = [windows(row.text)[0] or [(0, len(row.text))] for row in rows]
    texts = [[row.text[begin:end] for begin, end in pieces] for row, pieces in zip(rows, spans, strict=True)]
    rarity: dict[str, float] = {}
    if name == "ngram":
        counts = Counter(feature for row in rows for feature in features.ngrams(row.text))
        rarity = {one: round(math.log(len(rows) / n), 3) for one, n in sorted(counts.items()) if n >= _RAREST}
        pieces = [[features.weigh(features.ngrams(text), rarity) for text in row] for row in texts]
        tensors = [torch.tensor([[vector.get(one, 0.0) for one in rarity] for vector in row]) for row in pieces]
    else:
        embed = features.dense(name)
        tensors = [torch.tensor(embed(row)) for row in texts]
    tensors = [tensor.double() for tensor in tensors]
    penalty = PENALTY[name.partition(":")[0]]
    concern = torch.tensor([float(row.category is not None) for row in rows], dtype=torch.float64)
    few = FALSE_SHARE[name.partition(":")[0]]
    scores = _left_out(tensors, concern, penalty, _at_random(len(rows), seed), plain=name == "ngram")
    threshold, measured = _measured(scores, rows, few)
    if len(styles := sorted({row.style for row in rows})) > 1:
        folds = [{place for place, row in enumerate(rows) if row.style == style} for style in styles]
        apart = _left_out(tensors, concern, penalty, folds, plain=name == "ngram")
        measured |= {f"style_{key}": value for key, value in _measured(apart, rows, few)[1].items()}
    whole = torch.stack([tensor[0] for tensor in tensors])
    weights, bias = _logistic(whole, concern, penalty, plain=name == "ngram")
    own = [(tensor @ weights, row) for tensor, row in zip(tensors, rows, strict=True)]
    of_concern = whole[concern > 0]
    labels = [row.category for row in rows if row.category]
    categories = {}
    for category in CATEGORIES:
        target = torch.tensor([float(label == category) for label in labels], dtype=torch.float64)
        if target.sum() > 1:
            categories[category], _ = _logistic(of_concern, target, penalty, plain=name == "ngram")
    columns = list(rarity) if name == "ngram" else None
    sure = sorted(
        ((float((values[0] + values.max()) / 2 + bias), row.text) for values, row in own if row.category),
        key=lambda pair: (-pair[0], pair[1]),
    )
    body = {
        "format": FORMAT,
        "features": name,
        "rarity": rarity,
        "weights": _plain(weights, columns, 3),
        "bias": round(bias, 5),
        "threshold": threshold,
        "categories": {key: _plain(value, columns, 1) for key, value in categories.items()},
        "canaries": [text for score, text in sure[:CANARIES] if sigmoid(score) >= threshold],
        "fitted": {
            "rows": len(rows),
            "concern": kinds[True],
            "digest": digest(rows),
            **{key: round(value, 4) for key, value in measured.items()},
        },
    }
    replace_text(out, json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n")
    return measured


def _at_random(total: int, seed: int) -> list[set[int]]:
    order = list(range(total))
    random.Random(seed).shuffle(order)
    return [set(order[fold::FOLDS]) for fold in range(FOLDS)]


def _left_out(
    tensors: Sequence[torch.Tensor],
    concern: torch.Tensor,
    penalty: float,
    folds: Sequence[set[int]],
    *,
    plain: bool,
) -> list[float]:
    """The score of every text by a head that was fitted without it, and without the others of its fold."""
    scores = [0.0] * len(tensors)
    for out in folds:
        kept = [place for place in range(len(tensors)) if place not in out]
        whole = torch.stack([tensors[place][0] for place in kept])
        weights, bias = _logistic(whole, concern[kept], penalty, plain=plain)
        for place in out:
            values = tensors[place] @ weights
            scores[place] = float((values[0] + values.max()) / 2 + bias)
    return scores


def _measured(scores: Sequence[float], rows: Sequence[Labelled], few: float) -> tuple[float, dict[str, float]]:
    """The threshold above all but a share `few` of the benign texts, and what is found and flagged at it."""
    pairs = [*zip(scores, rows, strict=True)]
    concern = [score for score, row in pairs if row.category is not None]
    benign = sorted((score for score, row in pairs if row.category is None), reverse=True)
    threshold = math.ceil(sigmoid(benign[int(few * len(benign))]) * 1000 + 1) / 1000
    return threshold, {
        "recall": sum(sigmoid(score) >= threshold for score in concern) / len(concern),
        "false_share": sum(sigmoid(score) >= threshold for score in benign) / len(benign),
        "auc": auc(concern, benign),
    }


def _logistic(rows: torch.Tensor, target: torch.Tensor, penalty: float, *, plain: bool) -> tuple[torch.Tensor, float]:
    """Weights and bias of a ridge-penalised logistic regression, both classes weighing the same."""
    mean = torch.zeros_like(rows[0]) if plain else rows.mean(0)
    scale = torch.ones_like(mean) if plain else rows.std(0) + 1e-9
    columns = (rows - mean) / scale
    share = target.mean()
    balance = torch.where(target > 0, 0.5 / share, 0.5 / (1 - share))
    weights = torch.zeros(rows.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        logits = columns @ weights + bias
        losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        value = (balance * losses).mean() + penalty * (weights**2).sum()
        value.backward()
        return value

    solver.step(loss)
    folded = (weights / scale).detach()
    return folded, float(bias.detach()) - float(mean @ folded)


def _plain(weights: torch.Tensor, columns: Sequence[str] | None, digits: int) -> Mapping[str, float] | list[float]:
    if columns is None:
        return [round(float(value), 5) for value in weights]
    rounded = {name: round(float(value), digits) for name, value in zip(columns, weights, strict=True)}
    return {name: value for name, value in rounded.items() if value}


def digest(rows: Sequence[Labelled]) -> str:
    """Which thoughts, of which categories, a head was fitted to."""
    text = json.dumps([[row.category, row.text] for row in rows])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
