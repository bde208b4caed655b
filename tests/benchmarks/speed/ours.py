"""Our estimator, set to the work of the others."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from sksequence import RNNClassifier

from .timing import Clock, seconds
from .work import LEARNING_RATE, MAX_GRAD_NORM, Work


def classifier(work: Work, **changes: Any) -> RNNClassifier:
    """Return an estimator of one layer and one direction that reads the last step, without scale or schedule."""
    parameters: dict[str, Any] = {
        "cell": work.cell,
        "hidden_size": work.hidden_size,
        "bidirectional": False,
        "pooling": "last",
        "frame_length": 1,
        "learning_rate": LEARNING_RATE,
        "lr_schedule": None,
        "max_grad_norm": MAX_GRAD_NORM,
        "max_epochs": work.n_epochs,
        "batch_size": work.batch_size,
        "scale": False,
        "device": "cpu",
        "random_state": 0,
    }
    return RNNClassifier(**(parameters | changes))


class OurEpochs:
    """Seconds of an epoch: a fit of 1 + n_epochs less a fit of one, over n_epochs.

    All that an epoch does is in: shuffling, gathering, the curves. What a fit does once is not; `fits` keeps the
    longer fits, with everything in.
    """

    def __init__(self, work: Work, clock: Clock = time.process_time) -> None:
        self.n_epochs, self.clock = work.n_epochs, clock
        self.data = work.data()
        self.short = classifier(replace(work, n_epochs=1))
        self.long = classifier(replace(work, n_epochs=1 + work.n_epochs))
        self.fits: list[float] = []

    def __call__(self) -> float:
        """Fit twice."""
        once = seconds(lambda: self.short.fit(*self.data), self.clock)
        self.fits.append(seconds(lambda: self.long.fit(*self.data), self.clock))
        return (self.fits[-1] - once) / self.n_epochs
