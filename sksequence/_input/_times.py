"""Times of the steps, one of the features: found in `fit`, checked, and replaced by their gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import find_step, gaps_of
from sksequence._input._raw_input import RawInput
from sksequence._settings import column_indices


def time_position(raw: RawInput, time_column: int | str) -> int:
    """Return the position of the times among the numbers of a step."""
    if raw.layout in ("table", "lists") or raw.holds_symbols:
        what = "symbols" if raw.holds_symbols else "sequences of one feature"
        raise ValueError(
            f"time_column={time_column!r} is a feature of the steps that holds their times, but X "
            f"holds {what}. Pass a list of sequences of shape (n_steps, n_features), one feature "
            "of which are the times, or set time_column=None."
        )
    names = raw.names or ()
    (index,) = column_indices("time_column", time_column, raw.n_features, names)
    flags = raw.is_categorical or (False,) * raw.n_features
    if flags[index]:
        raise ValueError(
            f"time_column={time_column!r} is a feature of categories, but times are numbers, such "
            "as seconds since a date. Convert it, or choose another column."
        )
    return index - sum(flags[:index])


def with_gaps(raw: RawInput, position: int) -> NDArray[np.float64]:
    """Return the numbers of all steps, with the gaps between the times before the features.

    Raises
    ------
    ValueError
        If a time is missing, or before that of the previous step. The message names the place.
    """
    times, offsets = raw.values[:, position].astype(np.float64), raw.sequences.offsets
    name = raw.number_names[position]
    _check_present(times, offsets, f"time_column {name!r}")
    gaps = gaps_of(times, offsets)
    if (gaps < 0).any():
        row = int(np.argmax(gaps < 0))
        i, step = find_step(row, offsets)
        raise ValueError(
            f"Times must not decrease within a sequence, but time_column {name!r} falls from "
            f"{times[row - 1]:g} to {times[row]:g} at sequence {i}, step {step}. It holds times, "
            "not gaps: sort the steps by time, or pass the cumulated sum of gaps."
        )
    features = np.delete(raw.values, position, axis=1)
    return np.column_stack([gaps, features])


def _check_present(times: NDArray[np.float64], offsets: NDArray[np.int64], column: str) -> None:
    if np.isfinite(times).all():
        return
    row = int(np.argmin(np.isfinite(times)))
    i, step = find_step(row, offsets)
    what = "NaN" if np.isnan(times[row]) else "infinity"
    raise ValueError(
        f"Input X contains {what}: sequence {i}, step {step}, {column}. A step needs a time: drop "
        "it, or fill in its time."
    )
