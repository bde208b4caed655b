"""Single elements of X that are neither numbers nor symbols, known without importing pandas."""

from __future__ import annotations

from numbers import Number

import numpy as np
from numpy.typing import NDArray

_MARKERS = {"NoneType", "NAType", "NaTType"}  # types whose only value stands for a missing one


def is_marker(kind: type) -> bool:
    """Check whether all values of a type are missing ones: None, pandas.NA or pandas.NaT."""
    return kind.__name__ in _MARKERS


def is_missing(element: object) -> bool:
    """Check whether an element of a list stands for a missing value."""
    is_nan = isinstance(element, Number | np.generic) and bool(element != element)
    return is_nan or is_marker(type(element))


def missing_error(element: object, place: str) -> ValueError:
    """Return the error about a missing value, which names its place."""
    return ValueError(
        f"Input X contains NaN: {place} is missing ({element}). Drop the sequence, with its y, or "
        "fill the gap."
    )


def find_missing_symbol(values: NDArray[np.generic]) -> tuple[int, object] | None:
    """Return position and value of the first missing element in a flat array that holds texts."""
    if values.dtype.kind not in "OT":
        return None
    elements = values.ravel().tolist()
    kinds = set(map(type, elements))
    if kinds == {str} or not any(issubclass(kind, str) for kind in kinds):
        return None
    return next(((i, e) for i, e in enumerate(elements) if is_missing(e)), None)
