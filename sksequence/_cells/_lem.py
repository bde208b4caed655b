"""The long expressive memory of Rusch et al. (2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sksequence._cells._cell import Cell, ReadProduct
from sksequence._cells._constraints import Constraint, Number
from sksequence._kernels import V, sigmoid, tanh


class LEM(Cell):
    """Long expressive memory: two states that move at learnt speeds.

    A discretised system of differential equations, whose gradients neither vanish nor explode::

        s = step_size sigmoid(W_1 x + U_1 y)
        r = step_size sigmoid(W_2 x + U_2 y)
        z' = (1 - s) z + s tanh(W_z x + U_z y)
        y' = (1 - r) y + r tanh(W_y x + U_y z')

    Parameters
    ----------
    step_size : float, default=1.0
        Largest step of the discretisation, in (0, 1]; smaller values make all units slower.

    Notes
    -----
    =============  ==============================================================================
    Parameters     4 H (F + H + 1) for F inputs and H units
    Cost per step  as "lstm", in two products that wait for each other
    Memory         hundreds to thousands of steps
    Choose it for  long dependencies, and dynamics with several time scales
    =============  ==============================================================================

    References
    ----------
    .. [1] Rusch, Mishra, Erichson & Mahoney (2022), Long Expressive Memory for Sequence Modeling,
       ICLR.

    Examples
    --------
    >>> from sksequence.cells import LEM
    >>> LEM(step_size=0.5)
    LEM(step_size=0.5)
    """

    name: ClassVar[str] = "lem"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("slow_step", "fast_step", "slow", "fast")
    states: ClassVar[tuple[str, ...]] = ("fast", "slow")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("fast", 3), ("slow", 1))
    constraints: ClassVar[Mapping[str, Constraint]] = {"step_size": Number(0, 1)}

    def __init__(self, *, step_size: float = 1.0) -> None:
        self.step_size = step_size

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return y' and z'."""
        fast, slow = states
        step_slow, step_fast, candidate = product("fast", fast)
        step_slow = self.step_size * sigmoid(inputs[0] + step_slow)
        step_fast = self.step_size * sigmoid(inputs[1] + step_fast)
        slow = slow + step_slow * (tanh(inputs[2] + candidate) - slow)
        (candidate,) = product("slow", slow)
        return fast + step_fast * (tanh(inputs[3] + candidate) - fast), slow
