"""Any container of sequences as one table of steps, and the layout to rebuild it.

Knows nothing of transformers or windows. Tables have shape (sum of n_steps, n_features).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence, Sized
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, find_step, object_array, offsets_of
from sksequence._elements import as_array, fill_masked, of_one_kind
from sksequence._input import as_rows, refuse_groups, without_names
from sksequence._tables import (
    SEEN_IN_FIT,
    Table,
    align_tables,
    column_names,
    feature_names,
    holds_sequences,
    is_table,
    join_tables,
    match_tables,
    tables_in,
    take_rows,
)
from sksequence._targets import targets_are_steps

Values = NDArray[np.generic]
Names = tuple[Hashable, ...]

Container = Literal["array", "cells", "list", "objects", "sequences", "tuple"]

_REBUILD: dict[Container, Callable[[list[Any]], Any]] = {
    "array": list,  # of tables, which an array cannot hold
    "list": list,
    "tuple": tuple,
    "objects": object_array,
}


@dataclass(frozen=True)
class Layout:
    """Everything that is needed to put steps back into the container they came in.

    Attributes
    ----------
    container : {"array", "cells", "list", "objects", "sequences", "tuple"}
        Type of the container. "objects" is an object array of sequences, "cells" a table whose
        cells are sequences of numbers or symbols, one column per feature.
    offsets : ndarray of int64 of shape (n_sequences + 1,)
        First step of each sequence, and the number of all steps.
    scalar_steps : bool
        Whether each step was one number, without an axis of features.
    feature_names : tuple or None
        Names of the features; those of columns that are only numbered are None.
    source : Sequences or None
        The container itself, whose codes and features that do not change in time are kept.
    series : tuple
        The sequences if they are Series of pandas, whose names and index tables of steps get.
    """

    container: Container
    offsets: NDArray[np.int64]
    scalar_steps: bool
    feature_names: Names | None = None
    source: Sequences | None = None
    series: tuple[Any, ...] = ()

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of steps of each sequence."""
        lengths: NDArray[np.int64] = self.offsets[1:] - self.offsets[:-1]
        return lengths

    def restack(self, steps: Values | Table, names: Names | None = None) -> Any:
        """Return a table of steps, with any number of features, in the container."""
        if self.container == "cells":
            return self._restack_cells(np.asarray(steps))
        if not isinstance(steps, np.ndarray):
            return self._restack_table(steps)
        if self.scalar_steps and steps.shape[1:] == (1,):
            steps = steps[:, 0]
        if self.source is not None:
            fits = names is not None and math.prod(steps.shape[1:]) == len(names)
            return self._as_sequences(self.source, steps, names if fits else None)
        if self.container == "array":
            return steps.reshape((len(self.lengths), int(self.offsets[1]), *steps.shape[1:]))
        return _REBUILD[self.container](np.split(steps, self.offsets[1:-1]))

    def _restack_table(self, table: Table) -> Any:
        if self.source is not None:
            return self._as_sequences(self.source, table)
        bounds = zip(self.offsets[:-1], self.offsets[1:], strict=True)
        pieces = [take_rows(table, slice(start, stop)) for start, stop in bounds]
        if self.series and hasattr(table, "iloc"):
            pieces = [_like_series(*pair) for pair in zip(pieces, self.series, strict=True)]
        return _REBUILD[self.container](pieces)

    def _restack_cells(self, values: Values) -> NDArray[np.object_]:
        columns = values.reshape(len(values), -1).T
        cells = np.empty((len(self.lengths), len(columns)), dtype=object)
        for j, column in enumerate(columns):
            cells[:, j] = object_array(np.split(column, self.offsets[1:-1]))
        return cells

    def _as_sequences(
        self, source: Sequences, steps: Values | Table, names: Names | None = None
    ) -> Sequences:
        sequences = Sequences(steps, self.offsets, source.codes, names)
        static = source.static_values, source.static_codes
        return sequences.with_static(*static).with_ids(source.ids)

    def per_step(self, y: object) -> Values:
        """Return targets or weights, one per sequence or one per step, as one per step.

        Lists and object arrays of one container per sequence, and `Sequences`, hold one entry per
        step; arrays and tables hold one entry or row per sequence.
        """
        items = self.entries(y)
        if not targets_are_steps(items, "auto", self.lengths, numeric=False):
            return np.repeat(as_array(items, "y"), self.lengths, axis=0)
        pieces = [as_array(item, "y") for item in items]
        for i, (piece, length) in enumerate(zip(pieces, self.lengths.tolist(), strict=True)):
            if len(piece) != length:
                raise ValueError(
                    f"Sequence {i} has {length} steps in X but {len(piece)} targets in y. Pass one "
                    "entry per sequence, or one per step."
                )
        return np.concatenate(of_one_kind(pieces))

    def entries(self, y: object) -> Any:
        """Return targets with one entry per sequence; another number of them is an error."""
        items: Any = y if isinstance(y, list | tuple | Sequences) else np.atleast_1d(np.asarray(y))
        if len(items) != len(self.lengths):
            raise ValueError(
                f"X has {len(self.lengths)} sequences, y has {len(items)}: inconsistent numbers of "
                "samples. Pass one entry of y per sequence."
            )
        return items

    def expand(self, value: object) -> object:
        """Return a value with one entry per sequence per step, any other value as it is."""
        if isinstance(value, str | bytes | dict) or not isinstance(value, Sized):
            return value
        if getattr(value, "shape", None) == ():
            return value
        return self.per_step(value) if len(value) == len(self.lengths) else value

    def first_place(self, steps: Values | Table, unusual: Callable[[object], bool]) -> str:
        """Return a sentence that names the first unusual element of the steps, if there is one."""
        for i, row in enumerate(np.asarray(steps, dtype=object)):
            for j, element in enumerate(row):
                if unusual(element):
                    name = j if self.feature_names is None else self.feature_names[j]
                    sequence, step = find_step(i, self.offsets)
                    return (
                        f"The first one is {element!r} in sequence {sequence}, step {step}, "
                        f"feature {name!r}."
                    )
        return ""


def flatten_steps(X: object, names: Names | None = None) -> tuple[Values | Table, Layout]:
    """Return the steps of all sequences as one table, and the layout of X.

    The table is one of columns if the features of X have names. They are put in the order of
    `names`; None is the order of the first sequence.
    """
    if isinstance(X, Sequences):
        return _from_sequences(X, names)
    if isinstance(X, list | tuple):
        return _from_pieces(X, "list" if isinstance(X, list) else "tuple", names)
    array = np.asarray(fill_masked(X))
    if holds_sequences(array):
        return _from_cells(array, feature_names(X) if is_table(X) else None)
    if array.ndim == 1 and array.dtype == object:
        return _from_pieces(array, "objects", names)
    if array.ndim not in (2, 3):
        raise ValueError(
            "Expected several sequences: a 2-D array (n_sequences, n_steps), a 3-D array "
            "(n_sequences, n_steps, n_features) or a list of arrays; got an array of shape "
            f"{array.shape}. Reshape your data, or wrap a single sequence in a list."
        )
    check_no_records(array, "X")
    n_sequences, n_steps = array.shape[:2]
    offsets = np.arange(n_sequences + 1, dtype=np.int64) * n_steps
    n_features = 1 if array.ndim == 2 else array.shape[2]
    values = array.reshape(n_sequences * n_steps, n_features)
    return values, Layout("array", offsets, array.ndim == 2)


def _from_sequences(X: Sequences, names: Names | None) -> tuple[Values | Table, Layout]:
    table = X.table
    if table is None:
        values = fill_masked(values_of(X))
        scalar_steps = values.ndim == 1
        values = values[:, None] if scalar_steps else values
        if X.feature_names is None or find_spec("pandas") is None:
            return values, Layout("sequences", X.offsets, scalar_steps, X.feature_names, X)
        table = _named(values, X.feature_names)
    else:
        scalar_steps = False
    table, own = _join([table], names)
    return table, Layout("sequences", X.offsets, scalar_steps, own, X)


def flatten_stream_steps(
    steps: object, shape: tuple[int, int], names: Names | None, *, are_several: bool
) -> Values | Table:
    """Return one step of each of several streams as a table of shape (n_streams, n_features).

    The table is one of columns if the features in `fit` had names.
    """
    given = without_names(steps, names, "StepTransformer", are_several=are_several)
    values = np.asarray(given)
    if values.dtype.kind in "US":  # numpy turns numbers beside strings into strings
        values = np.asarray(given, dtype=object)
    values = as_rows(values, *shape, are_several=are_several)
    return values if names is None or find_spec("pandas") is None else _named(values, names)


def values_of(X: Sequences) -> Values:
    """Return the values of sequences that are not codes."""
    if X.values is None:
        raise ValueError(
            "Sequences of codes contain no numbers; build the container with `values` instead."
        )
    return X.values


def _from_cells(array: Values, names: Sequence[Hashable] | None) -> tuple[Values | Table, Layout]:
    columns = [[as_array(cell) for cell in column] for column in array.T.tolist()]
    labels = range(len(columns)) if names is None else names
    lengths = [piece.shape[:1] for piece in columns[0]]
    n_dimensions = (1,) if len(columns) > 1 else (1, 2)
    for label, column in zip(labels, columns, strict=True):
        for i, (piece, length) in enumerate(zip(column, lengths, strict=True)):
            is_other = piece.shape[1:] != column[0].shape[1:]
            if piece.ndim not in n_dimensions or piece.shape[:1] != length or is_other:
                raise ValueError(
                    f"Column {label!r} of X holds a value of shape {piece.shape} in row {i}; "
                    "expected sequences of the same length in all columns of a row. To transform "
                    "some of the columns, wrap this transformer in a ColumnTransformer."
                )
    flat = [np.concatenate(of_one_kind(column)) for column in columns]
    layout = Layout("cells", offsets_of([len(piece) for piece in columns[0]]), False)
    if names is not None and flat[0].ndim == 1 and find_spec("pandas"):
        import pandas as pd

        frame = pd.DataFrame(dict(zip(names, flat, strict=True)))
        return frame, replace(layout, feature_names=tuple(names))
    return np.column_stack(of_one_kind(flat)), layout


def _named(values: Values, names: Names) -> Table:
    import pandas as pd

    frame = pd.DataFrame(values, columns=list(names))
    return frame.infer_objects() if values.dtype == object else frame


def _from_pieces(
    X: Iterable[object], container: Container, names: Names | None
) -> tuple[Values | Table, Layout]:
    items = list(X)
    tables = tables_in(items)
    if tables:
        table, own = _join(tables, names)
        return table, Layout(container, offsets_of([len(t) for t in tables]), False, own)
    pieces = [as_array(x) for x in items]
    _check_pieces(pieces)
    scalar_steps = pieces[0].ndim == 1
    values = np.concatenate(of_one_kind(pieces))
    is_series = all(hasattr(x, "iloc") for x in items)
    layout = Layout(
        container,
        offsets_of([len(piece) for piece in pieces]),
        scalar_steps,
        series=tuple(items) if is_series else (),
    )
    return (values[:, None] if scalar_steps else values), layout


def _like_series(steps: Any, series: Any) -> Any:
    """Return steps of pandas with the index of a Series; a single feature as one of its name."""
    steps = steps.set_axis(series.index)
    return steps.iloc[:, 0].rename(series.name) if steps.shape[1] == 1 else steps


def _join(tables: Sequence[Table], names: Names | None) -> tuple[Table, Names | None]:
    if names is not None:
        aligned = align_tables(tables, names, SEEN_IN_FIT)
        given = feature_names(aligned[0])
        own = None if given is None else tuple(given)
    else:
        aligned, own = match_tables(tables)
    table: Any = aligned[0] if len(aligned) == 1 else join_tables(aligned)
    # ColumnTransformer cannot join columns of Arrow
    if type(table).__module__.startswith("pyarrow") and find_spec("pandas"):
        table = table.to_pandas()
    return table, own


def n_features(steps: Values | Table) -> int:
    """Return the number of features of a table of steps."""
    if isinstance(steps, np.ndarray):
        return math.prod(steps.shape[1:])
    return len(column_names(steps))


def array_if_rectangular(X: object) -> Any:
    """Convert nested lists of equal lengths to an array, as scikit-learn does."""
    refuse_groups(X, "X")
    if not isinstance(X, list | tuple):
        return fill_masked(X) if hasattr(X, "ndim") or is_table(X) else np.asarray(X)
    if len(X) == 0 or not isinstance(X[0], list | tuple):
        return X
    try:
        return as_array(X)
    except ValueError:  # the lengths differ
        return X


def _check_pieces(pieces: Sequence[Values]) -> None:
    if not pieces:
        raise ValueError("Got an empty list; pass at least one sequence.")
    first = pieces[0]
    for i, piece in enumerate(pieces):
        check_no_records(piece, f"Sequence {i}")
        if piece.ndim == 0:
            raise _element_error(piece.item(), i)
        if piece.ndim not in (1, 2):
            raise ValueError(
                f"Sequence {i} has {piece.ndim} dimensions; expected (n_steps, n_features) or "
                "(n_steps,). Reshape it, or pass an array of several sequences without a list."
            )
        if piece.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"Sequence {i} has shape {piece.shape}, sequence 0 has {first.shape}; all "
                "sequences need the same features, with time before features."
            )


def _element_error(element: object, i: int) -> ValueError:
    """Return the error about an element in the place of a sequence."""
    if isinstance(element, str):
        return ValueError(
            f"Sequence {i} is the text {element!r:.40}; expected an array of steps. Split texts "
            "into symbols, for example with [list(text) for text in X]."
        )
    return ValueError(
        f"Sequence {i} is one value, {element!r:.40}; expected an array of steps. If X is a single "
        "sequence, pass [X]; if each sequence has one step, pass [[x] for x in X]."
    )


def check_no_records(array: NDArray[Any], what: str) -> None:
    """Refuse records and mappings, whose steps have named fields."""
    if array.dtype == object and array.size and isinstance(array.flat[0], dict):
        raise TypeError(
            f"{what} holds mappings with the keys {list(array.flat[0])!r:.60}; the argument must "
            "be an array of strings or numbers, or a table. Make each sequence a table: "
            "pandas.DataFrame(x)."
        )
    if array.dtype.kind == "V":
        raise ValueError(
            f"{what} holds records with the fields {array.dtype.names}; expected numbers or "
            "symbols. Convert it with pandas.DataFrame, which has a column per field."
        )
