"""Time of one fit in one process and in several.

``python -m tests.benchmarks.data_parallel [n_ranks]`` prints, for a few widths and batch sizes, the
processor time and the time on the clock of one process with one thread and of each of several:

- of a short fit of two epochs, with the reading of the data and the comparison of the processes;
- of training alone, as sequences per second: four further epochs, by the difference of two fits.

Run it on idle cores; on busy ones, processes wait for each other, and only the processor times
count.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

import numpy as np

from sksequence import RNNClassifier
from sksequence.callbacks import DataParallel

WIDTHS_AND_BATCH_SIZES = ((64, 64), (128, 64), (256, 64), (256, 128))
N_SEQUENCES, N_STEPS, N_FEATURES = 512, 50, 8
SHORT, LONG = 2, 6  # epochs
Seconds = dict[str, list[float]]  # those of the processor and on the clock, by what took them


def times() -> dict[str, Seconds]:
    """Return the times of this process by width and batch size."""
    random = np.random.RandomState(0)
    X = random.randn(N_SEQUENCES, N_STEPS, N_FEATURES).astype(np.float32)
    y = (X[:, :, 0].sum(axis=1) > 0).astype(int)
    callbacks = [DataParallel()] if "RANK" in os.environ else None
    found = {}
    for width, batch_size in WIDTHS_AND_BATCH_SIZES:
        model = RNNClassifier(
            "lstm",
            width,
            max_epochs=SHORT,
            batch_size=batch_size,
            frame_length=1,
            dropout=0.0,
            callbacks=callbacks,
            random_state=0,
        )
        model.fit(X[:batch_size], y[:batch_size])  # compiles the loops, and connects the processes
        short = seconds(model, X, y)
        long = seconds(model.set_params(max_epochs=LONG), X, y)
        training = [b - a for a, b in zip(short, long, strict=True)]
        found[f"{width}, {batch_size}"] = {"short fit": short, "training": training}
    return found


def seconds(model: RNNClassifier, X: np.ndarray, y: np.ndarray) -> list[float]:
    """Return the seconds of a fit, of the processor and on the clock."""
    clock, processor = time.perf_counter(), time.process_time()
    model.fit(X, y)
    return [time.process_time() - processor, time.perf_counter() - clock]


def started(n_ranks: int) -> list[dict[str, Seconds]]:
    """Return the times of each of several processes, or of this one alone."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "localhost"}
    if n_ranks > 1:
        with socket.socket() as server:
            server.bind(("localhost", 0))
            environment |= {"MASTER_PORT": str(server.getsockname()[1])}
        environment |= {"WORLD_SIZE": str(n_ranks)}
    command = [sys.executable, "-m", "tests.benchmarks.data_parallel", "child"]
    children = [
        subprocess.Popen(
            command,
            env=environment | ({"RANK": str(rank)} if n_ranks > 1 else {}),
            stdout=subprocess.PIPE,
        )
        for rank in range(n_ranks)
    ]
    return [json.loads(child.communicate()[0]) for child in children]


def main() -> None:
    """Print a table, or the times of this process."""
    if sys.argv[1:] == ["child"]:
        print(json.dumps(times()))
        return
    n_ranks = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    print(f"load before: {os.getloadavg()[0]:.1f}; processor (clock) of one and of {n_ranks} ranks")
    n_trained = (LONG - SHORT) * N_SEQUENCES
    for _ in range(3):
        (alone,), ranks = started(1), started(n_ranks)
        for sizes, parts in alone.items():
            for part, one in parts.items():
                each = [max(rank[sizes][part][i] for rank in ranks) for i in (0, 1)]
                ratios = [one[i] / each[i] for i in (0, 1)]
                line = (
                    f"{sizes:>8} {part:<10} one {one[0]:.2f} ({one[1]:.2f}) s  "
                    f"rank {each[0]:.2f} ({each[1]:.2f}) s  ratio {ratios[0]:.2f} ({ratios[1]:.2f})"
                )
                if part == "training":
                    rates = [n_trained / one[1], n_trained / each[1]]
                    line += f"  sequences per second {rates[0]:.0f} -> {rates[1]:.0f}"
                print(line, flush=True)


if __name__ == "__main__":
    main()
