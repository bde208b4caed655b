"""The long short-term memory with one gate for input and forgetting (Greff et al., 2017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._kernels import V, sigmoid, tanh


class CoupledLSTM(Cell):
    """Long short-term memory with coupled gates: what is forgotten is written anew.

    ::

        f = sigmoid(W_f x + U_f h)
        c' = f c + (1 - f) tanh(W_g x + U_g h)
        h' = sigmoid(W_o x + U_o h) tanh(c')

    =============  ==============================================================================
    Parameters     3 H (F + H + 1) for F inputs and H units
    Cost per step  three quarters of "lstm"
    Memory         as "lstm"; the memory is an average of what was written, and stays below 1
    Choose it for  the results of "lstm" with fewer parameters; not for counting
    =============  ==============================================================================

    See Also
    --------
    LSTM : With two gates.

    References
    ----------
    .. [1] Greff, Srivastava, Koutnik, Steunebrink & Schmidhuber (2017), LSTM: A Search Space
       Odyssey, IEEE Transactions on Neural Networks and Learning Systems 28(10).

    Examples
    --------
    >>> from sksequence.cells import CoupledLSTM
    >>> CoupledLSTM()
    CoupledLSTM()
    """

    name: ClassVar[str] = "coupled_lstm"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("forget", "candidate", "output")
    states: ClassVar[tuple[str, ...]] = ("hidden", "memory")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 3),)

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h' and c'."""
        f, g, o = (a + b for a, b in zip(inputs, product("hh", states[0]), strict=True))
        candidate = tanh(g)
        memory = candidate + sigmoid(f) * (states[1] - candidate)
        return sigmoid(o) * tanh(memory), memory

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the forget gate starts open."""
        super().initialise(parameters, generator)
        nn.init.ones_(parameters["bias"].chunk(3)[0])
