"""Per-step targets and predictions as flat arrays, without the steps that nobody labelled.

Knows nothing of metrics. Unlabelled is None or NaN, never a number that could be a class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def step_arrays(y: Any, name: str) -> list[NDArray[Any]]:
    """Return one array of steps per sequence."""
    rows = y.to_numpy() if hasattr(y, "to_numpy") else y
    if isinstance(rows, str) or not hasattr(rows, "__len__"):
        raise ValueError(_expected(name, repr(y)))
    # numpy would write the NaN of a list of str as the label "nan"
    arrays = [
        np.asarray(row, dtype=object if isinstance(row, list | tuple) else None) for row in rows
    ]
    for i, array in enumerate(arrays):
        if array.ndim == 0:
            raise ValueError(_expected(name, f"{array.item()!r} as sequence {i}"))
    return arrays


def _expected(name: str, got: str) -> str:
    return (
        f"{name} must hold one array of steps per sequence; got {got}. Pass a list of arrays, or "
        "use the metrics of scikit-learn for one target per sequence."
    )


def paired(y_true: Any, y_pred: Any) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Return targets and predictions per sequence, of equal lengths."""
    true, predicted = step_arrays(y_true, "y_true"), step_arrays(y_pred, "y_pred")
    if len(true) != len(predicted):
        raise ValueError(
            f"y_true has {len(true)} sequences, y_pred has {len(predicted)}; they must be the same."
        )
    for i, (one, other) in enumerate(zip(true, predicted, strict=True)):
        if len(one) != len(other):
            raise ValueError(
                f"Sequence {i} has {len(one)} steps in y_true and {len(other)} in y_pred; predict "
                "one value per step."
            )
    return true, predicted


def is_missing(steps: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which steps have no label, or miss one of their values."""
    missing = np.zeros(steps.shape, dtype=np.bool_)
    if steps.dtype.kind in "fc":
        missing = np.isnan(steps)
    elif steps.dtype == object:
        entries = [v is None or (isinstance(v, float) and v != v) for v in steps.ravel()]
        missing = np.array(entries, dtype=np.bool_).reshape(steps.shape)
    return np.asarray(missing.reshape(len(steps), -1).any(axis=1), dtype=np.bool_)


def flat_steps(
    y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Return targets, predictions and weights of all labelled steps, one after the other."""
    true, predicted = paired(y_true, y_pred)
    labelled = [~is_missing(steps) for steps in true]
    if not any(keep.any() for keep in labelled):
        raise ValueError("y_true has no labelled step, so there is nothing to score.")
    weight = None
    if sample_weight is not None:
        weight = np.repeat(_weights(sample_weight, len(true)), [keep.sum() for keep in labelled])
    return _joined(true, labelled), _joined(predicted, labelled), weight


def _weights(sample_weight: ArrayLike, n_sequences: int) -> NDArray[Any]:
    weights = np.asarray(sample_weight)
    if weights.shape != (n_sequences,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}; expected ({n_sequences},), one weight per "
            "sequence."
        )
    return weights


def _joined(arrays: list[NDArray[Any]], labelled: list[NDArray[np.bool_]]) -> NDArray[Any]:
    pieces = [a[keep] for a, keep in zip(arrays, labelled, strict=True) if keep.any()]
    flat = np.concatenate(pieces)
    # without its None, an object array shows what its labels are
    return np.array(flat.tolist()) if flat.dtype == object else flat
