"""The loop of a generator as one compiled function: draw a code, look up its input, step, repeat.

Rows are independent: up to `ROWS` of them run in slots, and a slot takes the next row as soon as
its own is finished. The bits of a row do not depend on its slot or on the other rows.

Arrays are float32 and C-contiguous. `first` (E, G), `upper` (n_layers - 1, H, G), `recurrent`
(n_layers, H, G) and `head` (H, V) are in panels, see `_tiles`, where G is the number of gates x H.
`embedding` is (n_codes, E), `biases` (n_layers, 2, G) holds those of W x and of U h, and
`head_bias` is (V,). `table` (n_codes, G in whole panels) holds the first layer's W x + b of each
code, computed when it is first needed and then marked in `filled`. States are `hidden` and
`memory`, (n_rows, n_layers, H).

With residual connections, each layer but the first reads the outputs below it, divided by their
root mean square, and adds its own to them. `factors` (n_layers - 1, H) multiply what is read; they
have no rows without connections. `widths` are the numbers of units below, of which the square is
the mean, plus `epsilon`. `projections` (n_layers - 1, H, H) in panels bring the outputs below to
the width of the layer; there are none if all layers are of one width.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._kernels._compiled import compiled, sigmoid, tanh
from sksequence._kernels._tiles import BLOCK as ROWS
from sksequence._kernels._tiles import add_product, add_row_product

TANH, RELU, LOGISTIC, GRU, LSTM = range(5)


@compiled
def draw_code(logits: Any, uniform: float, temperature: float, weights: Any) -> int:
    """Draw from softmax(logits / temperature) by inversion at `uniform`; 0 is greedy."""
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
    return likeliest  # reached by rounding only


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
def _join(layer: int, residuals: Any, own: Any, outputs: Any, read: Any, n: int) -> None:
    """Add the outputs of a layer to those below it, and fill what the layer above reads."""
    factors, widths, projections, epsilon = residuals
    size = own.shape[1]
    if layer == 0:
        outputs[:n] = 0
    elif len(projections) > 0:
        read[:n] = 0
        add_product(read, outputs, projections[layer - 1], n)
        outputs[:n] = read[:n]
    outputs[:n, :size] += own[:n]
    if layer < len(factors):
        for slot in range(n):
            square = np.float32(0.0)
            for j in range(widths[layer]):
                square += outputs[slot, j] * outputs[slot, j]
            root = np.sqrt(square / np.float32(widths[layer]) + np.float32(epsilon))
            for j in range(size):
                read[slot, j] = outputs[slot, j] / root * factors[layer, j]


@compiled
def _step(
    kind: int,
    weights: Any,
    residuals: Any,
    h: Any,
    c: Any,
    x: Any,
    rec: Any,
    joined: Any,
    logits: Any,
    n: int,
) -> None:
    """Take one step of the first n slots; x holds the first layer's W x + b."""
    upper, recurrent, biases, head, head_bias = weights
    width = biases.shape[2]
    is_joined = len(residuals[0]) > 0
    outputs, read = joined
    for layer in range(len(recurrent)):
        if layer > 0:
            x[:n, :width] = biases[layer, 0]
            add_product(x, read if is_joined else h[layer - 1], upper[layer - 1], n)
        rec[:n, :width] = biases[layer, 1]
        add_product(rec, h[layer], recurrent[layer], n)
        for slot in range(n):
            _gate(kind, x[slot], rec[slot], h[layer, slot], c[layer, slot])
        if is_joined:
            _join(layer, residuals, h[layer], outputs, read, n)
    logits[:n, : len(head_bias)] = head_bias
    add_product(logits, outputs if is_joined else h[-1], head, n)


@compiled
def _look_up(code: int, tables: Any, bias: Any) -> Any:
    """Return the first layer's W x + b of a code."""
    embedding, first, table, filled = tables
    if not filled[code]:
        table[code, : len(bias)] = bias
        add_row_product(table, embedding, first, code)
        filled[code] = True
    return table[code]


@compiled
def _enter(slot: int, row: int, states: Any, h: Any, c: Any, logits: Any) -> None:
    """Copy the state of a row into a slot."""
    hidden, memory, all_logits = states
    logits[slot, : all_logits.shape[1]] = all_logits[row]
    for layer in range(len(h)):
        h[layer, slot] = hidden[row, layer]
        c[layer, slot] = memory[row, layer]


@compiled
def _leave(slot: int, row: int, states: Any, h: Any, c: Any, logits: Any) -> None:
    """Copy the state of a slot back to its row."""
    hidden, memory, all_logits = states
    all_logits[row] = logits[slot, : all_logits.shape[1]]
    for layer in range(len(h)):
        hidden[row, layer] = h[layer, slot]
        memory[row, layer] = c[layer, slot]


@compiled
def _move(source: int, target: int, h: Any, c: Any, logits: Any) -> None:
    """Copy the state of one slot to another."""
    logits[target] = logits[source]
    h[:, target] = h[:, source]
    c[:, target] = c[:, source]


@compiled
def run(
    kind: int,
    tables: Any,
    weights: Any,
    residuals: Any,
    states: Any,
    temperature: float,
    uniforms: Any,
    halting: Any,
    limits: Any,
    codes: Any,
    counts: Any,
) -> None:
    """Draw codes and feed each one back, until a row reaches its limit or draws a halting code.

    Parameters
    ----------
    kind : int
        Cell and activation: TANH, RELU, LOGISTIC, GRU or LSTM.
    tables : tuple of ndarray
        embedding, first, table, filled.
    weights : tuple of ndarray
        upper, recurrent, biases, head, head_bias.
    residuals : tuple
        factors, widths, projections, epsilon.
    states : tuple of ndarray
        hidden, memory and logits (n_rows, n_outputs) before the first code; updated to those after
        the last one.
    temperature : float
        Divisor of the logits; 0 is greedy. If negative, nothing is drawn: the given codes are read
        instead.
    uniforms : ndarray of shape (n_rows, n_draws)
        Uniform numbers in [0, 1).
    halting : ndarray of bool of shape (n_outputs,)
        Whether an output ends its row.
    limits : ndarray of shape (n_rows,)
        Largest number of codes of each row, at most n_draws.
    codes : ndarray of shape (n_rows, n_draws)
        Filled with outputs; output i is code i + 1 of the network's input.
    counts : ndarray of shape (n_rows,)
        Filled with the number of codes that each row has drawn.
    """
    n_layers, n_panels, size, panel = weights[1].shape
    shape = (n_layers, ROWS, size)
    h, c = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    wide = (ROWS, n_panels * panel)
    x, rec = np.zeros(wide, np.float32), np.zeros(wide, np.float32)
    joined = np.zeros(wide, np.float32), np.zeros(wide, np.float32)
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
        _step(kind, weights, residuals, h, c, x, rec, joined, logits, n)
        for slot in range(n - 1, -1, -1):
            row = rows[slot]
            if counts[row] == limits[row] or halting[codes[row, counts[row] - 1]]:
                _leave(slot, row, states, h, c, logits)
                n -= 1
                rows[slot] = rows[n]
                _move(n, slot, h, c, logits)
