"""Our estimator with the settings of the comparison."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sksequence import RNNClassifier
from sksequence._kernels import _dispatch

from .timing import Clock, seconds
from .work import LEARNING_RATE, MAX_GRAD_NORM, Work


def classifier(work: Work, **changes: Any) -> RNNClassifier:
    """Return an estimator of one layer and direction with last pooling, no scale, no schedule."""
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


@contextmanager
def plain_installation() -> Iterator[None]:
    """Run the body as without the extra `fast`: no loop is compiled."""
    original = _dispatch.HAS_NUMBA
    _dispatch.HAS_NUMBA = False
    try:
        yield
    finally:
        _dispatch.HAS_NUMBA = original


class OurEpochs:
    """Seconds per epoch: a fit of 1 + n_epochs less a fit of one, over n_epochs.

    All work of an epoch is included (shuffling, gathering, curves), work that a fit does once is
    not; `fits` has the times of the longer fits, with all their work.
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


class PlainEpochs(OurEpochs):
    """The same without compiled loops."""

    def __call__(self) -> float:
        """Fit twice."""
        with plain_installation():
            return super().__call__()
