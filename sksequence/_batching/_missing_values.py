"""Elements of X and y that stand for a missing value, and those that are dates or durations.

Those of pandas are known by name, so that it is not imported.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from numbers import Number

import numpy as np
from numpy.typing import NDArray

_MARKERS = {"NoneType", "NAType", "NaTType"}  # types whose only value stands for a missing one
_NEVER_MISSING = {str, int, bool}
_DATES = date | time | timedelta | np.datetime64 | np.timedelta64


def is_marker(kind: type) -> bool:
    """Check whether all values of a type are missing ones: None, pandas.NA or pandas.NaT."""
    return kind.__name__ in _MARKERS


def is_missing(element: object) -> bool:
    """Check whether an element stands for a missing value.

    None, pandas.NA and NaT do, and every number that is not equal to itself.
    """
    is_nan = isinstance(element, Number | np.generic) and bool(element != element)
    return is_nan or is_marker(type(element))


def missing_values(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return a mask of the missing elements of an array."""
    kind = values.dtype.kind
    if kind in "fc":
        return np.asarray(np.isnan(values))
    if kind in "mM":
        return np.asarray(np.isnat(values))
    if kind not in "OT":
        return np.zeros(values.shape, dtype=bool)
    elements = values.ravel().tolist()
    kinds = set(map(type, elements))
    markers = {kind for kind in kinds if is_marker(kind)}
    unclear = kinds - markers - _NEVER_MISSING
    if not unclear:  # the type alone decides, which is much faster
        mask = [type(element) in markers for element in elements]
    else:
        mask = [is_missing(element) for element in elements]
    return np.array(mask, dtype=bool).reshape(values.shape)


def is_date(kind: type) -> bool:
    """Check whether the values of a type are dates, times or durations."""
    return issubclass(kind, _DATES) or kind.__name__ == "Period"
