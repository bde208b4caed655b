"""The flat buffer: sequences of different lengths as `values` and `offsets`.

The layout is that of Arrow's list arrays.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from copy import copy
from sys import getsizeof
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sksequence._batching._offsets import (
    as_offsets,
    copied_runs,
    flat_rows,
    object_array,
    offsets_of,
)
from sksequence._tables import (
    Table,
    column_names,
    is_table,
    join_tables,
    match_tables,
    select_columns,
    take_rows,
)


class Sequences:
    """Sequences of different lengths in one flat buffer.

    Sequence i is ``values[offsets[i]:offsets[i + 1]]``. A list of arrays is the simplest format;
    this container is faster with many sequences: it is pickled, memory-mapped and split into folds
    as two arrays.

    Parameters
    ----------
    values : array or table of shape (sum of n_steps, n_features), or array of shape \
(sum of n_steps,)
        The steps of all sequences, one sequence after the other: numbers, or symbols (strings,
        integers) for token sequences. A table (DataFrame of pandas or polars, Arrow table) may have
        columns of both. It is not copied: a memory map stays on disk.
    offsets : array-like of int of shape (n_sequences + 1,)
        Start of each sequence; the last entry is the number of steps of all sequences together.
    codes : array of int32 of shape (sum of n_steps, n_columns), default=None
        Encoded symbols, in addition to `values` or instead of it (`values` is then None).
    feature_names : array-like of str of shape (n_features,), default=None
        Names of the features of an array. Those of a table are the names of its columns.

    Attributes
    ----------
    values : ndarray or None
        The steps, if they are an array.
    table : table or None
        The steps, if they are a table.
    feature_names : tuple or None
        Names of the features.
    static_values : ndarray of shape (n_sequences, n_numbers) or None
        Numbers that do not change in time.
    static_codes : ndarray of int32 of shape (n_sequences, n_columns) or None
        Encoded symbols that do not change in time.
    ids : ndarray of shape (n_sequences,) or None
        Identifier of each sequence, which estimators compare with the index of y, `sample_weight`
        and `groups`. Those of `sksequence.preprocessing.from_long` are the ids of the table.
    lengths : ndarray of shape (n_sequences,)
        Number of steps of each sequence.
    shape : tuple of int
        ``(n_sequences,)``.

    Raises
    ------
    ValueError
        If the offsets do not cut `values` into consecutive pieces, or if the number of
        `feature_names` is not that of the features.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence import Sequences
    >>> sequences = Sequences.from_arrays([np.zeros((3, 2)), np.ones((5, 2))])
    >>> sequences
    Sequences(n_sequences=2, n_steps=3..5, n_features=2)
    >>> sequences[1].shape
    (5, 2)
    >>> len(sequences[[1, 1, 0]])
    3
    """

    ndim = 1

    table: Table | None = None
    feature_names: tuple[Hashable, ...] | None = None
    static_values: NDArray[np.floating] | None = None
    static_codes: NDArray[np.int32] | None = None
    ids: NDArray[Any] | None = None

    def __init__(
        self,
        values: ArrayLike | Table | None,
        offsets: ArrayLike,
        codes: NDArray[np.int32] | None = None,
        feature_names: Iterable[Hashable] | None = None,
    ) -> None:
        self.values: NDArray[Any] | None = None
        if is_table(values):
            self.table = values
            feature_names = column_names(values) if feature_names is None else feature_names
        elif values is not None:
            # asanyarray keeps subclasses: a memory map stays on disk, a mask stays a mask
            self.values = _as_values(values)
        self.codes = codes
        self.offsets = as_offsets(offsets)
        if feature_names is not None:
            if not isinstance(feature_names, Iterable):
                raise TypeError(
                    f"feature_names is {feature_names!r:.40}; pass a list of one name per feature."
                )
            self.feature_names = tuple(feature_names)
        self._check()

    def _check(self) -> None:
        if not self.blocks and self.table is None:
            raise ValueError("Sequences needs values, codes or both; both are None.")
        if self.values is not None and self.values.ndim not in (1, 2):
            raise ValueError(
                f"values has {self.values.ndim} dimensions, shape {self.values.shape}; expected "
                "(sum of n_steps, n_features), or (sum of n_steps,) for one feature."
            )
        if self.offsets.ndim != 1 or len(self.offsets) == 0 or self.offsets[0] != 0:
            raise ValueError(
                "offsets must be a 1-D array that starts with 0 and has one entry more than there "
                f"are sequences; got shape {self.offsets.shape}."
            )
        # compared, not subtracted: a difference may be out of the range of int64
        falls = self.offsets[1:] < self.offsets[:-1]
        if falls.any():
            i = int(np.argmax(falls))
            raise ValueError(
                f"offsets must not decrease; offsets[{i}]={self.offsets[i]} is above "
                f"offsets[{i + 1}]={self.offsets[i + 1]}."
            )
        for block in self.blocks if self.table is None else [self.table]:
            if len(block) != self.offsets[-1]:
                raise ValueError(
                    f"The last offset is {self.offsets[-1]}, but there are {len(block)} steps; "
                    "they must be equal."
                )
        if self.feature_names is not None:
            self._check_feature_names()

    def _check_feature_names(self) -> None:
        names = list(self.feature_names or ())
        if self.table is not None and names != column_names(self.table):
            raise ValueError(
                f"feature_names={names} differ from the columns {column_names(self.table)} of the "
                "table. Leave feature_names out, or rename the columns."
            )
        if self.values is None:
            return
        n_features = 1 if self.values.ndim == 1 else self.values.shape[1]
        if len(names) != n_features:
            raise ValueError(
                f"feature_names has {len(names)} entries, but values has {n_features} features. "
                "Pass one name per feature."
            )

    @classmethod
    def from_arrays(cls, arrays: Iterable[ArrayLike]) -> Sequences:
        """Build the container from a list of arrays, with one concatenation.

        Parameters
        ----------
        arrays : iterable of array-like of shape (n_steps, n_features) or (n_steps,)
            At least one sequence; the number of features must be the same everywhere. Columns of
            tables are matched by name.

        Returns
        -------
        Sequences
            A copy of the data in one buffer.
        """
        given: object = arrays
        is_single = isinstance(given, str | bytes) or getattr(given, "ndim", 1) == 0
        if not isinstance(given, Iterable) or is_single or is_table(given):
            raise TypeError(
                f"arrays is a {type(given).__name__}; pass a list with one array per sequence."
            )
        items = list(arrays)
        if not items:
            raise ValueError("arrays holds no sequence. Pass at least one.")
        tables = [item for item in items if is_table(item)]
        if len(tables) == len(items):
            matched, _ = match_tables(tables)
            return cls(join_tables(matched), offsets_of([len(table) for table in tables]))
        pieces = [_as_piece(item, i) for i, item in enumerate(items)]
        shapes = {piece.shape[1:] for piece in pieces}
        if len(shapes) > 1:
            raise ValueError(
                f"The steps of the arrays have the shapes {sorted(shapes)}; expected the same "
                "features in each, (n_steps, n_features) or (n_steps,)."
            )
        return cls(_joined(pieces), offsets_of([len(piece) for piece in pieces]))

    @classmethod
    def from_array(cls, array: NDArray[np.generic]) -> Sequences:
        """View an array of sequences of equal length as the container.

        The data are copied only where the layout of `array` requires it.

        Parameters
        ----------
        array : array of shape (n_sequences, n_steps, n_features) or (n_sequences, n_steps)
            Time before features.

        Raises
        ------
        TypeError
            If `array` is no array.
        ValueError
            If the array has another number of dimensions.
        """
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"array is a {type(array).__name__}, which cannot be viewed as an array. Pass "
                "np.asarray(array), or a list of sequences to Sequences.from_arrays."
            )
        if array.ndim not in (2, 3):
            raise ValueError(
                f"array has {array.ndim} dimensions, shape {array.shape}; expected (n_sequences, "
                "n_steps, n_features), or (n_sequences, n_steps) for one feature."
            )
        n_sequences, n_steps = array.shape[:2]
        flat = array.reshape((n_sequences * n_steps, *array.shape[2:]))
        sequences = cls.__new__(cls)  # these offsets need no check
        sequences.values, sequences.codes = flat, None
        sequences.offsets = np.arange(n_sequences + 1) * n_steps
        return sequences

    @property
    def blocks(self) -> list[NDArray[Any]]:
        """Arrays that share the offsets: values, codes or both; none of a table."""
        return [block for block in (self.values, self.codes) if block is not None]

    @property
    def static_blocks(self) -> list[NDArray[Any]]:
        """Features that do not change in time, one row per sequence: numbers, codes, or both."""
        blocks = (self.static_values, self.static_codes)
        return [block for block in blocks if block is not None]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of steps of each sequence."""
        lengths: NDArray[np.int64] = self.offsets[1:] - self.offsets[:-1]
        return lengths

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of `values`; object if there are none."""
        return np.dtype(object) if self.values is None else self.values.dtype

    @property
    def shape(self) -> tuple[int]:
        """``(n_sequences,)``, from which scikit-learn reads the number of samples."""
        return (len(self),)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __sizeof__(self) -> int:
        """Return the number of bytes, from which dask sees that it has to ship the data once."""
        blocks = [*self.blocks, *self.static_blocks, self.offsets]
        of_table = 0 if self.table is None else getsizeof(self.table)
        return object.__sizeof__(self) + of_table + sum(block.nbytes for block in blocks)

    def __iter__(self) -> Iterator[Any]:
        return (self._one(i) for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):  # scikit-learn indexes with (rows, ...)
            if len(key) != 2 or key[1] is not Ellipsis:
                raise IndexError(
                    f"Sequences has one dimension; got the index {key!r}. "
                    "Index a sequence first, then the array that this returns."
                )
            key = key[0]
        if isinstance(key, int | np.integer) and not isinstance(key, bool):
            if not -len(self) <= key < len(self):
                raise IndexError(
                    f"The index {key} is out of range: there are {len(self)} sequences."
                )
            return self._one(range(len(self))[key])
        try:
            return self.take(np.arange(len(self))[key])
        except (IndexError, TypeError, ValueError):
            raise IndexError(
                f"{key!r:.60} is no index of {len(self)} sequences; pass an int, a slice, or an "
                "array of positions or of one bool per sequence."
            ) from None

    def _one(self, i: int) -> Any:
        span = slice(self.offsets[i], self.offsets[i + 1])
        if self.table is not None:
            return take_rows(self.table, span)
        pieces = tuple(block[span] for block in self.blocks)
        return pieces[0] if len(pieces) == 1 else pieces

    def take(self, index: NDArray[np.integer]) -> Sequences:
        """Return the sequences at `index`, in that order; neighbours are a view."""
        starts = self.offsets[:-1][index]
        taken = self.take_runs(starts, self.offsets[1:][index] - starts)
        for name in ("static_values", "static_codes", "ids"):
            of_sequences = getattr(self, name)
            if of_sequences is not None:
                setattr(taken, name, of_sequences[index])
        return taken

    def take_runs(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Sequences:
        """Return runs of the buffer as sequences; adjacent runs are a view.

        Features that do not change in time are left out: a run is any part of a sequence.
        """
        offsets = offsets_of(lengths)
        if len(starts) and np.array_equal(starts, starts[0] + offsets[:-1]):
            span = slice(starts[0], starts[0] + offsets[-1])
            if self.table is not None:
                return Sequences(take_rows(self.table, span), offsets)
            pieces = [None if b is None else b[span] for b in (self.values, self.codes)]
        elif self.table is not None:
            return Sequences(take_rows(self.table, flat_rows(starts, lengths)), offsets)
        else:
            pieces = [
                None if b is None else copied_runs(b, starts, lengths)
                for b in (self.values, self.codes)
            ]
        return Sequences(pieces[0], offsets, pieces[1], self.feature_names)

    def with_static(
        self, values: NDArray[np.floating] | None, codes: NDArray[np.int32] | None = None
    ) -> Sequences:
        """Return the same sequences with features that do not change in time.

        Parameters
        ----------
        values : ndarray of shape (n_sequences, n_numbers) or None
            Numbers of each sequence.
        codes : ndarray of int32 of shape (n_sequences, n_columns), default=None
            Encoded symbols of each sequence.
        """
        sequences = copy(self)
        sequences.static_values, sequences.static_codes = values, codes
        return sequences

    def with_ids(self, ids: Iterable[Hashable] | None) -> Sequences:
        """Return the same sequences with identifiers.

        Parameters
        ----------
        ids : array-like of shape (n_sequences,) or None
            Identifier of each sequence. None removes them.

        Raises
        ------
        ValueError
            If their number is not that of the sequences.
        """
        sequences = copy(self)
        sequences.ids = None if ids is None else _as_ids(ids, len(self))
        return sequences

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if dtype is not None and np.dtype(dtype) != np.dtype(object):
            raise ValueError(
                f"Sequences of different lengths cannot become an array of {np.dtype(dtype)}. Use "
                "the `values` buffer or list(sequences)."
            )
        return object_array(self)

    def __repr__(self) -> str:
        if len(self) == 0:
            return "Sequences(n_sequences=0)"
        low, high = self.lengths.min(), self.lengths.max()
        steps = f"{low}" if low == high else f"{low}..{high}"
        widths = "+".join(str(b.shape[1] if b.ndim > 1 else 1) for b in self.blocks)
        if self.table is not None:
            widths = str(len(column_names(self.table)))
        return f"Sequences(n_sequences={len(self)}, n_steps={steps}, n_features={widths})"


def _as_values(values: Any) -> NDArray[Any]:
    """Return the steps of all sequences as an array."""
    try:
        return np.asanyarray(values)
    except ValueError:
        raise ValueError(
            "values is nested unevenly: its entries differ in length or depth. Pass the steps of "
            "all sequences one after the other, or a list of sequences to Sequences.from_arrays."
        ) from None


def _as_ids(ids: Iterable[Hashable], n_sequences: int) -> NDArray[Any]:
    array = ids if isinstance(ids, np.ndarray) else object_array(ids)
    if array.shape != (n_sequences,):
        raise ValueError(
            f"ids has the shape {array.shape}, but there are {n_sequences} sequences. Pass one "
            "identifier per sequence."
        )
    return array


def _as_piece(item: Any, i: int) -> NDArray[Any]:
    """Return a sequence as an array."""
    try:
        piece = np.asarray(item)
    except (RuntimeError, TypeError, ValueError):
        raise ValueError(
            f"Sequence {i} is a {type(item).__name__} that does not become an array, for example "
            "as its steps differ in length or depth. Pass an array (n_steps, n_features) or "
            "(n_steps,)."
        ) from None
    if piece.ndim not in (1, 2):
        raise ValueError(
            f"Sequence {i} is a {type(item).__name__} of shape {piece.shape}; expected "
            "(n_steps, n_features), or (n_steps,) for one feature."
        )
    return piece


def _joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    try:
        return np.concatenate(pieces)
    except TypeError:
        kinds = sorted({str(piece.dtype) for piece in pieces})
        raise TypeError(
            f"The sequences are arrays of the types {', '.join(kinds)}, which cannot be joined. "
            "Convert them to one type."
        ) from None


def select_features(X: Any, names: Iterable[Hashable], argument: str) -> Any:
    """Return the features of these names, in their order, of tables or of sequences with names.

    Anything without names is returned as it is.
    """
    names = list(names)
    if isinstance(X, list | tuple) and any(map(is_table, X)):
        return [select_features(table, names, argument) for table in X]
    if isinstance(X, Sequences) and X.table is not None:
        return Sequences(select_features(X.table, names, argument), X.offsets)
    has_names = isinstance(X, Sequences) and X.feature_names is not None
    if not has_names and not is_table(X):
        return X
    own = list(X.feature_names) if has_names else column_names(X)
    absent = [name for name in names if name not in own]
    if absent:
        raise ValueError(
            f"{argument} has the columns {own}; {absent} of known_columns are missing. Columns are "
            "matched by name: rename them."
        )
    if not has_names:
        return select_columns(X, names)
    if X.values.ndim == 1:
        return X
    columns = [own.index(name) for name in names]
    return Sequences(X.values[:, columns], X.offsets, feature_names=names)
