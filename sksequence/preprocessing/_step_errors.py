"""Errors of transformers, which know nothing of sequences, with the place of what caused them."""

from __future__ import annotations

import re
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from sksequence._batching import find_step
from sksequence._elements import is_missing, missing_values
from sksequence._tables import Table
from sksequence.preprocessing._layout import Layout, Values

# parts of messages of transformers about y
ABOUT_TARGETS = re.compile(r"\by\b|[Tt]arget|[Ll]abel|NoneType|NAType")


def apply(
    transformer: Any,
    method: str,
    steps: Values | Table,
    layout: Layout,
    *args: object,
    **params: object,
) -> Any:
    """Call a method of a transformer; its errors about values of the steps name their place."""
    try:
        return getattr(transformer, method)(steps, *args, **params)
    except (TypeError, ValueError) as error:
        advice = _advice(str(error), steps, layout)
        if not advice or type(error) not in (TypeError, ValueError):
            raise
        raise type(error)(f"{str(error).rstrip('.')}.\n{advice}") from error


def _advice(message: str, steps: Values | Table, layout: Layout) -> str:
    """Return what to add to the message of a transformer, which knows nothing of sequences."""
    if "only supported for dataframes" in message:
        columns_are_steps = layout.container == "array" and layout.scalar_steps
        reading = "X is one table, whose columns are steps" if columns_are_steps else "No names"
        return f"{reading}. Pass a list of DataFrames, one per sequence, for columns with names."
    unusual = next((unusual for word, unusual in _UNUSUAL.items() if word in message), None)
    place = layout.first_place(steps, unusual) if unusual else ""
    if place and "could not convert string" in message:
        place += " For columns of numbers and of categories, use a ColumnTransformer."
    return place


def missing_target(targets: Values, layout: Layout) -> ValueError | None:
    """Return the error about the first missing target, None if there is none."""
    missing = missing_values(targets).reshape(len(targets), -1).any(axis=1)
    if not missing.any():
        return None
    row = int(np.argmax(missing))
    sequence, step = find_step(row, layout.offsets)
    return ValueError(
        f"The target of sequence {sequence}, step {step} is missing ({targets[row]}). Leave out "
        "these sequences, with their y, or fill in the target."
    )


_OF_OBJECTS = ("argument must be a", "array element with", "truth value", "unhashable", "isnan")
# elements to look for after an error of a transformer, by a word of its message
_UNUSUAL: dict[str, Callable[[object], bool]] = {
    "NaN": is_missing,
    "infinity": lambda element: isinstance(element, Real) and abs(element) == np.inf,
    "could not convert string": lambda element: isinstance(element, str | bytes),
    **dict.fromkeys(_OF_OBJECTS, lambda element: not isinstance(element, Real | str)),
}
