"""Elements of data: missing values, dates and durations, numbers among objects.

Those of pandas are known by name, so that it is not imported.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Number, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

DROP_SEQUENCE = (
    "Drop the sequence, with its y: of a table with both, use table.dropna() before you split it"
)
FILL_CATEGORY = (
    "Drop the sequence, with its y, or make missing values a category with fillna('missing'), of "
    "a categorical column with .cat.add_categories('missing').fillna('missing')"
)
NUMBERS = "biufc"  # numpy's letters for the types of numbers
_TEXT = "UST"
_MARKERS = {"NoneType", "NAType", "NaTType"}  # types whose only value is a missing one
_NEVER_MISSING = {str, int, bool}
_READABLE = (Real, Decimal, np.bool_, str)
# types of pandas, polars and Arrow, by name so that none is imported
_CATEGORICAL_TYPES = {"CategoricalDtype", "Categorical", "Enum", "DictionaryType"}
Kind = Literal["numbers", "symbols", "sequences"]
_DATES = date | time | timedelta | np.datetime64 | np.timedelta64

# --- missing values -------------------------------------------------------------------------------


def is_marker(kind: type) -> bool:
    """Check whether all values of a type are missing ones: None, pandas.NA or pandas.NaT."""
    return kind.__name__ in _MARKERS


def is_missing(element: object) -> bool:
    """Check whether an element is a missing value.

    None, pandas.NA and NaT are, and every number that is not equal to itself.
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


def missing_error(
    element: object,
    place: str,
    remedy: str = "Drop the sequence, with its y, or fill the gap",
) -> ValueError:
    """Return the error about a missing value, which names its place and what to do."""
    return ValueError(f"Input X contains NaN: {place} is missing ({element}). {remedy}.")


def check_items_present(items: Sequence[object]) -> None:
    """Raise an error that names the first missing sequence."""
    for i, item in enumerate(items):
        if is_missing(item):
            raise missing_error(item, f"sequence {i}", DROP_SEQUENCE)


def check_steps_present(items: Sequence[Sequence[object]]) -> None:
    """Raise an error that names the first missing step."""
    for i, item in enumerate(items):
        for t, step in enumerate(item):
            if is_missing(step):
                raise missing_error(step, f"sequence {i}, step {t}")


def find_missing_symbol(values: NDArray[np.generic]) -> tuple[int, object] | None:
    """Return position and value of the first missing element in a flat array that holds texts."""
    if values.dtype.kind not in "OT":
        return None
    elements = values.ravel().tolist()
    kinds = set(map(type, elements))
    if kinds == {str} or not any(issubclass(kind, str) for kind in kinds):
        return None
    return next(((i, e) for i, e in enumerate(elements) if is_missing(e)), None)


def fill_masked(X: Any) -> Any:
    """Return masked entries as NaN or None, for the check that names their place."""
    if not isinstance(X, np.ma.MaskedArray):
        return X
    if not np.ma.is_masked(X):  # integers stay integers, which may be symbols
        return X.data
    if X.dtype.kind not in "fiub":
        symbols = X.data.astype(object)
        symbols[X.mask] = None
        return symbols
    return np.asarray(np.ma.filled(X.astype(np.float64), np.nan))


def without_gaps(X: Any) -> Any:
    """Return missing numbers as NaN, and refuse dates.

    numpy would turn dates into numbers, even missing ones, and it cannot convert markers.
    """
    dtype = getattr(X, "dtype", None)
    if _is_time(dtype):
        raise dates_error(str(dtype))
    X = fill_masked(X)
    if not isinstance(X, np.ndarray) or X.dtype != object:
        return X
    elements = X.ravel().tolist()
    check_no_dates(dict.fromkeys(map(type, elements)))
    gaps = np.array([is_marker(type(element)) for element in elements], dtype=bool)
    return np.where(gaps.reshape(X.shape), np.nan, X) if gaps.any() else X


# --- types of arrays ------------------------------------------------------------------------------


def as_array(x: object, argument: str = "X") -> NDArray[Any]:
    """Return one array, in which a number alongside strings stays a number."""
    if type(x) is np.ndarray:
        return x
    try:
        array = np.asarray(fill_masked(x))
    except (RuntimeError, TypeError, ValueError):  # a tensor may require gradients
        raise ValueError(
            f"{argument} holds lists of different lengths, or of different kinds, where one array "
            "is expected. Pass several sequences as a list of arrays."
        ) from None
    if array.dtype.kind not in _TEXT or hasattr(x, "dtype"):
        return array
    objects = np.array(x, dtype=object)
    is_text = all(isinstance(element, str | bytes) for element in objects.ravel().tolist())
    return array if is_text else objects


def of_one_kind(arrays: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
    """Return arrays as they are, or as objects where numpy would turn numbers into strings."""
    kinds = {array.dtype.kind for array in arrays}
    if len(kinds) == 1:  # the most frequent case
        return arrays
    groups = {next((letters for letters in (NUMBERS, _TEXT) if k in letters), k) for k in kinds}
    return arrays if len(groups) == 1 else [array.astype(object) for array in arrays]


def as_floats(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array of objects that all are numbers or missing as float64, others as they are."""
    elements = values.ravel().tolist()
    kinds = set(map(type, elements))
    if not all(is_marker(kind) or issubclass(kind, Real | Decimal | np.bool_) for kind in kinds):
        return values
    numbers = [np.nan if is_marker(type(element)) else element for element in elements]
    return np.array(numbers, dtype=np.float64).reshape(values.shape)


def as_integers(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return an array of objects that all are integers as integers, and any other array as it is.

    Tables of nullable or Arrow integers become objects in numpy.
    """
    if values.dtype != object:
        return values
    elements = values.ravel().tolist()
    kinds = set(map(type, elements))
    if bool in kinds or not all(issubclass(kind, int | np.integer) for kind in kinds):
        return values
    integers = np.array(elements).reshape(values.shape)
    return integers if integers.dtype.kind in "iu" else values


# --- columns of elements --------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str or other hashable
        Name of the column, or its position.
    kind : {"numbers", "symbols", "sequences"}
        Numbers and bools are numbers; strings and categories are symbols; lists and arrays are
        sequences.
    values : ndarray of shape (n_rows,)
        Real numbers, with NaN for missing ones, or objects, with None for missing ones.
    """

    name: Hashable
    kind: Kind
    values: NDArray[Any]


def read_elements(name: Hashable, elements: NDArray[Any], what: str) -> Column:
    """Return a column of objects, whose kind is that of its elements; missing ones have any.

    `what` names the column in messages.
    """
    kinds = set(map(type, elements.tolist()))
    check_no_dates(kinds, what)
    missing = missing_values(elements)
    present = elements[~missing] if missing.any() else elements
    found = {container_kind(element) for element in present}
    if len(found) > 1 or "other" in found:
        raise ValueError(
            f"{what} holds values of the types {type_names(present)}; expected numbers, or strings "
            "for symbols and categories, or one sequence per row. Convert them to one kind."
        )
    if found == {"numbers"} or not found:
        return Column(name, "numbers", numbers_of(elements, missing))
    if missing.any():
        elements = elements.copy()
        elements[missing] = None
    return Column(name, "symbols" if found == {"symbols"} else "sequences", elements)


def category_elements(sequence: Any) -> NDArray[np.object_] | None:
    """Return the elements of a 1-D array or Series of categories, None for any other type."""
    dtype = getattr(sequence, "dtype", None) or getattr(sequence, "type", None)
    dtype = getattr(dtype, "pyarrow_dtype", dtype)
    if type(dtype).__name__ not in _CATEGORICAL_TYPES:
        return None
    elements = sequence.to_pylist() if hasattr(sequence, "to_pylist") else list(sequence)
    symbols = np.empty(len(elements), dtype=object)
    symbols[:] = [None if is_missing(element) else element for element in elements]
    return symbols


def stack_numbers(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return columns of numbers as one array, in which bools are no integers."""
    kinds = {column.dtype.kind for column in columns}
    stacked = np.column_stack(columns)
    return stacked.astype(np.float64) if "b" in kinds and kinds & {"i", "u"} else stacked


def is_none(elements: NDArray[Any]) -> NDArray[np.bool_]:
    """Return a mask of the elements that are None, as missing symbols are."""
    none: Any = None
    return np.asarray(np.equal(elements, none), dtype=bool)


def container_kind(element: object) -> str:
    """Return the kind of a cell: "numbers", "symbols", "sequences" or "other"."""
    if isinstance(element, str):
        return "symbols"
    if isinstance(element, Real | Decimal | np.bool_):
        return "numbers"
    is_container = hasattr(element, "__len__") and not isinstance(element, dict | bytes | set)
    return "sequences" if is_container else "other"


def numbers_of(elements: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[Any]:
    """Convert objects that are numbers or missing; only integers stay integers."""
    if missing.any():
        return np.where(missing, np.nan, elements).astype(np.float64)
    numbers = np.array(elements.tolist()) if len(elements) else np.empty(0)
    return numbers if numbers.dtype.kind in "fiub" else elements.astype(np.float64)


# --- elements without a meaning -------------------------------------------------------------------


def check_elements(X: object, name: str = "X") -> None:
    """Raise an error that names the first element of an array of objects that is no number.

    Texts and missing values pass: others read and check them.
    """
    if not isinstance(X, np.ndarray) or X.dtype.kind not in "OcSV":
        return
    if X.dtype.kind == "S":
        raise ValueError(
            f"{name} holds bytes, which are neither numbers nor strings. Decode them, for example "
            f"with {name}.astype(str), and convert numbers with {name}.astype(float)."
        )
    if X.dtype.kind == "V":
        raise ValueError(
            f"{name} is an array of records ({X.dtype}). Pass its fields as features, for example "
            "with numpy.lib.recfunctions.structured_to_unstructured."
        )
    if X.dtype.kind == "c":
        raise complex_error(f"{name} is of type {X.dtype}")
    elements = X.ravel().tolist()
    wrong = {kind for kind in set(map(type, elements)) if not issubclass(kind, _READABLE)}
    wrong = {kind for kind in wrong if not is_marker(kind)}
    for i, element in enumerate(elements if wrong else ()):
        if type(element) in wrong:
            place = f"{name}[{', '.join(map(str, np.unravel_index(i, X.shape)))}]"
            if isinstance(element, Number):
                raise complex_error(f"{place} is {element!r:.40}")
            raise TypeError(
                f"{place} is a {type(element).__name__} ({element!r:.40}); the argument must be an "
                "array of strings or of numbers. Convert it to one."
            )


def check_no_fields(X: object) -> None:
    """Refuse structured arrays and records of numpy."""
    if isinstance(X, np.ndarray) and X.dtype.names is not None:
        raise ValueError(
            f"X holds structured arrays with the fields {list(X.dtype.names)}; expected numbers or "
            "symbols. Convert each to a table with pandas.DataFrame."
        )


def complex_error(what: str) -> ValueError:
    """Return the error about complex numbers."""
    return ValueError(
        f"Complex data not supported: {what}. Pass the real and the imaginary part as two features."
    )


def is_hashable(element: object) -> bool:
    """Check whether an element can be a symbol."""
    try:
        hash(element)
    except TypeError:
        return False
    return True


# --- dates and durations --------------------------------------------------------------------------


def is_date(kind: type) -> bool:
    """Check whether the values of a type are dates, times or durations."""
    return issubclass(kind, _DATES) or kind.__name__ == "Period"


def check_no_dates(types: Iterable[type], what: str = "X") -> None:
    """Refuse elements of a type of dates or durations."""
    for kind in types:
        if is_date(kind) and not is_marker(kind):
            raise dates_error(kind.__name__, what)


def dates_error(name: str, what: str = "X") -> ValueError:
    """Return the error about dates or durations of a type."""
    return ValueError(
        f"{what} holds dates or durations ({name}); networks read numbers. Convert them to a "
        "number of seconds."
    )


def type_names(elements: Iterable[object]) -> str:
    """Return the names of the types of elements, for an error message."""
    return ", ".join(sorted({type(element).__name__ for element in elements}))


def _is_time(dtype: Any) -> bool:
    """Check whether a type of numpy, pandas or polars is one of dates or durations."""
    is_temporal = getattr(dtype, "is_temporal", None)  # polars
    return bool(is_temporal()) if is_temporal else getattr(dtype, "kind", "-") in "mM"
