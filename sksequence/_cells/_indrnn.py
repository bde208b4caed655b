"""The independently recurrent network of Li et al. (2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._kernels import V, relu


class IndRNN(Cell):
    """Independently recurrent network: each unit reads itself only.

    ::

        h' = relu(W x + u h)

    One number per unit, u, decides how long the unit remembers. The numbers start uniformly
    between 0 and 1, and are kept within `max_weight`. Units meet in the next layer: use several.

    Parameters
    ----------
    max_weight : float, default=1.0
        Largest absolute value of a recurrent weight. States cannot grow exponentially while it is
        at most 1.

    Notes
    -----
    =============  ==============================================================================
    Parameters     H (F + 2) for F inputs and H units
    Cost per step  H multiplications: no recurrent matrix
    Memory         thousands of steps, in the units with u near 1
    Choose it for  very long sequences and deep stacks
    =============  ==============================================================================

    References
    ----------
    .. [1] Li, Li, Cook, Zhu & Gao (2018), Independently Recurrent Neural Network (IndRNN): Building
       a Longer and Deeper RNN, CVPR.

    Examples
    --------
    >>> from sksequence.cells import IndRNN
    >>> IndRNN(max_weight=0.99)
    IndRNN(max_weight=0.99)
    """

    name: ClassVar[str] = "indrnn"
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    unit_parameters: ClassVar[tuple[str, ...]] = ("recurrent",)
    vectors: ClassVar[tuple[str, ...]] = unit_parameters

    def __init__(self, *, max_weight: float = 1.0) -> None:
        self.max_weight = max_weight

    def check_params(self) -> None:
        """Raise a ValueError if `max_weight` is not positive."""
        if not self.max_weight > 0:
            raise ValueError(f"max_weight must be positive; got {self.max_weight!r}.")

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h'."""
        return (relu(inputs[0] + vectors["recurrent"] * states[0]),)

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the recurrent weights are uniform up to `max_weight`."""
        super().initialise(parameters, generator)
        nn.init.uniform_(parameters["recurrent"], 0.0, self.max_weight, generator=generator)

    def loop_vectors(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return the recurrent weights within `max_weight`."""
        return {"recurrent": parameters["recurrent"].clamp(-self.max_weight, self.max_weight)}
