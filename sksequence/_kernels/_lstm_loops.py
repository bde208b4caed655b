"""The time loops of a long short-term memory, forward and backward, over blocks of rows.

i, f, o = sigmoid(a), g = tanh(a) of the four parts of a = W x + U h, c' = f c + i g, h' = o tanh(c') (Hochreiter &
Schmidhuber 1997, with the forget gate of Gers et al. 2000); the backward loop is its derivative, step by step
(backpropagation through time, Werbos 1990).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._kernels._arithmetic import compiled, sigmoid, tanh
from sksequence._kernels._blocks import clear_padding, longest
from sksequence._kernels._tiles import BLOCK, add_product
from sksequence._kernels._vectors import LANES, load, store


@compiled
def forward_loop(
    start: Any,
    memory: Any,
    lengths: Any,
    panels: Any,
    outputs: Any,
    last: Any,
    gates: Any,
    memories: Any,
) -> None:
    """Fill outputs (B, T, H), 0 at padded steps, from W x and its biases, in gates (B, T, 4H).

    `last` (B, H) is the c after each row's own last step; `start` and `memory` are h and c before the first. For a
    backward loop, gates are left as i, f, g, o and memories (B, T, H) as c; neither, if there is no room for c.
    `panels` hold U transposed.
    """
    n_rows, _, width = gates.shape
    size = width // 4
    columns = panels.shape[0] * panels.shape[2]
    h, c = np.zeros((BLOCK, size), np.float32), np.zeros((BLOCK, size), np.float32)
    s = np.zeros((BLOCK, columns), np.float32)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        h[:n], c[:n] = start[first : first + n], memory[first : first + n]
        clear_padding(outputs, lengths, first, n)
        for t in range(longest(lengths, first, n)):
            for k in range(n):
                for j in range(0, width, LANES):
                    store(s, (k, j), load(gates, (first + k, t, j)))
            add_product(s, h, panels, n)
            for k in range(n):
                if t < lengths[first + k]:
                    _update(k, first + k, t, s, c, h, gates, outputs, memories)
        last[first : first + n] = c[:n]


@compiled
def _update(
    k: int, b: int, t: int, s: Any, c: Any, h: Any, gates: Any, outputs: Any, memories: Any
) -> None:
    """Take one step of row b, the k-th of its block."""
    size = h.shape[1]
    is_kept = memories.shape[1] > 0
    for j in range(0, size, LANES):
        i, f = sigmoid(load(s, (k, j))), sigmoid(load(s, (k, size + j)))
        g, o = tanh(load(s, (k, 2 * size + j))), sigmoid(load(s, (k, 3 * size + j)))
        memory = f * load(c, (k, j)) + i * g
        output = o * tanh(memory)
        if is_kept:
            store(gates, (b, t, j), i)
            store(gates, (b, t, size + j), f)
            store(gates, (b, t, 2 * size + j), g)
            store(gates, (b, t, 3 * size + j), o)
            store(memories, (b, t, j), memory)
        store(outputs, (b, t, j), output)
        store(c, (k, j), memory)
        store(h, (k, j), output)


@compiled
def backward_loop(
    d_outputs: Any,
    start: Any,
    memory: Any,
    lengths: Any,
    panels: Any,
    outputs: Any,
    gates: Any,
    memories: Any,
    d_start: Any,
    d_memory: Any,
) -> None:
    """Turn gates into the gradient of W x and of U h, memories into the h that each step began from; fill d_start (B, H).

    Both are 0 at padded steps. `d_memory` (B, H) comes as the gradient of the last c and leaves as that of the first.
    `panels` hold U.
    """
    n_rows, _, size = outputs.shape
    dh = np.zeros((BLOCK, panels.shape[0] * panels.shape[2]), np.float32)
    da = np.zeros((BLOCK, 4 * size), np.float32)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        dh[:, :] = 0
        clear_padding(gates, lengths, first, n)
        clear_padding(memories, lengths, first, n)
        for t in range(longest(lengths, first, n) - 1, -1, -1):
            for k in range(n):
                b = first + k
                if t >= lengths[b]:
                    da[k] = 0
                    continue
                for j in range(0, size, LANES):
                    began = load(outputs, (b, t - 1, j)) if t > 0 else load(start, (b, j))
                    held = load(memories, (b, t - 1, j)) if t > 0 else load(memory, (b, j))
                    d = load(d_outputs, (b, t, j)) + load(dh, (k, j))
                    _undo(k, b, t, j, d, held, gates, memories, d_memory, da)
                    store(memories, (b, t, j), began)
                    store(dh, (k, j), np.float32(0.0))
            add_product(dh, da, panels, n)
        d_start[first : first + n] = dh[:n, :size]


@compiled
def _undo(
    k: int,
    b: int,
    t: int,
    j: int,
    d: Any,
    held: Any,
    gates: Any,
    memories: Any,
    d_memory: Any,
    da: Any,
) -> None:
    """Take a step back for the units from j on of row b, the k-th of its block.

    d is the gradient of their outputs, `held` their memory before the step.
    """
    size = memories.shape[2]
    one = np.float32(1.0)
    i, f = load(gates, (b, t, j)), load(gates, (b, t, size + j))
    g, o = load(gates, (b, t, 2 * size + j)), load(gates, (b, t, 3 * size + j))
    bent = tanh(load(memories, (b, t, j)))
    carried = load(d_memory, (b, j)) + d * o * (one - bent * bent)
    store(d_memory, (b, j), carried * f)
    _keep(k, b, t, j, carried * g * i * (one - i), gates, da)
    _keep(k, b, t, size + j, carried * held * f * (one - f), gates, da)
    _keep(k, b, t, 2 * size + j, carried * i * (one - g * g), gates, da)
    _keep(k, b, t, 3 * size + j, d * bent * o * (one - o), gates, da)


@compiled
def _keep(k: int, b: int, t: int, j: int, d: Any, gates: Any, da: Any) -> None:
    """Write a gradient to both that need it."""
    store(gates, (b, t, j), d)
    store(da, (k, j), d)
