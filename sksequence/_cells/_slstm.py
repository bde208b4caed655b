"""The scalar long short-term memory of Beck et al. (2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._kernels import V, detach, exp, maximum, relu, sigmoid, softplus, tanh


class SLSTM(Cell):
    """Scalar long short-term memory of xLSTM: exponential gates and a normalised memory.

    An input gate without an upper bound can revise what was stored. A normaliser n divides by the
    sum of all gates, and m keeps the exponentials in range::

        m' = max(log sigmoid(f) + m, i)
        c' = exp(log sigmoid(f) + m - m') c + exp(i - m') tanh(z)
        n' = exp(log sigmoid(f) + m - m') n + exp(i - m')
        h' = sigmoid(o) c' / n'

    where i, f, z and o are W x + U h, each with weights of its own.

    =============  ==============================================================================
    Parameters     4 H (F + H + 1) for F inputs and H units
    Cost per step  as "lstm", and two exponentials per unit
    Memory         hundreds of steps
    Choose it for  tasks in which a later step may overrule an earlier one
    =============  ==============================================================================

    References
    ----------
    .. [1] Beck, Poeppel, Spanring, Auer, Prudnikova, Kopp, Klambauer, Brandstetter & Hochreiter
       (2024), xLSTM: Extended Long Short-Term Memory, NeurIPS.

    Examples
    --------
    >>> from sksequence.cells import SLSTM
    >>> SLSTM()
    SLSTM()
    """

    name: ClassVar[str] = "slstm"
    inputs: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    states: ClassVar[tuple[str, ...]] = ("hidden", "memory", "normaliser", "stabiliser")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 4),)

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h', c', n' and m'."""
        hidden, memory, normaliser, stabiliser = states
        i, f, z, o = (a + b for a, b in zip(inputs, product("hh", hidden), strict=True))
        # nothing has been stored where n is 0, at the start: m' is i then
        log_forget = stabiliser - softplus(-f) - 2e4 * relu(0.5 - detach(normaliser))
        # h' does not depend on m: its gradient would be 0
        stabiliser = detach(maximum(log_forget, i))
        keep, write = exp(log_forget - stabiliser), exp(i - stabiliser)
        memory = keep * memory + write * tanh(z)
        normaliser = keep * normaliser + write
        return sigmoid(o) * memory / normaliser, memory, normaliser, stabiliser

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the forget gate starts open, from bias 3 to 6."""
        super().initialise(parameters, generator)
        forget = parameters["bias"].chunk(4)[1]
        with torch.no_grad():
            forget.copy_(torch.linspace(3.0, 6.0, len(forget)))
