"""The compiled loops through time of any cell, made from its equations.

The loops run over blocks of rows. In each step they take products of matrices with states for a
whole block, and between them compute the equations for one row after the other, in vectors of
units. The backward loop is the derivative of the forward loop, step by step (backpropagation
through time, Werbos 1990).
"""

from __future__ import annotations

import linecache
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
from numpy import float32

from sksequence._kernels._compiled import (
    clear_padding,
    compiled,
    exp,
    inlined,
    larger,
    longest,
    relu,
    sigmoid,
    softplus,
    sqrt,
    tanh,
)
from sksequence._kernels._loop_parts import prefetch_step
from sksequence._kernels._tiles import BLOCK, add_product
from sksequence._kernels._vectors import LANES, load, store, total, where_above

_NAMES = {
    "LANES": LANES,
    "exp": exp,
    "float32": float32,
    "load": load,
    "maximum": larger,
    "relu": relu,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "sqrt": sqrt,
    "store": store,
    "tanh": tanh,
    "total": total,
    "where_above": where_above,
}


class TimeLoop:
    """The compiled loops of one cell.

    Parameters
    ----------
    source : str
        Functions that take a step; see `write_step`.
    products_after : tuple of tuple of int
        The number of the product after each stage, forward and backward; -1 for none.
    n_shared : tuple of int
        Number of values that stages store for later ones, forward and backward.
    n_means : int
        Number of means over units that only the backward pass needs.

    Attributes
    ----------
    forward, backward : callable
        The loops; see `_forward_loop` and `_backward_loop`.
    """

    def __init__(
        self,
        source: str,
        products_after: tuple[tuple[int, ...], tuple[int, ...]],
        n_shared: tuple[int, int],
        n_means: int,
    ) -> None:
        digest = sha256(source.encode()).hexdigest()[:16]
        name = f"<step {digest}>"
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
        names = dict(_NAMES)
        exec(compile(source, name, "exec"), names)  # noqa: S102 - made from expressions only
        advance, retreat = (_named(names[name], digest) for name in ("advance", "retreat"))
        ahead, back = products_after
        self.forward = _forward_loop(inlined(advance, forceinline=True), ahead, n_shared[0], digest)
        self.backward = _backward_loop(
            inlined(retreat, forceinline=True), back, n_shared[1], n_means, digest
        )


time_loop = cache(TimeLoop)  # cells that differ in numbers only share their loops


def _named(function: Any, digest: str) -> Any:
    """Give a function of one cell a name of its own.

    Compiled code is linked by name, and the numbers by which Numba tells functions of one name
    apart start anew in each process: of two loops from the cache, the same would be called.
    """
    function.__qualname__ = function.__name__ = f"{function.__name__}_{digest}"
    return function


def _forward_loop(advance: Any, products_after: Any, n_shared: int, digest: str) -> Any:
    """Return the loop of the forward pass.

    It fills `paths` (n_paths, B, T, H) with states, 0 at padded steps, and replaces `states`
    (n_states, B, H), those before the first step, by those after each row's last one. `gates`
    (B, T, slots * H) holds W x + b; with `is_kept`, it is filled with what the backward loop reads,
    and so is `kept_sources` (n, B, T, H). `means` (B, T, n_means) is filled with means over the
    units, which `units` (H,) weighs: spare ones by 0. `panels` holds the transposed matrices.
    """
    n_stages, n_products = len(products_after), max(products_after) + 1

    def forward_loop(
        is_kept: Any,
        lengths: Any,
        panels: Any,
        vectors: Any,
        constants: Any,
        units: Any,
        gates: Any,
        kept_sources: Any,
        means: Any,
        paths: Any,
        states: Any,
    ) -> None:
        n_states, n_rows, size = states.shape
        current = np.zeros((n_states, BLOCK, size), np.float32)
        shared = np.zeros((BLOCK, n_shared, size), np.float32)
        sources = np.zeros((n_products, BLOCK, size), np.float32)
        products = np.zeros((n_products, BLOCK, _widest(panels)), np.float32)
        for first in range(0, n_rows, BLOCK):
            n = min(BLOCK, n_rows - first)
            current[:, :n] = states[:, first : first + n]
            for i in range(len(paths)):
                clear_padding(paths[i], lengths, first, n)
            for i in range(len(kept_sources)):
                clear_padding(kept_sources[i], lengths, first, n)
            for t in range(longest(lengths, first, n)):
                for p in range(n_stages):
                    for k in range(n):
                        b = first + k
                        if t < lengths[b]:
                            advance(
                                p, k, b, t, is_kept, gates, products, sources, kept_sources,
                                current, paths, shared, means, vectors, constants, units,
                            )  # fmt: skip
                    number = products_after[p]
                    if number >= 0:
                        products[number] = 0
                        add_product(products[number], sources[number], panels[number], n)
            states[:, first : first + n] = current[:, :n]

    return compiled(_named(forward_loop, digest), digest)


def _backward_loop(
    retreat: Any, products_after: Any, n_shared: int, n_means: int, digest: str
) -> Any:
    """Return the loop of the backward pass.

    It replaces `gates` by the gradients of inputs and products, 0 at padded steps, and `d_states`
    (n_states, B, H), the gradients of the last states, by those of the first ones. It adds to
    `d_vectors`. `starts` holds the states before the first step, `panels` the matrices.
    """
    n_stages, n_products = len(products_after), max(products_after) + 1

    def backward_loop(
        lengths: Any,
        panels: Any,
        vectors: Any,
        constants: Any,
        units: Any,
        gates: Any,
        means: Any,
        starts: Any,
        paths: Any,
        d_outputs: Any,
        d_states: Any,
        d_vectors: Any,
    ) -> None:
        n_rows, size = d_states.shape[1:]
        shared = np.zeros((BLOCK, n_shared, size), np.float32)
        d_means = np.zeros((n_means, BLOCK), np.float32)
        source_gradients = np.zeros((n_products, BLOCK, _widest(panels)), np.float32)
        product_gradients = np.zeros((n_products, BLOCK, _deepest(panels)), np.float32)
        for first in range(0, n_rows, BLOCK):
            n = min(BLOCK, n_rows - first)
            clear_padding(gates, lengths, first, n)
            for t in range(longest(lengths, first, n) - 1, -1, -1):
                _prefetch_before(first, n, t, gates, paths, d_outputs)
                for p in range(n_stages):
                    for k in range(n):
                        b = first + k
                        if t < lengths[b]:
                            retreat(
                                p, k, b, t, gates, starts, paths, d_outputs, d_states,
                                source_gradients, product_gradients, shared, means, d_means,
                                vectors, constants, units, d_vectors,
                            )  # fmt: skip
                    number = products_after[p]
                    if number >= 0:
                        source = source_gradients[number]
                        source[:] = 0
                        add_product(source, product_gradients[number], panels[number], n)

    return compiled(_named(backward_loop, digest), digest)


@compiled
def _prefetch_before(first: int, n: int, t: int, gates: Any, paths: Any, d_outputs: Any) -> None:
    """Bring what the step before t reads of the n rows from `first` on closer."""
    for b in range(first, first + n):
        prefetch_step(gates, b, t - 1)
        for path in paths:
            prefetch_step(path, b, t - 2)
        for d_output in d_outputs:
            prefetch_step(d_output, b, t - 1)


@compiled
def _widest(panels: Any) -> int:
    """Return the largest number of columns of matrices in panels."""
    widest = 0
    for matrix in panels:
        widest = max(widest, matrix.shape[0] * matrix.shape[2])
    return widest


@compiled
def _deepest(panels: Any) -> int:
    """Return the largest number of rows of matrices in panels."""
    deepest = 0
    for matrix in panels:
        deepest = max(deepest, matrix.shape[1])
    return deepest
