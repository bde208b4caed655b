"""The independently recurrent network of Li et al. (2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._cells._constraints import Constraint, Number
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
    chrono_steps : int or None, default=None
        Longest dependency to expect, in steps. The units then start with time constants between 1
        and this number.

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
    IndRNN(max_weight=0.99, chrono_steps=None)
    """

    name: ClassVar[str] = "indrnn"
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    unit_parameters: ClassVar[tuple[str, ...]] = ("recurrent",)
    vectors: ClassVar[tuple[str, ...]] = unit_parameters
    constraints: ClassVar[Mapping[str, Constraint]] = {"max_weight": Number()}

    def __init__(self, *, max_weight: float = 1.0, chrono_steps: int | None = None) -> None:
        self.max_weight = max_weight
        self.chrono_steps = chrono_steps

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
        """Draw the parameters; recurrent weights are uniform up to `max_weight`, or by steps."""
        super().initialise(parameters, generator)
        recurrent = parameters["recurrent"]
        if self.chrono_steps is None:
            nn.init.uniform_(recurrent, 0.0, self.max_weight, generator=generator)
        else:
            nn.init.uniform_(recurrent, 1.0, float(self.chrono_steps), generator=generator)
            with torch.no_grad():  # 1 - 1 / n forgets within about n steps
                recurrent.copy_(self.max_weight * (1.0 - 1.0 / recurrent))

    def loop_vectors(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return the recurrent weights within `max_weight`."""
        recurrent = parameters["recurrent"]
        within = recurrent.clamp(-self.max_weight, self.max_weight)
        # the gradient passes the bound, so that a unit can come back from it
        return {"recurrent": recurrent + (within - recurrent).detach()}
