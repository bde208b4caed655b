"""Per-step targets: their recognition, their containers, and missing labels.

Flat targets are (sum of n_steps,) or (sum of n_steps, k).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length

from sksequence._batching import Sequences, object_array, offsets_of
from sksequence._targets._codecs import is_missing

Flat = NDArray[np.generic]
Lengths = NDArray[np.int64]
Container = Literal["ragged", "array", "sequences"]


@dataclass(frozen=True)
class StepTargets:
    """Per-step targets as one flat array.

    Attributes
    ----------
    flat : ndarray of shape (n_labelled,) or (n_labelled, k)
        Targets of the labelled steps, in the order of the steps.
    labelled : ndarray of bool of shape (sum of n_steps,)
        Whether a step has a target.
    container : {"ragged", "array", "sequences"}
        Container in which predictions are returned.
    """

    flat: NDArray[Any]
    labelled: NDArray[np.bool_]
    container: Container


def plain_container(y: object) -> Any:
    """Convert array-likes of other libraries; lists, tables and `Sequences` stay as they are."""
    is_known = isinstance(y, list | tuple | np.ndarray | Sequences) or hasattr(y, "iloc")
    return y if is_known else np.asarray(y)


def targets_are_steps(y: object, target: str, lengths: Lengths) -> bool:
    """Check whether y has one target per step, according to `target` or to its container.

    With ``target="auto"``, lists and object arrays of one container per sequence, and `Sequences`,
    are per step; arrays and tables are per sequence.
    """
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
    widths = [len(item) for item in items]  # equal ones may also be the rows of a table
    return len(set(widths)) > 1 or widths == lengths.tolist()


def _is_single(item: object) -> bool:
    """Check whether an item is one target, not a container of targets."""
    return isinstance(item, str) or not hasattr(item, "__len__") or getattr(item, "ndim", 1) == 0


def _check_all_single(items: Sequence[object]) -> None:
    nested = [i for i, item in enumerate(items) if not _is_single(item)]
    if nested:
        raise ValueError(
            f"y mixes kinds: y[0] is a single target, y[{nested[0]}] is a list. Pass one target "
            "per sequence, or one list per sequence with one target per step."
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
    """Return the items of a list-like y, None for an array or a table."""
    if isinstance(y, list | tuple):
        return list(y)
    is_array = isinstance(y, np.ndarray) or hasattr(y, "iloc")
    if is_array and getattr(y, "ndim", None) == 1 and str(getattr(y, "dtype", "")) == "object":
        return list(cast("Sequence[object]", y))
    return None


def read_steps(y: object, lengths: Lengths, *, numeric: bool) -> StepTargets:
    """Flatten per-step targets and find the unlabelled steps."""
    if isinstance(y, Sequences):
        _check_lengths(y.lengths, lengths)
        assert y.values is not None
        return _labelled(y.values, "sequences", numeric)
    items = _items(y)
    if items is None:
        return _read_array(np.asarray(y), lengths, numeric)
    for i, item in enumerate(items):
        if _is_single(item) and not isinstance(item, str):
            raise ValueError(
                f"y[{i}] is {item!r}, a single target. With targets per step, pass one target for "
                "each step of each sequence."
            )
    _check_lengths(np.array([len(item) for item in items]), lengths)
    return _labelled(_concatenate(items), "ragged", numeric)


def _concatenate(items: Sequence[ArrayLike]) -> Flat:
    if any(isinstance(item, list | tuple | str) for item in items):
        flat = list(chain.from_iterable(cast("Sequence[Sequence[object]]", items)))
        return object_array(flat) if all(map(_is_single, flat)) else np.array(flat)
    arrays = [np.asarray(item) for item in items]
    shapes = [array.shape[1:] for array in arrays]
    differing = [i for i, shape in enumerate(shapes) if shape != shapes[0]]
    if differing:
        i = differing[0]
        raise ValueError(
            f"y[{i}] has shape {arrays[i].shape}, y[0] has {arrays[0].shape}; pass the same number "
            "of targets for each step."
        )
    if len({array.dtype.kind in "UT" for array in arrays}) > 1:
        return np.concatenate([array.astype(object) for array in arrays])
    return np.concatenate(arrays)


def _read_array(y: Flat, lengths: Lengths, numeric: bool) -> StepTargets:
    check_consistent_length(y, lengths)
    if y.ndim not in (2, 3):
        raise ValueError(
            "target='steps' needs one target per step: y of shape (n, T) or (n, T, k), or a list "
            f"of arrays as long as their sequences; got shape {y.shape}."
        )
    _check_lengths(np.full(len(y), y.shape[1]), lengths)
    return _labelled(y.reshape(-1, *y.shape[2:]), "array", numeric)


def _check_lengths(of_y: Lengths, of_x: Lengths) -> None:
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
        )


def _labelled(flat: Flat, container: Container, numeric: bool) -> StepTargets:
    """Remove the unlabelled steps, those with None or NaN in any column."""
    labelled = np.asarray(~missing_values(flat).reshape(len(flat), -1).any(axis=1))
    if not labelled.any():
        raise ValueError("y has no labelled step: every entry is None or NaN. Label some steps.")
    kept: NDArray[Any] = flat[labelled]
    if kept.dtype == object:
        kept = _of_one_kind(kept)
    return StepTargets(kept.astype(np.float64) if numeric else kept, labelled, container)


def _of_one_kind(kept: NDArray[np.object_]) -> Flat:
    """Convert labels to numpy's type for them; a mixture of text and numbers is an error."""
    of_text = {isinstance(step, str) for step in kept.ravel().tolist()}
    if len(of_text) > 1:
        raise ValueError("y mixes text and numbers; pass labels of one kind.")
    return np.array(kept.tolist())


def missing_values(flat: Flat) -> NDArray[np.bool_]:
    """Return a mask of the entries that are None, NaN or the NA of pandas."""
    if flat.dtype.kind in "fc":
        return np.asarray(np.isnan(flat))
    if flat.dtype != object:
        return np.zeros(flat.shape, dtype=bool)
    return np.array([is_missing(step) for step in flat.ravel().tolist()]).reshape(flat.shape)


def restore_steps(flat: Flat, lengths: Lengths, container: Container) -> NDArray[Any] | Sequences:
    """Return flat per-step predictions in the container of y."""
    if container == "array" and len(set(lengths.tolist())) == 1:
        return flat.reshape(len(lengths), int(lengths[0]), *flat.shape[1:])
    sequences = Sequences(flat, offsets_of(lengths))
    return sequences if container == "sequences" else object_array(sequences)
