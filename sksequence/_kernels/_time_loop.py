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
from sksequence._kernels._tiles import BLOCK, add_product
from sksequence._kernels._vectors import LANES, load, store, where_above

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
    "where_above": where_above,
}


class TimeLoop:
    """The compiled loops of one cell.

    Parameters
    ----------
    source : str
        Functions that take a step; see `write_step`.
    n_products : int
        Number of products of a matrix with a state in a step.

    Attributes
    ----------
    forward, backward : callable
        The loops; see `_forward_loop` and `_backward_loop`.
    """

    def __init__(self, source: str, n_products: int) -> None:
        digest = sha256(source.encode()).hexdigest()[:16]
        name = f"<step {digest}>"
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
        names = dict(_NAMES)
        exec(compile(source, name, "exec"), names)  # noqa: S102 - made from expressions only
        advance, retreat = (_named(names[name], digest) for name in ("advance", "retreat"))
        self.forward = _forward_loop(inlined(advance), n_products, digest)
        self.backward = _backward_loop(inlined(retreat), n_products, digest)


time_loop = cache(TimeLoop)  # cells that differ in numbers only share their loops


def _named(function: Any, digest: str) -> Any:
    """Give a function of one cell a name of its own.

    Compiled code is linked by name, and the numbers by which Numba tells functions of one name
    apart start anew in each process: of two loops from the cache, the same would be called.
    """
    function.__qualname__ = function.__name__ = f"{function.__name__}_{digest}"
    return function


def _forward_loop(advance: Any, n_products: int, digest: str) -> Any:
    """Return the loop of the forward pass.

    It fills `paths` (n_paths, B, T, H) with states, 0 at padded steps, and replaces `states`
    (n_states, B, H), those before the first step, by those after each row's last one. `gates`
    (B, T, slots * H) holds W x + b; with `is_kept`, it is filled with what the backward loop reads,
    and so is `kept_sources` (n, B, T, H). `panels` holds the transposed matrices.
    """

    def forward_loop(
        is_kept: Any,
        lengths: Any,
        panels: Any,
        vectors: Any,
        constants: Any,
        gates: Any,
        kept_sources: Any,
        paths: Any,
        states: Any,
    ) -> None:
        n_states, n_rows, size = states.shape
        current = np.zeros((n_states, BLOCK, size), np.float32)
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
                for p in range(n_products + 1):
                    for k in range(n):
                        b = first + k
                        if t < lengths[b]:
                            advance(
                                p, k, b, t, is_kept, gates, products, sources, kept_sources,
                                current, paths, vectors, constants,
                            )  # fmt: skip
                    if p < n_products:
                        products[p] = 0
                        add_product(products[p], sources[p], panels[p], n)
            states[:, first : first + n] = current[:, :n]

    return compiled(_named(forward_loop, digest), digest)


def _backward_loop(retreat: Any, n_products: int, digest: str) -> Any:
    """Return the loop of the backward pass.

    It replaces `gates` by the gradients of inputs and products, 0 at padded steps, and `d_states`
    (n_states, B, H), the gradients of the last states, by those of the first ones. It adds to
    `d_vectors`. `starts` holds the states before the first step, `panels` the matrices.
    """

    def backward_loop(
        lengths: Any,
        panels: Any,
        vectors: Any,
        constants: Any,
        gates: Any,
        starts: Any,
        paths: Any,
        d_outputs: Any,
        d_states: Any,
        d_vectors: Any,
    ) -> None:
        n_rows = d_states.shape[1]
        source_gradients = np.zeros((n_products, BLOCK, _widest(panels)), np.float32)
        product_gradients = np.zeros((n_products, BLOCK, _deepest(panels)), np.float32)
        for first in range(0, n_rows, BLOCK):
            n = min(BLOCK, n_rows - first)
            clear_padding(gates, lengths, first, n)
            for t in range(longest(lengths, first, n) - 1, -1, -1):
                for p in range(n_products, -1, -1):
                    if p < n_products:
                        source_gradients[p] = 0
                        add_product(source_gradients[p], product_gradients[p], panels[p], n)
                    for k in range(n):
                        b = first + k
                        if t < lengths[b]:
                            retreat(
                                p, k, b, t, gates, starts, paths, d_outputs, d_states,
                                source_gradients, product_gradients, vectors, constants, d_vectors,
                            )  # fmt: skip

    return compiled(_named(backward_loop, digest), digest)


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
