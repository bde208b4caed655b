"""The minimal gated unit of Zhou et al. (2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._kernels import V, sigmoid, tanh


class MGU(Cell):
    """Minimal gated unit: a gated recurrent unit with one gate for reset and update.

    ::

        f = sigmoid(W_f x + U_f h)
        h' = (1 - f) h + f tanh(W_n x + U_n (f h))

    =============  ==============================================================================
    Parameters     2 H (F + H + 1) for F inputs and H units
    Cost per step  two thirds of "gru", in two products that wait for each other
    Memory         tens of steps
    Choose it for  small data, where fewer parameters than those of "gru" are enough
    =============  ==============================================================================

    See Also
    --------
    GRU : With two gates.

    References
    ----------
    .. [1] Zhou, Wu, Zhang & Zhou (2016), Minimal Gated Unit for Recurrent Neural Networks,
       International Journal of Automation and Computing 13(3).

    Examples
    --------
    >>> from sksequence.cells import MGU
    >>> MGU()
    MGU()
    """

    name: ClassVar[str] = "mgu"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("update", "candidate")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("update", 1), ("candidate", 1))

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h'."""
        (hidden,) = states
        (update,) = product("update", hidden)
        update = sigmoid(inputs[0] + update)
        (candidate,) = product("candidate", update * hidden)
        candidate = tanh(inputs[1] + candidate)
        return (hidden + update * (candidate - hidden),)

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the state starts as a slow average (bias -1)."""
        super().initialise(parameters, generator)
        nn.init.constant_(parameters["bias"].chunk(2)[0], -1.0)
