"""The processor of a benchmark: its name and the peak of one core."""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numpy as np
import torch

from sksequence._kernels import _compiled, _tiles, _vectors

_ROWS, _DEPTH, _COLUMNS, _REPEATS = 16, 256, 32, 500


def processor() -> str:
    """Return name, family and model of the processor, and the width of its vectors."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    known = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    name = known.get("model name") or platform.processor() or platform.machine()
    numbers = ", ".join(
        f"{key.removeprefix('cpu ')} {known[key]}"
        for key in ("cpu family", "model")
        if key in known
    )
    return f"{name} ({numbers}), vectors of {_vectors.LANES} float32"


def peak() -> float:
    """Return the operations per second of one core: the best of products in the nearest cache."""
    out, a = np.zeros((_ROWS, _COLUMNS), np.float32), np.ones((_ROWS, _DEPTH), np.float32)
    panels = _tiles.in_panels(torch.zeros(_DEPTH, _COLUMNS))
    times = []
    for _ in range(20):
        start = time.perf_counter()
        _products(out, a, panels, _REPEATS)
        times.append(time.perf_counter() - start)
    return 2.0 * _ROWS * _DEPTH * _COLUMNS * _REPEATS / min(times)


_add_product = _tiles.add_product


@_compiled.inlined
def _products(out: np.ndarray, a: np.ndarray, panels: np.ndarray, n: int) -> None:
    for _ in range(n):
        _add_product(out, a, panels, _ROWS)
