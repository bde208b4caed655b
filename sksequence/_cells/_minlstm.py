"""The minimal long short-term memory of Feng et al. (2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._kernels import V, sigmoid, softplus


class MinLSTM(Cell):
    """Minimal long short-term memory: gates and candidates read the input only.

    ::

        f = sigmoid(W_f x),  i = sigmoid(W_i x)
        h' = f / (f + i) h + i / (f + i) (W_n x)

    =============  ==============================================================================
    Parameters     3 H (F + 1) for F inputs and H units
    Cost per step  H times a few operations: no recurrent matrix
    Memory         tens of steps
    Choose it for  long sequences and large data; "mingru" has one gate less
    =============  ==============================================================================

    See Also
    --------
    MinGRU : With one gate.

    References
    ----------
    .. [1] Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), Were RNNs All We Needed?,
       arXiv:2410.01201.

    Examples
    --------
    >>> from sksequence.cells import MinLSTM
    >>> MinLSTM()
    MinLSTM()
    """

    name: ClassVar[str] = "minlstm"
    inputs: ClassVar[tuple[str, ...]] = ("forget", "input", "candidate")

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h'."""
        # i / (f + i) by logarithms: both gates may be too small to be divided
        share = sigmoid(softplus(-inputs[0]) - softplus(-inputs[1]))
        return (states[0] + share * (inputs[2] - states[0]),)

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the forget gate starts open."""
        super().initialise(parameters, generator)
        nn.init.ones_(parameters["bias"].chunk(3)[0])
