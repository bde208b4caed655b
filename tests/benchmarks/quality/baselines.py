"""Models without a network: linear models, a naive forecast, and bigrams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import is_regressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeCV
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


def constant_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score the most frequent label, or the mean of y."""
    y, (name, model) = data.train[1], _constant(make)
    return {name: float(score(model.fit(np.zeros(len(y)), y), *data.test))}


def _constant(make: Any) -> tuple[str, Any]:
    if is_regressor(make()):
        return "mean of y", DummyRegressor()
    return "most frequent label", DummyClassifier()


_N_LAGS = 20


def lagged_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score a linear model of the last 20 steps, at each step."""
    model: Any = RidgeCV(np.logspace(-3, 4, 15)) if is_regressor(make()) else _logistic(3, 3)
    fitted = _OfSteps(make_pipeline(StandardScaler(), model)).fit(*data.train)
    return {f"linear, last {_N_LAGS} steps": float(score(fitted, *data.test))}


def constant_step_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score the most frequent label, or the mean of y, over all steps."""
    name, model = _constant(make)
    return {name: float(score(_OfSteps(model).fit(*data.train), *data.test))}


class _OfSteps:
    def __init__(self, model: Any) -> None:
        self._model = model

    def fit(self, X: Any, y: Any) -> Any:
        """Fit the model to all steps, each with the last ones before it."""
        self._model.fit(np.concatenate([_lags(x) for x in X]), np.concatenate(y))
        return self

    def predict(self, X: Any) -> list[NDArray[Any]]:
        """Return an array of predictions for each sequence."""
        return [self._model.predict(_lags(x)) for x in X]


def _lags(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the last steps at each step, 0 before the start."""
    padded = np.pad(x, ((_N_LAGS - 1, 0), (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, _N_LAGS, axis=0).reshape(len(x), -1)


def last_value_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score a forecast that repeats the last step."""
    return {"last value": float(score(_LastValue().fit(*data.train), *data.test))}


def difference_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score a linear model of the differences to the last step."""
    return {"linear, differences": float(score(_Differences().fit(*data.train), *data.test))}


class _LastValue:
    def fit(self, X: Any, y: Any) -> Any:
        """Remember how many steps are forecast."""
        self.n_features_ = 1 if np.ndim(X) == 2 else np.shape(X)[2]
        self.horizon_ = np.size(y) // len(y) // self.n_features_
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Repeat the last step over the horizon."""
        return np.tile(np.reshape(X, (len(X), -1, self.n_features_))[:, -1], (1, self.horizon_))


class _Differences(_LastValue):
    def fit(self, X: Any, y: Any) -> Any:
        """Fit differences of windows and targets to the last step, tuned by cross-validation."""
        super().fit(X, y)
        differences = np.reshape(y, (len(y), -1)) - super().predict(X)
        self.model_ = RidgeCV(np.logspace(-3, 4, 15)).fit(self._windows(X), differences)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Add the differences to the last step."""
        changes = self.model_.predict(self._windows(X))
        return np.reshape(changes, (len(X), -1)) + super().predict(X)

    def _windows(self, X: Any) -> NDArray[np.float64]:
        windows = np.reshape(X, (len(X), -1, self.n_features_))
        return (windows - windows[:, -1:]).reshape(len(X), -1)


def key_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score the frequency of each key."""
    truth = np.concatenate(data.train[1])
    logits = logit((truth.sum(axis=0) + 0.5) / (len(truth) + 1.0))
    model = _Logits(lambda roll: np.tile(logits, (len(roll), 1)))
    return {"frequency of each key": float(score(model, *data.test))}


def chord_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score one logistic regression per key on the keys of the last chord."""
    chords, truth = map(np.concatenate, data.train)
    keys = np.flatnonzero(truth.any(axis=0))
    models = [LogisticRegression(max_iter=500).fit(chords, truth[:, key]) for key in keys]

    def logits(roll: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.full(roll.shape, -10.0)  # of keys that are never played
        for key, model in zip(keys, models, strict=True):
            found[:, key] = model.decision_function(roll)
        return found

    return {"linear, last chord": float(score(_Logits(logits), *data.test))}


class _Logits:
    def __init__(self, of_roll: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> None:
        self._of_roll = of_roll

    def decision_function(self, X: Any) -> list[NDArray[np.float64]]:
        """Return the logits of each key and step."""
        return [self._of_roll(np.asarray(roll, dtype=np.float64)) for roll in X]


def slot_baseline(data: Data, make: Any, score: Any) -> dict[str, float]:
    """Score the most frequent slot of each word."""
    counts: dict[str, Counter[str]] = {}
    for words, slots in zip(*data.train, strict=True):
        for word, slot in zip(words, slots, strict=True):
            counts.setdefault(word, Counter())[slot] += 1
    best = {word: count.most_common(1)[0][0] for word, count in counts.items()}
    return {"most frequent slot of each word": float(score(_Lookup(best), *data.test))}


class _Lookup:
    def __init__(self, best: dict[str, str]) -> None:
        self._best = best

    def predict(self, X: Any) -> list[list[str]]:
        """Return a slot for each word, "O" for those that were not seen."""
        return [[self._best.get(word, "O") for word in words] for words in X]


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
