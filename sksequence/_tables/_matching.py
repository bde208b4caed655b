"""Tables matched by the names of their columns, joined, and cut into rows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sksequence._elements import is_hashable
from sksequence._tables._table import (
    Table,
    as_table,
    check_unique,
    column_names,
    feature_names,
    is_table,
    narwhals_frame,
)

# where the names that columns are matched with come from, for messages
SEEN_IN_FIT = "those seen in fit are"
_OF_FIRST = "those of sequence 0 are"


def tables_in(items: Sequence[object], argument: str = "X") -> list[Table]:
    """Return the items if they are tables, no items if they are not; a mixture is an error."""
    of_types = {type(item): item for item in items}  # the type is enough
    if not any(map(is_table, of_types.values())):
        return []
    tables = [as_table(item) for item in items if is_table(item)]
    if len(tables) < len(items):
        i, j = ([is_table(item) for item in items].index(named) for named in (True, False))
        raise ValueError(
            f"Sequence {i} of {argument} has names of columns, sequence {j}, of type "
            f"{type(items[j]).__name__}, has none. Columns are matched by name: pass only tables, "
            "or only arrays."
        )
    for i, table in enumerate(tables):
        if not hasattr(table, "__len__"):
            raise ValueError(
                f"Sequence {i} of {argument} is a {type(table).__name__}, whose rows are not in "
                "memory; pass a DataFrame (collect() it)."
            )
    return tables


def match_tables(
    tables: Sequence[Table], seen: tuple[Hashable, ...] | None = None
) -> tuple[list[Table], tuple[Hashable, ...] | None]:
    """Return tables with their columns in one order, and the names of the columns.

    The order is that of the names `seen` in fit, if there are some and any table has names.
    Where the tables differ in the order of columns, it is that of the sorted names, so that it does
    not depend on the order of the tables. Columns that are only numbered, and single columns of
    different names, have no names.
    """
    if seen is not None and any(map(feature_names, tables)):
        return align_tables(tables, seen, SEEN_IN_FIT), seen
    orders = [column_names(table) for table in tables]
    if not any(orders):
        raise ValueError(
            "The tables have no columns, 0 feature(s), while a minimum of 1 is required. Pass one "
            "column per feature."
        )
    first, numbers = orders[0], list(range(len(orders[0])))
    are_single = all(len(names) == 1 for names in orders)
    if are_single and any(names != first for names in orders):
        return [rename_columns(table, [0]) for table in tables], None
    if set(first) == set(numbers):
        return align_tables(tables, numbers, _OF_FIRST), None
    if all(names == first for names in orders):
        check_unique(first)
        return list(tables), tuple(first)
    names = tuple(sorted(first, key=lambda name: (type(name).__name__, name)))
    return align_tables(tables, names, _OF_FIRST), names


def align_tables(tables: Sequence[Table], names: Sequence[Hashable], known: str) -> list[Table]:
    """Return tables with their columns in the order of `names`; other names are an error.

    `known` is where the names come from, for the message.
    """
    check_unique(names)
    return [_aligned(table, list(names), f"sequence {i}", known) for i, table in enumerate(tables)]


def _aligned(table: Table, names: list[Hashable], place: str, known: str) -> Table:
    own = column_names(table)
    if own == names:
        return table
    check_names(own, names, place, known)
    return select_columns(table, names)


def check_names(own: list[Hashable], names: list[Hashable], place: str, known: str) -> None:
    """Raise an error unless two lists contain the same names, in any order."""
    missing = [name for name in names if name not in own]
    unknown = [name for name in own if name not in names]
    if missing or unknown:
        raise ValueError(
            f"The columns of {place} are {own}, {known} {names}"
            + (f"; {missing} are missing" if missing else "")
            + (f"; {unknown} are unknown" if unknown else "")
            + ". Columns are matched by name: rename or drop them."
        )
    check_unique(own)


def rename_columns(table: Table, names: Sequence[Hashable]) -> Table:
    """Return a table with other names of its columns."""
    if hasattr(table, "set_axis"):  # names may be of any type
        return table.set_axis(names, axis=1)  # type: ignore[no-any-return]
    renamed = {str(old): str(new) for old, new in zip(column_names(table), names, strict=True)}
    native: Table = narwhals_frame(table).rename(renamed).to_native()
    return native


def join_tables(tables: Sequence[Table]) -> Table:
    """Return the rows of tables with the same columns as one table."""
    import narwhals

    natives: Any = _with_common_categories([t for t in tables if len(t)] or tables[:1])
    libraries: Any = {narwhals.get_native_namespace(native): None for native in natives}
    library = next(iter(libraries))
    if len(libraries) > 1 or not (hasattr(natives[0], "iloc") or _may_be_joined(natives)):
        import pandas

        frames: Any = _with_common_categories(
            [narwhals_frame(native).to_pandas() for native in natives]
        )
        joint: Table = pandas.concat(_with_common_objects(frames))
        return joint
    if hasattr(library, "concat_tables"):
        return library.concat_tables(natives, promote_options="permissive")  # type: ignore[no-any-return]
    if library.__name__ == "polars":
        return library.concat(natives, how="vertical_relaxed")  # type: ignore[no-any-return]
    return library.concat(_with_common_objects(natives))  # type: ignore[no-any-return]


def _with_common_categories(tables: Sequence[Table]) -> Sequence[Table]:
    """Return tables of pandas with all categories of a column in each, so that its type is kept."""
    frames: Any = [table for table in tables if hasattr(table, "iloc")]
    found: dict[Hashable, dict[Any, None]] = {}
    for frame in frames:
        for name, dtype in frame.dtypes.items():
            if type(dtype).__name__ == "CategoricalDtype":
                found.setdefault(name, {}).update(dict.fromkeys(dtype.categories))
    if not found or len(frames) < len(tables):
        return tables
    import pandas

    for name, known in found.items():
        others = [f[name].dropna().tolist() for f in frames if not hasattr(f[name], "cat")]
        elements = list(chain.from_iterable(others))
        if not all(map(is_hashable, elements)):  # not categories: an error of the reading
            return tables
        dtype = pandas.CategoricalDtype(list(known | dict.fromkeys(elements)))
        # through objects, as categories cannot be made of numbers in half precision
        frames = [frame.astype({name: object}).astype({name: dtype}) for frame in frames]
    return frames  # type: ignore[no-any-return]


def _with_common_objects(frames: Sequence[Any]) -> Sequence[Any]:
    """Return tables of pandas whose columns of objects in some of them are objects in all.

    If all of them are None, pandas 2 would give the column another type than pandas 3, with a
    warning.
    """
    types = [dict(getattr(frame, "dtypes", {})) for frame in frames]
    objects = {name: object for own in types for name, dtype in own.items() if dtype == object}
    return [
        frame if all(own[name] == object for name in objects) else frame.astype(objects)
        for frame, own in zip(frames, types, strict=True)
    ]


def _may_be_joined(tables: Sequence[Table]) -> bool:
    """Check whether polars and Arrow can join columns: of one type, or all of plain numbers."""
    first, *others = [narwhals_frame(table).schema for table in tables]
    numbers = {n for n, dtype in first.items() if dtype.is_integer() or dtype.is_float()}
    return all(
        dtype == first[name] or (name in numbers and (dtype.is_integer() or dtype.is_float()))
        for schema in others
        for name, dtype in schema.items()
    )


def select_columns(table: Table, names: Sequence[Hashable]) -> Table:
    """Return the columns with these names, in this order."""
    if hasattr(table, "iloc"):  # by position: pandas reads names that are booleans as a mask
        own = column_names(table)
        return table.iloc[:, [own.index(name) for name in names]]  # type: ignore[no-any-return]
    return table.select(list(names))  # type: ignore[attr-defined, no-any-return]


def take_rows(table: Table, rows: ArrayLike | slice) -> Table:
    """Return rows of a table, at positions or in a slice."""
    # narwhals takes an integer of numpy in a slice for a name
    chosen = slice(int(rows.start), int(rows.stop)) if isinstance(rows, slice) else np.asarray(rows)
    if hasattr(table, "iloc"):
        return table.iloc[chosen]  # type: ignore[no-any-return]
    native: Table = narwhals_frame(table)[chosen, :].to_native()
    return native
