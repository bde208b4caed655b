"""Sliding windows with a label each: from series with a label per step to X and y of a classifier.

A series has shape (n_steps,) or (n_steps, n_features).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, offsets_of
from sksequence._elements import as_array, is_missing, missing_values, of_one_kind
from sksequence._tables import check_same_steps, column_names, is_table, read_key, select_columns
from sksequence.preprocessing._cutting import (
    Missing,
    Starts,
    check_lengths,
    check_options,
    cut_steps,
    first_steps,
    read_series,
    usable_windows,
)
from sksequence.preprocessing._steps import Steps, are_several


def make_label_windows(
    series: object,
    labels: object,
    window: int,
    *,
    step: int = 1,
    label: Literal["last", "any", "most"] = "last",
    missing: Missing = "error",
) -> tuple[Any, NDArray[Any]]:
    """Cut series with a label per step into windows with a label each, for a classifier.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_features), or several of them
        One series or several, as for `make_windows`.
    labels : array-like of shape (n_steps,), several of them, or str
        The label of each step: one array for a single series, and one array per series for several
        of them. A str is the name of the column of `series` that holds the labels.
    window : int
        Number of steps per window.
    step : int, default=1
        Number of steps from the start of one window to the start of the next.
    label : {"last", "any", "most"}, default="last"
        Label of a window: "last" is the label of its last step. "any" is True if the label of any
        step is true, for labels that are bool, or 0 and 1. "most" is the most frequent label; of
        several equally frequent ones, the first in sorted order.
    missing : {"error", "drop", "keep"}, default="error"
        Treatment of windows with missing values (NaN): "error" raises an error, "drop" leaves them
        out, as well as the windows whose label is missing, and "keep" keeps missing values of the
        series, but no missing labels.

    Returns
    -------
    X : ndarray of shape (n_windows, window) or (n_windows, window, n_features), or Sequences
        The windows in temporal order, as from `make_windows`.
    y : ndarray of shape (n_windows,)
        Their labels.

    Raises
    ------
    ValueError
        If the labels do not match the series, or for the same sizes, values and columns as in
        `make_windows`.

    See Also
    --------
    make_windows : Windows and the steps that follow them.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import make_label_windows
    >>> speed = np.array([0.1, 0.0, 1.2, 1.4, 1.3, 0.2])
    >>> labels = ["sit", "sit", "walk", "walk", "walk", "sit"]
    >>> X, y = make_label_windows(speed, labels, window=3)
    >>> y
    array(['walk', 'walk', 'walk', 'sit'], dtype='<U4')
    >>> make_label_windows(speed, labels, window=3, label="most")[1]
    array(['sit', 'walk', 'walk', 'walk'], dtype='<U4')
    """
    check_options(window=window, step=step, missing=missing)
    if label not in _LABELS:
        raise ValueError(f"label must be one of {sorted(_LABELS)}; got {label!r}.")
    if isinstance(labels, str):
        series, labels = _split_labels(series, labels)
    steps = read_series(series)
    check_lengths(steps, window, 0)
    several = are_several(series)
    of_steps = _read_labels(labels, steps, several)
    _check_order(series, labels, several)
    starts = first_steps(steps.offsets, window, step)
    starts = usable_windows(starts, [(steps, 0, window)], missing)
    n_labels = 1 if label == "last" else window
    starts = _labelled(starts, steps, of_steps, (window - n_labels, n_labels), missing)
    firsts = np.r_[starts] if isinstance(starts, slice) else starts
    y = _LABELS[label](of_steps, firsts, window)
    return cut_steps(steps, starts, window), y


def _split_labels(series: Any, name: str) -> tuple[object, object]:
    """Return series without their column of labels, and the labels."""
    if isinstance(series, Sequences) and series.table is not None:
        features, labels = _split_labels(series.table, name)
        pieces = np.split(np.asarray(labels, dtype=object), series.offsets[1:-1])
        return Sequences(features, series.offsets), pieces  # type: ignore[arg-type]
    if isinstance(series, list | tuple) and series and all(map(is_table, series)):
        pairs = [_split_labels(one, name) for one in series]
        return [features for features, _ in pairs], [labels for _, labels in pairs]
    if not is_table(series):
        raise ValueError(
            f"labels={name!r} is the name of a column, but the series has no names; pass the "
            "labels themselves."
        )
    names = column_names(series)
    if name not in names:
        raise ValueError(f"The series has no column {name!r} of labels; choose from {names}.")
    labels = read_key(series, name)[0]
    return select_columns(series, [n for n in names if n != name]), labels


def _check_order(series: Any, labels: Any, several: bool) -> None:
    """Refuse labels of pandas in another order than the steps of their series."""
    if not several:
        check_same_steps(series, labels, "labels")
    elif isinstance(series, list | tuple):
        for i, (one, of_one) in enumerate(zip(series, labels, strict=True)):
            check_same_steps(one, of_one, f"labels[{i}]")


def _read_labels(labels: Any, steps: Steps, several: bool) -> NDArray[Any]:
    """Return the label of each step."""
    if not hasattr(labels, "__len__"):
        raise ValueError(
            f"labels is {labels!r:.40}; expected the label of each step, or the name of a column. "
            "Pass an array."
        )
    pieces = [as_array(piece, "labels") for piece in (labels if several else [labels])]
    if len(pieces) != len(steps.lengths):
        raise ValueError(
            f"labels has {len(pieces)} entries, but there are {len(steps.lengths)} series; pass "
            "one array of labels per series."
        )
    for i, (piece, length) in enumerate(zip(pieces, steps.lengths, strict=True)):
        if piece.shape != (length,):
            raise ValueError(
                f"The labels of series {i} have shape {piece.shape}; expected ({length},), one "
                "label per step."
            )
    of_steps = np.concatenate(of_one_kind(pieces))
    if of_steps.dtype == object:
        _check_objects(of_steps)
    return of_steps


def _check_objects(labels: NDArray[Any]) -> None:
    """Refuse labels that are objects of several kinds, or containers."""
    types = {type(label) for label in labels.tolist() if not is_missing(label)}
    if len({issubclass(kind, str) for kind in types}) > 1:
        raise ValueError(
            "labels mixes strings and other types; expected labels of one type. Convert them to "
            "str."
        )
    if any(hasattr(kind, "__len__") and not issubclass(kind, str) for kind in types):
        raise ValueError(
            "labels holds lists or arrays; expected one number, bool or string per step. For "
            "several series, pass one array of labels per series."
        )


def _labelled(
    starts: Starts, steps: Steps, labels: NDArray[Any], part: tuple[int, int], missing: str
) -> Starts:
    """Return the windows in which no label is missing, in a part from a step on of some length."""
    start, length = part
    if labels.dtype.kind not in "fO":
        return starts
    absent = missing_values(labels)
    firsts = np.r_[starts] if isinstance(starts, slice) else starts
    before = offsets_of(absent)
    affected = before[firsts + start + length] > before[firsts + start]
    if not affected.any():
        return starts
    if missing != "drop" or affected.all():
        row = int(firsts[affected][0]) + start
        row += int(np.argmax(absent[row:]))
        raise ValueError(
            f"The label at {steps.place(row)} is missing. Leave out these steps, or the windows "
            "whose label is missing with missing='drop'."
        )
    return firsts[~affected]


def _last(labels: NDArray[Any], starts: NDArray[np.int64], window: int) -> NDArray[Any]:
    return labels[starts + window - 1]


def _any(labels: NDArray[Any], starts: NDArray[np.int64], window: int) -> NDArray[Any]:
    used = np.unique(labels[_used(labels, starts, window)])
    if labels.dtype.kind in "US" or not all(value in (0, 1) for value in used.tolist()):
        raise ValueError(
            f"label='any' needs labels that are bool, or 0 and 1; got {used.tolist()!r:.60}. "
            "Compare them with a label first: labels == 'fault'."
        )
    before = offsets_of(labels == 1)
    return np.asarray(before[starts + window] > before[starts])


def _most(labels: NDArray[Any], starts: NDArray[np.int64], window: int) -> NDArray[Any]:
    used = _used(labels, starts, window)
    classes, codes = np.unique(labels[used], return_inverse=True)
    best, most = np.zeros((2, len(starts)), dtype=np.int64)
    for code in range(len(classes)):
        found = np.zeros(len(labels), dtype=np.int64)
        found[used] = codes == code
        before = offsets_of(found)
        counts = before[starts + window] - before[starts]
        most[counts > best] = code
        best = np.maximum(best, counts)
    return np.asarray(classes[most])


def _used(labels: NDArray[Any], starts: NDArray[np.int64], window: int) -> NDArray[np.bool_]:
    """Return which steps are in a window."""
    changes = np.zeros(len(labels) + 1, dtype=np.int64)
    changes[starts] += 1
    np.subtract.at(changes, starts + window, 1)
    return np.asarray(np.cumsum(changes)[:-1] > 0)


_LABELS = {"last": _last, "any": _any, "most": _most}
