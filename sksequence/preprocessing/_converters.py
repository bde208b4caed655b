"""Converters between sequences and the formats of other libraries.

pandas uses long tables with one row per step, aeon and sktime put features (channels) before time.
pandas is imported only where a DataFrame is created.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._batching import offsets_of
from sksequence.preprocessing._layout import Values, flatten

if TYPE_CHECKING:
    import pandas


class Column(Protocol):
    """Column of a `Table`."""

    def to_numpy(self) -> Values:
        """Return the values of the column."""


class Table(Protocol):
    """Table of columns, such as a DataFrame of pandas."""

    @property
    def columns(self) -> Iterable[Hashable]:
        """The names of the columns."""

    def __len__(self) -> int: ...

    def __getitem__(self, name: Hashable, /) -> Column: ...


def from_long(
    frame: Table,
    id: Hashable,
    time: Hashable | None = None,
    *,
    features: Hashable | list[Hashable] | None = None,
) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Convert a long table, whose rows are steps, to sequences.

    Parameters
    ----------
    frame : DataFrame of shape (sum of n_steps, n_columns)
        A DataFrame of pandas, or another table with ``frame.columns`` and
        ``frame[name].to_numpy()``. The rows of a sequence need not be contiguous.
    id : column name
        Column that identifies the sequence of each row.
    time : column name, default=None
        Column to sort the rows of each sequence by; rows of equal time keep their order. None
        keeps the order of the table.
    features : column name or list of column names, default=None
        Columns of the features. A single name gives sequences without an axis of features. None
        uses all columns except `id` and `time`.

    Returns
    -------
    sequences : list of ndarray of shape (n_steps, n_features) or (n_steps,)
        The sequences, in the order of their first rows in the table.
    ids : ndarray of shape (n_sequences,)
        The value of `id` of each sequence, to align targets with.

    Raises
    ------
    ValueError
        If a column does not exist, or if there are no rows or no features.

    See Also
    --------
    to_long : Inverse of this function.

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
            f"The table has {len(frame)} rows and the features {names}; pass at least one of each."
        )
    values = np.column_stack([frame[name].to_numpy() for name in names])
    ids, codes = _in_order_of_appearance(frame[id].to_numpy())
    times = np.arange(len(frame)) if time is None else frame[time].to_numpy()
    order = np.lexsort((times, codes))
    ends = offsets_of(np.bincount(codes))[1:-1]
    return np.split(values[order] if isinstance(chosen, list) else values[order, 0], ends), ids


def to_long(
    sequences: object,
    *,
    ids: ArrayLike | None = None,
    features: Sequence[str] | None = None,
    id: str = "id",
    time: str = "time",
) -> pandas.DataFrame:
    """Convert sequences to a long table of pandas with one row per step.

    Parameters
    ----------
    sequences : list of arrays of shape (n_steps, n_features) or (n_steps,), or Sequences
        The sequences.
    ids : array-like of shape (n_sequences,), default=None
        Identifier of each sequence. None numbers them from 0.
    features : sequence of str of length n_features, default=None
        Names of the features. None names them x0, x1, ...
    id : str, default="id"
        Name of the column of identifiers.
    time : str, default="time"
        Name of the column that numbers the steps of each sequence, from 0.

    Returns
    -------
    frame : DataFrame of shape (sum of n_steps, 2 + n_features)
        The table.

    Raises
    ------
    ImportError
        If pandas is not installed.
    ValueError
        If the number of `ids` or of `features` does not match the sequences.

    See Also
    --------
    from_long : Inverse of this function.

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
    if len(keys) != len(lengths):
        raise ValueError(f"ids has {len(keys)} entries; pass {len(lengths)}, one per sequence.")
    if len(names) != values.shape[1]:
        raise ValueError(
            f"features has {len(names)} entries; pass {values.shape[1]}, one per feature."
        )
    steps = np.arange(len(values)) - np.repeat(layout.offsets[:-1], lengths)
    columns = {id: np.repeat(keys, lengths), time: steps}
    return pandas.DataFrame(columns | dict(zip(names, values.T, strict=True)))


def _check_columns(columns: list[Hashable], names: list[Hashable]) -> None:
    for name in names:
        if name not in columns:
            raise ValueError(f"The table has no column {name!r}; choose from {columns}.")


def _in_order_of_appearance(keys: Values) -> tuple[Values, NDArray[np.int64]]:
    """Return the distinct keys in order of appearance, and the position of each row's key."""
    different, first, codes = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return different[order], rank[codes]


def from_channels_first(X: object) -> Any:
    """Move time before features, from the axes of aeon and sktime.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_features, n_steps), or list of arrays of shape \
(n_features, n_steps)
        Sequences, features before time.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, n_features), or list of arrays of shape \
(n_steps, n_features)
        Views of the same memory, time before features.

    Raises
    ------
    ValueError
        If X is an array that is not 3-D, or a list of arrays that are not all 2-D.

    See Also
    --------
    to_channels_first : Inverse of this function.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import from_channels_first
    >>> from_channels_first(np.zeros((10, 3, 50))).shape
    (10, 50, 3)
    """
    return _swapped(X, "(n_features, n_steps)")


def to_channels_first(X: object) -> Any:
    """Move features before time, to the axes of aeon and sktime.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_features), or list of arrays of shape \
(n_steps, n_features)
        Sequences, time before features.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_features, n_steps), or list of arrays of shape \
(n_features, n_steps)
        Views of the same memory, features before time.

    Raises
    ------
    ValueError
        If X is an array that is not 3-D, or a list of arrays that are not all 2-D.

    See Also
    --------
    from_channels_first : Inverse of this function.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import to_channels_first
    >>> to_channels_first(np.zeros((10, 50, 3))).shape
    (10, 3, 50)
    """
    return _swapped(X, "(n_steps, n_features)")


def _swapped(X: object, expected: str) -> Any:
    if isinstance(X, list | tuple) or getattr(X, "ndim", 0) == 1:
        sequences: Any = X
        pieces = [np.asarray(x) for x in sequences]
        for i, piece in enumerate(pieces):
            if piece.ndim != 2:
                raise ValueError(
                    f"Sequence {i} has shape {piece.shape}; expected {expected}. Add a second axis "
                    "to sequences of one feature."
                )
        return [piece.T for piece in pieces]
    array = np.asarray(X)
    if array.ndim != 3:
        raise ValueError(
            f"X has shape {array.shape}; expected (n_sequences, {expected[1:]}. Add a third axis "
            "to sequences of one feature."
        )
    return array.swapaxes(1, 2)
