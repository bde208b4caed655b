"""The echo state network of Jaeger (2001)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._cells._constraints import Constraint, Number
from sksequence._kernels import V, tanh


class EchoState(Cell):
    """Echo state network: recurrent weights that are drawn once and not trained.

    ::

        h' = (1 - leak) h + leak tanh(W x + U h + b)

    Only the output layer is trained [1]_. The recurrent matrix is orthogonal times
    `spectral_radius`, so that the echo of an input fades by this factor in each step. How to select
    the parameters is described in [2]_.

    Parameters
    ----------
    spectral_radius : float, default=0.9
        Modulus of all eigenvalues of the recurrent matrix.
    leak : float, default=0.3
        Fraction of the state that is replaced in each step, in (0, 1].
    input_scale : float, default=1.0
        Factor of the input weights.

    Notes
    -----
    =============  ==============================================================================
    Parameters     none that are trained, besides those of the output layer
    Cost per step  a quarter of "lstm", and no backward pass
    Memory         about 1 / (1 - spectral_radius) / leak steps
    Choose it for  a baseline within a second; use many units, such as 300
    =============  ==============================================================================

    References
    ----------
    .. [1] Jaeger (2001), The "echo state" approach to analysing and training recurrent neural
       networks, GMD Report 148.
    .. [2] Lukosevicius (2012), A Practical Guide to Applying Echo State Networks, in Neural
       Networks: Tricks of the Trade.

    Examples
    --------
    >>> from sksequence.cells import EchoState
    >>> EchoState(leak=0.1)
    EchoState(spectral_radius=0.9, leak=0.1, input_scale=1.0)
    """

    name: ClassVar[str] = "echo_state"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 1),)
    is_trained: ClassVar[bool] = False
    constraints: ClassVar[Mapping[str, Constraint]] = {
        "spectral_radius": Number(),
        "leak": Number(0, 1),
        "input_scale": Number(),
    }

    def __init__(
        self, *, spectral_radius: float = 0.9, leak: float = 0.3, input_scale: float = 1.0
    ) -> None:
        self.spectral_radius = spectral_radius
        self.leak = leak
        self.input_scale = input_scale

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h'."""
        (recurrent,) = product("hh", states[0])
        return (states[0] + self.leak * (tanh(inputs[0] + recurrent) - states[0]),)

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the weights; biases are uniform between -0.2 and 0.2, to break symmetry."""
        super().initialise(parameters, generator)
        nn.init.uniform_(parameters["bias"], -0.2, 0.2, generator=generator)
        with torch.no_grad():
            parameters["weight_ih"].mul_(self.input_scale)
            parameters["weight_hh"].mul_(self.spectral_radius)
