"""First derivatives only: whoever asks for a graph of the backward pass is told so."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch


def first_derivative_only(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Run a backward pass without a graph; raise where one is asked for.

    torch's `once_differentiable` lets ``create_graph=True`` pass where no incoming gradient needs one, and what depends
    on saved tensors is then silently missing from a second derivative.
    """

    @wraps(backward)
    def guarded(ctx: Any, *gradients: Any) -> Any:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the compiled recurrent loops have first derivatives only; got create_graph=True. Compute second "
                "derivatives in double precision, which runs through torch: module.double()."
            )
        return backward(ctx, *gradients)

    return guarded
