"""Synthetic logs of sensors, 160 ragged sequences for training: what happens, where or when."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .loaders import Data

Log = NDArray[np.float64]
Maker = Callable[[np.random.Generator, Log], int]

_N_TRAIN, _N_TEST = 160, 500


def _burst(rng: np.random.Generator, log: Log) -> int:
    """Multiply twelve steps of one channel by three, and return the channel."""
    channel, start = int(rng.integers(log.shape[1])), rng.integers(len(log) - 12)
    log[start : start + 12, channel] *= 3.0
    return channel


def _pulses(rng: np.random.Generator, log: Log) -> int:
    """Add a pulse to each of two channels, and return which comes first."""
    log *= 0.5
    first = int(rng.integers(2))
    early, late = np.sort(rng.choice(len(log) - 5, 2, replace=False))
    log[early : early + 5, first] += 3.0
    log[late : late + 5, 1 - first] += 3.0
    return first


def _drift(rng: np.random.Generator, log: Log) -> int:
    """Let one channel drift upwards or downwards, and return the channel."""
    channel = int(rng.integers(log.shape[1]))
    log[:, channel] += np.linspace(0.0, 2.0 * rng.choice([-1.0, 1.0]), len(log))
    log += rng.normal(size=log.shape[1])
    return channel


def _frequency(rng: np.random.Generator, log: Log) -> int:
    """Add a wave of one of four frequencies to one channel, and return which."""
    which, channel = int(rng.integers(4)), rng.integers(log.shape[1])
    cycles = (0.03, 0.05, 0.08, 0.12)[which] * np.arange(len(log)) + rng.random()
    log[:, channel] += 1.5 * np.sin(2 * np.pi * cycles)
    return which


def _gesture(rng: np.random.Generator, log: Log) -> int:
    """Replace the log by one of six movements at any speed, with noise; return which."""
    which = int(rng.integers(6))
    movement = np.cumsum(np.random.default_rng(which).normal(size=(20, log.shape[1])), axis=0) / 2
    log *= 1.2
    log += movement[np.linspace(0, 19, len(log)).round().astype(int)] + rng.normal(
        size=log.shape[1]
    )
    return which


def _spikes(rng: np.random.Generator, log: Log) -> int:
    """Add one, four or seven spikes to the first channel, and some to the others."""
    log *= 0.3
    which = int(rng.integers(3))
    for channel in range(log.shape[1]):
        n_spikes = 1 + 3 * which if channel == 0 else rng.integers(1, 8)
        log[rng.choice(len(log), n_spikes, replace=False), channel] += 4.0
    return which


def _part(
    make: Maker, n_channels: int, n_steps: tuple[int, int], n: int, seed: int
) -> tuple[list[Log], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    logs = [rng.normal(size=(rng.integers(*n_steps), n_channels)) for _ in range(n)]
    return logs, np.array([make(rng, log) for log in logs])


def _load(make: Maker, n_channels: int, n_steps: tuple[int, int]) -> Data:
    train = _part(make, n_channels, n_steps, _N_TRAIN, seed=0)
    return Data(train, _part(make, n_channels, n_steps, _N_TEST, seed=1))


# what happens in logs of how many channels and steps
SENSORS: dict[str, Callable[[], Data]] = {
    "bursts": partial(_load, _burst, 6, (80, 200)),
    "pulses": partial(_load, _pulses, 3, (100, 250)),
    "drifts": partial(_load, _drift, 5, (60, 150)),
    "frequencies": partial(_load, _frequency, 4, (80, 160)),
    "gestures": partial(_load, _gesture, 6, (40, 90)),
    "spikes": partial(_load, _spikes, 8, (150, 300)),
    "long bursts": partial(_load, _burst, 3, (400, 900)),
}
