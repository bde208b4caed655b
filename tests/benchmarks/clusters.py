"""Time of a search by loky and by workers of dask, and the bytes that are sent.

``python -m tests.benchmarks.clusters [n_rounds]`` prints one line per round: seconds on the clock
of a search of 24 candidates in two folds, with ``n_jobs=2`` and on a LocalCluster of one and of two
workers, all of which have started before. Rounds are interleaved.
"""

from __future__ import annotations

import pickle
import sys
import time

import joblib
import numpy as np
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV

from sksequence import RNNClassifier, Sequences

GRID = {"hidden_size": [16, 24, 32], "learning_rate": np.geomspace(1e-3, 3e-2, 8).tolist()}


def search(X: Sequences, y: np.ndarray, n_jobs: int) -> float:
    """Return the seconds of a search."""
    model = RNNClassifier("gru", max_epochs=4, batch_size=32, random_state=0)
    start = time.perf_counter()
    GridSearchCV(model, GRID, cv=2, n_jobs=n_jobs, refit=False).fit(X, y)
    return time.perf_counter() - start


def main() -> None:
    """Print the seconds of each round."""
    n_rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    random = np.random.RandomState(0)
    X = Sequences.from_arrays([random.randn(n, 4) for n in random.randint(20, 60, 400)])
    y = np.array([x[:, 0].sum() > 0 for x in X]).astype(int)
    print(f"bytes of X: {len(pickle.dumps(X))}")
    clusters = {
        n: LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=None) for n in (1, 2)
    }
    clients = {n: Client(cluster, set_as_default=False) for n, cluster in clusters.items()}
    for number in range(n_rounds + 1):
        seconds = {"loky 2": search(X, y, 2)}
        for n, client in clients.items():
            with client.as_current(), joblib.parallel_config("dask"):
                seconds[f"dask {n}"] = search(X, y, n)
        seconds["serial"] = search(X, y, 1)
        if number:  # the first round imports and compiles
            print({name: round(value, 2) for name, value in seconds.items()}, flush=True)
    for client in clients.values():
        client.close()
    for cluster in clusters.values():
        cluster.close()


if __name__ == "__main__":
    main()
