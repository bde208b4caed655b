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
from numpy.typing import NDArray
from torch import Tensor

from sksequence._kernels._loop_parts import fill_gradient, fill_product
from sksequence._kernels._tiles import (
    BLOCK,
    in_columns,
    in_panels,
    padded_columns,
    padded_rows,
)
from sksequence._kernels._vectors import LANES
from sksequence._threads import benefits_from_threads, n_loop_threads

T = TypeVar("T")

# Size of the largest array of a piece, in numbers: 1 MB. Current servers have 1 to 2 MB of cache
# per core.
IN_CACHE = 1 << 18
# Number of float32 values from which on numpy asks the system for large pages: 4 MB.
_MANY = 1 << 20
# Number of parts of a large batch whose gradients are summed separately: threads share them.
_MOST_PIECES = 16

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


def in_shards(work: Callable[[slice], T], pieces: list[slice]) -> list[T]:
    """Call a function on pieces of the rows, and return its results in order.

    Pieces begin at whole blocks: a compiled loop computes every row alike whatever the number of
    threads, which share the pieces.
    """
    n_shards = min(len(pieces), n_loop_threads())
    if n_shards <= 1:
        return [work(piece) for piece in pieces]
    edges = [len(pieces) * i // n_shards for i in range(n_shards + 1)]
    shards = [pieces[first:last] for first, last in pairwise(edges)]
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


def fixed_pieces(n_rows: int, hidden_size: int, row_size: int = 1) -> list[slice]:
    """Cut rows into pieces that do not depend on the number of threads, for sums over them.

    `row_size` is the size of a row in the largest array that all parts of the work read: a piece
    should still be in the cache from one part to the next.
    """
    n_parts = _MOST_PIECES if benefits_from_threads(n_rows, hidden_size) else 1
    parts = cut_rows(n_rows, n_parts)
    return [piece for part in parts for piece in cut_pieces(part, row_size)]


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


def laid_out(
    weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> tuple[NDArray[np.float32], ...]:
    """Return the weights as arguments of a forward loop: U and W in panels, and their biases."""
    return in_panels(torch.cat([weight_hh, weight_ih], dim=1).T), in_columns(bias_ih + bias_hh)


def project(x: Tensor, panels: NDArray[np.float32], bias: Tensor, out: Tensor) -> None:
    """Fill out (B, T, G) with W x + b for x (B, T, F) and W transposed in panels.

    The bits of a step do not depend on the others.
    """
    fill_product(_all_steps(out), _all_steps(x), panels, in_columns(bias))


def weight_gradient(d_out: Tensor, read: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients (G, F) of W and (G,) of b from that of W x + b (B, T, G).

    `read` is x (B, T, F).
    """
    n_read, width = read.shape[2], d_out.shape[2]
    gradient = new_gradient(n_read, width)
    fill_gradient(gradient.numpy(), _all_steps(read), _all_steps(d_out))
    return gradient[:n_read, :width].T, gradient[-1, :width]


def new_gradient(n_read: int, width: int) -> Tensor:
    """Return zeros for a gradient of weights in whole tiles and, in the last row, of biases.

    There is room for half a panel more, so that parts in whole panels may begin at any vector.
    """
    return torch.zeros(padded_rows(n_read) + 1, padded_columns(width) + LANES)


def _all_steps(path: Tensor) -> NDArray[np.float32]:
    """Return a path (B, T, width) as an array (B * T, width)."""
    return path.flatten(0, 1).numpy()


def run_loop(
    loop: Callable[..., None], fixed: tuple[Any, ...], tensors: tuple[Tensor, ...]
) -> None:
    """Run a forward loop over all rows: `fixed` is the same for all, tensors have rows."""
    arrays = arrays_of(tensors)
    if n_loop_threads() == 1:
        loop(*fixed, *arrays)
        return

    def run_piece(rows: slice) -> None:
        loop(*fixed, *(array[rows] for array in arrays))

    in_shards(run_piece, cut_rows(len(arrays[0]), n_loop_threads()))


def loop_gradient(
    loop: Callable[..., None],
    panels: tuple[NDArray[np.float32], ...],
    tensors: list[Tensor],
    n_columns: int,
) -> Tensor:
    """Run a backward loop over all rows, and return the gradient of the weights and biases.

    Parameters
    ----------
    loop : callable
        Takes panels, the arrays of some rows, and the gradient that it adds to.
    panels : tuple of ndarray
        Weights.
    tensors : list of Tensor
        Each with one entry per row; the first two are x (B, T, F) and the first state (B, H).
    n_columns : int
        Number of columns of the gradient: gates x units.

    Returns
    -------
    Tensor
        See `new_gradient`; the first rows are those of the state, then come those of x.
    """
    (n_rows, _, n_features), size = tensors[0].shape, tensors[1].shape[1]

    arrays = arrays_of(tensors)

    def run_piece(rows: slice) -> list[Tensor]:
        gradient = new_gradient(size + n_features, n_columns)
        loop(*panels, *(array[rows] for array in arrays), gradient.numpy())
        return [gradient]

    return add_up(in_shards(run_piece, fixed_pieces(n_rows, size)))[0]


def add_up(parts: list[list[Tensor]]) -> list[Tensor]:
    """Return the sums of gradients over the pieces of rows for which they were computed."""
    total = parts[0]
    for part in parts[1:]:
        torch._foreach_add_(total, part)
    return total
