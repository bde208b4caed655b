"""Losses of point predictions: one output per value, the mean error over the values of a row."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from sksequence._losses._loss import Loss


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of each row; both (n_rows, n_values)."""
    return F.mse_loss(outputs, targets, reduction="none").mean(dim=1)


def absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error of each row; both (n_rows, n_values)."""
    return F.l1_loss(outputs, targets, reduction="none").mean(dim=1)


def huber(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return Huber's loss (1964), quadratic up to an error of 1; both (n_rows, n_values)."""
    return F.huber_loss(outputs, targets, reduction="none").mean(dim=1)


SQUARED_ERROR = Loss(squared_error)
ABSOLUTE_ERROR = Loss(absolute_error)
HUBER = Loss(huber)
