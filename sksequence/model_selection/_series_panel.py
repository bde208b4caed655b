"""One or several series of any container, cut at origins that are counted from their ends."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence._settings import as_floats, check_count
from sksequence._tables import (
    as_table,
    check_rows_are_steps,
    column_names,
    is_table,
    match_tables,
    series_name,
    tables_in,
    take_rows,
)

Columns = Hashable | Sequence[Hashable] | None
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeriesPanel:
    """Series and the values to forecast of each.

    Attributes
    ----------
    items : list
        Series as tables, Series or arrays, whose rows are steps. Tables have their columns in one
        order, that of `make_windows`.
    values : list of ndarray of shape (n_steps, n_targets)
        Features to forecast of each series.
    known : list of hashable
        Names or positions of the features that are known beforehand.
    ids : list of hashable
        Ids of the series, else their names if all have different ones, else their positions.
    """

    items: list[Any]
    values: list[Floats]
    known: list[Hashable]
    ids: list[Hashable]

    @classmethod
    def of(cls, series: object, target_columns: Columns, known_columns: Columns) -> SeriesPanel:
        """Read series; a single one is an array of one or two dimensions, or a table."""
        items = [_item(one) for one in (_listed(series) if _are_several(series) else [series])]
        if not items:
            raise ValueError("series holds no series. Pass at least one.")
        items = _matched(items)
        known = _chosen(known_columns)
        is_default = isinstance(target_columns, str) and target_columns == "all"
        targets = None if target_columns is None or is_default else _chosen(target_columns)
        excluded = [] if is_default else known
        values = [_values(item, targets, excluded) for item in items]
        return cls(items, values, known, _ids(series, items))

    def check_lengths(self, origin: int, n_before: int) -> None:
        """Raise a ValueError for a series with fewer than `n_before` steps before an origin."""
        for i, values in enumerate(self.values):
            if len(values) - origin < n_before:
                raise ValueError(
                    f"Series {i} has {len(values)} steps; the first origin is {origin} steps "
                    f"before its end and needs {n_before} steps before it. Reduce n_origins, step "
                    "or the window, or leave out the series."
                )

    def before(self, origin: int) -> list[Any]:
        """Return the steps of each series before an origin."""
        return [_rows(item, 0, len(item) - origin) for item in self.items]

    def around(self, origin: int, n_before: int, n_after: int) -> list[Any]:
        """Return the last steps of each series before an origin and the first ones after it."""
        return [
            _rows(item, len(item) - origin - n_before, len(item) - origin + n_after)
            for item in self.items
        ]

    def known_after(self, origin: int, horizon: int) -> object:
        """Return the known features of the steps after an origin, None if there are none."""
        if not self.known:
            return None
        pieces = self.around(origin, 0, horizon)
        return pieces if is_table(pieces[0]) else np.stack(pieces)[:, :, np.array(self.known)]

    def targets_after(self, origin: int, horizon: int) -> Floats:
        """Return the values to forecast after an origin, (n_series, horizon * n_targets)."""
        ends = (len(values) - origin for values in self.values)
        pairs = zip(self.values, ends, strict=True)
        return np.stack([values[end : end + horizon].ravel() for values, end in pairs])

    def naive_errors(self, origin: int, horizon: int, season_length: int) -> Floats:
        """Return the mean absolute errors of the seasonal naive forecast before an origin.

        They have the shape of `targets_after`, and are NaN where they are not a positive number.
        """
        check_count("season_length", season_length)
        errors = []
        for values in self.values:
            past = values[: len(values) - origin]
            changes = np.abs(past[season_length:] - past[:-season_length])
            scale = changes.mean(axis=0) if len(changes) else np.full(past.shape[1], np.nan)
            errors.append(np.tile(np.where(scale > 0, scale, np.nan), horizon))
        return np.stack(errors)


def _ids(series: object, items: list[Any]) -> list[Hashable]:
    if isinstance(series, Sequences) and series.ids is not None:
        return list(series.ids)
    names = [series_name(item) for item in items]
    is_named = all(name not in (None, "") for name in names) and len(set(names)) == len(names)
    return names if is_named else list(range(len(names)))


def check_one_reading(series: object) -> None:
    """Raise a ValueError for an array that a generator reads as several series, but a panel not."""
    if isinstance(series, np.ndarray) and series.ndim == 2 and series.shape[1] > 1:
        raise ValueError(
            f"series is an array of shape {series.shape}, of which a SequenceGenerator reads each "
            "row as a series. Pass list(series) for a series per row, or [series] for one series "
            f"with a step per row and {series.shape[1]} features."
        )


def check_table(series: object, target_columns: Columns, known_columns: Columns) -> None:
    """Raise a ValueError for a table whose columns may be features or series."""
    if not is_table(series) or target_columns is not None or known_columns is not None:
        return
    n_columns = len(column_names(series))
    if n_columns > 1:
        raise ValueError(
            f"series is a {type(series).__name__} of {n_columns} columns: one series with "
            f"{n_columns} features, or {n_columns} series. Pass [series] for one series whose "
            "features are the columns, or [series[[c]] for c in series.columns] for one series per "
            "column."
        )


def _are_several(series: object) -> bool:
    if isinstance(series, Sequences) or getattr(series, "ndim", 0) == 3:
        return True
    if isinstance(series, np.ndarray):
        return series.ndim == 1 and series.dtype == object and np.ndim(series[0]) > 0
    is_list = isinstance(series, list | tuple)
    return is_list and (not series or np.ndim(series[0]) > 0 or is_table(series[0]))  # type: ignore[index]


def _listed(series: Any) -> list[Any]:
    return list(series)


def _item(one: Any) -> Any:
    """Return a series whose rows can be sliced."""
    check_rows_are_steps(one, "series")
    if is_table(one):
        return as_table(one)
    return one if hasattr(one, "iloc") else np.asarray(one)


def _matched(items: list[Any]) -> list[Any]:
    """Return series with their columns in one order, as estimators and `make_windows` read them."""
    tables = tables_in(items, "series")
    # single columns keep the names of their series
    return match_tables(tables)[0] if any(len(column_names(t)) > 1 for t in tables) else items


def _rows(item: Any, start: int, stop: int) -> Any:
    """Return some steps of a series."""
    if is_table(item):
        return take_rows(item, slice(start, stop))
    return item.iloc[start:stop] if hasattr(item, "iloc") else item[start:stop]


def _chosen(columns: Any) -> list[Hashable]:
    """Return columns that are given as one or several."""
    if columns is None:
        return []
    return list(columns) if isinstance(columns, list | tuple | np.ndarray) else [columns]


def _values(item: Any, targets: list[Hashable] | None, known: list[Hashable]) -> Floats:
    """Return the features to forecast as numbers, all but the known ones by default."""
    if not is_table(item):
        values = as_floats("series", item)
        values = values.reshape(len(values), -1)
        names: list[Hashable] = list(range(values.shape[1]))
        return values[:, _positions(names, targets, known)]
    names = column_names(item)
    columns = [np.asarray(item[names[j]]) for j in _positions(names, targets, known)]
    return as_floats("series", np.column_stack(columns))


def _positions(
    names: list[Hashable], targets: list[Hashable] | None, known: list[Hashable]
) -> list[int]:
    if targets is not None:
        return [_position(names, column) for column in targets]
    excluded = {_position(names, column) for column in known}
    return [j for j in range(len(names)) if j not in excluded]


def _position(names: list[Hashable], column: Any) -> int:
    """Return the position of a column that is given by name or by position."""
    if column in names:
        return names.index(column)
    if isinstance(column, int | np.integer) and -len(names) <= column < len(names):
        return int(column) % len(names)
    raise ValueError(
        f"The series has no column {column!r}; choose target_columns and known_columns from "
        f"{names}, or pass positions."
    )
