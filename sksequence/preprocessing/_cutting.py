"""Cutting of series into windows, and the windows with missing values among them.

Knows nothing of targets or labels. A series has shape (n_steps,) or (n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sksequence._batching import Sequences, find_step, offsets_of
from sksequence._elements import NUMBERS
from sksequence._settings import check_count
from sksequence._tables import Table, check_rows_are_steps, tables_in, take_rows
from sksequence.preprocessing._layout import Values
from sksequence.preprocessing._steps import (
    Steps,
    are_several,
    check_no_mapping,
    joint_table,
    mixed_steps,
    read_single,
    read_steps,
)

Missing = Literal["error", "drop", "keep"]
Starts = slice | NDArray[np.int64]

MAY_KEEP = "missing='keep' keeps them for a later step"
_MAY_DROP = f"missing='drop' leaves out the windows with missing values, {MAY_KEEP}"


def check_options(
    *, missing: str, allowed: Sequence[str] = ("error", "drop", "keep"), **sizes: int
) -> None:
    for name, size in sizes.items():
        check_count(name, size)
    if missing not in allowed:
        raise ValueError(f"missing must be one of {list(allowed)}; got {missing!r}.")


def read_series(series: object, argument: str = "series") -> Steps:
    """Return the steps of all series, with or without an axis of features."""
    check_no_mapping(series, argument)
    several = are_several(series)
    joint = joint_table(series, argument) if several else _as_joint(series, argument)
    mixed = None if joint is None else mixed_steps(*joint, argument)
    if mixed is not None:
        return mixed
    steps = read_steps(series, argument) if several else read_single(series, argument)
    if steps.values.dtype.kind not in NUMBERS:
        raise ValueError(
            f"{argument} has values of dtype {steps.values.dtype}; expected numbers. Drop or "
            "encode the other columns, or pass a DataFrame, whose columns may be categories."
        )
    return steps


def _as_joint(series: object, argument: str) -> tuple[Table, NDArray[np.int64]] | None:
    check_rows_are_steps(series, argument)
    tables = tables_in([series], argument)
    return (tables[0], offsets_of([len(tables[0])])) if tables else None


def check_lengths(steps: Steps, window: int, horizon: int) -> None:
    short = np.flatnonzero(steps.lengths < window + horizon)
    if len(short):
        which = "The series" if len(steps.lengths) == 1 else f"Series {short[0]}"
        sizes = f"window={window}" + (f" and horizon={horizon}" if horizon else "")
        raise ValueError(
            f"{which} has {steps.lengths[short[0]]} steps; {sizes} need at least "
            f"{window + horizon}. Reduce them, or leave out the series."
        )


def first_steps(offsets: NDArray[np.int64], span: int, step: int) -> Starts:
    """Return the first step of each window; for a single series a slice, which gives a view."""
    if len(offsets) == 2:
        return slice(0, int(offsets[1]) - span + 1, step)
    ends = offsets[1:] - span + 1
    return np.concatenate([np.arange(a, b, step) for a, b in zip(offsets[:-1], ends, strict=True)])


def cut(values: Values, starts: Starts, window: int) -> Values:
    """Return windows of shape (n_windows, window) or (n_windows, window, n_features)."""
    return np.moveaxis(sliding_window_view(values, window, axis=0)[starts], -1, 1)


def cut_steps(steps: Steps, starts: Starts, window: int) -> Any:
    """Return windows of steps: `Sequences` where the steps have names, else an array."""
    if steps.table is None:
        return with_names(cut(steps.values, starts, window), steps.names)
    firsts = np.r_[starts] if isinstance(starts, slice) else starts
    rows = firsts[:, None] + np.arange(window)
    return Sequences(take_rows(steps.table, rows.ravel()), np.arange(len(rows) + 1) * window)


def with_names(X: Values, names: Sequence[Hashable] | None) -> Any:
    """Return windows with names as `Sequences`, and others as they are."""
    if names is None:
        return X
    n_windows, window, n_features = X.shape
    return Sequences(
        X.reshape(n_windows * window, n_features),
        np.arange(n_windows + 1) * window,
        feature_names=names,
    )


# --- missing values -------------------------------------------------------------------------------


def usable_windows(
    starts: Starts,
    parts: list[tuple[Steps, int, int]],
    missing: str,
    *,
    subject: str = "The series",
    remedies: str = _MAY_DROP,
) -> Starts:
    """Return the windows to use, or raise an error about missing or infinite values.

    Each part of a window consists of its columns, its first step and its number of steps. The
    first part has all columns.
    """
    if _all_finite(parts[0][0].values):
        return starts
    firsts = np.r_[starts] if isinstance(starts, slice) else starts
    infinite = _find_affected(firsts, parts, np.isinf)
    if infinite.any():
        part, row, column = _first_cell(firsts[infinite][0], parts, np.isinf)
        raise ValueError(
            f"{subject} hold infinity: {_place(part, row, column)}. Replace it by a finite "
            "number, or by NaN if the value is missing."
        )
    affected = _find_affected(firsts, parts, np.isnan)
    if missing == "keep" or not affected.any():
        return starts
    if missing == "error":
        part, row, column = _first_cell(firsts[affected][0], parts, np.isnan)
        raise ValueError(
            f"{subject} hold missing values (NaN): {_place(part, row, column)}. "
            f"{_advice(part, row, has_categories=bool(parts[0][0].categories))}; {remedies}."
        )
    if affected.all():
        raise ValueError(
            f"All {len(firsts)} windows hold missing values (NaN), so that missing='drop' leaves "
            "none. Fill the gaps, or reduce window."
        )
    return firsts[~affected]


def _all_finite(values: Values) -> bool:
    if values.dtype.kind not in "fc":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())


def _find_affected(
    firsts: NDArray[np.int64], parts: list[tuple[Steps, int, int]], find: np.ufunc
) -> NDArray[np.bool_]:
    """Return the windows in which a value is found."""
    affected = np.zeros(len(firsts), dtype=bool)
    for part, start, length in parts:
        rows = find(part.values).reshape(len(part.values), -1).any(axis=1)
        before = offsets_of(rows)
        begin = firsts + start
        affected |= before[begin + length] > before[begin]
    return affected


def _first_cell(
    first: int, parts: list[tuple[Steps, int, int]], find: np.ufunc
) -> tuple[Steps, int, int]:
    """Return part, step and column of the first value that is found in a window."""
    for part, start, length in parts:
        begin = int(first) + start
        cells: NDArray[np.bool_] = find(part.values[begin : begin + length]).reshape(length, -1)
        if cells.any():
            row, column = np.argwhere(cells)[0]
            return part, begin + int(row), int(column)
    raise AssertionError("the window holds no such value")


def _place(part: Steps, row: int, column: int) -> str:
    if part.values.ndim == 1:
        return part.place(row)
    return f"{part.place(row)}, column {part.columns[column]!r}"


def _advice(part: Steps, row: int, *, has_categories: bool) -> str:
    """Return what to do about missing values, which depends on where they are in the series."""
    i, _ = find_step(row, part.offsets)
    series = part.values[part.offsets[i] : part.offsets[i + 1]]
    cells = np.isnan(series).reshape(len(series), -1)
    rows, whole = np.any(cells, axis=1), np.all(cells, axis=1)
    leading, trailing = (int(np.argmin(np.r_[r, False])) for r in (rows, np.flip(rows)))
    is_padded = len(part.lengths) > 1 and len(set(part.lengths.tolist())) == 1
    if is_padded and np.sum(rows) == trailing and np.all(whole[-trailing:]):
        return f"Its last {trailing} steps look like padding: remove it with from_nan_padded"
    if np.sum(rows) > leading + trailing:
        if has_categories:
            return (
                "Fill the gaps: numbers by interpolation, categories with fillna('missing'), those "
                "of a categorical column with .cat.add_categories('missing').fillna('missing')"
            )
        return (
            "Fill the gaps, for example by interpolation with FillGaps(), or with "
            "StepTransformer(SimpleImputer())"
        )
    ends = [f"first {leading}"] * (leading > 0) + [f"last {trailing}"] * (trailing > 0)
    return f"Only its {' and '.join(ends)} steps have missing values: leave them out"
