"""The long short-term memory with a projection of Sak et al. (2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._cells._constraints import Constraint, WholeNumber
from sksequence._cells._readout import Readout
from sksequence._kernels import V, sigmoid, tanh


class ProjectedLSTM(Cell):
    """Long short-term memory with projection: outputs and recurrence are narrower than the memory.

    ::

        i, f, g, o = W x + U h
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        h' = P (sigmoid(o) tanh(c'))

    Parameters
    ----------
    projection_size : int or None, default=None
        Width of the outputs h; None is half of `hidden_size`.

    Notes
    -----
    =============  ==============================================================================
    Parameters     4 H (F + P + 1) + P H for F inputs, H units and P projections
    Cost per step  as "lstm"
    Memory         as "lstm"
    Choose it for  many units with few parameters, and narrow outputs for the next layer
    =============  ==============================================================================

    References
    ----------
    .. [1] Sak, Senior & Beaufays (2014), Long Short-Term Memory Based Recurrent Neural Network
       Architectures for Large Vocabulary Speech Recognition, arXiv:1402.1128.

    Examples
    --------
    >>> from sksequence.cells import ProjectedLSTM
    >>> ProjectedLSTM(projection_size=16)
    ProjectedLSTM(projection_size=16)
    """

    name: ClassVar[str] = "projected_lstm"
    inputs: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    states: ClassVar[tuple[str, ...]] = ("hidden", "memory")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 4),)
    constraints: ClassVar[Mapping[str, Constraint]] = {
        "projection_size": WholeNumber(1, is_optional=True)
    }

    def __init__(self, *, projection_size: int | None = None) -> None:
        self.projection_size = projection_size

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return what is projected, and c'; the state before it is read through P as well."""
        i, f, g, o = (a + b for a, b in zip(inputs, product("hh", states[0]), strict=True))
        memory = sigmoid(f) * states[1] + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(memory), memory

    def shapes(self, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of U, which reads what is projected."""
        return {"weight_hh": (4 * hidden_size, self._width(hidden_size))}

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the forget gate starts open."""
        super().initialise(parameters, generator)
        nn.init.ones_(parameters["bias"].chunk(4)[1])

    def loop_matrices(self, parameters: Parameters) -> list[Tensor]:
        """Return U P: as P is linear, the loop needs no other product."""
        return [parameters["weight_hh"] @ parameters["readout.weight"]]

    def readout(self, input_size: int, hidden_size: int) -> nn.Module:
        """Return P."""
        return Readout(hidden_size, self._width(hidden_size))

    def _width(self, hidden_size: int) -> int:
        return self.projection_size or max(1, hidden_size // 2)
