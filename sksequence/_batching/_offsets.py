"""Offsets of sequences in a flat buffer, the rows of runs in it, and arrays of objects."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def offsets_of(lengths: ArrayLike) -> NDArray[np.int64]:
    """Return the offsets of sequences with these lengths."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def find_step(step: int, offsets: NDArray[np.int64]) -> tuple[int, int]:
    """Return the sequence that contains a step of all steps, and the position of the step in it."""
    i = int(np.searchsorted(offsets, step, side="right")) - 1
    return i, step - int(offsets[i])


def flat_rows(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the buffer rows of runs, one run after the other."""
    offsets = offsets_of(lengths)
    return np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)


def copied_runs(
    block: NDArray[np.generic], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.generic]:
    """Return a copy of runs of a block, one after the other."""
    width = int(lengths[0]) if len(lengths) else 0
    # where runs are the rows of a table, whole rows are copied, not single steps
    if width > 1 and len(block) % width == 0 and block.flags.c_contiguous:
        whole, rest = np.divmod(starts, width)
        if not rest.any() and (lengths == width).all():
            table = block.reshape(-1, width, *block.shape[1:])
            copied: NDArray[np.generic] = table[whole].reshape(-1, *block.shape[1:])
            return copied
    return block[flat_rows(starts, lengths)]


def object_array(items: Iterable[object]) -> NDArray[np.object_]:
    """Return a 1-D object array; np.array would stack items of equal shape."""
    items = list(items)
    out = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        out[i] = item
    return out


def as_offsets(offsets: ArrayLike) -> NDArray[np.int64]:
    """Return offsets as an array of integers."""
    try:
        array = np.asarray(offsets)
    except ValueError:
        raise ValueError("offsets is nested unevenly; pass a flat list of integers.") from None
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(
            f"offsets must be integers, as they count steps; got {array.dtype}. Convert them first."
        )
    return array.astype(np.int64, copy=False)
