"""The long short-term memory whose gates see the memory (Gers & Schmidhuber, 2000)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._kernels import V, sigmoid, tanh


class PeepholeLSTM(Cell):
    """Long short-term memory with peepholes: its gates also read the memory c.

    The input and forget gates read the memory before the step, the output gate that after it, each
    unit its own only::

        i = sigmoid(W_i x + U_i h + p_i c)
        f = sigmoid(W_f x + U_f h + p_f c)
        c' = f c + i tanh(W_g x + U_g h)
        o = sigmoid(W_o x + U_o h + p_o c')
        h' = o tanh(c')

    Peepholes were introduced in [1]_, and studied on tasks of precise timing in [2]_.

    =============  ==============================================================================
    Parameters     4 H (F + H + 1) + 3 H for F inputs and H units
    Cost per step  as "lstm", and 3 H multiplications
    Memory         as "lstm"
    Choose it for  precise timing and counting, where the memory itself decides when a gate opens
    =============  ==============================================================================

    See Also
    --------
    LSTM : Without peepholes.

    References
    ----------
    .. [1] Gers & Schmidhuber (2000), Recurrent Nets that Time and Count, IJCNN.
    .. [2] Gers, Schraudolph & Schmidhuber (2002), Learning Precise Timing with LSTM Recurrent
       Networks, JMLR 3.

    Examples
    --------
    >>> from sksequence.cells import PeepholeLSTM
    >>> PeepholeLSTM()
    PeepholeLSTM()
    """

    name: ClassVar[str] = "peephole_lstm"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    states: ClassVar[tuple[str, ...]] = ("hidden", "memory")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 4),)
    unit_parameters: ClassVar[tuple[str, ...]] = ("peephole_i", "peephole_f", "peephole_o")
    vectors: ClassVar[tuple[str, ...]] = unit_parameters

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h' and c'."""
        memory = states[1]
        i, f, g, o = (a + b for a, b in zip(inputs, product("hh", states[0]), strict=True))
        write = sigmoid(i + vectors["peephole_i"] * memory)
        keep = sigmoid(f + vectors["peephole_f"] * memory)
        memory = keep * memory + write * tanh(g)
        return sigmoid(o + vectors["peephole_o"] * memory) * tanh(memory), memory

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the forget gate starts open, peepholes at 0."""
        super().initialise(parameters, generator)
        nn.init.ones_(parameters["bias"].chunk(4)[1])
