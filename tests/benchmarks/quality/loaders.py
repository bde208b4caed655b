"""Loaders of data sets: training, validation and test parts as the estimators accept them.

Data that the package does not bundle are read from the folder in the environment variable
`SKSEQUENCE_DATA`.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sksequence.datasets import (
    load_japanese_vowels,
    load_shakespeare,
    make_adding_problem,
    make_first_label,
)
from sksequence.preprocessing import make_windows

Part = tuple[Any, Any]

MONTH = 30 * 24  # rows of the hourly series
WINDOW, HORIZON = 96, 24


class MissingData(Exception):
    """Error for a file of a set that is missing."""


@dataclass(frozen=True)
class Data:
    """X and y of each part; `valid` is None if the set has no validation part."""

    train: Part
    test: Part
    valid: Part | None = None


def data_path(*parts: str) -> Path:
    """Return a file of the data folder, or raise MissingData."""
    folder = os.environ.get("SKSEQUENCE_DATA")
    if not folder:
        raise MissingData("the environment variable SKSEQUENCE_DATA names no folder")
    path = Path(folder).joinpath(*parts)
    if not path.exists():
        raise MissingData(f"{'/'.join(parts)} is not in the folder that SKSEQUENCE_DATA names")
    return path


def read_ts(path: Path) -> tuple[list[NDArray[np.float64]], NDArray[np.str_]]:
    """Read a `.ts` file of the time series archive: arrays (n_steps, n_channels) and labels."""
    X, y = [], []
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip().lower() == "@data") + 1
    for line in filter(None, lines[first:]):
        *channels, label = line.split(":")
        X.append(np.array([channel.split(",") for channel in channels], dtype=np.float64).T)
        y.append(label.strip())
    return X, np.array(y)


def archive(name: str, *, numbers: bool = False) -> Data:
    """Load a set of the time series archive in its own split; `numbers` is for regression."""
    return read_split(partial(data_path, "ts"), name, numbers=numbers)


def read_split(path: Callable[[str], Path], name: str, *, numbers: bool) -> Data:
    """Read both parts of a `.ts` set."""
    parts = [read_ts(path(f"{name}_{part}.ts")) for part in ("TRAIN", "TEST")]
    return Data(*((X, y.astype(np.float64) if numbers else y) for X, y in parts))


def japanese_vowels() -> Data:
    """Load the bundled recordings, in the donors' split."""
    train, test = (load_japanese_vowels(split=part, return_X_y=True) for part in ("train", "test"))
    return Data(train, test)


def digits() -> Data:
    """Load scikit-learn's digits: eight rows of eight pixels, read from top to bottom."""
    X, y = load_digits(return_X_y=True)
    X = X.reshape(len(X), 8, 8)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    return Data((X_train, y_train), (X_test, y_test))


def transformer_temperature(stride: int) -> Data:
    """Load ETTh1: 12, 4 and 4 months, standardised by the first 12.

    Training windows start every `stride` hours. The first validation and test windows begin in the
    part before, so that every hour of the part is forecast.
    """
    with data_path("series", "ETTh1.csv").open(encoding="utf-8") as file:
        rows = [row[1:] for row in csv.reader(file)][1:]
    series = np.array(rows, dtype=np.float64)
    first = series[: 12 * MONTH]
    series = (series - first.mean(axis=0)) / first.std(axis=0)
    ends = [(0, 12, stride), (12, 16, 4), (16, 20, 1)]
    train, valid, test = (
        make_windows(
            series[max(0, start * MONTH - WINDOW) : stop * MONTH], WINDOW, HORIZON, step=step
        )
        for start, stop, step in ends
    )
    return Data(train, test, valid)


def chorales() -> Data:
    """Load the JSB chorales: piano rolls of 88 keys; the target of a step is the next step."""
    parts = []
    with np.load(data_path("music", "jsb_chorales.npz")) as stored:
        for name in ("train", "test", "valid"):
            roll = np.unpackbits(stored[f"{name}_roll"], axis=1)[:, :88]
            rolls = np.split(roll, np.cumsum(stored[f"{name}_len"])[:-1])
            parts.append(([roll[:-1] * 1.0 for roll in rolls], [roll[1:] for roll in rolls]))
    return Data(*parts)


def utterances(target: str) -> Data:
    """Load Snips: words, with the slot of each word or the intent of the utterance."""

    def part(name: str) -> Part:
        def lines(file: str) -> list[list[str]]:
            text = data_path("snips", name, file).read_text(encoding="utf-8")
            return [line.split() for line in text.splitlines()]

        X = lines("seq.in")
        if target == "slots":
            return X, lines("seq.out")
        return X, np.array([line[0] for line in lines("label")])

    return Data(part("train"), part("test"), part("valid"))


def shakespeare() -> Data:
    """Load tiny Shakespeare: the first nine tenths as one text, the last tenth as the test part."""
    train, test = (load_shakespeare(split=part).data for part in ("train", "test"))
    return Data(([train], None), ([test], None))


def names() -> Data:
    """Load short names, 1 000 for testing and 1 000 for validation."""
    lines = data_path("text", "names.txt").read_text(encoding="utf-8").split()
    order = np.random.default_rng(0).permutation(len(lines))
    shuffled = [lines[i] for i in order]
    return Data((shuffled[2000:], None), (shuffled[:1000], None), (shuffled[1000:2000], None))


def adding_problem(n_steps: int) -> Data:
    """Make the adding problem: 10 000 sequences for training, 2 000 for testing."""
    train = make_adding_problem(10_000, n_steps=n_steps, random_state=0)
    test = make_adding_problem(2_000, n_steps=n_steps, random_state=1)
    return Data(train, test)


def first_label(lag: int) -> Data:
    """Make sequences whose class is shown at the first step only."""
    train = make_first_label(2_000, lag=lag, random_state=0)
    return Data(train, make_first_label(1_000, lag=lag, random_state=1))
