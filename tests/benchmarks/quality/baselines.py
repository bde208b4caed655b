"""Models without a network: linear models, a naive forecast, and bigrams."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_regressor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence.preprocessing import pad

from .loaders import Data, Part


def summaries(X: Any) -> NDArray[np.float64]:
    """Return mean, standard deviation, extremes, last value and slope of each channel."""
    rows = []
    for sequence in X:
        x = np.asarray(sequence, dtype=np.float64)
        x = x[:, None] if x.ndim == 1 else x
        slope = (x[-1] - x[0]) / max(1, len(x) - 1)
        rows.append(np.concatenate([x.mean(0), x.std(0), x.min(0), x.max(0), x[-1], slope]))
    return np.array(rows)


def linear_baselines(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score linear models on padded values and on summaries, tuned by cross-validation."""
    (X, y), (X_test, y_test) = data.train, data.test
    values, _ = pad([*X, *X_test])
    flat = values.reshape(len(values), -1)
    regresses = is_regressor(make())
    forms = {
        "linear, padded": (flat[: len(X)], flat[len(X) :]),
        "linear, summaries": (summaries(X), summaries(X_test)),
    }
    return {
        name: _judge(regresses, train, y, test, y_test, score)
        for name, (train, test) in forms.items()
    }


def _judge(regresses: bool, X: Any, y: Any, X_test: Any, y_test: Any, score: Any) -> float:
    if regresses:
        model: Any = RidgeCV(np.logspace(-3, 4, 15))
    else:
        rarest = int(np.unique(y, return_counts=True)[1].min())
        model = _logistic(6, max(2, min(5, rarest)))
    return float(score(make_pipeline(StandardScaler(), model).fit(X, y), X_test, y_test))


def _logistic(n_strengths: int, n_folds: int) -> LogisticRegressionCV:
    return LogisticRegressionCV(
        Cs=n_strengths,
        cv=n_folds,
        max_iter=2000,
        scoring="accuracy",
        l1_ratios=(0,),
        use_legacy_attributes=False,
    )


def word_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score a linear model on counts of words and pairs of words."""
    counts = CountVectorizer(analyzer=_pieces, binary=True)
    fitted = make_pipeline(counts, _logistic(4, 3)).fit(*data.train)
    return {"linear, words and pairs": float(score(fitted, *data.test))}


def spelling_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score a linear model on weighted counts of up to three characters in a row."""
    counts = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
    fitted = make_pipeline(counts, _logistic(4, 3)).fit(*data.train)
    return {"linear, up to three characters": float(score(fitted, *data.test))}


def _pieces(words: list[str]) -> list[str]:
    return [*words, *(f"{a} {b}" for a, b in pairwise(words))]


def last_value_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score a forecast that repeats the last step."""
    return {"last value": float(score(_LastValue(), *data.test))}


class _LastValue:
    def predict(self, X: Any) -> NDArray[np.float64]:
        """Repeat the last step over the horizon of 24 hours."""
        return np.tile(np.asarray(X)[:, -1], (1, 24))


def bigram_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score bigrams of characters, smoothed by adding one to each count."""
    train, test = (_pairs(part) for part in (data.train, data.test))
    symbols = sorted({symbol for pair in train + test for symbol in pair})
    index = {symbol: i for i, symbol in enumerate(symbols)}
    counts = np.ones((len(symbols), len(symbols)))
    for a, b in train:
        counts[index[a], index[b]] += 1
    p = counts / counts.sum(axis=1, keepdims=True)
    return {"bigrams": float(-np.mean([np.log(p[index[a], index[b]]) for a, b in test]))}


def _pairs(part: Part) -> list[tuple[str, str]]:
    texts, _ = part
    marked = [["", *text, *([""] if len(texts) > 1 else [])] for text in texts]
    return [pair for text in marked for pair in pairwise(text)]
