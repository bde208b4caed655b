"""The decorator of all compiled functions, and those that every time loop uses: gates and padding.

Gates are computed on vectors of `_vectors` or on single numbers, without a library call.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numba import njit
from numba.core.compiler_lock import global_compiler_lock

from sksequence._kernels._cache import CheckedCache
from sksequence._kernels._vectors import where_above

if hasattr(os, "register_at_fork"):
    # a child forked while another thread compiles would wait for this lock for ever
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )

_LARGE = np.float32(7.90531110763549805)
_HALF = np.float32(0.5)

# Numerator and denominator of the rational minimax approximation of tanh used by Eigen
# (generic_fast_tanh_float): its error is a few units in the last place.
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
    """Compile a function, cached on disk, without the interpreter's lock; sums keep their order."""
    dispatcher: Any = njit(nogil=True, fastmath={"contract"}, error_model="numpy")(function)
    dispatcher._cache = CheckedCache(function)
    return dispatcher


@compiled
def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent of a vector or a number; NaN stays NaN."""
    x = where_above(x, _LARGE, _LARGE, x)
    x = where_above(-_LARGE, x, -_LARGE, x)
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
    """Return the logistic function of a vector or a number, computed from tanh."""
    return _HALF + _HALF * tanh(_HALF * x)


@compiled
def longest(lengths: Any, first: int, n: int) -> int:
    """Return the largest length of the n rows from `first` on."""
    n_steps = 0
    for b in range(first, first + n):
        n_steps = max(n_steps, lengths[b])
    return n_steps


@compiled
def clear_padding(path: Any, lengths: Any, first: int, n: int) -> None:
    """Set the padded steps of the n rows from `first` on to 0, in a path (B, T, H)."""
    for b in range(first, first + n):
        path[b, lengths[b] :] = 0
