"""Compiled parts that layers share: memory of a block, products over all steps, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._kernels._compiled import compiled
from sksequence._kernels._tiles import BLOCK, ROWS, add_outer_and_sums, add_product, set_product
from sksequence._kernels._vectors import LANES, load, prefetch, store

# Steps of rows whose part of a gradient is summed together, while they are in the nearest cache.
DEPTH = 128


@compiled
def new_block(n_rows: int, width: int) -> Any:
    """Return rows of 0 in whole tiles, of at least `width` numbers each.

    There is room for half a panel more, so that parts in whole panels may begin at any vector. Rows
    whose distance is a power of two would displace each other from the cache.
    """
    panel = 2 * LANES
    shape = -(-n_rows // ROWS) * ROWS, -(-width // panel) * panel + LANES
    return np.zeros(shape, np.float32)


@compiled
def new_steps(width: int) -> Any:
    """Return rows of 0 for `DEPTH` steps, and a block that begins at the last one."""
    return new_block(DEPTH + BLOCK, width)


@compiled
def copy_step(out: Any, row: int, column: int, x: Any, b: int, t: int) -> None:
    """Copy step t of row b of x (B, T, F) to a row of out, from a column on.

    An assignment to a slice would take longer than the whole step of a small layer.
    """
    for j in range(x.shape[2]):
        out[row, column + j] = x[b, t, j]


@compiled
def prefetch_step(path: Any, b: int, t: int) -> None:
    """Bring step t of row b of a path (B, T, width) closer; nothing before the first step.

    The memory that a layer keeps for its backward pass is often larger than the caches of a core.
    """
    if t >= 0:
        for j in range(0, path.shape[2], LANES):
            prefetch(path, (b, t, j))


@compiled
def is_full(at: int, n: int, t: int) -> bool:
    """Check whether n more steps would not fit behind the first `at`, or there are no more."""
    return at + n > DEPTH or t == 0


@compiled
def add_bias_gradient(gradient: Any, d: Any, width: int, n: int) -> None:
    """Add the sums of the first `width` columns of d over n rows to the last row of a gradient."""
    last = len(gradient) - 1
    for j in range(0, width, LANES):
        total = load(gradient, (last, j))
        for i in range(n):
            total = total + load(d, (i, j))
        store(gradient, (last, j), total)


@compiled
def fill_input_gradient(
    d_x: Any, dx: Any, d: Any, panels: Any, lengths: Any, first: int, n: int, t: int
) -> None:
    """Fill step t of d_x (B, T, F), of the n rows from `first` on, from the gradients of W x.

    Nothing is done if d_x has no columns. `dx` is scratch memory.
    """
    n_features = d_x.shape[2]
    if n_features == 0:
        return
    dx[:n] = 0
    add_product(dx, d, panels, n)
    for k in range(n):
        if t < lengths[first + k]:
            for j in range(n_features):
                d_x[first + k, t, j] = dx[k, j]


@compiled
def fill_product(out: Any, x: Any, panels: Any, bias: Any) -> None:
    """Fill out (R, N) with x (R, K) times b (K, N) in panels, plus a bias from `in_columns`."""
    n_rows, width = out.shape
    n_together = min(DEPTH, n_rows)
    read, sums = new_block(n_together, x.shape[1]), new_block(n_together, width)
    for first in range(0, n_rows, DEPTH):
        n = min(DEPTH, n_rows - first)
        read[:n, : x.shape[1]] = x[first : first + n]
        set_product(sums, read, panels, bias, n)
        out[first : first + n] = sums[:n, :width]


@compiled
def fill_gradient(gradient: Any, read: Any, d: Any) -> None:
    """Add read (R, N) transposed times d (R, G) to a gradient in whole tiles, and the sums of d.

    The last row of the gradient has the sums, see `add_outer_and_sums`.
    """
    (n_rows, n_read), width = read.shape, d.shape[1]
    left, right = new_steps(n_read), new_steps(width)
    for first in range(0, n_rows, DEPTH):
        n = min(DEPTH, n_rows - first)
        left[:n, :n_read], right[:n, :width] = read[first : first + n], d[first : first + n]
        add_outer_and_sums(gradient, left, right, n_read, width, n)
