"""Weights against rare classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight


def class_weights(
    class_weight: dict[Any, float] | str, classes: NDArray[Any], codes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the weight of each class.

    Parameters
    ----------
    class_weight : "balanced" or dict
        "balanced" weighs inversely to frequency; a dict names weights, 1 where it has none.
    classes : ndarray of shape (n_classes,)
        All classes.
    codes : ndarray of int of shape (n_rows,)
        The training rows; a class without any is not weighed.
    """
    present = np.unique(codes)
    if isinstance(class_weight, dict):
        named = classes[present].tolist()
        class_weight = {label: class_weight.get(label, 1.0) for label in named}
    weights = np.ones(len(classes))
    weights[present] = compute_class_weight(
        class_weight, classes=classes[present], y=classes[codes]
    )
    return weights
