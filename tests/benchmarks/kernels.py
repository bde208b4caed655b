"""Compiled time loops compared with torch: `python -m tests.benchmarks.kernels` prints a table.

Torch's loops are those of the plain installation, without the extra `fast`. Process time of a
forward and a backward pass of one layer on one thread; the best of several interleaved runs. The
last columns are billions of operations per second, of the products with all weights and of their
derivatives, and the fraction of the measured peak of the core.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from sksequence import _kernels
from sksequence._cells import build_layer

from .processor import peak, processor

SIZES = ((1, 50, 4, 32), (32, 50, 4, 32), (64, 100, 8, 64), (128, 50, 8, 128), (32, 50, 8, 256))
RUNS = 7


def _passes(cell: str, n_rows: int, n_steps: int, n_features: int, size: int) -> Callable[[], None]:
    """Return a function that runs one forward and one backward pass."""
    generator = torch.Generator().manual_seed(0)
    layer = build_layer(cell, n_features, size, 0.0, generator)
    x = torch.randn(n_rows, n_steps, n_features, generator=generator)
    lengths = torch.full((n_rows,), n_steps)
    weights = list(layer.parameters())

    def run() -> None:
        torch.autograd.grad(layer(x, lengths, None)[0].sum(), weights)

    return run


def _operations(cell: str, n_rows: int, n_steps: int, n_features: int, size: int) -> float:
    """Return the operations of the products of a pass; the first layer needs no gradient of x."""
    n_units = {"rnn": 1, "gru": 3, "lstm": 4}[cell] * size
    return 2.0 * n_rows * n_steps * n_units * (3 * size + 2 * n_features)


def _seconds(run: Callable[[], None], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - start) / repeats


def _measure(run: Callable[[], None], repeats: int) -> tuple[float, float]:
    """Return the best times with the compiled loops and with torch's, run alternately."""
    best = [float("inf"), float("inf")]
    original = _kernels._dispatch.HAS_NUMBA
    try:
        for _ in range(RUNS):
            for i, answer in enumerate((True, False)):
                _kernels._dispatch.HAS_NUMBA = answer
                run()
                best[i] = min(best[i], _seconds(run, repeats))
    finally:
        _kernels._dispatch.HAS_NUMBA = original
    return best[0], best[1]


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    most = peak()
    print(f"{processor()}; peak of a core {most / 1e9:.0f} GFLOP/s\n")
    columns = "plain / compiled | ms compiled | ms plain | GFLOP/s | of peak"
    print(f"| cell | batch x steps x features, hidden | {columns} |")
    print("|---|---|---|---|---|---|---|")
    for cell in ("rnn", "gru", "lstm"):
        for sizes in SIZES:
            n_rows, n_steps, n_features, size = sizes
            repeats = max(1, int(2e6 / (n_rows * n_steps * size)))
            ours, theirs = _measure(_passes(cell, *sizes), repeats)
            speed = _operations(cell, *sizes) / ours
            shape = f"{n_rows} x {n_steps} x {n_features}, {size}"
            times = f"{theirs / ours:.1f} | {1e3 * ours:.2f} | {1e3 * theirs:.2f}"
            speeds = f"{speed / 1e9:.0f} | {speed / most:.2f}"
            print(f"| {cell} | {shape} | {times} | {speeds} |", flush=True)


if __name__ == "__main__":
    main()
