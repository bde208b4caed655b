"""Long tables, which have one row per step, as sequences, and sequences as long tables.

pandas is imported only where a DataFrame is created.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._batching import Sequences, flat_rows, object_array, offsets_of
from sksequence._elements import as_array, is_missing, stack_numbers
from sksequence._tables import (
    Table,
    column_kinds,
    column_names,
    feature_names,
    is_table,
    plain_numbers,
    read_columns,
    read_key,
    select_columns,
    take_rows,
    with_column,
)
from sksequence.preprocessing._layout import Values
from sksequence.preprocessing._long_keys import (
    Keys,
    Names,
    check_columns,
    is_element,
    is_one,
    listed,
    positions_of_ids,
    read_keys,
)
from sksequence.preprocessing._steps import joint_table, read_steps

if TYPE_CHECKING:
    import pandas


def from_long(
    frame: Table,
    id: Names = None,
    time: Hashable = None,
    *,
    features: Names = None,
    add_elapsed: bool = False,
    ids: ArrayLike | None = None,
) -> tuple[Sequences, NDArray[Any]]:
    """Convert a long table, whose rows are steps, to sequences.

    Parameters
    ----------
    frame : DataFrame of shape (sum of n_steps, n_columns)
        A table of pandas, polars or Arrow. The rows of a sequence need not be contiguous.
    id : column name or list of column names, default=None
        Column, or several columns together, that identify the sequence of each row. Levels of a
        pandas index are found by name too. None uses all levels of the index but the last, and the
        last level as `time`.
    time : column name, default=None
        Column, or level of the index, to sort the rows of each sequence by: numbers, dates,
        durations, or ordered categories. None keeps the order of the table, which must be that of
        times in its index.
    features : column name or list of column names, default=None
        Columns of the features. A single name gives sequences without an axis of features, unless
        it is that of categories of numbers, which stay a table. None uses all columns except `id`
        and `time`.
    add_elapsed : bool, default=False
        Whether to add the feature "elapsed", the time since the previous step of the sequence: in
        seconds if `time` holds dates or durations, in its own unit otherwise. It is 0 at the first
        step.
    ids : array-like of shape (n_sequences,), default=None
        The ids of the sequences to return, in this order: those of another table of the same
        sequences, such as the index of a table of labels. Each of them must have rows. None
        returns all sequences in the order of their first rows in the table.

    Returns
    -------
    sequences : Sequences
        The sequences, in the order of `ids`. Columns of numbers become one
        array with `feature_names`, in which missing values are NaN. If there are strings or
        categories among them, the columns stay a table and keep their types. The attribute `ids`
        has their ids, which estimators compare with the index of y.
    ids : ndarray of shape (n_sequences,)
        The value of `id` of each sequence, to align targets with, for example
        ``labels.loc[ids]``: tuples if `id` is a list.

    Raises
    ------
    ValueError
        If a column does not exist, if an id or a time is missing, if several rows of a sequence
        have the same time, if a feature holds dates, durations or sequences, if there are no rows
        or no features, or if one of `ids` has no rows or occurs twice.

    See Also
    --------
    to_long : Inverse of this function; with ``like=frame``, it puts predictions for each step into
        the order of the rows of `frame`.

    Examples
    --------
    >>> import pandas as pd
    >>> from sksequence.preprocessing import from_long
    >>> frame = pd.DataFrame(
    ...     {"patient": ["b", "a", "b"], "day": [2, 1, 1], "pulse": [80.0, 65.0, 72.0]}
    ... )
    >>> sequences, ids = from_long(frame, "patient", "day")
    >>> sequences.feature_names
    ('pulse',)
    >>> list(sequences)
    [array([[72.],
           [80.]]), array([[65.]])]
    >>> ids.tolist()
    ['b', 'a']

    With the time since the previous step, from the levels of an index:

    >>> panel = frame.set_index(["patient", "day"])
    >>> sequences, ids = from_long(panel, add_elapsed=True)
    >>> sequences.feature_names
    ('pulse', 'elapsed')
    >>> sequences[0]
    array([[72.,  0.],
           [80.,  1.]])
    """
    keys = read_keys(frame, id, time)
    names, is_single = _feature_columns(frame, features, keys)
    table = select_columns(frame, names)
    if add_elapsed:
        table = _with_elapsed(table, keys)
    steps = _numbers_or_table(table)
    offsets = offsets_of(np.bincount(keys.codes))
    if is_table(steps) and is_single and not add_elapsed:
        steps = _symbols_or_table(table, names[0])
    if is_table(steps):
        sequences = Sequences(take_rows(steps, keys.order), offsets)
    else:
        values = steps[keys.order, 0] if is_single and not add_elapsed else steps[keys.order]
        sequences = Sequences(values, offsets, feature_names=column_names(table))
    sequences = sequences.with_ids(keys.ids)
    if ids is None:
        return sequences, keys.ids
    rows = positions_of_ids(keys, ids)
    return sequences[rows], keys.ids[rows]


def to_long(
    sequences: object,
    *,
    ids: ArrayLike | None = None,
    features: str | Sequence[str] | None = None,
    id: str | list[str] | None = None,
    time: str | None = None,
    like: Table | None = None,
) -> pandas.DataFrame:
    """Convert sequences to a long table of pandas with one row per step.

    Parameters
    ----------
    sequences : list of arrays of shape (n_steps, n_features) or (n_steps,), or Sequences
        The sequences, or predictions for each step. The columns of several DataFrames are matched
        by name and keep their types.
    ids : array-like of shape (n_sequences,), default=None
        Identifier of each sequence. None numbers them from 0, or takes the order of the sequences
        in `like`. Tuples, and the rows of a table or of an array, become one column per element
        if `id` is a list.
    features : str or sequence of str of length n_features, default=None
        Names of the features. None uses the names of columns or the `feature_names` of the
        sequences, and x0, x1, ... where there are none.
    id : str or list of str, default=None
        Name of the column of identifiers; None is "id". With `like`, the argument of `from_long`.
    time : str, default=None
        Name of the column that numbers the steps of each sequence, from 0; None is "time". With
        `like`, the argument of `from_long`.
    like : DataFrame of shape (sum of n_steps, n_columns), default=None
        The long table that `from_long` converted with the same `id` and `time`, or that holds the
        steps of a forecast of these sequences. The result then has its rows, in its order, and its
        index. Pass `ids` as well where `from_long` was called with `ids` or for another table.

    Returns
    -------
    frame : DataFrame of shape (sum of n_steps, n_keys + n_features)
        The table. With `like`, its keys are the columns `id` and `time` of that table.

    Raises
    ------
    ImportError
        If pandas is not installed.
    ValueError
        If the number of `ids` or of `features` does not match the sequences, if two columns have
        the same name, or if the sequences are not as long as those of `like`.

    See Also
    --------
    from_long : Inverse of this function.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sksequence.preprocessing import from_long, to_long
    >>> to_long([np.array([1.0, 2.0]), np.array([3.0])], ids=["a", "b"])
      id  time   x0
    0  a     0  1.0
    1  a     1  2.0
    2  b     0  3.0

    Predictions for each step go back to the rows of the table:

    >>> frame = pd.DataFrame(
    ...     {"patient": ["b", "a", "b"], "day": [2, 1, 1], "pulse": [80.0, 65.0, 72.0]}
    ... )
    >>> sequences, ids = from_long(frame, "patient", "day")
    >>> predictions = [sequence[:, 0] > 70 for sequence in sequences]
    >>> to_long(predictions, like=frame, id="patient", time="day", features=["alarm"])
      patient  day  alarm
    0       b    2   True
    1       a    1  False
    2       b    1   True
    """
    steps, offsets = _step_frame(sequences, features)
    if like is not None:
        return _in_rows_of(like, steps, offsets, read_keys(like, id, time), ids)
    lengths = np.diff(offsets)
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    columns = _id_columns(ids, "id" if id is None else id, len(lengths))
    keys = {name: np.asarray(values)[sequence] for name, values in columns.items()}
    keys["time" if time is None else time] = np.arange(len(steps)) - offsets[:-1][sequence]
    return _with_keys(keys, steps)


# --- features -------------------------------------------------------------------------------------


def _feature_columns(frame: Table, features: Names, keys: Keys) -> tuple[list[Hashable], bool]:
    """Return the names of the features, and whether one was given without a list."""
    available = column_names(frame)
    if features is None:
        names = [name for name in available if name not in keys.columns]
    else:
        names = listed(features, available)
        check_columns(available, names)
    if not names:
        raise ValueError(
            f"The table has {len(frame)} rows and the features {names}; pass at least one of each."
        )
    return names, features is not None and is_one(features, available)


def _with_elapsed(table: Table, keys: Keys) -> Table:
    """Return the features with the time since the previous step of the same sequence."""
    if keys.times is None or "elapsed" in column_names(table):
        raise ValueError(
            "add_elapsed=True needs time, a column of numbers, dates or durations that it is "
            "computed from."
            if keys.times is None
            else "add_elapsed=True adds a column 'elapsed', but the table has one; rename it."
        )
    times = keys.times[keys.order]
    gaps = _gaps(times)
    elapsed = np.zeros(len(times))
    elapsed[1:] = np.where(np.diff(keys.codes[keys.order]) == 0, gaps, 0)
    of_rows = np.empty_like(elapsed)
    of_rows[keys.order] = elapsed
    return with_column(table, "elapsed", of_rows)


def _gaps(times: NDArray[Any]) -> NDArray[np.float64]:
    """Return the differences of consecutive times, in seconds if they are dates or durations.

    Only those of increasing times have a meaning.
    """
    if times.dtype.kind == "f":
        return np.diff(times.astype(np.float64))
    kind, unit = times.dtype.kind, np.int64(1)
    if kind in "biu":
        times = times.astype(np.uint64 if kind == "u" else np.int64)
    if kind in "mM":
        times = times.astype(np.promote_types(times.dtype, f"{kind}8[s]"))
        unit = np.timedelta64(1, "s").astype(times.dtype.str.replace("M", "m")).astype(np.int64)
        times = times.view(np.int64)  # NumPy raises an error for large differences of dates
    # a difference beyond the range of int64 is right modulo 2**64
    return np.asarray(np.diff(times).view(np.uint64) / unit)


def _numbers_or_table(table: Table) -> Values | Table:
    """Return a table of numbers as an array, a table with strings or categories as it is."""
    numbers = plain_numbers(table)
    if numbers is not None:
        return numbers
    kinds = column_kinds(table)
    dates = [name for name, kind in kinds.items() if kind == "times"]
    if dates:
        raise ValueError(
            f"The feature {dates[0]!r} holds dates or durations; networks read numbers. Pass it as "
            "time, convert it to a number of seconds, which estimators read as times if it is "
            "their time_column, or choose other columns with features. "
            "add_elapsed=True adds the time since the previous step."
        )
    others = [name for name, kind in kinds.items() if kind == "others"]
    columns = read_columns(select_columns(table, others), "the table") if others else []
    for column in columns:
        if column.kind == "sequences":
            raise ValueError(
                f"Column {column.name!r} of the table holds one sequence per row; expected a "
                "number or a category, as rows are steps. Pass such a table to an estimator as it "
                "is."
            )
    if len(others) < len(kinds) or any(column.kind == "symbols" for column in columns):
        return table
    return stack_numbers([column.values for column in columns])


def _symbols_or_table(table: Table, name: Hashable) -> Values | Table:
    """Return a column as an array of strings; categories of other types keep their table."""
    symbols = read_key(table, name)[0]
    is_text = all(isinstance(symbol, str) or is_missing(symbol) for symbol in symbols.tolist())
    return symbols[:, None] if is_text else table


# --- sequences as rows ----------------------------------------------------------------------------


def _step_frame(
    sequences: object, features: str | Sequence[str] | None
) -> tuple[pandas.DataFrame, NDArray[np.int64]]:
    """Return the steps of all sequences as a DataFrame, and their offsets."""
    import pandas

    joint = joint_table(sequences, "sequences")
    if joint is not None:
        steps, offsets = _as_pandas(joint[0]), joint[1]
    else:
        read = read_steps(sequences, "sequences")
        steps, offsets = pandas.DataFrame(read.values), read.offsets
        steps.columns = pandas.Index(read.names or [f"x{i}" for i in steps.columns])
        steps = steps.infer_objects() if read.values.dtype == object else steps
    if features is not None:
        chosen: Any = (
            [features] if isinstance(features, str) or np.ndim(features) == 0 else features
        )
        if len(chosen) != steps.shape[1]:
            raise ValueError(
                f"features has {len(chosen)} entries; pass {steps.shape[1]}, one per feature."
            )
        steps.columns = pandas.Index(list(chosen))
    return steps, offsets


def _as_pandas(table: Any) -> pandas.DataFrame:
    if not hasattr(table, "iloc"):
        import narwhals

        table = narwhals.from_native(table).to_pandas()
    frame: pandas.DataFrame = table.reset_index(drop=True)
    if feature_names(table) is None:
        frame = frame.rename(columns=lambda i: f"x{i}")
    return frame


def _id_columns(ids: ArrayLike | None, names: Any, n_sequences: int) -> dict[Hashable, Any]:
    """Return the ids of the sequences as one column per name."""
    keys: Any = np.arange(n_sequences) if ids is None else ids
    if is_table(keys):
        keys = [tuple(row) for row in np.asarray(keys, dtype=object).tolist()]
    if is_element(keys):
        raise ValueError(f"ids is {ids!r:.40}; pass one identifier per sequence, in a list.")
    if len(keys) != n_sequences:
        raise ValueError(f"ids has {len(keys)} entries; pass {n_sequences}, one per sequence.")
    if is_one(names, []):
        return {names: _single_ids(keys)}
    is_nested = ids is not None and not any(map(is_element, keys))
    widths = {len(key) for key in keys} if is_nested else {1}
    if widths != {len(names)}:
        raise ValueError(
            f"id names {len(names)} columns, but ids has entries of "
            f"{' and '.join(map(str, sorted(widths)))}; pass one name per entry."
        )
    columns = list(zip(*keys, strict=True)) if is_nested else [tuple(keys)]
    return {name: _single_ids(column) for name, column in zip(names, columns, strict=True)}


def _single_ids(keys: Any) -> Any:
    """Return ids as one column; tuples stay tuples."""
    if any(not is_element(key) and not isinstance(key, tuple) for key in keys):
        raise ValueError(
            f"ids has entries such as {keys[0]!r:.40}, of several values each; expected one "
            "identifier per sequence. Pass a list of names as id, one per value, for a column each."
        )
    if any(isinstance(key, tuple) for key in keys):
        return object_array(keys)
    return keys if hasattr(keys, "dtype") else as_array(keys, "ids")


def _in_rows_of(
    like: Any,
    steps: pandas.DataFrame,
    offsets: NDArray[np.int64],
    keys: Keys,
    ids: ArrayLike | None,
) -> pandas.DataFrame:
    """Return the steps in the order of the rows of a long table, with its index."""
    expected = np.bincount(keys.codes)
    rows = np.arange(len(expected)) if ids is None else positions_of_ids(keys, ids)
    lengths = np.diff(offsets)
    if len(rows) != len(expected) or lengths.tolist() != expected[rows].tolist():
        raise ValueError(
            f"The sequences have {lengths.tolist()!r:.60} steps, those of like "
            f"{expected[rows].tolist()!r:.60}; expected the same, and all sequences of like. Pass "
            "the table, id and time that from_long was called with."
        )
    starts = np.empty_like(rows)
    starts[rows] = offsets[:-1]
    place = np.empty_like(keys.order)
    place[keys.order] = flat_rows(starts, expected)
    own = {name: values for name, values in keys.columns.items() if name in column_names(like)}
    frame = _with_keys(own, steps.iloc[place].reset_index(drop=True))
    return frame.set_axis(like.index) if hasattr(like, "iloc") else frame


def _with_keys(keys: dict[Hashable, Any], steps: pandas.DataFrame) -> pandas.DataFrame:
    import pandas

    twice = [name for name in keys if name in steps.columns]
    if twice:
        raise ValueError(
            f"{twice[0]!r} is the name of a feature and of the column of ids or times. Pass "
            "other names with features, or with id and time."
        )
    return pandas.concat([pandas.DataFrame(keys, index=steps.index), steps], axis=1)
