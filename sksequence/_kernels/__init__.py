"""Fused time loops: tensors in, tensors out.

On the CPU, torch spends most of a small layer's time between operations, and the backward pass of
its LSTM is slow. Compiled with Numba (the optional extra `fast`), the loop over time is one call,
and so is its backward pass. Without Numba, on other devices and in double precision the callers use
torch.
"""

from sksequence._kernels._dispatch import (
    STABLE,
    Recurrence,
    can_compile,
    generation_loops,
    has_numba,
    in_panels,
    is_compiled_width,
    is_fast,
    is_traced,
    is_transformed,
    new_recurrence,
    padded_size,
    past_loops,
    run_gru,
    run_lstm,
    run_rnn,
)
from sksequence._kernels._expressions import (
    Expression,
    V,
    detach,
    exp,
    maximum,
    mean,
    relu,
    sigmoid,
    softplus,
    sqrt,
    standardised,
    tanh,
    units,
)
from sksequence._kernels._single_steps import (
    Product,
    prepared_gru,
    prepared_lstm,
    prepared_rnn,
)
from sksequence._kernels._step_plan import StepPlan
from sksequence._kernels._traced_step import Equations, Shape

__all__ = [
    "STABLE",
    "Equations",
    "Expression",
    "Product",
    "Recurrence",
    "Shape",
    "StepPlan",
    "V",
    "can_compile",
    "detach",
    "exp",
    "generation_loops",
    "has_numba",
    "in_panels",
    "is_compiled_width",
    "is_fast",
    "is_traced",
    "is_transformed",
    "maximum",
    "mean",
    "new_recurrence",
    "padded_size",
    "past_loops",
    "prepared_gru",
    "prepared_lstm",
    "prepared_rnn",
    "relu",
    "run_gru",
    "run_lstm",
    "run_rnn",
    "sigmoid",
    "softplus",
    "sqrt",
    "standardised",
    "tanh",
    "units",
]
