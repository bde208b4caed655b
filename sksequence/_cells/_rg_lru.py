"""The real-gated linear recurrent unit of De et al. (2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._cells._constraints import Constraint, Number, check_order
from sksequence._kernels import V, exp, sigmoid, sqrt


class RGLRU(Cell):
    """Real-gated linear recurrent unit of Griffin: a linear recurrence with gates on its decay.

    ::

        a = exp(-8 softplus(d) sigmoid(W_a x))
        h' = a h + sqrt(1 - a^2) sigmoid(W_i x) (W_n x)

    Parameters
    ----------
    r_min, r_max : float, default=0.9 and 0.999
        Range of the decays at the start, where the gate is fully open.

    Notes
    -----
    =============  ==============================================================================
    Parameters     3 H (F + 1) + H for F inputs and H units
    Cost per step  a few operations and an exponential per unit: no recurrent matrix
    Memory         1 / (1 - r_max) steps and more
    Choose it for  long sequences in two layers or more, where the input decides what to forget
    =============  ==============================================================================

    References
    ----------
    .. [1] De, Smith, Fernando, Botev, et al. (2024), Griffin: Mixing Gated Linear Recurrences with
       Local Attention for Efficient Language Models, arXiv:2402.19427.

    Examples
    --------
    >>> from sksequence.cells import RGLRU
    >>> RGLRU()
    RGLRU(r_min=0.9, r_max=0.999)
    """

    name: ClassVar[str] = "rg_lru"
    inputs: ClassVar[tuple[str, ...]] = ("decay", "input", "candidate")
    unit_parameters: ClassVar[tuple[str, ...]] = ("decay",)
    vectors: ClassVar[tuple[str, ...]] = ("rate",)
    constraints: ClassVar[Mapping[str, Constraint]] = {
        "r_min": Number(0, 1, is_high_included=False),
        "r_max": Number(0, 1, is_high_included=False),
    }

    def __init__(self, *, r_min: float = 0.9, r_max: float = 0.999) -> None:
        self.r_min = r_min
        self.r_max = r_max

    def check_params(self) -> None:
        """Raise a ValueError unless 0 < r_min < r_max < 1."""
        super().check_params()
        check_order("r_min", self.r_min, "r_max", self.r_max)

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h'."""
        decay = exp(-(vectors["rate"] * sigmoid(inputs[0])))
        # above 0, where the square root has no derivative
        scale = sqrt(1.0 + 1e-6 - decay * decay)
        return (decay * states[0] + scale * (sigmoid(inputs[1]) * inputs[2]),)

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; the decays are uniform between r_min and r_max."""
        super().initialise(parameters, generator)
        decay = parameters["decay"]
        nn.init.uniform_(decay, self.r_min, self.r_max, generator=generator)
        with torch.no_grad():  # softplus(d) = -log(r) / 8
            decay.copy_((-decay.log() / 8.0).expm1().log())

    def loop_vectors(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return 8 softplus(d)."""
        return {"rate": 8.0 * nn.functional.softplus(parameters["decay"])}
