"""Scaling of time with the size of the data, and memory for data that are larger than it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .ours import OurEpochs
from .timing import Row, interleave
from .work import Work

MOST_EXPONENT, MOST_OF_LONG, MOST_MEGABYTES = 1.05, 1.08, 200.0
SHAPE = (250_000, 50, 40)  # 2 GB of float32


def scaling(*, quick: bool) -> Iterator[Row]:
    """Measure exponents of the time per epoch in sequences, in steps and in features.

    All batches are full and of equal size. The exponent in steps is measured from 1000 to a million
    steps per epoch. The fixed cost of a batch hides a part of it, so the exponent from 1000 steps
    per sequence on is reported too: there the activations that are kept for the backward pass
    exceed the caches, with 16 MB per batch at 1000 steps and 160 MB at 10,000 steps. Four epochs
    each: one of 1000 steps takes less time than a fit varies.
    """
    n_rounds = 3 if quick else 5
    for cell in ("lstm", "gru", "rnn"):
        base = Work(cell, n_sequences=320, n_epochs=1)
        sizes = (320, 3200, 32_000)
        works = [replace(base, n_sequences=n) for n in sizes]
        yield _exponent("sequences", sizes, works, n_rounds, MOST_EXPONENT)
        sizes = (10, 100, 1000, 10_000)
        works = [replace(base, n_sequences=96, n_steps=n) for n in sizes]
        yield _exponent("steps", sizes, works, n_rounds, MOST_EXPONENT)
        sizes = (1000, 3000, 10_000)
        works = [replace(base, n_sequences=96, n_steps=n, n_epochs=4) for n in sizes]
        yield _exponent("steps, from 1000 on", sizes, works, n_rounds, MOST_OF_LONG)
    sizes = (1, 10, 100)
    works = [replace(base, n_features=n) for n in sizes]
    yield _exponent("features", sizes, works, n_rounds)


def _exponent(
    name: str, sizes: Sequence[int], works: list[Work], n_rounds: int, target: float | None = None
) -> Row:
    times = interleave({str(n): OurEpochs(w) for n, w in zip(sizes, works, strict=True)}, n_rounds)
    medians = [float(np.median(times[str(n)])) for n in sizes]
    exponent = float(np.polyfit(np.log(sizes), np.log(medians), 1)[0])
    listed = "; ".join(f"{n}: {1e3 * t:.3g} ms" for n, t in zip(sizes, medians, strict=True))
    what = f"{works[0].cell}: exponent of the time of an epoch in the number of {name}"
    return Row(what, exponent, target, details=listed)


def memory(*, quick: bool) -> Iterator[Row]:
    """Measure the growth of anonymous memory, in MB, while 2 GB on disk are processed."""
    shape = (SHAPE[0] // 10, *SHAPE[1:]) if quick else SHAPE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.dat"
        _write(path, shape)
        script = str(Path(__file__).with_name("child_memory.py"))
        command = [sys.executable, script, str(path), json.dumps(shape)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for what, megabytes in json.loads(answer).items():
        name = f"peak of anonymous memory, MB, {what} {np.prod(shape) * 4 / 1e9:g} GB"
        yield Row(name, megabytes, MOST_MEGABYTES)


def _write(path: Path, shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    block = generator.standard_normal((shape[0] // 50, *shape[1:]), dtype=np.float32)
    with path.open("wb") as file:
        for _ in range(50):
            file.write(block.tobytes())
