"""The dense layer that follows the loop of some cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sksequence._cells._linear_and_dropout import empty_parameter, stable_linear
from sksequence._kernels import Product

Rows = NDArray[np.float32]


class Readout(nn.Module):
    """Dense layer on the states after each step, and on the input of the step if it is read.

    Parameters
    ----------
    n_states : int
        Width of the states.
    output_size : int
        Width of the outputs.
    input_size : int, default=0
        Width of the input; 0 if it is not read.
    is_linear : bool, default=True
        Whether no activation follows; it is the positive part otherwise.
    """

    def __init__(
        self, n_states: int, output_size: int, input_size: int = 0, *, is_linear: bool = True
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.reads_input = input_size > 0
        self.is_linear = is_linear
        self.weight = empty_parameter(output_size, n_states + input_size)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw Glorot-uniform weights."""
        nn.init.xavier_uniform_(self.weight, generator=generator)

    def prepared(self) -> Callable[[Rows, Rows], Rows]:
        """Return a function of the states and x of steps, (rows, n), with the weights of now."""
        weight = self.weight.detach().clone()
        product, least = Product(weight, torch.zeros(len(weight))), np.float32(0.0)

        def read(states: Rows, x: Rows) -> Rows:
            rows = np.concatenate([states, x], axis=1) if self.reads_input else states
            return product(rows).copy() if self.is_linear else np.maximum(product(rows), least)

        return read

    def forward(self, states: Tensor, x: Tensor) -> Tensor:
        """Map states (batch, time, n_states) to outputs (batch, time, output_size)."""
        read = torch.cat([states, x], dim=2) if self.reads_input else states
        is_stable = not self.training
        outputs = stable_linear(read, self.weight) if is_stable else F.linear(read, self.weight)
        return outputs if self.is_linear else torch.relu(outputs)
