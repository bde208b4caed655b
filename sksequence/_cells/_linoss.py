"""The linear oscillatory state-space model of Rusch & Rus (2025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._cells._readout import Readout
from sksequence._kernels import V


class LinOSS(Cell):
    """Linear oscillators, driven by the input: the states y are positions, z velocities.

    Discretised implicitly, which is stable for all parameters and forgets slowly::

        z' = S (z - dt A y + dt W x),   S = 1 / (1 + dt^2 A)
        y' = y + dt z'
        h' = relu(C y' + D x)

    Each unit has a frequency A >= 0 and a step dt in (0, 1) of its own. The recurrence is linear
    and the outputs are not: use two layers or more.

    =============  ==============================================================================
    Parameters     H (F + 1) + 2 H + H (H + F) for F inputs and H units
    Cost per step  a few operations per unit, and one dense layer for all steps at once
    Memory         thousands of steps
    Choose it for  very long sequences; signals that oscillate
    =============  ==============================================================================

    See Also
    --------
    LRU : Decays and frequencies that are learnt separately.

    References
    ----------
    .. [1] Rusch & Rus (2025), Oscillatory State-Space Models, ICLR.

    Examples
    --------
    >>> from sksequence.cells import LinOSS
    >>> LinOSS()
    LinOSS()
    """

    name: ClassVar[str] = "linoss"
    inputs: ClassVar[tuple[str, ...]] = ("force",)
    states: ClassVar[tuple[str, ...]] = ("position", "velocity")
    unit_parameters: ClassVar[tuple[str, ...]] = ("stiffness", "step")
    vectors: ClassVar[tuple[str, ...]] = ("step", "damping", "pull")

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return y' and z'."""
        position, velocity = states
        force = vectors["step"] * inputs[0]
        velocity = vectors["damping"] * (velocity + force) - vectors["pull"] * position
        return position + vectors["step"] * velocity, velocity

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; stiffness and step are uniform between 0 and 1."""
        super().initialise(parameters, generator)
        nn.init.uniform_(parameters["stiffness"], 0.0, 1.0, generator=generator)
        nn.init.uniform_(parameters["step"], 0.0, 1.0, generator=generator)

    def loop_vectors(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return dt, S and S dt A."""
        stiffness = torch.relu(parameters["stiffness"])
        step = torch.sigmoid(parameters["step"])
        damping = 1.0 / (1.0 + step * step * stiffness)
        return {"step": step, "damping": damping, "pull": damping * step * stiffness}

    def readout(self, input_size: int, hidden_size: int) -> nn.Module:
        """Return the dense layer on the positions and on the input."""
        return Readout(hidden_size, hidden_size, input_size, is_linear=False)
