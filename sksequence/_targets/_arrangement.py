"""How targets lie beside sequences: one a sequence, or one a step; and the container they came in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length

from sksequence._batching import Sequences, object_array, offsets_of
from sksequence._targets._codecs import is_missing

Numbers = NDArray[Any]
Container = Literal["ragged", "array", "sequences"]


@dataclass(frozen=True)
class StepTargets:
    """Per-step targets as one flat run.

    Attributes
    ----------
    flat : ndarray of shape (n_labelled,) or (n_labelled, k)
        Targets of the labelled steps, in order.
    labelled : ndarray of bool of shape (sum of n_steps,)
        Which steps have a target.
    container : {"ragged", "array", "sequences"}
        What to return predictions in.
    """

    flat: Numbers
    labelled: NDArray[np.bool_]
    container: Container


def plain_container(y: Any) -> Any:
    """Turn objects that only know how to become an array into one; leave lists, tables and `Sequences` alone."""
    known = isinstance(y, list | tuple | np.ndarray | Sequences) or hasattr(y, "iloc")
    return y if known else np.asarray(y)


def targets_are_steps(y: Any, target: str, lengths: NDArray[np.int64]) -> bool:
    """Read from the container whether y has one target per step.

    Lists, object arrays and `Sequences` of per-sequence containers are per step; arrays and tables are per
    sequence unless ``target="steps"`` says otherwise.
    """
    if target != "auto":
        return target == "steps"
    if isinstance(y, Sequences):
        return True
    items = _as_items(y)
    if not items:
        return False
    if _is_single(items[0]):
        return _is_nested(items)
    if isinstance(y, np.ndarray) or getattr(items[0], "ndim", 1) > 1:
        return True
    widths = [len(item) for item in items]  # the rows of a table are equally long, too
    return len(set(widths)) > 1 or widths == lengths.tolist()


def _is_single(item: Any) -> bool:
    """Tell one target from a container of targets."""
    return isinstance(item, str) or not hasattr(item, "__len__") or getattr(item, "ndim", 1) == 0


def _is_nested(items: list[Any]) -> bool:
    nested = [i for i, item in enumerate(items) if not _is_single(item)]
    if nested:
        raise ValueError(
            f"y mixes kinds: y[0] is a single target, y[{nested[0]}] is a list; pass one target per sequence, or a "
            "list of targets per step for every sequence."
        )
    return False


def _as_items(y: Any) -> list[Any] | None:
    if isinstance(y, list | tuple):
        return list(y)
    if isinstance(y, np.ndarray):
        return list(y) if y.ndim == 1 and y.dtype == object else None
    if getattr(y, "ndim", None) == 1 and hasattr(y, "iloc") and str(y.dtype) == "object":
        return list(y)
    return None


def read_steps(y: Any, lengths: NDArray[np.int64], *, numeric: bool) -> StepTargets:
    """Flatten per-step targets and find the unlabelled steps."""
    if isinstance(y, Sequences):
        _check_lengths(y.lengths, lengths)
        assert y.values is not None
        return _labelled(y.values, "sequences", numeric)
    items = _as_items(y)
    if items is None:
        return _read_array(np.asarray(y), lengths, numeric)
    for i, item in enumerate(items):
        if _is_single(item) and not isinstance(item, str):
            raise ValueError(
                f"y[{i}] is {item!r}, a single target; with targets per step each sequence needs one for every step."
            )
    _check_lengths(np.array([len(item) for item in items]), lengths)
    return _labelled(_concatenate(items), "ragged", numeric)


def _concatenate(items: list[Any]) -> Numbers:
    if any(isinstance(item, list | tuple | str) for item in items):
        flat = list(chain.from_iterable(items))
        return object_array(flat) if all(map(_is_single, flat)) else np.array(flat)
    arrays = [np.asarray(item) for item in items]
    shapes = [array.shape[1:] for array in arrays]
    differing = [i for i, shape in enumerate(shapes) if shape != shapes[0]]
    if differing:
        i = differing[0]
        raise ValueError(
            f"y[{i}] has shape {arrays[i].shape}, y[0] has {arrays[0].shape}; every step needs as many targets."
        )
    if len({array.dtype.kind in "UT" for array in arrays}) > 1:
        return np.concatenate([array.astype(object) for array in arrays])
    return np.concatenate(arrays)


def _read_array(y: Numbers, lengths: NDArray[np.int64], numeric: bool) -> StepTargets:
    check_consistent_length(y, lengths)
    if y.ndim not in (2, 3):
        raise ValueError(
            f"target='steps' needs one target per step: y of shape (n, T) or (n, T, k), or a list of arrays as long "
            f"as their sequences; got shape {y.shape}."
        )
    _check_lengths(np.full(len(y), y.shape[1]), lengths)
    return _labelled(y.reshape(-1, *y.shape[2:]), "array", numeric)


def _check_lengths(of_y: NDArray[np.int64], of_x: NDArray[np.int64]) -> None:
    if len(of_y) != len(of_x):
        raise ValueError(
            f"X has {len(of_x)} sequences, y has {len(of_y)}: inconsistent numbers of samples. Pass one for each."
        )
    differing = np.flatnonzero(of_y != of_x)
    if len(differing):
        i = int(differing[0])
        raise ValueError(
            f"sequence {i} has {of_x[i]} steps in X but {of_y[i]} targets in y ({len(differing)} sequences differ); "
            "per-step targets need one entry a step, None or NaN where a step has no label."
        )


def _labelled(flat: Numbers, container: Container, numeric: bool) -> StepTargets:
    """Split off the unlabelled steps: None or NaN, in every column."""
    labelled = np.asarray(~_is_missing(flat).reshape(len(flat), -1).any(axis=1))
    if not labelled.any():
        raise ValueError("y has no labelled step: every entry is None or NaN. Label some steps.")
    kept = flat[labelled]
    if kept.dtype == object:
        kept = _of_one_kind(kept)
    return StepTargets(kept.astype(np.float64) if numeric else kept, labelled, container)


def _of_one_kind(kept: Numbers) -> Numbers:
    """Leave the object array; numpy would turn a mixture of numbers and text into text."""
    of_text = {isinstance(step, str) for step in kept.ravel().tolist()}
    if len(of_text) > 1:
        raise ValueError("y mixes text and numbers; labels must be of one kind.")
    return np.array(kept.tolist())


def _is_missing(flat: Numbers) -> NDArray[np.bool_]:
    if flat.dtype.kind == "f":
        return np.isnan(flat)
    if flat.dtype != object:
        return np.zeros(flat.shape, dtype=bool)
    return np.array([is_missing(step) for step in flat.ravel().tolist()]).reshape(flat.shape)


def restore_steps(flat: Numbers, lengths: NDArray[np.int64], container: Container) -> Any:
    """Return flat per-step predictions in the container that y came in."""
    if container == "array" and len(set(lengths.tolist())) == 1:
        return flat.reshape(len(lengths), int(lengths[0]), *flat.shape[1:])
    sequences = Sequences(flat, offsets_of(lengths))
    return sequences if container == "sequences" else object_array(sequences)
