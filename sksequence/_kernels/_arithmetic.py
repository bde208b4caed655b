"""Compiled arithmetic for a block of rows: products in registers, gates without a library call.

All arrays are float32 and C-contiguous; a block has `ROWS` rows. Every row is computed alike, wherever it stands, so
its bits do not depend on its neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

ROWS = 4

_LARGE = np.float32(7.90531110763549805)
_ONE, _HALF = np.float32(1.0), np.float32(0.5)

# Numerator and denominator of the rational minimax approximation of tanh used by Eigen (generic_fast_tanh_float):
# its error is a few units in the last place.
_P1, _P3, _P5, _P7, _P9, _P11, _P13 = (
    np.float32(c)
    for c in (
        4.89352455891786e-03,
        6.37261928875436e-04,
        1.48572235717979e-05,
        5.12229709037114e-08,
        -8.60467152213735e-11,
        2.00018790482477e-13,
        -2.76076847742355e-16,
    )
)
_Q0, _Q2, _Q4, _Q6 = (
    np.float32(c)
    for c in (
        4.89352518554385e-03,
        2.26843463243900e-03,
        1.18534705686654e-04,
        1.19825839466702e-06,
    )
)


def compiled(function: Any) -> Any:
    """Compile once per machine, without the interpreter's lock; sums keep their order."""
    return njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")(function)


@compiled
def tanh(x: Any) -> Any:
    """Hyperbolic tangent; written so that NaN stays NaN."""
    x = min(x, _LARGE)
    x = max(x, -_LARGE)
    x2 = x * x
    p = _P13 * x2 + _P11
    p = p * x2 + _P9
    p = p * x2 + _P7
    p = p * x2 + _P5
    p = p * x2 + _P3
    p = p * x2 + _P1
    q = _Q6 * x2 + _Q4
    q = q * x2 + _Q2
    q = q * x2 + _Q0
    return x * p / q


@compiled
def sigmoid(x: Any) -> Any:
    """Logistic function by way of tanh."""
    return _HALF + _HALF * tanh(_HALF * x)


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
