"""Small regressions with more or less noise: vectors, random walks, sequences of three channels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .loaders import Data

Numbers = NDArray[np.float64]
Maker = Callable[[np.random.Generator, int], tuple[Numbers, Numbers]]

_N_TEST = 2000
# ratios of signal to noise, and for how many sequences; infinite for clean data
_SIGNALS = {60: (0.0, 0.1, 0.3, 1.0, 3.0, np.inf), 240: (0.0, 1.0)}


def _vectors(rng: np.random.Generator, n: int) -> tuple[Numbers, Numbers]:
    """Return ten numbers without an order, and a function with an interaction."""
    X = rng.normal(size=(n, 10))
    return X, X[:, 0] + X[:, 1] * X[:, 2]


def _walks(rng: np.random.Generator, n: int) -> tuple[Numbers, Numbers]:
    """Return random walks, and the change since one of their steps."""
    X = np.cumsum(rng.normal(size=(n, 30)), axis=1)
    return X, X[:, -1] - X[:, 10]


def _channels(rng: np.random.Generator, n: int) -> tuple[Numbers, Numbers]:
    """Return three channels, and the mean of one with the largest size in another."""
    X = rng.normal(size=(n, 25, 3))
    return X, 5.0 * X[:, :, 0].mean(axis=1) + np.abs(X[:, :, 1]).max(axis=1)


def _load(make: Maker, n: int, signal: float, seed: int) -> Data:
    """Return targets of variance 1, of which noise is a part."""
    rng = np.random.default_rng(seed)
    X, truth = make(rng, n + _N_TEST)
    fraction = 1.0 if np.isinf(signal) else signal / (1.0 + signal)
    noise = np.sqrt(1.0 - fraction) * rng.normal(size=len(truth))
    y = np.sqrt(fraction) * (truth - truth.mean()) / truth.std() + noise
    return Data((X[:n], y[:n]), (X[n:], y[n:]))


def _name(kind: str, n: int, signal: float) -> str:
    return f"{n} {kind}, {'clean' if np.isinf(signal) else f'signal to noise {signal:g}'}"


_KINDS: dict[str, Maker] = {
    "vectors": _vectors,
    "random walks": _walks,
    "sequences of 3 channels": _channels,
}
# made anew for each seed
NOISY: dict[str, Callable[[int], Data]] = {
    _name(kind, n, signal): partial(_load, make, n, signal)
    for kind, make in _KINDS.items()
    for n, signals in _SIGNALS.items()
    for signal in signals
}
