"""Reading ahead from a memory map: the operating system fetches the rows of the next batches.

Otherwise each row waits for the disk, and pages around it are read that are not needed yet.
"""

from __future__ import annotations

import mmap

import numpy as np
from numpy.typing import NDArray

# bytes between two rows up to which they are fetched together
_GAP = 1 << 16


def read_ahead(
    array: NDArray[np.generic], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> None:
    """Advise the operating system that runs of rows of an array will be needed.

    Arrays in memory, and systems without such advice, are left as they are.
    """
    mapped = _map_of(array)
    if mapped is None or not hasattr(mmap, "MADV_WILLNEED") or not array.flags.c_contiguous:
        return
    row_size = array.strides[0]
    first = _address(array) - _address(np.frombuffer(mapped, np.uint8))
    for start, stop in joined_runs(first + starts * row_size, lengths * row_size):
        page = start // mmap.PAGESIZE * mmap.PAGESIZE
        mapped.madvise(mmap.MADV_WILLNEED, page, stop - page)


def joined_runs(
    starts: NDArray[np.int64], lengths: NDArray[np.int64], gap: int = _GAP
) -> list[tuple[int, int]]:
    """Return start and stop of runs in order, as one where at most `gap` lies between them."""
    order = np.argsort(starts, kind="stable")
    starts, stops = starts[order], np.maximum.accumulate((starts + lengths)[order])
    is_new = np.r_[True, starts[1:] - stops[:-1] > gap]
    is_last = np.r_[is_new[1:], True]
    return list(zip(starts[is_new].tolist(), stops[is_last].tolist(), strict=True))


def _map_of(array: object) -> mmap.mmap | None:
    """Return the map whose memory an array shows."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array if isinstance(array, mmap.mmap) else None


def _address(array: NDArray[np.generic]) -> int:
    return int(array.__array_interface__["data"][0])
