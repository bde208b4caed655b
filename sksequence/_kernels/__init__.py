"""Fused time loops: tensors in, tensors out.

On the CPU, torch spends most of a small layer's time between operations, and the backward pass of
its LSTM is slow. Compiled with Numba (the optional extra `fast`), the loop over time is one call,
and so is its backward pass. Without Numba, on other devices and in double precision the callers use
torch.
"""

from sksequence._kernels._dispatch import (
    STABLE,
    generation_loops,
    has_numba,
    in_panels,
    is_compiled,
    is_fast,
    is_traced,
    is_transformed,
    padded_size,
    run_gru,
    run_lstm,
    run_rnn,
)

__all__ = [
    "STABLE",
    "generation_loops",
    "has_numba",
    "in_panels",
    "is_compiled",
    "is_fast",
    "is_traced",
    "is_transformed",
    "padded_size",
    "run_gru",
    "run_lstm",
    "run_rnn",
]
