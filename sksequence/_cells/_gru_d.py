"""The gated recurrent unit with decay of Che et al. (2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._kernels import V, exp, relu, sigmoid, tanh


class GRUD(Cell):
    """Gated recurrent unit with decay: what is remembered fades with the time that passes.

    The state decays before each step, each unit at a rate of its own, and a step of a gated
    recurrent unit follows::

        k = exp(-max(0, w dt + d)) h
        r = sigmoid(W_r x + U_r k),  z = sigmoid(W_z x + U_z k)
        n = tanh(W_n x + r (U_n k))
        h' = (1 - z) n + z k

    With `time_column`, dt is the time between two steps, in units of its median; it is 1 otherwise.
    In [1]_, values that are missing decay to their mean as well: ``missing="decay"``, for any cell.

    =============  ==============================================================================
    Parameters     3 H (F + H + 1) + 2 H for F inputs and H units
    Cost per step  as "gru", and an exponential per unit
    Memory         as "gru"; the rates of decay are learnt
    Choose it for  irregular times, and missing values together with ``missing="decay"``
    =============  ==============================================================================

    See Also
    --------
    CfC : A state that moves by the time that has passed.

    References
    ----------
    .. [1] Che, Purushotham, Cho, Sontag & Liu (2018), Recurrent Neural Networks for Multivariate
       Time Series with Missing Values, Scientific Reports 8.

    Examples
    --------
    >>> from sksequence.cells import GRUD
    >>> GRUD()
    GRUD()
    """

    name: ClassVar[str] = "gru_d"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate", "gap")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 3),)
    unit_parameters: ClassVar[tuple[str, ...]] = ("decay_rate", "decay_offset")
    vectors: ClassVar[tuple[str, ...]] = unit_parameters
    reads_gaps: ClassVar[bool] = True

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h'."""
        rate = relu(vectors["decay_rate"] * inputs[3] + vectors["decay_offset"])
        hidden = exp(-rate) * states[0]
        reset, update, candidate = product("hh", hidden)
        reset, update = sigmoid(inputs[0] + reset), sigmoid(inputs[1] + update)
        candidate = tanh(inputs[2] + reset * candidate)
        return (candidate + update * (hidden - candidate),)

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the update gate starts open, rates of decay between 0 and 0.1."""
        super().initialise(parameters, generator)
        nn.init.ones_(parameters["bias"].chunk(3)[1])
        nn.init.uniform_(parameters["decay_rate"], 0.0, 0.1, generator=generator)
