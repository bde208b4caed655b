"""Containers of y as lists and arrays, and checks of its labels and numbers.

Errors name the place of the first entry that is none, as an index into y. Containers and values of
pandas, polars, Arrow and torch are recognised without importing them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from itertools import chain
from numbers import Real
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from sksequence._batching import Sequences, object_array
from sksequence._elements import is_date, is_marker, is_missing, missing_values

Floats = NDArray[np.float64]
Index = tuple[int, ...]
Place = Callable[[Index], str]

_NUMBERS = Real | Decimal | np.bool_
_MOST = float(np.finfo(np.float32).max)

# what is wrong with a kind of value, and what to do
_NO_NUMBER = {
    "text": "text, but a regressor learns numbers. Convert y, for example with y.astype(float), or "
    "use a classifier.",
    "date": "a date or a duration, not a number. Convert y to numbers, such as seconds or days "
    "since a fixed date.",
    "other": "not a number. Pass one number per target.",
}
_NO_LABEL = {
    "date": "a date or a duration, not a label. Convert y to text, for example with y.astype(str).",
    "bytes": "bytes, not a label. Decode them: label.decode() gives text.",
    "other": "not a label. Labels are text, whole numbers or booleans: convert y, for example with "
    "[str(label) for label in y].",
}

# --- containers -----------------------------------------------------------------------------------


def plain_container(y: Any) -> Any:
    """Convert y to a list, a tuple, an array or `Sequences`; masked entries become missing ones.

    A column whose cells are lists becomes a 1-D object array of them.
    """
    if isinstance(y, list | tuple | Sequences):
        return y
    has_rows = hasattr(y, "__len__") or hasattr(y, "__array__")
    is_array_like = has_rows and not isinstance(y, str | bytes | Mapping | AbstractSet | Iterator)
    read = _READERS.get(type(y).__module__.partition(".")[0], np.asarray)
    array = read(y) if is_array_like else np.empty(())
    if array.ndim == 0:
        raise TypeError(
            f"y is of type {type(y).__name__} ({y!r:.60}). Pass a list or an array with one target "
            "per sequence, or with the targets of the steps of each sequence."
        )
    is_column = array.dtype == object and array.ndim == 2 and array.shape[1] == 1
    if is_column and array.size and isinstance(array[0, 0], list | np.ndarray):
        return array[:, 0]
    return array


def _of_numpy(y: NDArray[Any]) -> NDArray[Any]:
    if y.dtype.names is not None:
        raise TypeError(
            f"y is an array of records with the fields {list(y.dtype.names)}. Pass one of them, or "
            "an array with one column per field."
        )
    if not isinstance(y, np.ma.MaskedArray):
        return y
    mask = np.ma.getmaskarray(y)
    if not mask.any():
        return np.asarray(y.data)
    filled = np.array(y.data, dtype=None if y.dtype.kind == "f" else object)
    filled[mask] = None if filled.dtype == object else np.nan
    return filled


def _of_tensor(y: Any) -> NDArray[Any]:
    if y.is_nested:
        return object_array([_of_tensor(part) for part in y.unbind()])
    y = y.detach().cpu()
    y = y.to_dense() if y.is_sparse else y
    # numpy has no type for bfloat16
    return np.asarray(y.float() if str(y.dtype) == "torch.bfloat16" else y)


def _of_pandas(y: Any) -> NDArray[Any]:
    if y.ndim > 1:
        return np.asarray(y)
    kind = getattr(y.dtype, "kind", "")
    # numpy would turn the lists of an Arrow column into arrays, and nullable integers into floats
    is_nullable = kind in "iub" and y.isna().any()
    if is_nullable or (kind == "O" and any(isinstance(item, list) for item in y)):
        return object_array(y.tolist())
    return np.asarray(y)


def _of_polars(y: Any) -> NDArray[Any]:
    dtype = getattr(y, "dtype", None)  # a table has several
    is_nullable = dtype is not None and dtype.is_integer() and y.null_count() > 0
    is_nullable |= str(dtype).endswith("128")  # numpy has no such integers
    is_nested = str(dtype).startswith(("List", "Array"))
    return object_array(y.to_list()) if is_nullable or is_nested else y.to_numpy()


def _of_arrow(y: Any) -> NDArray[Any]:
    if hasattr(y, "column_names"):
        return np.asarray(y.to_pandas())
    # lists, which numpy would turn into arrays, and nullable integers, into floats
    if "list" in str(y.type) or ("int" in str(y.type) and y.null_count):
        return object_array(y.to_pylist())
    return np.asarray(y.to_numpy(zero_copy_only=False))


def _of_awkward(y: Any) -> NDArray[Any]:
    items = y.to_list()
    is_nested = any(isinstance(item, list | tuple) for item in items)
    return object_array(items) if is_nested else np.asarray(items)


def _of_scipy(y: Any) -> NDArray[Any]:
    return np.asarray(y.toarray())


_READERS: dict[str, Callable[[Any], NDArray[Any]]] = {
    "numpy": _of_numpy,
    "torch": _of_tensor,
    "pandas": _of_pandas,
    "polars": _of_polars,
    "pyarrow": _of_arrow,
    "awkward": _of_awkward,
    "scipy": _of_scipy,
}


def as_array(y: ArrayLike) -> NDArray[Any]:
    """Return y as an array; lists that mix text with other things become an object array."""
    if isinstance(y, np.ndarray):
        is_column = y.dtype == object and y.ndim == 1 and len(y) > 0
        if not is_column or not isinstance(y[0], list | tuple | np.ndarray):
            return y
        y = list(y)  # the rows of a table
    try:
        array = np.asarray(y)
        if array.dtype.kind not in "US" or _is_only_text(cast("Sequence[object]", y)):
            return array
        return np.array(y, dtype=object)
    except ValueError as error:
        raise ValueError(
            "y is nested unevenly: its entries differ in length or depth. Pass one target, or one "
            "row of equally many targets, per sequence."
        ) from error


def _is_only_text(y: Sequence[object]) -> bool:
    is_nested = len(y) > 0 and isinstance(y[0], list | tuple)
    entries = chain.from_iterable(cast("Sequence[Sequence[object]]", y)) if is_nested else y
    return all(isinstance(entry, str | np.ndarray) for entry in entries)


def place_in_rows(index: Index) -> str:
    """Return an entry of y in words, as its index."""
    return f"y[{', '.join(map(str, index))}]"


# --- numbers --------------------------------------------------------------------------------------


def as_numbers(y: ArrayLike, place: Place = place_in_rows) -> Floats:
    """Return y as float64 of the same shape, with NaN for missing numbers.

    Everything but finite real numbers is an error, and so is a missing one if it is the only number
    of its row.
    """
    values = as_array(y)
    if values.ndim > 2:
        raise ValueError(
            f"y has shape {values.shape}; numbers of a sequence are (n,) or (n, k). For one target "
            "per step, set target='steps'."
        )
    if values.ndim == 2 and not values.shape[1]:
        raise ValueError(f"y has shape {values.shape}, no column. Pass at least one target.")
    if values.dtype.kind not in "fiub":
        values = _numbers_of_objects(values, place)
    with np.errstate(over="ignore"):  # infinity is reported below
        numbers = values.astype(np.float64, copy=False)
    missing = np.isnan(numbers)
    if missing.any():
        if numbers.ndim == 1 or numbers.shape[1] == 1:
            raise _missing_error(np.nan, place(_first(missing)))
        numbers = np.where(missing, np.nan, numbers)  # NaN has many bit patterns
    _check_size(numbers, place)
    return np.asarray(numbers)


def _numbers_of_objects(values: NDArray[Any], place: Place) -> NDArray[Any]:
    elements = _elements(values)
    for kind, i in _kinds_of(elements).items():
        at = f"{place(_unravel(i, values))} is {elements[i]!r:.60}"
        if kind == "complex":
            raise ValueError(
                f"Complex data not supported: {at}. Pass the real and the imaginary part as two "
                "columns."
            )
        if kind not in ("number", "missing"):
            raise ValueError(f"{at}, which is {_NO_NUMBER.get(kind, _NO_NUMBER['other'])}")
    numbers = [np.nan if is_missing(element) else _as_float(element) for element in elements]
    return np.array(numbers, dtype=np.float64).reshape(values.shape)


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf")


def _check_size(numbers: Floats, place: Place) -> None:
    size = np.abs(numbers)
    infinite = np.isinf(numbers)
    if infinite.any():
        at = _first(infinite)
        raise ValueError(
            f"Input y contains infinity or a value too large for dtype('float64'): {place(at)} is "
            f"{numbers[at]}. Pass finite numbers, or NaN for missing ones among several targets."
        )
    large = size > _MOST
    if large.any():
        at = _first(large)
        raise ValueError(
            f"Input y contains a value too large for dtype('float32'): {place(at)} is "
            f"{numbers[at]}. Rescale y, or predict its logarithm."
        )


class NoTargetError(ValueError):
    """Error for a y in which every target is missing."""


def has_targets(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Check for each parsed row whether it has at least one target."""
    if rows.dtype.kind != "f":
        return np.ones(len(rows), dtype=bool)
    labelled = ~np.isnan(rows).all(axis=1)
    if len(rows) and not labelled.any():
        raise NoTargetError("y has no target: every entry is missing. Pass some numbers.")
    return np.asarray(labelled)


# --- labels ---------------------------------------------------------------------------------------


def as_labels(y: ArrayLike, place: Place = place_in_rows) -> NDArray[Any]:
    """Return y as a 1-D array of labels: of text, numbers or booleans, but of one kind."""
    values = as_array(y)
    if values.dtype.kind in "cT":  # scikit-learn cannot read these
        values = values.astype(object)
    labels: NDArray[Any] = column_or_1d(values, warn=True)
    kind = labels.dtype.kind
    if kind in "iubU":  # nothing can be missing among these
        return labels
    if kind == "f":
        _check_present(labels, place)
        if np.isinf(labels).any():
            at = place(_first(np.isinf(labels)))
            raise ValueError(
                f"Input y contains infinity, which is not a label: {at} is infinite. Pass text or "
                "integers as classes."
            )
        return labels
    return _labels_of_objects(labels, place)


def _labels_of_objects(labels: NDArray[Any], place: Place) -> NDArray[Any]:
    """Return an array of text as it is, and objects that all are numbers as numbers."""
    elements = _elements(labels)
    kinds = _kinds_of(elements)
    for kind, i in kinds.items():
        at = f"{place(_unravel(i, labels))} is {elements[i]!r:.60}"
        if kind == "complex":
            raise ValueError(f"Complex data not supported: {at}, which is {_NO_LABEL['other']}")
        if kind in _NO_LABEL:
            raise ValueError(f"{at}, which is {_NO_LABEL[kind]}")
    _check_present(labels, place)
    if len(kinds) > 1:
        text, number = (place(_unravel(kinds[kind], labels)) for kind in ("text", "number"))
        raise ValueError(
            f"y mixes text and numbers: {text} is {elements[kinds['text']]!r}, {number} is "
            f"{elements[kinds['number']]!r}. Pass labels of one kind, for example with "
            "[str(label) for label in y]."
        )
    if "number" not in kinds:
        return labels
    numbers = np.array(elements)
    if numbers.dtype == object:  # numpy has no type for decimals and fractions
        numbers = np.array([_as_float(element) for element in elements])
    return as_labels(numbers, place)


def _check_present(labels: NDArray[Any], place: Place) -> None:
    missing = missing_values(labels)
    if missing.any():
        at = _first(missing)
        raise ValueError(
            f"Input y contains NaN: {place(at)} is missing ({labels[at]}), which is not a "
            "label. Drop the sequence, with its y. Unlabelled steps are skipped with "
            "target='steps'."
        )


def as_classes(y: ArrayLike) -> NDArray[Any]:
    """Return y as labels or as a 2-D array that may be a binary indicator."""
    shape = np.shape(as_array(y))
    return as_labels(y) if len(shape) == 1 or shape[1:] == (1,) else as_indicator(y)


def as_indicator(y: ArrayLike, place: Place = place_in_rows) -> NDArray[Any]:
    """Return a 2-D y as an array of numbers if all its entries are; missing ones are an error."""
    values = as_array(y)
    missing = missing_values(values)
    if missing.any():
        at = _first(missing)
        raise ValueError(
            f"Input y contains NaN: {place(at)} is missing ({values[at]}), but a binary indicator "
            "needs 0 or 1 everywhere. Drop the sequence, with its y, or fit one classifier per "
            "label."
        )
    if values.dtype != object:
        return values
    elements = _elements(values)
    kinds = _kinds_of(elements)
    for kind in kinds.keys() & _NO_LABEL:
        i = kinds[kind]
        entry = f"{place(_unravel(i, values))} is {elements[i]!r:.60}"
        raise ValueError(f"{entry}, which is {_NO_LABEL[kind]}")
    if {"text", "number"} <= kinds.keys():
        raise ValueError(
            f"y mixes text and numbers: {place(_unravel(kinds['text'], values))} is "
            f"{elements[kinds['text']]!r:.60}. Pass 0 and 1 as a binary indicator."
        )
    return np.array(values.tolist()) if list(kinds) == ["number"] else values


# --- elements -------------------------------------------------------------------------------------


def _elements(values: NDArray[Any]) -> list[Any]:
    """Return the elements as objects that can be told apart by their type."""
    if values.dtype.kind in "mM":  # those in nanoseconds would become integers
        return list(values.ravel())
    elements: list[Any] = values.ravel().tolist()
    return elements


def _kinds_of(elements: Sequence[object]) -> dict[str, int]:
    """Return the kinds of the elements, each with the position of its first one."""
    first: dict[str, int] = {}
    for kind in dict.fromkeys(map(type, elements)):
        name = _kind_of(kind)
        if name not in first:
            first[name] = next(i for i, element in enumerate(elements) if type(element) is kind)
    return first


def _kind_of(kind: type) -> str:
    if is_marker(kind):
        return "missing"
    if issubclass(kind, str):
        return "text"
    if is_date(kind):
        return "date"
    if issubclass(kind, _NUMBERS):
        return "number"
    if issubclass(kind, complex | np.complexfloating):
        return "complex"
    return "bytes" if issubclass(kind, bytes) else "other"


def _first(mask: NDArray[np.bool_]) -> Index:
    """Return the index of the first True."""
    return _unravel(int(mask.argmax()), mask)


def _unravel(i: int, values: NDArray[Any]) -> Index:
    return tuple(int(k) for k in np.unravel_index(i, values.shape))


def _missing_error(element: object, place: str) -> ValueError:
    return ValueError(
        f"Input y contains NaN: {place} is missing ({element}). Drop the sequence, with its y. "
        "Missing numbers are skipped only among several targets of a sequence."
    )
