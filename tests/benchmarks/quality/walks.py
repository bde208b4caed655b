"""Random walks and series near to them, which are hardly forecast better than by the last value."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sksequence.preprocessing import make_windows

from .loaders import Data, data_path
from .packaged import find

Series = NDArray[np.float64]
Changes = Callable[[np.random.Generator, int], Series]

_WINDOW, _N_TEST = 24, 1000
_STOCKS = ("AAPL", "AMZN", "IBM", "MSFT")


def _independent(rng: np.random.Generator, n: int) -> Series:
    return rng.normal(size=n)


def _heavy_tailed(rng: np.random.Generator, n: int) -> Series:
    return rng.standard_t(3, size=n)


def _drifting(rng: np.random.Generator, n: int) -> Series:
    return rng.normal(0.1, size=n)


def _volatile(rng: np.random.Generator, n: int) -> Series:
    """Return changes whose variance follows GARCH(1, 1)."""
    changes, variance = np.zeros(n), 1.0
    for t, noise in enumerate(rng.normal(size=n)):
        variance = 0.05 + 0.1 * changes[t - 1] ** 2 + 0.85 * variance
        changes[t] = np.sqrt(variance) * noise
    return changes


def _correlated(rng: np.random.Generator, n: int) -> Series:
    """Return changes of which three tenths are those of the step before."""
    changes = rng.normal(size=n)
    for t in range(1, n):
        changes[t] += 0.3 * changes[t - 1]
    return changes


def _made(changes: Changes, n_steps: int, horizon: int, seed: int) -> Data:
    """Sum the changes up; the test part follows the training part."""
    walk = np.cumsum(changes(np.random.default_rng(seed), n_steps + _N_TEST))
    return _parts(walk, n_steps, _WINDOW, horizon)


def _reverting(n_steps: int, horizon: int, seed: int) -> Data:
    """Return a series that goes back to 0 by a fiftieth in each step."""
    walk = np.random.default_rng(seed).normal(size=n_steps + _N_TEST)
    for t in range(1, len(walk)):
        walk[t] += 0.98 * walk[t - 1]
    return _parts(walk, n_steps, _WINDOW, horizon)


def _parts(walk: Series, n_steps: int, window: int, horizon: int) -> Data:
    train, test = walk[:n_steps], walk[n_steps - window :]
    return Data(*(make_windows(part, window, horizon) for part in (train, test)))


def _stocks() -> Data:
    """Load logarithms of monthly prices from 2000 to 2010, the last third for testing."""
    table = pd.read_csv(find("vega_datasets", "stocks.csv"))
    prices = [np.log(table["price"][table["symbol"] == name].to_numpy()) for name in _STOCKS]
    parts = [_parts(walk, 2 * len(walk) // 3, 12, 3) for walk in prices]
    pairs = zip(*((data.train, data.test) for data in parts), strict=True)
    return Data(*(tuple(map(np.concatenate, zip(*part, strict=True))) for part in pairs))


def _sunspots() -> Data:
    """Load monthly sunspots, which can be forecast; the last quarter is for testing."""
    table = pd.read_csv(data_path("series", "monthly-sunspots.csv"))
    numbers = table.iloc[:, -1].to_numpy(dtype=np.float64)
    return _parts(numbers, 3 * len(numbers) // 4, _WINDOW, 12)


# made anew for each seed
MADE_WALKS: dict[str, Callable[[int], Data]] = {
    "1000 steps, next one": partial(_made, _independent, 1000, 1),
    "300 steps, next 12": partial(_made, _independent, 300, 12),
    "heavy tails, 300 steps, next 6": partial(_made, _heavy_tailed, 300, 6),
    "volatile, 1000 steps, next 6": partial(_made, _volatile, 1000, 6),
    "drift, 1000 steps, next 6": partial(_made, _drifting, 1000, 6),
    "correlated changes, 1000 steps, next 6": partial(_made, _correlated, 1000, 6),
    "slowly reverting, 1000 steps, next 6": partial(_reverting, 1000, 6),
}
REAL_WALKS: dict[str, Callable[[], Data]] = {
    "stocks, next 3 months": _stocks,
    "sunspots, next 12 months": _sunspots,
}
