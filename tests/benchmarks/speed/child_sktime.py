"""Script for an environment with sktime: answers each line with the CPU seconds of an epoch.

It does not import this package, which is not installed there. An epoch of the GRUClassifier
is a fit of 1 + n_epochs less a fit of one; gradients are clipped in a hook of the optimizer.
"""

import json
import sys
import time

import numpy as np
import torch
from sktime.classification.deep_learning.gru import GRUClassifier


class Clipped(GRUClassifier):
    """Classifier with gradient clipping, as in all contenders."""

    def _instantiate_optimizer(self):
        optimizer = super()._instantiate_optimizer()
        parameters = list(self.network.parameters())
        optimizer.register_step_pre_hook(
            lambda *_: torch.nn.utils.clip_grad_norm_(parameters, 1.0) and None
        )
        return optimizer


def seconds(work, n_epochs, X, y):
    """Return the CPU seconds of a fit."""
    estimator = Clipped(
        hidden_dim=work["hidden_size"],
        n_layers=1,
        batch_first=True,
        num_epochs=n_epochs,
        batch_size=work["batch_size"],
        lr=1e-3,
    )
    start = time.process_time()
    estimator.fit(X, y)
    return time.process_time() - start


def main() -> None:
    """Read the sizes, then fit once per line."""
    torch.set_num_threads(1)
    work = json.loads(sys.stdin.readline())
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, work["n_sequences"])
    shape = (work["n_sequences"], work["n_features"], work["n_steps"])
    X = generator.standard_normal(shape)
    for _ in sys.stdin:
        n_epochs = work["n_epochs"]
        longer = seconds(work, 1 + n_epochs, X, y) - seconds(work, 1, X, y)
        print(json.dumps(longer / n_epochs), flush=True)


if __name__ == "__main__":
    main()
