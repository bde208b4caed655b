"""Made panels with a day and a week, of kinds and sizes by which no default was chosen.

Those of `hourly.py`, whose parts are used here, were: drifts, noise, lengths and seeds differ.
"""

from __future__ import annotations

import numpy as np

from .hourly import DAY, WEEK, Hours, Maker, noise, workdays

_N_SERIES, _N_WEEKS = 16, 7
_FIRST_SEED = 1000


def _with_noise(least: float, most: float, pattern: Maker) -> Maker:
    """Return a maker of series with noise; every other one grows by factors."""

    def make(rng: np.random.Generator, n: int) -> Hours:
        x = pattern(rng, n) + rng.uniform(least, most) * noise(rng, n, rng.uniform(0.0, 0.9))
        unit = np.exp(rng.normal())
        return unit * (np.exp(0.4 * x) if rng.random() < 0.5 else x + 3 * rng.normal())

    return make


def _drifting(step: float, least: float, most: float) -> Maker:
    """Return a maker of days whose level is a random walk, and whose size grows by a factor."""

    def make(rng: np.random.Generator, n: int) -> Hours:
        growth = np.linspace(1.0, rng.uniform(least, most), n)
        return np.asarray(workdays(rng, n) * growth + np.cumsum(rng.normal(size=n)) * step)

    return make


def _jumping(rng: np.random.Generator, n: int) -> Hours:
    """Return days whose level jumps every ten days or so."""
    jumps = rng.normal(size=n) * (rng.random(n) < 1 / (10 * DAY))
    return np.asarray(workdays(rng, n) + np.cumsum(jumps))


def _growing(rng: np.random.Generator, n: int) -> Hours:
    """Return sales that grow or shrink steadily."""
    trend = rng.uniform(-1.0, 2.0) * np.linspace(0.0, 1.0, n)
    return np.exp(0.4 * workdays(rng, n) + trend + 0.15 * rng.normal(size=n))


def _counts(rng: np.random.Generator, n: int) -> Hours:
    """Return counts, which may be zero."""
    rate = np.exp(rng.uniform(0.0, 3.0) + 0.6 * workdays(rng, n))
    return rng.poisson(rate).astype(np.float64)


def _daylight(rng: np.random.Generator, n: int) -> Hours:
    """Return yields of daylight, of which the night leaves a tiny and noisy rest."""
    hours = np.arange(n) % DAY
    light = np.clip(np.sin(2 * np.pi * (hours - 6) / DAY), 0.0, None)
    shops = 1.0 + 2.0 * (np.arange(n) % WEEK < 5 * DAY)
    clouds = np.exp(0.3 * noise(rng, n, 0.9))
    return np.asarray(rng.uniform(1, 50) * (light * shops * clouds + 1e-3 * rng.random(n) + 1e-6))


def _thinned(rng: np.random.Generator, n: int) -> Hours:
    """Return drifting days, of which every third hour is left."""
    return _with_noise(0.2, 0.6, _drifting(0.08, 0.6, 1.6))(rng, 3 * n)[::3]


# makers, and the number of steps of a day
UNSEEN: dict[str, tuple[Maker, int]] = {
    "slow drifts, much noise": (_with_noise(0.6, 1.2, _drifting(0.03, 0.8, 1.3)), DAY),
    "fast drifts, little noise": (_with_noise(0.05, 0.3, _drifting(0.2, 0.3, 3.0)), DAY),
    "jumps": (_with_noise(0.2, 0.6, _jumping), DAY),
    "growth": (_growing, DAY),
    "counts": (_counts, DAY),
    "daylight": (_daylight, DAY),
    "every third hour": (_thinned, DAY // 3),
}


def unseen(kind: str, seed: int) -> list[Hours]:
    """Return the series of a panel."""
    make, day = UNSEEN[kind]
    rng = np.random.default_rng([_FIRST_SEED + seed, day])
    n_steps = _N_WEEKS * 7 * day
    return [make(rng, n_steps) for _ in range(_N_SERIES)]
