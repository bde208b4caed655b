"""Vanishing gradients: the gradient at the first step compared with that at the last step.

Measured on initialised networks before any training, on sequences whose first step determines the
class. Stronger noise saturates the units of a simple network more, so its gradient vanishes faster.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from sksequence import RNNClassifier
from sksequence.datasets import make_first_label

LAG = 60
CELLS = ("rnn", "gru", "lstm")
NOISES = (0.1, 0.5, 1.0)


def gradient_ratio(estimator: Any, X: Any, y: Any) -> float:
    """Return the norm of d loss / d input at the first step over the one at the last step.

    The estimator must be fitted with ``scale=False`` and ``frame_length=1``, so that its network
    reads X unchanged.
    """
    values = torch.tensor(X, dtype=torch.float32, requires_grad=True)
    lengths = torch.full((len(X),), X.shape[1])
    logits = estimator.module_(lengths=lengths, values=values)
    loss = F.cross_entropy(logits, torch.from_numpy(y))
    (gradient,) = torch.autograd.grad(loss, values)
    norms = gradient.norm(dim=(0, 2))  # one per step
    return float(norms[0] / norms[-1])


def gradient_table(seed: int = 0) -> dict[str, list[float]]:
    """Return each cell's ratio, one per noise level."""
    table: dict[str, list[float]] = {cell: [] for cell in CELLS}
    for noise in NOISES:
        X, y = make_first_label(500, lag=LAG, noise=noise, random_state=seed)
        for cell, ratios in table.items():
            # one epoch at a vanishing learning rate leaves the initial weights unchanged
            estimator = RNNClassifier(
                cell,
                bidirectional=False,
                pooling="last",
                frame_length=1,
                scale=False,
                max_epochs=1,
                learning_rate=1e-12,
                random_state=seed,
            )
            ratios.append(gradient_ratio(estimator.fit(X, y), X, y))
    return table
