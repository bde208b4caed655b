"""The time loops of a simple recurrent layer, h_t = f(x_t + h_{t-1} U), forward and backward, over blocks of rows.

f is tanh or relu (Elman 1990); the backward loop is the derivative, step by step (backpropagation through time, Werbos
1990). Both derivatives are functions of the output, so nothing else is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._kernels._arithmetic import ROWS, add_product, compiled, tanh


@compiled
def forward_loop(
    inputs: Any, start: Any, lengths: Any, weight: Any, bias: Any, relu: bool, outputs: Any
) -> None:
    """Fill outputs (B, T, H), 0 at padded steps.

    inputs (B, T, H) hold W x and its bias; weight is U transposed, (H, H), and `bias` (H,) goes with it.
    """
    n_rows, _, size = inputs.shape
    h = np.zeros((ROWS, size), np.float32)
    s = np.zeros((ROWS, size), np.float32)
    zero = np.float32(0.0)
    for first in range(0, n_rows, ROWS):
        last = min(first + ROWS, n_rows)
        n_steps = 0
        for b in range(first, last):
            h[b - first] = start[b]
            n_steps = max(n_steps, lengths[b])
            outputs[b, lengths[b] :] = 0
        for t in range(n_steps):
            s[:, :] = bias
            add_product(s, h, weight)
            for b in range(first, last):
                if t >= lengths[b]:
                    continue
                k = b - first
                if relu:
                    for j in range(size):
                        new = max(inputs[b, t, j] + s[k, j], zero)
                        h[k, j] = new
                        outputs[b, t, j] = new
                else:
                    for j in range(size):
                        new = tanh(inputs[b, t, j] + s[k, j])
                        h[k, j] = new
                        outputs[b, t, j] = new


@compiled
def backward_loop(
    d_outputs: Any,
    start: Any,
    lengths: Any,
    weight: Any,
    relu: bool,
    outputs: Any,
    d_inputs: Any,
    before: Any,
    d_start: Any,
) -> None:
    """Fill d_inputs and before (B, T, H), the state that each step began from, both 0 at padded steps, and d_start.

    weight is U, (H, H).
    """
    n_rows, _, size = outputs.shape
    dh = np.zeros((ROWS, size), np.float32)
    da = np.zeros((ROWS, size), np.float32)
    zero, one = np.float32(0.0), np.float32(1.0)
    for first in range(0, n_rows, ROWS):
        last = min(first + ROWS, n_rows)
        n_steps = 0
        dh[:, :] = 0
        for b in range(first, last):
            n_steps = max(n_steps, lengths[b])
            d_inputs[b, lengths[b] :] = 0
            before[b, lengths[b] :] = 0
        for t in range(n_steps - 1, -1, -1):
            da[:, :] = 0
            for b in range(first, last):
                if t >= lengths[b]:
                    continue
                k = b - first
                state = outputs[b, t - 1] if t > 0 else start[b]
                for j in range(size):
                    before[b, t, j] = state[j]
                    out = outputs[b, t, j]
                    slope = (one if out > zero else zero) if relu else one - out * out
                    d = (d_outputs[b, t, j] + dh[k, j]) * slope
                    da[k, j] = d
                    d_inputs[b, t, j] = d
                    dh[k, j] = zero
            add_product(dh, da, weight)
        for b in range(first, last):
            d_start[b] = dh[b - first]
