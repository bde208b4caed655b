"""The forget-gate-only network of van der Westhuizen & Lasenby (2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._cells._initialisation import chrono_
from sksequence._kernels import V, sigmoid, tanh


class JANET(Cell):
    """Just another network: a long short-term memory with nothing but the forget gate.

    ::

        s = W_f x + U_f h
        h' = sigmoid(s) h + (1 - sigmoid(s - 1)) tanh(W_g x + U_g h)

    Parameters
    ----------
    chrono_steps : int or None, default=None
        Longest dependency to expect, in steps. The units then start with time constants between 1
        and this number; without it, all start with a time constant of about 4 steps.

    Notes
    -----
    =============  ==============================================================================
    Parameters     2 H (F + H + 1) for F inputs and H units
    Cost per step  half of "lstm"
    Memory         hundreds of steps, if `chrono_steps` is set
    Choose it for  long memory with few parameters
    =============  ==============================================================================

    References
    ----------
    .. [1] van der Westhuizen & Lasenby (2018), The Unreasonable Effectiveness of the Forget Gate,
       arXiv:1804.04849.

    Examples
    --------
    >>> from sksequence.cells import JANET
    >>> JANET(chrono_steps=200)
    JANET(chrono_steps=200)
    """

    name: ClassVar[str] = "janet"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("forget", "candidate")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 2),)

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
        (hidden,) = states
        forget, candidate = product("hh", hidden)
        forget = inputs[0] + forget
        candidate = tanh(inputs[1] + candidate)
        return (sigmoid(forget) * hidden + (1.0 - sigmoid(forget - 1.0)) * candidate,)

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the forget gate starts open, or as `chrono_steps` requires."""
        super().initialise(parameters, generator)
        keep = parameters["bias"].chunk(2)[0]
        if self.chrono_steps is None:
            nn.init.ones_(keep)
        else:
            chrono_(keep, self.chrono_steps, generator)
