"""From long tables, one row per step, to sequences and back.

Knows nothing of estimators; pandas is imported only where a DataFrame is made.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._batching import offsets_of
from sksequence.preprocessing._layout import flatten

if TYPE_CHECKING:
    import pandas


def from_long(
    frame: Any,
    id: Hashable,
    time: Hashable | None = None,
    *,
    features: Hashable | list[Any] | None = None,
) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Collect the sequences of a long table, whose rows are steps.

    Parameters
    ----------
    frame : DataFrame of shape (sum of n_steps, n_columns)
        A table of pandas, or another with ``frame[name].to_numpy()``. The rows of a sequence need
        not be neighbours.
    id : column name
        The column that says which sequence a row belongs to.
    time : column name, default=None
        The column that orders the rows of a sequence; rows of equal time keep their order. None
        keeps the order of the table.
    features : column name or list of them, default=None
        The columns that a step consists of. A single name makes sequences without an axis of
        features. None means all columns but `id` and `time`.

    Returns
    -------
    sequences : list of ndarray of shape (n_steps, n_features) or (n_steps,)
        The sequences, in the order in which the table first mentions them.
    ids : ndarray of shape (n_sequences,)
        The value of `id` of each, to align a target with.

    Raises
    ------
    ValueError
        If a column does not exist, or no row or no feature is left.

    See Also
    --------
    to_long : The way back.

    Examples
    --------
    >>> import pandas as pd
    >>> from sksequence.preprocessing import from_long
    >>> frame = pd.DataFrame(
    ...     {"patient": ["b", "a", "b"], "day": [2, 1, 1], "pulse": [80.0, 65.0, 72.0]}
    ... )
    >>> sequences, ids = from_long(frame, "patient", "day")
    >>> sequences
    [array([[72.],
           [80.]]), array([[65.]])]
    >>> ids.tolist()
    ['b', 'a']
    """
    columns = list(frame.columns)
    keys = [id] if time is None else [id, time]
    chosen = [c for c in columns if c not in keys] if features is None else features
    names = chosen if isinstance(chosen, list) else [chosen]
    _check_columns(columns, keys + names)
    if not names or len(frame) == 0:
        raise ValueError(
            f"The table has {len(frame)} rows and the features {names}; "
            "give it at least one of each."
        )
    values = np.column_stack([frame[name].to_numpy() for name in names])
    ids, codes = _in_order_of_appearance(frame[id].to_numpy())
    times = np.arange(len(frame)) if time is None else frame[time].to_numpy()
    order = np.lexsort((times, codes))
    ends = offsets_of(np.bincount(codes))[1:-1]
    return np.split(values[order] if isinstance(chosen, list) else values[order, 0], ends), ids


def to_long(
    sequences: Any,
    *,
    ids: ArrayLike | None = None,
    features: Sequence[str] | None = None,
    id: str = "id",
    time: str = "time",
) -> pandas.DataFrame:
    """Write sequences into a long table of pandas, one row per step.

    Parameters
    ----------
    sequences : list of arrays of shape (n_steps, n_features) or (n_steps,), or Sequences
        The sequences.
    ids : array-like of shape (n_sequences,), default=None
        A name for each of them; None numbers them from 0.
    features : sequence of str of length n_features, default=None
        Names of the features; None means x0, x1, ...
    id : str, default="id"
        Name of the column of ids.
    time : str, default="time"
        Name of the column that numbers the steps of each sequence from 0.

    Returns
    -------
    frame : DataFrame of shape (sum of n_steps, 2 + n_features)
        The table.

    Raises
    ------
    ValueError
        If there are more or fewer ids than sequences, or names than features.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import to_long
    >>> to_long([np.array([1.0, 2.0]), np.array([3.0])], ids=["a", "b"])
      id  time   x0
    0  a     0  1.0
    1  a     1  2.0
    2  b     0  3.0
    """
    import pandas

    values, layout = flatten(sequences)
    lengths = np.diff(layout.offsets)
    keys = np.arange(len(lengths)) if ids is None else np.asarray(ids)
    names = [f"x{i}" for i in range(values.shape[1])] if features is None else list(features)
    for what, given, needed in (
        ("ids", len(keys), len(lengths)),
        ("features", len(names), values.shape[1]),
    ):
        if given != needed:
            raise ValueError(f"{what} has {given} entries; {needed} are needed, one for each.")
    steps = np.arange(len(values)) - np.repeat(layout.offsets[:-1], lengths)
    columns = {id: np.repeat(keys, lengths), time: steps}
    return pandas.DataFrame(columns | dict(zip(names, values.T, strict=True)))


def _check_columns(columns: list[Any], asked: list[Any]) -> None:
    for name in asked:
        if name not in columns:
            raise ValueError(f"The table has no column {name!r}; it has {columns}.")


def _in_order_of_appearance(keys: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the keys in the order they appear, and for each row the number of its key."""
    different, first, codes = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return different[order], rank[codes]
