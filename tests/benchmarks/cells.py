"""All cells compared: `python -m tests.benchmarks.cells speed` or `... scores [SET ...]`.

`speed` prints the process time of a training step of one layer on one thread, relative to
`torch.nn.GRU` in the same run. `scores` fits the default estimators with each cell, and a textbook
preset of the LSTM (one direction, last state, no frames), and prints the median over the seeds.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import nn

from sksequence import RNNClassifier, RNNRegressor
from sksequence._cells import CELLS, build_layer
from sksequence.cells import Cell

from .quality.loaders import Data, adding_problem, digits, first_label, japanese_vowels

SIZES = (64, 100, 8, 64)  # rows, steps, features, units
RUNS = 9


# --- speed ---------------------------------------------------------------------------------------


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


def _best_times(steps: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Return the shortest process time of each function, run alternately."""
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(RUNS):
        for name, step in steps.items():
            step()
            start = time.process_time()
            step()
            step()
            best[name] = min(best[name], (time.process_time() - start) / 2)
    return best


def speed() -> None:
    """Print the time of a training step of every cell, relative to torch's GRU."""
    torch.set_num_threads(1)
    _, _, n_features, size = SIZES
    reference = nn.GRU(n_features, size, batch_first=True)
    steps = {"torch.nn.GRU": _training_step(reference, 0)}
    for cell in CELLS:
        layer = build_layer(cell, n_features, size, 0.0, torch.Generator().manual_seed(0))
        steps[cell] = _training_step(layer, 2)
    times = _best_times(steps)
    print(f"{platform.processor() or platform.machine()}, {SIZES}")
    for name, seconds in sorted(times.items(), key=lambda item: item[1]):
        print(f"| {name} | {seconds / times['torch.nn.GRU']:.2f} | {1e3 * seconds:.2f} ms |")


# --- scores --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """A set, and the estimator that is fitted to it with each cell."""

    load: Callable[[], Data]
    estimator: type[Any]
    parameters: dict[str, object]


PROBLEMS = {
    "first label, lag 200": Problem(
        partial(first_label, 200),
        RNNClassifier,
        {"frame_length": 1, "pooling": "last", "bidirectional": False, "max_epochs": 60},
    ),
    "adding, 100 steps": Problem(partial(adding_problem, 100), RNNRegressor, {"max_epochs": 30}),
    "digits": Problem(digits, RNNClassifier, {}),
    "JapaneseVowels": Problem(japanese_vowels, RNNClassifier, {}),
}
TEXTBOOK = {"bidirectional": False, "pooling": "last", "frame_length": 1}


def n_parameters(cell: Cell, size: int, n_features: int) -> int:
    """Return the number of parameters of one layer."""
    layer = build_layer(cell, n_features, size, 0.0, torch.Generator())
    return sum(parameter.numel() for parameter in layer.parameters())


def equal_size(cell: Cell, n_features: int, target: int) -> int:
    """Return the number of units with which a layer comes closest to a number of parameters."""
    sizes = range(4, 400, 2)
    return min(sizes, key=lambda size: abs(n_parameters(cell, size, n_features) - target))


def scores(names: list[str], n_seeds: int, only: list[str]) -> None:
    """Print score, CPU seconds and units of each cell, at the parameters of an LSTM of 64 units."""
    for name in names:
        problem = PROBLEMS[name]
        data = problem.load()
        n_features = data.train[0][0].shape[-1] if data.train[0][0].ndim > 1 else 1
        target = n_parameters(CELLS["lstm"](), 64, n_features)
        for cell in only:
            size = equal_size(CELLS[cell](), n_features, target)
            _print_row(name, cell, problem, data, {"cell": cell, "hidden_size": size}, n_seeds)
        _print_row(name, "textbook", problem, data, {"cell": "lstm", **TEXTBOOK}, n_seeds)


def _print_row(
    name: str, label: str, problem: Problem, data: Data, changes: dict[str, object], n_seeds: int
) -> None:
    reached, seconds = [], []
    for seed in range(n_seeds):
        start = time.process_time()
        model = problem.estimator(**{**problem.parameters, **changes}, random_state=seed)
        model.fit(*data.train)
        seconds.append(time.process_time() - start)
        reached.append(model.score(*data.test))
    size = changes.get("hidden_size", 64)
    print(
        f"| {name} | {label} | {size} | {median(reached):.4f} | {min(reached):.4f} | "
        f"{max(reached):.4f} | {median(seconds):.1f} |",
        flush=True,
    )


def main() -> None:
    """Run the command that is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["speed", "scores"])
    parser.add_argument("sets", nargs="*", help=f"of {list(PROBLEMS)}; all by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cells", nargs="*", default=list(CELLS), choices=list(CELLS))
    arguments = parser.parse_args()
    if arguments.command == "speed":
        speed()
    else:
        scores(arguments.sets or list(PROBLEMS), arguments.seeds, arguments.cells)


if __name__ == "__main__":
    main()
