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
from sksequence._kernels._vectors import power_of_two, rounded, square_root, where_above, where_nan

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


# exp(x) = 2^n exp(r), x = n log(2) + r: log(2) in two parts, as in Cephes (expf)
_LOG2_E, _LOG_2_HIGH, _LOG_2_LOW = (
    np.float32(c) for c in (1.44269504088896341, 0.693359375, -2.12194440e-4)
)
# Taylor coefficients: the remainder is below half a unit in the last place for |r| <= log(2) / 2
_E2, _E3, _E4, _E5, _E6, _E7 = (np.float32(1.0 / c) for c in (2.0, 6.0, 24.0, 120.0, 720.0, 5040.0))
_SMALLEST_POWER, _LARGEST_POWER = np.float32(-87.3), np.float32(88.0)
# odd coefficients of 2 atanh(s) = log((1 + s) / (1 - s))
_A1, _A3, _A5, _A7, _A9, _A11, _A13 = (
    np.float32(2.0 / c) for c in (1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0)
)


def compiled(function: Any, made_from: str = "", **options: Any) -> Any:
    """Compile a function, cached on disk, without the interpreter's lock; sums keep their order.

    `made_from` tells functions of the same source apart, if they call others that were made.
    """
    dispatcher = inlined(function, **options)
    dispatcher._cache = CheckedCache(function, made_from)
    return dispatcher


def exact(function: Any) -> Any:
    """Compile a function whose products are rounded before they are added, as numpy's are."""
    return compiled(function, fastmath=False)


def inlined(function: Any, **options: Any) -> Any:
    """Compile a function that only cached ones call."""
    defaults: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    dispatcher: Any = njit(**defaults | options)(function)
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
def maximum(x: Any, y: Any) -> Any:
    """Return the larger one; y where one of them is NaN, so that x may be a bound."""
    return where_above(x, y, x, y)


@compiled
def larger(x: Any, y: Any) -> Any:
    """Return the larger one, NaN where one of them is NaN."""
    return where_nan(x, x, maximum(x, y))


@compiled
def exp(x: Any) -> Any:
    """Return the exponential of a vector or a number, at most that of 88; NaN stays NaN."""
    x = where_above(x, _LARGEST_POWER, _LARGEST_POWER, x)
    x = where_above(_SMALLEST_POWER, x, _SMALLEST_POWER, x)
    n = rounded(x * _LOG2_E)
    r = x - n * _LOG_2_HIGH
    r = r - n * _LOG_2_LOW
    p = _E7 * r + _E6
    p = p * r + _E5
    p = p * r + _E4
    p = p * r + _E3
    p = p * r + _E2
    p = p * (r * r) + r + np.float32(1.0)
    return p * power_of_two(n)


@compiled
def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)) of a vector or a number, as max(x, 0) + log(1 + exp(-|x|))."""
    zero = np.float32(0.0)
    u = exp(zero - maximum(zero - x, x))
    s = u / (u + np.float32(2.0))  # log(1 + u) = 2 atanh(s)
    s2 = s * s
    p = _A13 * s2 + _A11
    p = p * s2 + _A9
    p = p * s2 + _A7
    p = p * s2 + _A5
    p = p * s2 + _A3
    p = p * s2 + _A1
    return maximum(zero, x) + p * s


@compiled
def sqrt(x: Any) -> Any:
    """Return the square root of a vector or a number."""
    return square_root(x)


@compiled
def relu(x: Any) -> Any:
    """Return the positive part of a vector or a number; NaN stays NaN."""
    return maximum(np.float32(0.0), x)


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
