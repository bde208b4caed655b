"""The loop of a generator as one compiled function: draw a code, look its input up, step through the layers, repeat.

Rows are independent, so sixteen of them run side by side in slots, and a slot is given the next row as soon as its own
is done. A row's bits depend on neither: it is computed alike alone, in any slot and beside any others.

Arrays are float32 and C-contiguous. In panels, see `_tiles`, are `first` (E, G), `upper` (n_layers - 1, H, G) and
`recurrent` (n_layers, H, G), for G gates x H, and `head` (H, V); as they are, `embedding` (n_codes, E), `biases`
(n_layers, 2, G) of the input's product and the state's, and `head_bias` (V,). `table` (n_codes, G, in whole panels)
holds first products, marked in `filled` once they are known. States are `hidden` and `memory`, (n_rows, n_layers, H).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._kernels._arithmetic import compiled, sigmoid, tanh
from sksequence._kernels._tiles import BLOCK as ROWS
from sksequence._kernels._tiles import add_product, add_row_product

TANH, RELU, LOGISTIC, GRU, LSTM = range(5)


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
def _step(kind: int, weights: Any, h: Any, c: Any, x: Any, rec: Any, logits: Any, n: int) -> None:
    """Take one step of the first n slots, from the first layer's input in x."""
    upper, recurrent, biases, head, head_bias = weights
    width = biases.shape[2]
    for layer in range(len(recurrent)):
        if layer > 0:
            x[:n, :width] = biases[layer, 0]
            add_product(x, h[layer - 1], upper[layer - 1], n)
        rec[:n, :width] = biases[layer, 1]
        add_product(rec, h[layer], recurrent[layer], n)
        for slot in range(n):
            _gate(kind, x[slot], rec[slot], h[layer, slot], c[layer, slot])
    logits[:n, : len(head_bias)] = head_bias
    add_product(logits, h[-1], head, n)


@compiled
def _look_up(code: int, tables: Any, bias: Any) -> Any:
    """Return W e + b of a code, computed when it is first needed."""
    embedding, first, table, filled = tables
    if not filled[code]:
        table[code, : len(bias)] = bias
        add_row_product(table, embedding, first, code)
        filled[code] = True
    return table[code]


@compiled
def _enter(slot: int, row: int, states: Any, h: Any, c: Any, logits: Any) -> None:
    """Copy a row into a slot."""
    hidden, memory, all_logits = states
    logits[slot, : all_logits.shape[1]] = all_logits[row]
    for layer in range(len(h)):
        h[layer, slot] = hidden[row, layer]
        c[layer, slot] = memory[row, layer]


@compiled
def _leave(slot: int, row: int, states: Any, h: Any, c: Any, logits: Any) -> None:
    """Copy a slot back to its row."""
    hidden, memory, all_logits = states
    all_logits[row] = logits[slot, : all_logits.shape[1]]
    for layer in range(len(h)):
        hidden[row, layer] = h[layer, slot]
        memory[row, layer] = c[layer, slot]


@compiled
def _move(of: int, to: int, h: Any, c: Any, logits: Any) -> None:
    """Copy a slot to another."""
    logits[to] = logits[of]
    h[:, to] = h[:, of]
    c[:, to] = c[:, of]


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
    n_layers, n_panels, size, panel = weights[1].shape
    shape = (n_layers, ROWS, size)
    h, c = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    wide = (ROWS, n_panels * panel)
    x, rec = np.zeros(wide, np.float32), np.zeros(wide, np.float32)
    logits = np.zeros((ROWS, weights[3].shape[0] * panel), np.float32)
    scratch = np.empty(len(halting))
    rows = np.zeros(ROWS, np.int64)
    following, n = 0, 0
    while True:
        while n < ROWS and following < len(limits):
            counts[following] = 0
            if limits[following] > 0:
                rows[n] = following
                _enter(n, following, states, h, c, logits)
                n += 1
            following += 1
        if n == 0:
            return
        for slot in range(n):
            row = rows[slot]
            t = counts[row]
            if temperature >= 0.0:
                of_row = logits[slot, : len(halting)]
                codes[row, t] = draw_code(of_row, uniforms[row, t], temperature, scratch)
            counts[row] = t + 1
            x[slot] = _look_up(codes[row, t] + 1, tables, weights[2][0, 0])
        _step(kind, weights, h, c, x, rec, logits, n)
        for slot in range(n - 1, -1, -1):
            row = rows[slot]
            if counts[row] == limits[row] or halting[codes[row, counts[row] - 1]]:
                _leave(slot, row, states, h, c, logits)
                n -= 1
                rows[slot] = rows[n]
                _move(n, slot, h, c, logits)
