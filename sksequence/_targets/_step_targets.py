"""Per-step targets: their recognition, their containers, and unlabelled steps.

Flat targets are (sum of n_steps,) or (sum of n_steps, k).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from numbers import Number
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length

from sksequence._batching import Sequences, find_step, object_array, offsets_of
from sksequence._elements import is_missing, missing_values
from sksequence._tables import is_table, match_tables
from sksequence._targets._target_values import (
    Index,
    NoTargetError,
    as_indicator,
    as_labels,
    as_numbers,
    plain_container,
)

Flat = NDArray[np.generic]
Lengths = NDArray[np.int64]
Names = tuple[Hashable, ...] | None
_SINGLE = {str, int, float, bool, type(None)}
Container = Literal["ragged", "lists", "tuples", "texts", "array", "sequences"]


@dataclass(frozen=True)
class StepTargets:
    """Per-step targets as one flat array.

    Attributes
    ----------
    flat : ndarray of shape (n_labelled,) or (n_labelled, k)
        Targets of the labelled steps, in the order of the steps.
    labelled : ndarray of bool of shape (sum of n_steps,)
        Whether a step has a target.
    container : {"ragged", "lists", "tuples", "texts", "array", "sequences"}
        Container in which predictions are returned; the first four are 1-D object arrays of arrays,
        lists, tuples or str.
    names : tuple or None
        Names of several targets of a step, if they came in tables.
    """

    flat: NDArray[Any]
    labelled: NDArray[np.bool_]
    container: Container
    names: Names = None


def targets_are_steps(y: object, target: str, lengths: Lengths, *, numeric: bool) -> bool:
    """Check whether y has one target per step, according to `target` or to its container.

    With ``target="auto"``, `Sequences`, 1-D object arrays of containers, and lists of one container
    per sequence, as long as the sequence, are per step; arrays and lists of equal rows of another
    length are per sequence. Lists of lists raise a ValueError if they fit both readings.
    """
    _check_containers(y)
    if target == "sequence":
        _check_single_or_rows(y)
    if target != "auto":
        return target == "steps"
    if isinstance(y, Sequences):
        return True
    items = _items(y)
    if not items:
        return False
    if _is_single(items[0]):
        _check_all_single(items)
        return False
    if isinstance(y, np.ndarray) or getattr(items[0], "ndim", 1) > 1:
        return True
    _check_none_single(items)
    widths = [len(item) for item in items]  # equal ones may also be the rows of a table
    if widths != lengths.tolist():
        return len(set(widths)) > 1
    _check_one_reading(items, widths, numeric)
    return True


def _check_containers(y: object) -> None:
    """Refuse sets and mappings: they have no order."""
    items = _items(y) or []
    for kind in dict.fromkeys(map(type, items)):
        if issubclass(kind, AbstractSet | Mapping):
            i = next(i for i, item in enumerate(items) if type(item) is kind)
            raise ValueError(
                f"y[{i}] is a {kind.__name__}, which has no order. Pass one target, or a list or "
                "array, per sequence. Sets of labels become a binary indicator by "
                "sklearn.preprocessing.MultiLabelBinarizer().fit_transform(y)."
            )


def _check_one_reading(items: Sequence[Any], widths: Sequence[int], numeric: bool) -> None:
    """Raise a ValueError if lists per step may also be the rows of a table of targets."""
    is_nested = all(isinstance(item, list | tuple) for item in items)
    if len(set(widths)) > 1 or widths[0] < 2 or not is_nested:
        return
    entries = list(chain.from_iterable(items))
    if numeric and not all(isinstance(entry, Number) or is_missing(entry) for entry in entries):
        return
    if not numeric and not all(_is_binary(entry) for entry in entries):  # no rows of an indicator
        return
    n, k = len(items), widths[0]
    raise ValueError(
        f"y is a list of {n} lists of {k}, and all sequences have {k} steps: y may hold one target "
        f"per step, or a row of {k} targets per sequence. Set target='steps' or "
        f"target='sequence'; or pass np.array(y) for the rows of {k} targets."
    )


def _is_binary(entry: object) -> bool:
    return isinstance(entry, Number | np.bool_) and entry in (0, 1)


def _is_single(item: object) -> bool:
    """Check whether an item is one target, not a container of targets."""
    is_scalar = not hasattr(item, "__len__") or getattr(item, "ndim", 1) == 0
    return isinstance(item, str | bytes) or is_scalar


def _are_single(items: Sequence[object]) -> bool:
    """Check whether all items are single targets; those of plain types need no closer look."""
    return set(map(type, items)) <= _SINGLE or all(map(_is_single, items))


def _check_all_single(items: Sequence[object]) -> None:
    nested = (
        [] if _are_single(items) else [i for i, item in enumerate(items) if not _is_single(item)]
    )
    if nested:
        raise ValueError(
            f"y mixes kinds: y[0] is a single target ({items[0]!r:.40}), y[{nested[0]}] is a list. "
            "Pass one target per sequence, or one list per sequence with one target per step. A "
            "sequence without labels has a list of None."
        )


def _check_none_single(items: Sequence[object]) -> None:
    if set(map(type, items)) <= {list, tuple}:
        return
    for i, item in enumerate(items):
        if _is_single(item):
            raise ValueError(
                f"y mixes kinds: y[0] is a list, y[{i}] is a single target ({item!r:.40}). Pass "
                "one target per sequence, or one list per sequence with one target per step. A "
                "sequence without labels has a list of None."
            )


def _check_single_or_rows(y: object) -> None:
    """Raise a ValueError if y is ragged, and so cannot hold one target or row per sequence."""
    advice = "For one target per step, set target='steps' and fit a new estimator."
    if isinstance(y, Sequences):
        raise ValueError(
            "y is a Sequences, which holds one target per step, but this estimator learns one "
            f"target per sequence. {advice}"
        )
    items = _items(y)
    if not items:
        return
    if _is_single(items[0]):
        _check_all_single(items)
        return
    widths = [1 if _is_single(item) else len(item) for item in items]
    differing = [i for i, width in enumerate(widths) if width != widths[0]]
    if differing:
        i = differing[0]
        raise ValueError(
            f"y[0] has {widths[0]} targets, y[{i}] has {widths[i]}, but this estimator learns one "
            f"target, or one row of equally many, per sequence. {advice}"
        )


def _items(y: object) -> list[Any] | None:
    """Return the items of a list-like y, None for an array of numbers, text or rows."""
    if isinstance(y, list | tuple):
        return list(y)
    if isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype == object:
        return list(y)
    return None


def read_steps(
    y: object, lengths: Lengths, *, numeric: bool, names: Names = None, advice: str = ""
) -> StepTargets:
    """Flatten per-step targets, find the unlabelled steps, and check the others.

    Columns of tables are matched by `names`, those of the first y, if it had some. An error about
    the number of steps ends with `advice`.
    """
    if isinstance(y, Sequences):
        _check_lengths(y.lengths, lengths, advice)
        tables, names = _matched([y.values if y.table is None else y.table], names)
        flat = np.asarray(plain_container(tables[0]))
        return replace(_labelled(flat, lengths, "sequences", numeric), names=names)
    items = _items(y)
    if items is None:
        return _read_array(np.asarray(y), lengths, numeric, advice)
    for i, item in enumerate(items):
        if _is_single(item) and not isinstance(item, str):
            raise ValueError(
                f"y[{i}] is {item!r}, a single target. With targets per step, pass one target for "
                "each step of each sequence, or None for each step without a label."
            )
    _check_lengths(np.array([len(item) for item in items]), lengths, advice)
    items, names = _matched(items, names)
    steps = _labelled(_concatenate(items), lengths, _container_of(items), numeric)
    return replace(steps, names=names)


def _matched(items: list[Any], known: Names) -> tuple[list[Any], Names]:
    """Return tables with their columns in one order, and the names of several columns."""
    if not items or not all(map(is_table, items)):
        return items, None
    try:
        matched, names = match_tables(items, known)
    except ValueError as error:
        raise ValueError(f"In y: {error}") from None
    return matched, None if names is None or len(names) == 1 else names


def _container_of(items: Sequence[object]) -> Container:
    types = set(map(type, items))
    containers: dict[type, Container] = {list: "lists", tuple: "tuples", str: "texts"}
    return containers.get(types.pop(), "ragged") if len(types) == 1 else "ragged"


def _concatenate(items: Sequence[Any]) -> Flat:
    if any(isinstance(item, list | tuple | str) for item in items):
        flat = list(chain.from_iterable(items))
        return object_array(flat) if _are_single(flat) else _rows(flat)
    arrays = [
        item if type(item) is np.ndarray else np.asarray(plain_container(item)) for item in items
    ]
    shapes = [array.shape[1:] for array in arrays]
    differing = [i for i, shape in enumerate(shapes) if shape != shapes[0]]
    if differing:
        i = differing[0]
        raise ValueError(
            f"y[{i}] has shape {arrays[i].shape}, y[0] has {arrays[0].shape}; pass the same number "
            "of targets for each step."
        )
    kinds = {array.dtype.kind for array in arrays}
    if len(kinds) > 1 and not kinds <= set("fiub"):  # numpy would turn numbers into text
        return np.concatenate([array.astype(object) for array in arrays])
    return np.concatenate(arrays)


def _rows(flat: Sequence[Any]) -> Flat:
    """Return steps with several targets each as an array."""
    widths = [0 if _is_single(row) else len(row) for row in flat]
    differing = [i for i, width in enumerate(widths) if width != widths[0] or not width]
    if differing:
        i = differing[0]
        raise ValueError(
            f"A step of y holds {flat[i]!r:.40}, the first step {flat[0]!r:.40}; pass the same "
            "number of targets for each step."
        )
    return np.array(flat, dtype=None if _is_plain(flat) else object)


def _is_plain(rows: Sequence[Any]) -> bool:
    """Check whether numpy understands rows as the numbers that they are."""
    return {type(entry) for row in rows for entry in row} <= {int, float, bool}


def _read_array(y: Flat, lengths: Lengths, numeric: bool, advice: str) -> StepTargets:
    check_consistent_length(y, lengths)
    if y.ndim not in (2, 3):
        raise ValueError(
            "target='steps' needs one target per step: y of shape (n, T) or (n, T, k), or a list "
            f"of arrays as long as their sequences; got shape {y.shape}."
        )
    _check_lengths(np.full(len(y), y.shape[1]), lengths, advice)
    return _labelled(y.reshape(-1, *y.shape[2:]), lengths, "array", numeric)


def _check_lengths(of_y: Lengths, of_x: Lengths, advice: str) -> None:
    if len(of_y) != len(of_x):
        raise ValueError(
            f"X has {len(of_x)} sequences, y has {len(of_y)}: inconsistent numbers of samples. "
            "Pass one entry of y per sequence."
        )
    differing = np.flatnonzero(of_y != of_x)
    if len(differing):
        i = int(differing[0])
        raise ValueError(
            f"Sequence {i} has {of_x[i]} steps in X but {of_y[i]} targets in y ({len(differing)} "
            "sequences differ). Pass one entry per step, None or NaN where a step has no label."
            f"{advice}"
        )


def _labelled(flat: Flat, lengths: Lengths, container: Container, numeric: bool) -> StepTargets:
    """Remove the unlabelled steps, those with None or NaN in any column, and check the others."""
    labelled = np.asarray(~missing_values(flat).reshape(len(flat), -1).any(axis=1))
    if not labelled.any():
        raise NoTargetError("y has no labelled step: every entry is None or NaN. Label some steps.")
    kept: NDArray[Any] = flat[labelled]

    def place(index: Index) -> str:
        step, *column = index
        row = int(np.flatnonzero(labelled)[step])
        i, t = find_step(row, offsets_of(lengths))
        return f"y[{i}][{', '.join(map(str, [t, *column]))}]"

    if numeric:
        kept = as_numbers(kept, place)
    elif kept.ndim == 1:
        kept = as_labels(kept, place)
    else:
        kept = as_indicator(kept, place)
    if kept.dtype == object:  # texts
        kept = np.array(kept.tolist())
    return StepTargets(kept, labelled, container)


def restore_steps(flat: Flat, lengths: Lengths, container: Container) -> NDArray[Any] | Sequences:
    """Return flat per-step results in the container of y, or as a 1-D object array of arrays."""
    if container == "array" and len(set(lengths.tolist())) == 1:
        return flat.reshape(len(lengths), int(lengths[0]), *flat.shape[1:])
    sequences = Sequences(flat, offsets_of(lengths))
    return sequences if container == "sequences" else object_array(sequences)


def like_targets(results: NDArray[Any], container: Container) -> NDArray[Any]:
    """Convert the elements of an object array of predicted targets to the type of y's elements."""
    convert = _ELEMENTS.get(container)
    return results if convert is None else object_array([convert(steps) for steps in results])


_ELEMENTS: dict[Container, Callable[[NDArray[Any]], object]] = {
    "lists": lambda steps: steps.tolist(),
    "tuples": lambda steps: tuple(steps.tolist()),
    "texts": lambda steps: "".join(steps.tolist()),
}
