"""The loop of a generator as one compiled function: draw a code, look its input up, step through the layers, repeat.

Rows are independent, so four of them run side by side in slots, and a slot is given the next row as soon as its own is
done. A row's bits depend on neither: it is computed alike alone, in any slot and beside any others.

Arrays are float32 and C-contiguous: `embedding` (n_codes, E), `first` (E, G), `upper` (n_layers - 1, H, G) and
`recurrent` (n_layers, H, G) for G gates x H, `biases` (n_layers, 2, G) of the input's product and the state's, `head`
(H, V) and `head_bias` (V,). `table` (n_codes, G) holds first products, kept in `filled` once they are known.
States are `hidden` and `memory`, (n_rows, n_layers, H).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._kernels._arithmetic import compiled, sigmoid, tanh

TANH, RELU, LOGISTIC, GRU, LSTM = range(5)
ROWS = 4


@compiled
def add_product(out: Any, a: Any, b: Any) -> None:
    """Add a (4, k) times b (k, n) to out (4, n), four columns of a at a time."""
    depth, width = b.shape
    for k in range(0, depth - 3, 4):
        a00, a01, a02, a03 = a[0, k], a[0, k + 1], a[0, k + 2], a[0, k + 3]
        a10, a11, a12, a13 = a[1, k], a[1, k + 1], a[1, k + 2], a[1, k + 3]
        a20, a21, a22, a23 = a[2, k], a[2, k + 1], a[2, k + 2], a[2, k + 3]
        a30, a31, a32, a33 = a[3, k], a[3, k + 1], a[3, k + 2], a[3, k + 3]
        for j in range(width):
            b0, b1, b2, b3 = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
            out[0, j] += a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
            out[1, j] += a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
            out[2, j] += a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
            out[3, j] += a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
    for k in range(depth - depth % 4, depth):
        for row in range(4):
            a0 = a[row, k]
            for j in range(width):
                out[row, j] += a0 * b[k, j]


@compiled
def add_row(out: Any, a: Any, b: Any) -> None:
    """Add a (k,) times b (k, n) to out (n,), in the order of `add_product`."""
    depth, width = b.shape
    for k in range(0, depth - 3, 4):
        a0, a1, a2, a3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        for j in range(width):
            b0, b1, b2, b3 = b[k, j], b[k + 1, j], b[k + 2, j], b[k + 3, j]
            out[j] += a0 * b0 + a1 * b1 + a2 * b2 + a3 * b3
    for k in range(depth - depth % 4, depth):
        a0 = a[k]
        for j in range(width):
            out[j] += a0 * b[k, j]


@compiled
def draw_code(logits: Any, uniform: float, temperature: float, weights: Any) -> int:
    """Invert the distribution function of softmax(logits / temperature) at `uniform`; temperature 0 is greedy."""
    largest = logits[0]
    likeliest = 0
    for j in range(1, len(logits)):
        if logits[j] > largest:
            largest, likeliest = logits[j], j
    if temperature == 0.0:
        return likeliest
    total = 0.0
    for j in range(len(logits)):
        weights[j] = np.exp((np.float64(logits[j]) - largest) / temperature)
        total += weights[j]
    rest = uniform * total
    for j in range(len(logits)):
        rest -= weights[j]
        if rest < 0.0:
            return j
    return likeliest  # rounding alone leads here


@compiled
def _gate(kind: int, x: Any, rec: Any, h: Any, c: Any) -> None:
    """Update one row's state from W x + b and U h + b, by the equations of the cells."""
    size = len(h)
    one = np.float32(1.0)
    if kind == LSTM:
        for j in range(size):
            i = sigmoid(x[j] + rec[j])
            f = sigmoid(x[size + j] + rec[size + j])
            g = tanh(x[2 * size + j] + rec[2 * size + j])
            o = sigmoid(x[3 * size + j] + rec[3 * size + j])
            memory = f * c[j] + i * g
            c[j] = memory
            h[j] = o * tanh(memory)
    elif kind == GRU:
        for j in range(size):
            r = sigmoid(x[j] + rec[j])
            z = sigmoid(x[size + j] + rec[size + j])
            n = tanh(x[2 * size + j] + r * rec[2 * size + j])
            h[j] = (one - z) * n + z * h[j]
    elif kind == TANH:
        for j in range(size):
            h[j] = tanh(x[j] + rec[j])
    elif kind == RELU:
        for j in range(size):
            h[j] = max(x[j] + rec[j], np.float32(0.0))
    else:
        for j in range(size):
            h[j] = sigmoid(x[j] + rec[j])


@compiled
def _multiply(out: Any, a: Any, b: Any, only: int) -> None:
    """Add a (4, k) times b (k, n) to out, for all rows or for `only` one."""
    if only >= 0:
        add_row(out[only], a[only], b)
    else:
        add_product(out, a, b)


@compiled
def _step(
    kind: int, weights: Any, h: Any, c: Any, x: Any, rec: Any, logits: Any, only: int
) -> None:
    """Take one step of all slots, or of `only` one, from the first layer's input in x."""
    upper, recurrent, biases, head, head_bias = weights
    for layer in range(len(recurrent)):
        if layer > 0:
            x[:, :] = biases[layer, 0]
            _multiply(x, h[layer - 1], upper[layer - 1], only)
        rec[:, :] = biases[layer, 1]
        _multiply(rec, h[layer], recurrent[layer], only)
        for slot in range(ROWS):
            if only < 0 or slot == only:
                _gate(kind, x[slot], rec[slot], h[layer, slot], c[layer, slot])
    logits[:, :] = head_bias
    _multiply(logits, h[-1], head, only)


@compiled
def _look_up(code: int, tables: Any, bias: Any) -> Any:
    """Return W e + b of a code, computed when it is first needed."""
    embedding, first, table, filled = tables
    if not filled[code]:
        table[code] = bias
        add_row(table[code], embedding[code], first)
        filled[code] = True
    return table[code]


@compiled
def _enter(slot: int, row: int, states: Any, h: Any, c: Any, logits: Any) -> None:
    """Copy a row into a slot."""
    hidden, memory, all_logits = states
    logits[slot] = all_logits[row]
    for layer in range(len(h)):
        h[layer, slot] = hidden[row, layer]
        c[layer, slot] = memory[row, layer]


@compiled
def _leave(slot: int, row: int, states: Any, h: Any, c: Any, logits: Any) -> None:
    """Copy a slot back to its row."""
    hidden, memory, all_logits = states
    all_logits[row] = logits[slot]
    for layer in range(len(h)):
        hidden[row, layer] = h[layer, slot]
        memory[row, layer] = c[layer, slot]


@compiled
def run(
    kind: int,
    tables: Any,
    weights: Any,
    states: Any,
    temperature: float,
    uniforms: Any,
    halting: Any,
    limits: Any,
    codes: Any,
    counts: Any,
) -> None:
    """Draw codes and feed each back, until a row has as many as its limit or draws one of those that halt.

    Parameters
    ----------
    kind : int
        Of the cell.
    tables, weights, states : tuple of ndarray
        Embedding, first, table, filled; upper, recurrent, biases, head, head_bias; hidden, memory, logits. The states
        are those after the last code drawn.
    temperature : float
        Divides the logits; 0 is greedy. A negative one draws nothing: codes are read instead.
    uniforms : ndarray of shape (n_rows, n_draws)
        Uniform numbers in [0, 1).
    halting : ndarray of bool of shape (n_outputs,)
        Outputs that halt a row.
    limits : ndarray of shape (n_rows,)
        The most codes of each row, at most n_draws.
    codes : ndarray of shape (n_rows, n_draws)
        Filled; output i is code i + 1.
    counts : ndarray of shape (n_rows,)
        Filled: how many codes each row has drawn.
    """
    n_layers, size, n_gates = weights[1].shape
    h = np.zeros((n_layers, ROWS, size), np.float32)
    c = np.zeros((n_layers, ROWS, size), np.float32)
    x, rec = np.zeros((ROWS, n_gates), np.float32), np.zeros((ROWS, n_gates), np.float32)
    logits = np.zeros((ROWS, len(halting)), np.float32)
    scratch = np.empty(len(halting))
    rows = np.full(ROWS, -1)
    following, live = 0, 0
    while True:
        for slot in range(ROWS):
            while rows[slot] < 0 and following < len(limits):
                counts[following] = 0
                if limits[following] > 0:
                    rows[slot] = following
                    live += 1
                    _enter(slot, following, states, h, c, logits)
                following += 1
        if live == 0:
            return
        only = -1
        for slot in range(ROWS):
            row = rows[slot]
            if row >= 0:
                only = slot if live == 1 else -1
                t = counts[row]
                if temperature >= 0.0:
                    codes[row, t] = draw_code(logits[slot], uniforms[row, t], temperature, scratch)
                counts[row] = t + 1
                x[slot] = _look_up(codes[row, t] + 1, tables, weights[2][0, 0])
        _step(kind, weights, h, c, x, rec, logits, only)
        for slot in range(ROWS):
            row = rows[slot]
            if row >= 0 and (counts[row] == limits[row] or halting[codes[row, counts[row] - 1]]):
                _leave(slot, row, states, h, c, logits)
                rows[slot] = -1
                live -= 1
