"""The split of the rows: those to train on, in their order, and those to hold out."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_sample_weight

from sksequence._base._splitters import assignment
from sksequence._batching import (
    Sequences,
    content_digests,
    content_order,
    expand_weights,
    held_out_rows,
    object_array,
)
from sksequence._blueprint import AnyCodec
from sksequence._elements import is_missing
from sksequence._settings import TrainingSettings
from sksequence._targets import plain_container
from sksequence._tasks import Split, Targets

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Digests = NDArray[np.uint64]


def check_weights(sample_weight: ArrayLike | None, n_sequences: int) -> NDArray[np.float64] | None:
    """Check that there is one weight per sequence, finite, not negative, and not all of them 0."""
    if sample_weight is None:
        return None
    return np.asarray(
        _check_sample_weight(
            _as_numbers(sample_weight),
            np.empty((n_sequences, 1)),
            dtype=np.float64,
            ensure_non_negative=True,
        )
    )


def _as_numbers(sample_weight: Any) -> ArrayLike:
    """Return weights for scikit-learn's checks, with NaN for missing and masked ones."""
    if isinstance(sample_weight, Real):
        return float(sample_weight)
    is_array_like = hasattr(sample_weight, "__len__") or hasattr(sample_weight, "__array__")
    if not is_array_like or isinstance(sample_weight, str | bytes | dict):
        raise TypeError(
            f"sample_weight is of type {type(sample_weight).__name__} ({sample_weight!r:.40}). "
            "Pass one number per sequence."
        )
    weights = plain_container(sample_weight)
    weights = weights if isinstance(weights, np.ndarray) else object_array(weights)
    if weights.dtype.kind in "fiub":
        return weights
    elements = weights.ravel().tolist()
    for i, weight in enumerate(elements):
        if not is_missing(weight) and not isinstance(weight, Real | Decimal):
            raise ValueError(
                f"sample_weight[{i}] is {weight!r:.40}, which is not a number. Pass one number per "
                "sequence."
            )
    numbers = [np.nan if is_missing(weight) else float(weight) for weight in elements]
    return np.array(numbers).reshape(weights.shape)


def hold_out(
    sequences: Sequences,
    targets: Targets[AnyCodec],
    weights: NDArray[np.float64] | None,
    training: TrainingSettings,
    seed: int,
    given: tuple[Mask, Mask] | None = None,
) -> Split:
    """Repeat rows by integer weights, hold out a part of them, and sort both parts by content.

    With ``shuffle=False`` or "blocks", rows keep the order given. A "random" `validation_split` is
    drawn by a seeded hash of the content, and "last" leaves a gap where windows overlap. `given`
    are masks of both parts, which a splitter has selected: without early stopping, they are to be
    judged on.
    """
    fraction = training.validation_fraction if training.early_stopping else 0.0
    rows, remaining = expand_weights(weights, len(sequences))
    is_drawn = fraction and training.validation_split == "random"
    digests = None
    is_sorted = training.shuffle and not training.shuffles_blocks
    if is_sorted or is_drawn:
        digests = content_digests(sequences, targets.parsed, remaining)
    selected = None if given is None else (rows[given[0][rows]], rows[given[1][rows]])
    if not fraction:
        parts = rows, rows[:0]
    elif selected is not None:
        parts = selected
    elif is_drawn:
        assert digests is not None
        parts = _random_part(digests, targets, rows, fraction, seed)
    else:
        parts = _last_part(sequences, rows, fraction, targets)
    if fraction or selected is not None:
        _check_parts(selected or parts, training, targets.has_target(sequences))
    if digests is not None and is_sorted:
        parts = (
            parts[0][content_order(digests[parts[0]])],
            parts[1][content_order(digests[parts[1]])],
        )
    to_judge = () if fraction or selected is None else (selected,)
    if remaining is None:
        return Split(*parts, np.broadcast_to(1.0, len(sequences)), to_judge, digests)
    return Split(*parts, remaining, to_judge)


def _random_part(
    digests: Digests, targets: Targets[AnyCodec], rows: Rows, fraction: float, seed: int
) -> tuple[Rows, Rows]:
    held_out = held_out_rows(digests, _strata(targets, len(digests)), fraction, seed)[rows]
    return rows[~held_out], rows[held_out]


def _strata(targets: Targets[AnyCodec], n_sequences: int) -> NDArray[np.int64]:
    """Return the group of each sequence for a stratified split: its label, if it has one."""
    is_label = not targets.per_step and targets.parsed.dtype.kind == "i"
    return targets.parsed if is_label else np.zeros(n_sequences, dtype=np.int64)


def _last_part(
    sequences: Sequences, rows: Rows, fraction: float, targets: Targets[AnyCodec]
) -> tuple[Rows, Rows]:
    """Hold out the last rows; rows before them that overlap with them are in neither part."""
    n_held_out = max(1, round(fraction * len(rows)))
    first = len(rows) - n_held_out
    gap = _overlap(sequences, rows, first, targets) if first > 0 and targets.may_overlap else 0
    return rows[: max(first - gap, 0)], rows[first:]


def _overlap(sequences: Sequences, rows: Rows, first: int, targets: Targets[AnyCodec]) -> int:
    """Count the rows before `first` whose window or target overlaps with later windows."""
    offsets = sequences.offsets
    before, after = (
        np.column_stack([block[offsets[i] : offsets[i + 1]] for block in sequences.blocks])
        for i in rows[first - 1 : first + 1]
    )
    n_steps = len(after)
    shifts = (s for s in range(1, n_steps) if _agree(before[s:], after[: len(before) - s]))
    shift = next(shifts, None) if len(before) == n_steps else None
    if shift is None or n_steps - shift < 2:
        return 0
    horizon = 0 if targets.per_step else targets.width
    return (n_steps + horizon - 1) // shift


def _agree(before: NDArray[np.number], after: NDArray[np.number]) -> bool:
    """Check whether steps agree, with missing values in the same places.

    The time before the first step of a sequence is unknown.
    """
    first = np.isnan(after[:1])
    return np.array_equal(before[1:], after[1:], equal_nan=True) and bool(
        np.all((before[:1] == after[:1]) | first)
    )


def _check_parts(
    parts: tuple[Rows, Rows], training: TrainingSettings, has_target: NDArray[np.bool_]
) -> None:
    n_training, n_validation = (int(has_target[part].sum()) for part in parts)
    if n_training and n_validation:
        return
    if training.splitter is not None:
        raise ValueError(
            f"{assignment(training.splitter)} has {n_training} labelled sequences to "
            f"train on and {n_validation} to hold out, but both parts need some. Choose another "
            "splitter, or other groups."
        )
    raise ValueError(
        f"Early stopping needs labelled sequences to train on and to hold out; {n_training} would "
        f"be for training and {n_validation} for validation. Pass more sequences, change "
        "validation_fraction, or set early_stopping=False."
    )
