"""Rows shared between threads: each runs the whole time loop over its own, so none waits inside a sequence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._kernels._tiles import BLOCK
from sksequence._threads import number_of_shards

T = TypeVar("T")

# Numbers of the largest array of a piece of work: 1 MB. A core has 1 to 2 MB of its own on current servers.
IN_CACHE = 1 << 18

_pool: ThreadPoolExecutor | None = None


def in_shards(work: Callable[[slice], T], n_rows: int, row_size: int) -> list[T]:
    """Call a function of tensors on slices of rows that together are all of them; return what it returns of each.

    Slices begin at whole blocks: a compiled loop computes every row alike, whatever the number of threads. `row_size` is
    how many numbers a row has in the largest array: what one step of the work leaves, the next finds in the cache.
    """
    shards = [cut_pieces(shard, row_size) for shard in cut_rows(n_rows, number_of_shards())]
    inference = torch.is_inference_mode_enabled()  # a mode of the thread

    def without_graph(pieces: list[slice]) -> list[T]:
        with torch.inference_mode(inference), torch.no_grad():
            return [work(piece) for piece in pieces]

    others = [_workers().submit(without_graph, shard) for shard in shards[1:]]
    try:
        results = [work(piece) for piece in shards[0]]
    finally:
        done = [other.result() for other in others]
    return [result for shard in [results, *done] for result in shard]


def part_of(tensor: Tensor, rows: slice) -> Tensor:
    """Return the rows; all of them at no cost."""
    return tensor if rows.stop - rows.start == len(tensor) else tensor[rows]


def parts_of(rows: slice, *tensors: Tensor) -> list[Tensor]:
    """Return the rows of each of several tensors."""
    return [part_of(tensor, rows) for tensor in tensors]


def arrays_of(tensors: Iterable[Tensor]) -> list[NDArray[Any]]:
    """Return tensors as compiled loops take them."""
    return [tensor.numpy() for tensor in tensors]


def cut_rows(n_rows: int, n_shards: int) -> list[slice]:
    """Cut rows into at most so many slices of nearly as many blocks each; none is empty."""
    n_blocks = max(1, -(-n_rows // BLOCK))
    n_shards = min(n_shards, n_blocks)
    edges = [BLOCK * (n_blocks * i // n_shards) for i in range(n_shards)]
    return [slice(*edge) for edge in pairwise([*edges, n_rows])]


def cut_pieces(rows: slice, row_size: int) -> list[slice]:
    """Cut a slice of rows into pieces of whole blocks that fit into the cache, or of one block."""
    n_rows = max(1, IN_CACHE // (row_size * BLOCK)) * BLOCK
    starts = range(rows.start, max(rows.stop, 1), n_rows)
    return [slice(*edge) for edge in pairwise([*starts, rows.stop])]


def _workers() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(
            os.cpu_count(),
            thread_name_prefix="sksequence",
            initializer=torch.set_flush_denormal,  # as in the thread of the caller, see _threads
            initargs=(True,),
        )
    return _pool


def _forget() -> None:
    """Leave the pool of the parent behind: its threads do not exist in a forked child."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
