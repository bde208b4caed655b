"""Tables in X: one table per sequence, or one table whose cells are sequences."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, offsets_of
from sksequence._elements import Column, is_missing, stack_numbers
from sksequence._input._raw_input import (
    CellColumn,
    RawInput,
    Reading,
    categorical_positions,
    from_columns,
    from_flat,
    is_real,
    symbols_of,
)
from sksequence._tables import (
    SEEN_IN_FIT,
    Table,
    align_tables,
    check_names,
    holds_sequences,
    is_table,
    join_tables,
    match_tables,
    plain_numbers,
    read_array_columns,
    read_columns,
)

# --- one table per sequence -----------------------------------------------------------------------


def from_tables(tables: Sequence[Table], reading: Reading) -> RawInput:
    """Read sequences that are tables; their columns are matched by name."""
    tables, names = match_tables(tables, reading.names)
    offsets = offsets_of([len(table) for table in tables])
    joint = join_tables(tables)
    values = plain_numbers(joint) if reading.categorical is None else None
    if is_real(values):
        raw = from_flat("sequences", Sequences(values, offsets), reading)
        return replace(raw, names=names)
    return from_columns(read_columns(joint), offsets, reading, names)


def from_categories(sequences: Sequence[NDArray[Any]], reading: Reading) -> RawInput:
    """Read 1-D sequences, some of which are of a type of categories; then all hold categories."""
    column = Column(0, "symbols", np.concatenate([x.astype(object) for x in sequences]))
    return from_columns([column], offsets_of([len(x) for x in sequences]), reading, None)


def named_sequences(X: Sequences, reading: Reading) -> Sequences:
    """Return sequences whose features are in the order of the names seen in fit."""
    names = X.feature_names
    if reading.names is None or names is None or names == reading.names:
        return X
    if X.table is not None:
        return Sequences(align_tables([X.table], reading.names, SEEN_IN_FIT)[0], X.offsets)
    check_names(list(names), list(reading.names), "X", SEEN_IN_FIT)
    assert X.values is not None
    order = [names.index(name) for name in reading.names]
    return Sequences(X.values[:, order], X.offsets, X.codes, reading.names)


# --- one table for all sequences ------------------------------------------------------------------


def texts_of_column(X: object) -> list[Any] | None:
    """Return the texts of an array or a table with one column of strings, None for others."""
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) != 2 or shape[1] != 1:
        return None
    column = np.asanyarray(X)  # keeps a mask
    if column.dtype.kind not in "OUT":
        return None
    texts = list(column.ravel().tolist())
    others = [text for text in texts if not isinstance(text, str)]
    return texts if len(others) < len(texts) and all(map(is_missing, others)) else None


def columns_of_rows(X: object) -> list[Column]:
    """Return the columns of a table, or of an array whose cells are sequences, [] for others."""
    if is_table(X):
        return read_columns(X)
    return read_array_columns(X) if isinstance(X, np.ndarray) and holds_sequences(X) else []


def steps_in_columns(columns: Sequence[Column]) -> NDArray[Any]:
    """Return columns of numbers, or one column of tokens, as the steps of one sequence per row."""
    strings = [column.name for column in columns if column.kind == "symbols"]
    if strings and len(columns) > 1:
        _refuse_strings(strings, len(columns))
    return stack_numbers([column.values for column in columns])


def _refuse_strings(strings: Sequence[Hashable], n_columns: int) -> None:
    n_strings = "all" if len(strings) == n_columns else str(len(strings))
    raise ValueError(
        f"X is a table of {n_columns} columns, {n_strings} of strings such as {strings[0]!r}. The "
        "rows of a table are sequences, and its columns are steps. If each cell is one token, pass "
        "X.to_numpy(). If rows are steps with categories, pass [X] for one sequence, or "
        "preprocessing.from_long(X, id)[0]. If one column holds texts, pass it alone: "
        f"X[{strings[0]!r}]."
    )


# --- cells that are sequences ---------------------------------------------------------------------


def from_cells(
    columns: Sequence[Column],
    names: Sequence[Hashable] | None,
    reading: Reading,
    read: Callable[[object, Reading], RawInput],
) -> RawInput:
    """Read the columns of sequences with `read`, and join them step by step.

    Scalar columns alongside them are features that do not change in time.
    """
    chosen = categorical_positions(reading.categorical, names, len(columns))
    columns = [
        _as_category(column) if j in chosen and column.kind == "numbers" else column
        for j, column in enumerate(columns)
    ]
    known = reading.names_in_cells
    parts = {
        j: _sequences_in(column, read, known[j] if j < len(known) else None)
        for j, column in enumerate(columns)
        if column.kind == "sequences"
    }
    _check_equal_lengths([(columns[j].name, part) for j, part in parts.items()])
    cells = {j: _channels(columns[j].name, part) for j, part in parts.items()}
    are_integers = all(c.values.dtype.kind in "iu" for c in chain.from_iterable(cells.values()))
    are_symbols = reading.integers_are_symbols and are_integers and chosen.isdisjoint(parts)
    channels = {
        j: list(map(_as_category, of_cell)) if are_symbols or j in chosen else of_cell
        for j, of_cell in cells.items()
    }
    flat = list(chain.from_iterable(channels.values()))
    offsets = next(iter(parts.values())).sequences.offsets
    raw = from_columns(flat, offsets, Reading(integers_are_symbols=False), None)
    return replace(
        raw,
        layout="cells",
        is_array=True,
        names=tuple(channel.name for channel in flat),
        categorical=tuple(sorted(chosen)),
        columns=tuple(
            CellColumn(
                column.name,
                j not in parts,
                tuple(c.kind == "symbols" for c in channels.get(j, [column])),
                parts[j].names if j in parts else None,
            )
            for j, column in enumerate(columns)
        ),
        static={j: column for j, column in enumerate(columns) if column.kind != "sequences"},
    )


def _as_category(column: Column) -> Column:
    return replace(column, kind="symbols", values=symbols_of(column))


def _sequences_in(
    column: Column,
    read: Callable[[object, Reading], RawInput],
    names: tuple[Hashable, ...] | None,
) -> RawInput:
    try:
        return read(list(column.values), Reading(integers_are_symbols=False, names=names))
    except (TypeError, ValueError) as error:
        raise type(error)(f"In column {column.name!r} of X: {error}") from None


def _channels(name: Hashable, part: RawInput) -> list[Column]:
    """Return the features of a step in the cells of a column."""
    columns = part.step_columns()
    if len(columns) == 1:
        return [replace(columns[0], name=name)]
    inner = part.names or range(len(columns))
    return [replace(c, name=f"{name}[{label}]") for c, label in zip(columns, inner, strict=True)]


def _check_equal_lengths(parts: Sequence[tuple[Hashable, RawInput]]) -> None:
    (first, reference), *others = parts
    for name, part in others:
        differing = np.flatnonzero(part.sequences.lengths != reference.sequences.lengths)
        if len(differing):
            i = int(differing[0])
            raise ValueError(
                f"Row {i} of X has {reference.sequences.lengths[i]} steps in column {first!r} and "
                f"{part.sequences.lengths[i]} in column {name!r}; the sequences of a row are the "
                "features of the same steps. Pass equal lengths."
            )
