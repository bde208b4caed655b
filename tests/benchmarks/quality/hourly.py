"""Synthetic panels of hourly series: a day, a week, both or neither, with noise and drifts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Hours = NDArray[np.float64]
Maker = Callable[[np.random.Generator, int], Hours]

DAY, WEEK = 24, 168
_WITHOUT = 0.1


def _waves(rng: np.random.Generator, period: int, n_harmonics: int) -> Hours:
    """Return one period of a sum of waves, standardised."""
    phases = 2 * np.pi * (np.arange(period) / period + rng.random((n_harmonics, 1)))
    order = np.arange(1, n_harmonics + 1)[:, None]
    wave = (rng.normal(size=(n_harmonics, 1)) * np.sin(order * phases)).sum(axis=0)
    return np.asarray((wave - wave.mean()) / wave.std())


def noise(rng: np.random.Generator, n: int, memory: float) -> Hours:
    """Return an autoregression of order one with a standard deviation of 1."""
    shocks = rng.normal(size=n) * np.sqrt(1 - memory**2)
    noise = np.zeros(n)
    noise[0] = rng.normal()
    for i in range(1, n):
        noise[i] = memory * noise[i - 1] + shocks[i]
    return noise


def _day(rng: np.random.Generator, n: int) -> Hours:
    return np.resize(_waves(rng, DAY, 3), n)


def _week(rng: np.random.Generator, n: int) -> Hours:
    return np.resize(_waves(rng, WEEK, 6), n)


def workdays(rng: np.random.Generator, n: int) -> Hours:
    """Return days whose level and shape differ from weekdays to the weekend."""
    work, rest = _waves(rng, DAY, 3), _waves(rng, DAY, 2)
    levels = np.repeat([0, 0, 0, 0, 0, -1, -1.5], DAY) * rng.uniform(0.5, 1.5)
    return np.resize(np.r_[np.tile(work, 5), np.tile(rest, 2)] + levels, n)


def _drifting(rng: np.random.Generator, n: int) -> Hours:
    """Return such days whose level is a random walk and whose size grows or shrinks."""
    growth = np.linspace(1.0, rng.uniform(0.6, 1.6), n)
    return np.asarray(workdays(rng, n) * growth + np.cumsum(rng.normal(size=n)) * 0.08)


def _neither(rng: np.random.Generator, n: int) -> Hours:
    """Return a random walk, or an autoregression."""
    if rng.random() < 0.5:
        return np.asarray(np.cumsum(rng.normal(size=n)) * 0.3)
    return noise(rng, n, 0.9)


def _series(make: Maker, rng: np.random.Generator, n: int) -> Hours:
    """Return a series with noise, in a unit of its own; every other one grows by factors."""
    pattern = (_neither if rng.random() < _WITHOUT else make)(rng, n)
    x = pattern + rng.uniform(0.2, 0.6) * noise(rng, n, rng.uniform(0.0, 0.9))
    unit = np.exp(rng.normal())
    return unit * (np.exp(0.4 * x) if rng.random() < 0.5 else x + rng.normal() * 3)


def hourly(make: Maker, n_weeks: int, n_series: int = 20, seed: int = 0) -> list[Hours]:
    """Return series that start at different hours, a tenth of them without a season."""
    rng = np.random.default_rng([seed, n_weeks])
    starts = rng.integers(WEEK, size=n_series)
    return [_series(make, rng, n_weeks * WEEK + start)[start:] for start in starts]


KINDS: dict[str, Maker] = {"day": _day, "week": _week, "both": workdays, "drifting": _drifting}
