"""Numbers drawn one step after the other, each fed back as the next input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Advance = Callable[[NDArray[np.float32], Any], tuple[Tensor, Any]]


def roll_out(
    advance: Advance,
    outputs: Tensor,
    state: Any,
    draw: Callable[[Tensor, int], NDArray[Any]],
    feed: Callable[[NDArray[Any]], NDArray[np.float32]],
    *,
    n_steps: int,
) -> None:
    """Draw sample paths from a state on.

    Parameters
    ----------
    advance : callable
        From inputs (n_rows, width) and a state to outputs (n_rows, n_outputs) and the state after them.
    outputs : Tensor of shape (n_rows, n_outputs)
        Parameters of the distribution of the first step to draw.
    state : nested tuple of Tensor
        The state they came with.
    draw : callable
        From outputs and the number of a step to values (n_rows, n_features).
    feed : callable
        Takes values, and returns the inputs of the step after them.
    n_steps : int
        Length of the paths.
    """
    inputs = feed(draw(outputs, 0))
    for step in range(1, n_steps):
        outputs, state = advance(inputs, state)
        inputs = feed(draw(outputs, step))
