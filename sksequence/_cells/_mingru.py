"""The minimal gated recurrent unit of Feng et al. (2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._cells._initialisation import chrono_
from sksequence._kernels import V, sigmoid


class MinGRU(Cell):
    """Minimal gated recurrent unit: gates and candidates read the input only.

    ::

        z = sigmoid(W_z x)
        h' = (1 - z) h + z (W_n x)

    Nothing in a step waits for the previous one but the average itself, which is why it is fast.
    Only the input decides what is kept; what the units remember decides in the next layer.

    Parameters
    ----------
    chrono_steps : int or None, default=None
        Longest dependency to expect, in steps. The units then start with time constants between 1
        and this number.

    Notes
    -----
    =============  ==============================================================================
    Parameters     2 H (F + 1) for F inputs and H units
    Cost per step  H times a few operations: no recurrent matrix
    Memory         tens of steps; up to `chrono_steps` from the start
    Choose it for  long sequences and large data, in two layers or more
    =============  ==============================================================================

    References
    ----------
    .. [1] Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), Were RNNs All We Needed?,
       arXiv:2410.01201.

    Examples
    --------
    >>> from sksequence.cells import MinGRU
    >>> MinGRU(chrono_steps=500)
    MinGRU(chrono_steps=500)
    """

    name: ClassVar[str] = "mingru"
    inputs: ClassVar[tuple[str, ...]] = ("update", "candidate")

    def __init__(self, *, chrono_steps: int | None = None) -> None:
        self.chrono_steps = chrono_steps

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h'."""
        update = sigmoid(inputs[0])
        return (states[0] + update * (inputs[1] - states[0]),)

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the state starts as a slow average, or by `chrono_steps`."""
        super().initialise(parameters, generator)
        update = parameters["bias"].chunk(2)[0]
        if self.chrono_steps is None:
            nn.init.constant_(update, -1.0)
        else:
            chrono_(update, self.chrono_steps, generator)
            with torch.no_grad():
                update.neg_()
