"""The time loops of a simple recurrent layer, h_t = f(x_t + h_{t-1} U), forward and backward, over blocks of rows.

f is tanh or relu (Elman 1990); the backward loop is the derivative, step by step (backpropagation through time, Werbos
1990). Both derivatives are functions of the output, so nothing else is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._kernels._arithmetic import compiled, tanh
from sksequence._kernels._blocks import clear_padding, longest
from sksequence._kernels._tiles import BLOCK, add_product
from sksequence._kernels._vectors import LANES, load, store, where_above


@compiled
def forward_loop(outputs: Any, start: Any, lengths: Any, panels: Any, relu: bool) -> None:
    """Turn W x and its biases, (B, T, H), into outputs, 0 at padded steps; `panels` hold U transposed."""
    n_rows, _, size = outputs.shape
    h = np.zeros((BLOCK, size), np.float32)
    s = np.zeros((BLOCK, panels.shape[0] * panels.shape[2]), np.float32)
    zero = np.float32(0.0)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        h[:n] = start[first : first + n]
        clear_padding(outputs, lengths, first, n)
        for t in range(longest(lengths, first, n)):
            for k in range(n):
                for j in range(0, size, LANES):
                    store(s, (k, j), load(outputs, (first + k, t, j)))
            add_product(s, h, panels, n)
            for k in range(n):
                if t < lengths[first + k]:
                    for j in range(0, size, LANES):
                        a = load(s, (k, j))
                        new = where_above(zero, a, zero, a) if relu else tanh(a)
                        store(h, (k, j), new)
                        store(outputs, (first + k, t, j), new)


@compiled
def backward_loop(
    d_outputs: Any,
    start: Any,
    lengths: Any,
    panels: Any,
    relu: bool,
    outputs: Any,
    d_inputs: Any,
    before: Any,
    d_start: Any,
) -> None:
    """Fill d_inputs and before (B, T, H), the state that each step began from, both 0 at padded steps, and d_start.

    `panels` hold U.
    """
    n_rows, _, size = outputs.shape
    dh = np.zeros((BLOCK, panels.shape[0] * panels.shape[2]), np.float32)
    da = np.zeros((BLOCK, size), np.float32)
    zero, one = np.float32(0.0), np.float32(1.0)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        dh[:, :] = 0
        clear_padding(d_inputs, lengths, first, n)
        clear_padding(before, lengths, first, n)
        for t in range(longest(lengths, first, n) - 1, -1, -1):
            for k in range(n):
                b = first + k
                if t >= lengths[b]:
                    da[k] = 0
                    continue
                for j in range(0, size, LANES):
                    began = load(outputs, (b, t - 1, j)) if t > 0 else load(start, (b, j))
                    output = load(outputs, (b, t, j))
                    d = load(d_outputs, (b, t, j)) + load(dh, (k, j))
                    d = where_above(output, zero, d, zero) if relu else d * (one - output * output)
                    store(before, (b, t, j), began)
                    store(da, (k, j), d)
                    store(d_inputs, (b, t, j), d)
                    store(dh, (k, j), np.float32(0.0))
            add_product(dh, da, panels, n)
        d_start[first : first + n] = dh[:n, :size]
