"""Numbers drawn one step after the other, each fed back as the next input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Advance = Callable[[Tensor, Any], tuple[Tensor, Any]]


def roll_out(
    advance: Advance,
    outputs: Tensor,
    state: Any,
    draw: Callable[[Tensor], Tensor],
    *,
    n_steps: int,
) -> Tensor:
    """Draw sample paths from a state on.

    Parameters
    ----------
    advance : callable
        From values (n_rows, n_features) and a state to outputs (n_rows, width) and the state after them.
    outputs : Tensor of shape (n_rows, width)
        Parameters of the distribution of the first step to draw.
    state : nested tuple of Tensor
        The state they came with.
    draw : callable
        From outputs to values.
    n_steps : int
        Length of the paths.

    Returns
    -------
    Tensor of shape (n_rows, n_steps, n_features)
    """
    path = [draw(outputs)]
    for _ in range(n_steps - 1):
        outputs, state = advance(path[-1], state)
        path.append(draw(outputs))
    return torch.stack(path, dim=1)
