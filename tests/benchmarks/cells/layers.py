"""Time of a training step of one layer of each cell, relative to torch's GRU in the same run."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import torch
from torch import nn

from sksequence._cells import CELLS, build_layer

from ..speed.ours import plain_installation

SIZES = (64, 100, 8, 64)  # rows, steps, features, units
RUNS, RUNS_OF_PLAIN = 9, 2
REFERENCE = "torch.nn.GRU"


def _training_step(layer: nn.Module, n_arguments: int) -> Callable[[], None]:
    """Return a function that runs one forward and one backward pass."""
    n_rows, n_steps, n_features, _ = SIZES
    x = torch.randn(n_rows, n_steps, n_features, generator=torch.Generator().manual_seed(0))
    weights = [weight for weight in layer.parameters() if weight.requires_grad]

    def run() -> None:
        outputs = layer(x, *[None] * n_arguments)[0]
        if weights:
            torch.autograd.grad(outputs.square().sum(), weights)

    return run


def _best_times(steps: dict[str, Callable[[], None]], n_runs: int) -> dict[str, float]:
    """Return the shortest process time of each function, run alternately."""
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(n_runs):
        for name, step in steps.items():
            step()
            start = time.process_time()
            step()
            step()
            best[name] = min(best[name], (time.process_time() - start) / 2)
    return best


def speed() -> None:
    """Print the time of a training step of every cell, relative to torch's GRU.

    The second column of times is that of the plain installation, without compiled loops.
    """
    torch.set_num_threads(1)
    _, _, n_features, size = SIZES
    reference = nn.GRU(n_features, size, batch_first=True)
    steps = {REFERENCE: _training_step(reference, 0)}
    for cell in CELLS:
        layer = build_layer(cell, n_features, size, 0.0, torch.Generator().manual_seed(0))
        steps[cell] = _training_step(layer, 2)
    times = _best_times(steps, RUNS)
    with plain_installation():
        plain = _best_times(steps, RUNS_OF_PLAIN)
    print(f"{platform.processor() or platform.machine()}, {SIZES}")
    print("| cell | compiled | plain | ms compiled | ms plain |\n|---|---|---|---|---|")
    for name in sorted(times, key=lambda cell: times[cell]):
        ratios = times[name] / times[REFERENCE], plain[name] / plain[REFERENCE]
        milliseconds = 1e3 * times[name], 1e3 * plain[name]
        cells = [f"{ratio:.2f}" for ratio in ratios] + [f"{ms:.2f}" for ms in milliseconds]
        print(f"| {name} | {' | '.join(cells)} |")
