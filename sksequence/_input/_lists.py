"""Lists of lists in X, whose steps are numbers, symbols or lists of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, object_array, offsets_of
from sksequence._elements import (
    check_no_dates,
    check_steps_present,
    is_hashable,
    is_marker,
    type_names,
)
from sksequence._input._foreign_containers import TOO_DEEP, check_step_widths
from sksequence._input._raw_input import Layout, RawInput, Reading, from_flat, of_symbols


def from_lists(items: Sequence[Sequence[Any]], reading: Reading) -> RawInput:
    """Decide between numbers, symbols and vectors by the types of all steps."""
    flat = list(chain.from_iterable(items))
    lengths = [len(item) for item in items]
    types = set(map(type, flat))
    kinds = {_step_kind(kind) for kind in types}
    check_no_dates(types)
    is_mixed = ("vector" in kinds and len(kinds) > 1) or kinds >= {"symbol", "number"}
    if is_mixed or "missing" in kinds:
        check_steps_present(items)
    if kinds == {"vector"}:
        sequences = Sequences(_stack_steps(flat, lengths), offsets_of(lengths))
        return from_flat("sequences", sequences, reading)
    if is_mixed:
        raise ValueError(
            f"X mixes kinds of steps: {type_names(flat)}; "
            "the steps of all sequences must be numbers, or symbols (str, int), or vectors of "
            "equal width."
        )
    layout: Layout = "lists" if len(set(lengths)) == 1 else "sequences"
    if "symbol" in kinds:
        _check_symbols(items, types)
        return of_symbols(object_array(flat), lengths, is_text=False)
    if kinds == {"integer"} and reading.integers_are_symbols:
        return of_symbols(object_array(flat), lengths, layout=layout, is_text=False)
    values = np.asarray(flat)[:, None] if flat else np.empty((0, 1))
    numbers = replace(reading, integers_are_symbols=False)
    return from_flat(layout, Sequences(values, offsets_of(lengths)), numbers)


def _check_symbols(items: Sequence[Sequence[object]], types: set[type]) -> None:
    """Raise an error that names the first step that cannot be a symbol, such as a dict."""
    unclear = {kind for kind in types if not issubclass(kind, str | int)}
    places = ((i, t, x) for i, item in enumerate(items) for t, x in enumerate(item))
    for i, t, step in places if unclear else ():
        is_array = hasattr(step, "__array__") and not isinstance(step, np.generic)
        if type(step) in unclear and (is_array or not is_hashable(step)):
            remedy = " Make each sequence a table: pandas.DataFrame(x)."
            raise TypeError(
                f"Step {t} of sequence {i} of X is a {type(step).__name__}; a step is a number, a "
                f"symbol (str, int), or a list of numbers.{remedy * isinstance(step, dict)}"
            )


def _step_kind(kind: type) -> str:
    if issubclass(kind, list | tuple | np.ndarray):
        return "vector"
    if is_marker(kind):
        return "missing"
    if issubclass(kind, int | np.integer) and not issubclass(kind, bool):
        return "integer"
    if issubclass(kind, Number | np.number | np.bool_):
        return "number"
    return "symbol"


def _stack_steps(flat: Sequence[Sequence[object]], lengths: list[int]) -> NDArray[Any]:
    """Return steps that are lists of features as rows."""
    if any(getattr(step, "ndim", 1) != 1 for step in flat):
        raise ValueError(TOO_DEEP)
    check_step_widths(np.array([len(step) for step in flat]), lengths)
    are_texts = {isinstance(element, str) for step in flat for element in step}
    try:  # numpy would turn numbers alongside strings into strings
        values = np.asarray(flat, dtype=object if len(are_texts) > 1 else None)
    except (TypeError, ValueError):
        raise ValueError(TOO_DEEP) from None
    if values.dtype.kind in "iu" and any(
        isinstance(element, bool | np.bool_) for step in flat for element in step
    ):
        values = values.astype(np.float64)  # truth values are no symbols
    if values.ndim != 2:
        raise ValueError(TOO_DEEP)
    return values
