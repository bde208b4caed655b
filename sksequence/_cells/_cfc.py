"""The closed-form continuous-time network of Hasani et al. (2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sksequence._cells._cell import Cell, ReadProduct
from sksequence._kernels import V, sigmoid, tanh


class CfC(Cell):
    """Closed-form continuous-time network: a state that moves by the time that has passed.

    A hidden layer b reads input and state; the state moves between two targets, by a gate that
    depends on the time dt since the previous step::

        b = tanh(W x + U h)
        g = sigmoid(dt V_a b + V_b b + v)
        h' = (1 - g) tanh(V_1 b + v_1) + g tanh(V_2 b + v_2)

    With `time_column`, dt is the time between two steps, in units of its median; it is 1 otherwise.

    =============  ==============================================================================
    Parameters     H (F + H + 1) + 4 H^2 + 3 H for F inputs and H units
    Cost per step  five quarters of "lstm", in two products that wait for each other
    Memory         tens of steps
    Choose it for  irregular times
    =============  ==============================================================================

    See Also
    --------
    GRUD : A gated recurrent unit whose state decays with time.

    References
    ----------
    .. [1] Hasani, Lechner, Amini, Liebenwein, Ray, Tschaikowski, Teschl & Rus (2022), Closed-form
       Continuous-time Neural Networks, Nature Machine Intelligence 4.

    Examples
    --------
    >>> from sksequence.cells import CfC
    >>> CfC()
    CfC()
    """

    name: ClassVar[str] = "cfc"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("hidden", "gap")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 1), ("heads", 4))
    unit_parameters: ClassVar[tuple[str, ...]] = ("bias_gate", "bias_first", "bias_second")
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
        (recurrent,) = product("hh", states[0])
        first, second, speed, offset = product("heads", tanh(inputs[0] + recurrent))
        gate = sigmoid(inputs[1] * speed + offset + vectors["bias_gate"])
        first = tanh(first + vectors["bias_first"])
        return (first + gate * (tanh(second + vectors["bias_second"]) - first),)
