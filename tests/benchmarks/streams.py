"""Time per step of streams of 64 units: ``python -m tests.benchmarks.streams``.

CPU time on one thread, of the fastest of several rounds. ``predict`` is the time of a prediction
for the last step alone, which has no memory of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Stream
from sksequence._cells import CELLS
from sksequence.preprocessing import StepTransformer

N_STEPS, ROUNDS = 1000, 5
RANDOM = np.random.RandomState(0)
X = RANDOM.randn(40, 50, 6)
FITTED = {"bidirectional": False, "frame_length": 1, "max_epochs": 1, "random_state": 0}


def seconds_per_call(call: Callable[[int], object]) -> float:
    """Return the CPU seconds per call, of the fastest round."""
    best = np.inf
    for _ in range(ROUNDS):
        start = time.process_time()
        for i in range(N_STEPS):
            call(i % 50)
        best = min(best, (time.process_time() - start) / N_STEPS)
    return best


def report(name: str, call: Callable[[int], object], n_streams: int = 1) -> None:
    """Print microseconds per step of one stream."""
    print(f"{name:45} {1e6 * seconds_per_call(call) / n_streams:8.1f}")


def main() -> None:
    """Print a table."""
    torch.set_num_threads(1)
    for cell in CELLS:
        model = RNNClassifier(cell, 64, **FITTED).fit(X, np.arange(40) % 3)
        stream, many = model.start(), model.start(n_streams=1000)
        batch = RANDOM.randn(1000, 6)
        report(f"classifier {cell}", lambda i, s=stream: s.push(X[0, i]))
        report(
            f"classifier {cell}, 1000 streams", lambda i, s=many, steps=batch: s.push(steps), 1000
        )
        report(f"classifier {cell}, predict", lambda i, m=model: m.predict(X[:1, i : i + 1]))
    for loss in ("squared_error", "gaussian"):
        regressor = RNNRegressor("gru", 64, loss=loss, **FITTED).fit(X, X[:, -1, 0])
        stream = regressor.start()
        report(f"regressor gru, {loss}", lambda i, s=stream: s.push(X[0, i]))
    frames = [pd.DataFrame(x, columns=list("abcdef")) for x in X]
    for name, X_own, step in (
        ("", X, X[0, 0]),
        (", names", frames, frames[0].iloc[0].to_dict()),
    ):
        model = make_pipeline(StepTransformer(StandardScaler()), RNNClassifier("gru", 64, **FITTED))
        stream = Stream.from_estimator(model.fit(X_own, np.arange(40) % 3))
        report(f"pipeline with a scaler, gru{name}", lambda i, s=stream, x=step: s.push(x))
    waves = list(np.sin(np.arange(60) / 3) + 0.1 * RANDOM.randn(20, 60))
    positive = [np.exp(wave) for wave in waves]
    texts = ["to be or not to be", "that is the question"] * 5
    symbols = (texts[0] * 3)[:50]
    counts = [np.floor(3 * wave) for wave in positive]
    for name, X_own, steps, options in (
        ("counts with a season", counts, counts[0], {"loss": "negative_binomial"}),
        ("positive numbers, gamma", positive, positive[0], {"loss": "gamma"}),
        ("numbers with two seasons", waves, waves[0], {"residual": [4, 19]}),
        ("positive numbers with two", positive, positive[0], {"residual": [4, 19]}),
        ("numbers with a season", waves, waves[0], {}),
        ("numbers", waves, waves[0], {"residual": "last"}),
        ("symbols", texts, symbols, {}),
    ):
        generator = SequenceGenerator("gru", 64, max_epochs=1, random_state=0, **options).fit(X_own)
        stream = generator.start()
        report(f"generator gru, {name}", lambda i, s=stream, steps=steps: s.push(steps[i]))


if __name__ == "__main__":
    main()
