"""Ids of sequences, compared with those of their targets, weights and groups.

Sequences carry the ids of the long table that they come from, Series and DataFrames carry an index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from sksequence._batching import Sequences
from sksequence._tables import check_same_steps, comparable, read_key


def check_ids(X: object, **arguments: object) -> None:
    """Raise a ValueError if an argument has the ids of X in another order, or other ids.

    The index of targets per step is compared with that of the sequence. An index of integers
    without a name numbers rows, unless it consists of the ids of X.
    """
    if isinstance(X, list | tuple):
        _check_steps(X, arguments.get("y"))
    if not isinstance(X, Sequences) or X.ids is None:
        return
    ids = [_unwrapped(element) for element in comparable(X.ids)]
    for name, argument in arguments.items():
        own = _ids_of(argument)
        if own is None or len(own) != len(ids) or own == ids:  # lengths have errors of their own
            continue
        if Counter(own) == Counter(ids):
            raise ValueError(_other_order(name, argument, ids, own))
        if not _numbers_rows(argument):
            raise ValueError(_other_ids(name, argument, ids, own))


def _check_steps(X: Sequence[object], y: object) -> None:
    """Raise a ValueError if targets of steps have the index of their sequence in another order."""
    if isinstance(y, list | tuple) and len(y) == len(X):  # lengths have errors of their own
        for i, (sequence, targets) in enumerate(zip(X, y, strict=True)):
            check_same_steps(sequence, targets, f"y[{i}]")


def _ids_of(argument: Any) -> list[Hashable] | None:
    """Return the ids that targets, weights or groups carry, None if they carry none."""
    if isinstance(argument, Sequences):
        return None if argument.ids is None else [_unwrapped(i) for i in comparable(argument.ids)]
    index: Any = getattr(argument, "index", None)
    if not hasattr(index, "nlevels"):
        return None
    levels = index.set_names(range(index.nlevels)).to_frame(index=False)
    columns = [comparable(read_key(levels, level)[0]) for level in range(index.nlevels)]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _unwrapped(element: Any) -> Hashable:
    """Return the id of a single column that was named in a list, which is in a tuple."""
    is_single = isinstance(element, tuple) and len(element) == 1
    return element[0] if is_single else element  # type: ignore[no-any-return]


def _numbers_rows(argument: Any) -> bool:
    index: Any = getattr(argument, "index", None)
    is_integer = getattr(index, "inferred_type", None) == "integer"
    return is_integer and index.name is None


def _other_order(name: str, argument: object, ids: list[Hashable], own: list[Hashable]) -> str:
    i = next(i for i, (one, other) in enumerate(zip(ids, own, strict=True)) if one != other)
    by_id, by_position = _remedies(name, argument)
    return (
        f"{name} has the ids of X in another order: sequence {i} of X has the id {ids[i]!r}, but "
        f"entry {i} of {name} has {own[i]!r}. To pair them by ids, pass {by_id}; if the entries "
        f"are in the order of X already, pass {by_position}."
    )


def _other_ids(name: str, argument: object, ids: list[Hashable], own: list[Hashable]) -> str:
    absent = next(iter(Counter(ids) - Counter(own)))
    instead = next(iter(Counter(own) - Counter(ids)))
    by_id, by_position = _remedies(name, argument)
    return (
        f"{name} has other ids than X: it lacks an entry for {absent!r}, and has one for "
        f"{instead!r} instead. Pass the same sequences in both, and in the same order, such as "
        f"{by_id} before they are split; if the entries are in the order of X already, pass "
        f"{by_position}."
    )


def _remedies(name: str, argument: object) -> tuple[str, str]:
    """Return how to pair by ids, and how to pair by position."""
    if isinstance(argument, Sequences):
        return f"from_long(..., ids=X.ids)[0] as {name}", f"{name}.with_ids(None)"
    return f"{name}.loc[X.ids]", f"{name}.to_numpy()"
