"""Parts that the autograd functions of all cells share: threads, memory, products of matrices.

Rows are distributed over threads, each of which runs the whole time loop over its own rows: no
thread waits for another inside a sequence. A shard holds the rows of one thread, and is computed in
pieces that fit into the cache of a core. Shapes: B rows, T steps, F inputs, G gates x units.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sksequence._kernels._dispatch import STABLE
from sksequence._kernels._tiles import BLOCK
from sksequence._threads import n_loop_threads

T = TypeVar("T")

# Size of the largest array of a piece, in numbers: 1 MB. Current servers have 1 to 2 MB of cache
# per core.
IN_CACHE = 1 << 18
# Number of float32 values from which on numpy asks the system for large pages: 4 MB.
_MANY = 1 << 20

_pool: ThreadPoolExecutor | None = None
_of_thread = threading.local()


def first_derivative_only(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Run a backward pass without a graph, and raise an error where a graph of it is requested.

    torch's `once_differentiable` accepts ``create_graph=True`` if no incoming gradient requires
    grad; the terms that depend on saved tensors are then silently missing from the second
    derivative.
    """

    @wraps(backward)
    def guarded(ctx: Any, *gradients: Any) -> Any:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "The compiled recurrent loops have first derivatives only; got create_graph=True. "
                "Compute second derivatives in double precision, which runs through torch: "
                "module.double()."
            )
        return backward(ctx, *gradients)

    return guarded


def in_shards(work: Callable[[slice], T], n_rows: int, row_size: int) -> list[T]:
    """Call a function on slices that together cover all rows, and return its results in order.

    Slices begin at whole blocks, and a compiled loop computes every row alike whatever the number
    of threads. `row_size` is the size of a row in the largest array: a piece should still be in the
    cache from one of its steps to the next.
    """
    shards = [cut_pieces(shard, row_size) for shard in cut_rows(n_rows, n_loop_threads())]
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


def cut_rows(n_rows: int, n_shards: int) -> list[slice]:
    """Cut rows into at most `n_shards` slices of nearly equal numbers of blocks; none is empty."""
    n_blocks = max(1, -(-n_rows // BLOCK))
    n_shards = min(n_shards, n_blocks)
    edges = [BLOCK * (n_blocks * i // n_shards) for i in range(n_shards)]
    return [slice(*edge) for edge in pairwise([*edges, n_rows])]


def cut_pieces(rows: slice, row_size: int) -> list[slice]:
    """Cut rows into pieces of whole blocks, at least one, that fit into the cache."""
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


def _forget_pool() -> None:
    """Drop the pool of the parent process: its threads do not exist in a forked child."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def part_of(tensor: Tensor, rows: slice) -> Tensor:
    """Return the rows of a tensor; the tensor itself if they are all."""
    return tensor if rows.stop - rows.start == len(tensor) else tensor[rows]


def parts_of(rows: slice, *tensors: Tensor) -> list[Tensor]:
    """Return the rows of each of several tensors."""
    return [part_of(tensor, rows) for tensor in tensors]


def arrays_of(tensors: Iterable[Tensor]) -> list[NDArray[Any]]:
    """Return tensors as the arrays that compiled loops take."""
    return [tensor.numpy() for tensor in tensors]


def empty_block(*shape: int) -> Tensor:
    """Return an uninitialised float32 tensor on the CPU.

    numpy asks the system for large pages if the tensor is large, torch does not: with small pages,
    mapping the memory took a third of the time of a long batch.
    """
    if math.prod(shape) < _MANY:
        return torch.empty(shape)
    return torch.from_numpy(np.empty(shape, np.float32))


def scratch_block(*shape: int) -> Tensor:
    """Return an uninitialised float32 tensor on the CPU, valid until this thread's next call.

    A small one reuses the thread's memory: to map and unmap it for each call took half of the time
    of a short prediction. A large one is not kept.
    """
    size = math.prod(shape)
    if size > IN_CACHE:
        return empty_block(*shape)
    if not hasattr(_of_thread, "scratch"):
        _of_thread.scratch = np.empty(IN_CACHE, np.float32)
    return torch.from_numpy(_of_thread.scratch[:size]).view(shape)


def project(x: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> None:
    """Fill out (B, T, G) with W x + b for x (B, T, F); a step's bits do not depend on others."""
    rows, filled = x.flatten(0, 1), out.view(-1, out.shape[2])
    missing = -len(rows) % STABLE
    if missing:
        rows = F.pad(rows, (0, 0, 0, missing))
        filled.copy_(torch.addmm(bias, rows, weight.T)[: len(filled)])
    else:
        torch.addmm(bias, rows, weight.T, out=filled)


def project_back(d_out: Tensor, weight: Tensor, d_x: Tensor) -> None:
    """Fill d_x (B, T, F), the gradient of x, from that of W x (B, T, G)."""
    torch.mm(d_out.flatten(0, 1), weight, out=d_x.view(-1, d_x.shape[2]))


def weight_gradient(d_out: Tensor, read: Tensor) -> Tensor:
    """Return the gradient (G, F) of W from that of W x (B, T, G) and from x (B, T, F)."""
    return torch.mm(d_out.flatten(0, 1).T, read.flatten(0, 1))


def bias_gradient(d_out: Tensor) -> Tensor:
    """Return the sum (G,) of d_out (B, T, G) over all steps."""
    return d_out.flatten(0, 1).sum(dim=0)


def add_up(parts: list[list[Tensor]]) -> list[Tensor]:
    """Return the sums of gradients over the pieces of rows for which they were computed."""
    total = parts[0]
    for part in parts[1:]:
        torch._foreach_add_(total, part)
    return total
