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
from sksequence._kernels._single_steps import Product, gru_step, lstm_step, rnn_step

__all__ = [
    "STABLE",
    "Product",
    "generation_loops",
    "gru_step",
    "has_numba",
    "in_panels",
    "is_compiled",
    "is_fast",
    "is_traced",
    "is_transformed",
    "lstm_step",
    "padded_size",
    "rnn_step",
    "run_gru",
    "run_lstm",
    "run_rnn",
]
