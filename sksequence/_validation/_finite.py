"""NaN, infinity and numbers that float32 cannot hold are errors that name their place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences

_LARGEST = float(np.finfo(np.float32).max)
_CHUNK = 1 << 17  # numbers looked at together: they are in the cache when they are looked at again


def check_finite(sequences: Sequences) -> None:
    """Raise a ValueError that names the first value of X which is not a float32 number."""
    values = sequences.values
    assert values is not None
    if values.dtype.kind != "f":  # every integer is one
        return
    n_steps = max(1, _CHUNK // values.shape[1])
    for start in range(0, len(values), n_steps):
        bad = find_not_finite(values[start : start + n_steps])
        if bad is not None:
            row, feature = bad
            step = start + row
            i = int(np.searchsorted(sequences.offsets, step, side="right")) - 1
            place = f"sequence {i}, step {step - sequences.offsets[i]}, feature {feature}"
            raise ValueError(_message(float(values[step, feature]), place))


def find_not_finite(block: NDArray[np.floating]) -> tuple[int, int] | None:
    """Return row and column of the first value that is not a float32 number."""
    if block.size == 0:
        return None
    # NaN compares false, so one pass of two reductions finds every kind
    if float(block.min()) >= -_LARGEST and float(block.max()) <= _LARGEST:
        return None
    row, column = np.argwhere(~(np.abs(block.astype(np.float64)) <= _LARGEST))[0]
    return int(row), int(column)


def _message(value: float, place: str) -> str:
    if np.isnan(value):
        return (
            f"Input X contains NaN: {place}. Recurrent networks need numbers everywhere: drop the sequence, or fill "
            "the gap with preprocessing.StepTransformer(SimpleImputer())."
        )
    if np.isinf(value):
        return f"Input X contains infinity: {place}. Replace it by a finite number."
    return (
        f"Input X contains a value too large for dtype('float32'): {value:g} at {place} (infinity after the cast). "
        "Rescale this feature."
    )
