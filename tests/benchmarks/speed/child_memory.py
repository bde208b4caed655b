"""Script that trains and predicts on a memory map, and prints peaks of anonymous memory."""

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch

from sksequence import RNNClassifier


def anonymous() -> float:
    """Return this process's anonymous memory in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


class Peak:
    """Largest value that a thread has measured, once every few milliseconds."""

    def __init__(self) -> None:
        self.value = anonymous()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            self.value = max(self.value, anonymous())
            time.sleep(0.005)


def main() -> None:
    """Fit on a small part first, so that memory of the libraries is not counted."""
    torch.set_num_threads(1)
    path, shape = sys.argv[1], tuple(json.loads(sys.argv[2]))
    X = np.memmap(path, np.float32, "r", shape=shape)
    y = np.arange(shape[0]) % 2
    estimator = RNNClassifier(
        cell="rnn", hidden_size=16, bidirectional=False, batch_size=256, max_epochs=1
    )
    estimator.fit(np.array(X[:512]), y[:512]).predict(np.array(X[:512]))
    before, peak, peaks = anonymous(), Peak(), {}
    estimator.fit(X, y)
    peaks["fit on"] = peak.value - before
    estimator.predict(X)
    peaks["fit, then predict on"] = peak.value - before
    print(json.dumps(peaks))


if __name__ == "__main__":
    main()
