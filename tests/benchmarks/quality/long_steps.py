"""Synthetic sequences of 300 to 1,000 steps with a label or a number at every step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .loaders import Data, Part

Steps = NDArray[np.float64]
Maker = Callable[[np.random.Generator, int], tuple[Steps, NDArray[Any]]]

_N_TEST = 100


def _events(rng: np.random.Generator, n: int, rate: float) -> NDArray[np.bool_]:
    return rng.random(n) < rate


def _held(starts: NDArray[np.bool_], values: NDArray[Any]) -> NDArray[Any]:
    """Return the value at the latest start, at each step; the first step is a start."""
    latest = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0))
    return values[latest]


def _parity(rng: np.random.Generator, n: int) -> tuple[Steps, NDArray[Any]]:
    """Return rare pulses with noise, and whether there has been an odd number of them."""
    pulses = _events(rng, n, 1 / 25)
    return (pulses + rng.normal(0.0, 0.1, n))[:, None], np.cumsum(pulses) % 2


def _regimes(rng: np.random.Generator, n: int) -> tuple[Steps, NDArray[Any]]:
    """Return a noisy process that switches between three autocorrelations, and which it has."""
    regime = _held(_events(rng, n, 1 / 60), rng.integers(3, size=n))
    noise, x = rng.normal(size=n), np.zeros(n)
    for t in range(1, n):
        phi = (-0.8, 0.0, 0.8)[regime[t]]
        x[t] = phi * x[t - 1] + noise[t] * (1.0 - phi**2) ** 0.5
    return x[:, None], regime


def _echo(rng: np.random.Generator, n: int) -> tuple[Steps, NDArray[Any]]:
    """Return one of four symbols per step as columns, and the symbol 12 steps before."""
    symbols = rng.integers(4, size=n)
    return np.eye(4)[symbols], np.roll(symbols, 12)


def _segments(rng: np.random.Generator, n: int) -> tuple[Steps, NDArray[Any]]:
    """Return noise with rare cues in one of four channels, and the channel of the latest cue."""
    starts, channel = _events(rng, n, 1 / 80), rng.integers(4, size=n)
    starts[0] = True
    x = rng.normal(size=(n, 4))
    x[starts, channel[starts]] += 4.0
    return x, _held(starts, channel)


def _order(rng: np.random.Generator, n: int) -> tuple[Steps, NDArray[Any]]:
    """Return rare pulses in two channels, and which of four pairs the latest two are."""
    starts, channel = _events(rng, n, 1 / 30), rng.integers(2, size=n)
    x = rng.normal(0.0, 0.3, size=(n, 2))
    x[starts, channel[starts]] += 2.0
    pairs = np.zeros(n, dtype=np.int64)
    at = np.flatnonzero(starts)
    pairs[at[1:]] = 2 * channel[at[:-1]] + channel[at[1:]]
    starts[: at[1]] = False
    return x, _held(starts, pairs)


def _leak(rng: np.random.Generator, n: int) -> tuple[Steps, NDArray[Any]]:
    """Return noise, and its leaky integral with a time constant of 50 steps."""
    x, y = rng.normal(size=n), np.zeros(n)
    for t in range(n):
        y[t] = 0.98 * y[t - 1] + 0.2 * x[t]
    return x[:, None], y + rng.normal(0.0, 0.1, n)


def _resets(rng: np.random.Generator, n: int) -> tuple[Steps, NDArray[Any]]:
    """Return noise with rare resets in a second channel, and the sum since the latest reset."""
    resets, x = _events(rng, n, 1 / 60), rng.normal(size=n)
    resets[0] = True
    sums = np.cumsum(x)
    before = _held(resets, sums - x)
    return np.column_stack([x, resets]), (sums - before) / 5.0


def _level(rng: np.random.Generator, n: int) -> tuple[Steps, NDArray[Any]]:
    """Return a jumping level under heavy noise, and the level."""
    level = _held(_events(rng, n, 1 / 100), rng.normal(size=n))
    return (level + rng.normal(0.0, 1.5, n))[:, None], level


def _part(make: Maker, n_steps: tuple[int, int], n: int, seed: int) -> Part:
    rng = np.random.default_rng(seed)
    pairs = [make(rng, int(rng.integers(*n_steps))) for _ in range(n)]
    return [x for x, _ in pairs], [y for _, y in pairs]


def _load(make: Maker, n_train: int, n_steps: tuple[int, int]) -> Data:
    return Data(_part(make, n_steps, n_train, seed=0), _part(make, n_steps, _N_TEST, seed=1))


# what is to be known at each step: training sequences, and their numbers of steps
STEP_LABELS: dict[str, Callable[[], Data]] = {
    "parity": partial(_load, _parity, 100, (300, 500)),
    "regimes": partial(_load, _regimes, 60, (500, 800)),
    "echo": partial(_load, _echo, 30, (300, 600)),
    "segments": partial(_load, _segments, 200, (300, 400)),
    "order": partial(_load, _order, 30, (900, 1000)),
}
STEP_NUMBERS: dict[str, Callable[[], Data]] = {
    "leak": partial(_load, _leak, 50, (400, 700)),
    "resets": partial(_load, _resets, 300, (300, 350)),
    "level": partial(_load, _level, 40, (800, 1000)),
}

# what the best possible filter reaches, which knows how the sequences are made
OPTIMAL = {
    "parity": "1 is possible",
    "regimes": "optimal filter .928",
    "echo": ".980 is possible",
    "segments": "optimal filter .819",
    "leak": "optimal filter .010",
    "level": "optimal filter .138",
}
