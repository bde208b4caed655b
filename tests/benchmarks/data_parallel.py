"""Time of one fit in one process and in several.

``python -m tests.benchmarks.data_parallel [n_ranks]`` prints, for a few widths, the processor time
of a fit in one process with one thread, that of each of several processes, and the time on the
clock. On idle cores the ratio of the processor times is that of the throughput, less the waiting.
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

WIDTHS = (64, 128, 256)
N_SEQUENCES, N_STEPS, N_FEATURES, BATCH_SIZE, N_EPOCHS = 512, 50, 8, 64, 2


def times() -> dict[int, tuple[float, float]]:
    """Return seconds of the processor and on the clock, by width."""
    random = np.random.RandomState(0)
    X = random.randn(N_SEQUENCES, N_STEPS, N_FEATURES).astype(np.float32)
    y = (X[:, :, 0].sum(axis=1) > 0).astype(int)
    callbacks = [DataParallel()] if "RANK" in os.environ else None
    found = {}
    for width in WIDTHS:
        model = RNNClassifier(
            "lstm",
            width,
            max_epochs=N_EPOCHS,
            batch_size=BATCH_SIZE,
            frame_length=1,
            dropout=0.0,
            callbacks=callbacks,
            random_state=0,
        )
        model.fit(X[:BATCH_SIZE], y[:BATCH_SIZE])  # compiles the loops, and connects the processes
        clock, processor = time.perf_counter(), time.process_time()
        model.fit(X, y)
        found[width] = time.process_time() - processor, time.perf_counter() - clock
    return found


def started(n_ranks: int) -> list[dict[str, list[float]]]:
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
    print(f"load before: {os.getloadavg()[0]:.1f}; seconds of processor (clock) of {n_ranks} ranks")
    for _ in range(3):
        (alone,), ranks = started(1), started(n_ranks)
        for width in map(str, WIDTHS):
            most = max(rank[width][0] for rank in ranks)
            clock = max(rank[width][1] for rank in ranks)
            print(
                f"{width:>4}  alone {alone[width][0]:.2f} ({alone[width][1]:.2f})  "
                f"rank {most:.2f} ({clock:.2f})  ratio {alone[width][0] / most:.2f} "
                f"({alone[width][1] / clock:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
