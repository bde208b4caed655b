"""Rows shared between threads: each runs the whole time loop over its own, so none waits inside a sequence."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import torch
from torch import Tensor

from sksequence._kernels._arithmetic import ROWS
from sksequence._threads import number_of_shards

WHOLE = slice(None)

_pool: ThreadPoolExecutor | None = None


def in_shards(work: Callable[[slice], None], n_rows: int) -> None:
    """Call a function of tensors on slices of rows that together are all of them.

    Slices begin at whole blocks: a compiled loop computes every row alike, whatever the number of threads.
    """
    if number_of_shards() == 1:
        work(WHOLE)
        return
    shards = cut_rows(n_rows, number_of_shards())
    inference = torch.is_inference_mode_enabled()  # a mode of the thread

    def without_graph(shard: slice) -> None:
        with torch.inference_mode(inference), torch.no_grad():
            work(shard)

    others = [_workers().submit(without_graph, shard) for shard in shards[1:]]
    try:
        work(shards[0])
    finally:
        for other in others:
            other.result()


def part_of(tensor: Tensor, rows: slice) -> Tensor:
    """Return the rows; all of them at no cost."""
    return tensor if rows is WHOLE else tensor[rows]


def cut_rows(n_rows: int, n_shards: int) -> list[slice]:
    """Cut rows into at most so many slices of nearly as many blocks each; none is empty."""
    n_blocks = max(1, -(-n_rows // ROWS))
    n_shards = min(n_shards, n_blocks)
    edges = [ROWS * (n_blocks * i // n_shards) for i in range(n_shards)]
    return [slice(*edge) for edge in pairwise([*edges, n_rows])]


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
