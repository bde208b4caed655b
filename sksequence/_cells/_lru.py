"""The linear recurrent unit of Orvieto et al. (2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._cells._constraints import Constraint, Number, check_order
from sksequence._cells._readout import Readout
from sksequence._kernels import V


class LRU(Cell):
    """Linear recurrent unit: complex states that decay and rotate, without a recurrent matrix.

    ::

        s' = lambda s + gamma W x,   lambda = exp(-exp(nu) + i exp(theta))
        h' = relu(C [Re s', Im s'] + D x)

    Each unit has a rate of decay and a frequency of its own, both learnt. The recurrence is linear
    and the outputs are not: use two layers or more.

    Parameters
    ----------
    r_min, r_max : float, default=0.8 and 0.999
        Range of the moduli of lambda at the start, in [0, 1): a modulus r forgets within about
        1 / (1 - r) steps.
    max_phase : float, default=3.14
        Largest frequency at the start, in radians per step, from 0.0001 to 2 pi.

    Notes
    -----
    =============  ==============================================================================
    Parameters     2 H (F + 1) + 3 H + H (2 H + F) for F inputs and H units
    Cost per step  a few operations per unit, and one dense layer for all steps at once
    Memory         1 / (1 - r_max) steps from the start, thousands after training
    Choose it for  long sequences with periodic or slow parts; sensors, sound
    =============  ==============================================================================

    References
    ----------
    .. [1] Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu & De (2023), Resurrecting Recurrent
       Neural Networks for Long Sequences, ICML.

    Examples
    --------
    >>> from sksequence.cells import LRU
    >>> LRU(r_min=0.9)
    LRU(r_min=0.9, r_max=0.999, max_phase=3.14)
    """

    name: ClassVar[str] = "lru"
    inputs: ClassVar[tuple[str, ...]] = ("real", "imaginary")
    states: ClassVar[tuple[str, ...]] = ("real", "imaginary")
    n_outputs: ClassVar[int] = 2
    unit_parameters: ClassVar[tuple[str, ...]] = ("log_decay", "log_phase", "log_scale")
    vectors: ClassVar[tuple[str, ...]] = ("real", "imaginary", "scale")
    constraints: ClassVar[Mapping[str, Constraint]] = {
        "r_min": Number(0, 1, is_low_included=True, is_high_included=False),
        "r_max": Number(0, 1, is_high_included=False),
        "max_phase": Number(1e-4, 6.2832, is_low_included=True),
    }

    def __init__(
        self, *, r_min: float = 0.8, r_max: float = 0.999, max_phase: float = 3.14
    ) -> None:
        self.r_min = r_min
        self.r_max = r_max
        self.max_phase = max_phase

    def check_params(self) -> None:
        """Raise a ValueError unless 0 <= r_min < r_max < 1 and `max_phase` is in its range."""
        super().check_params()
        check_order("r_min", self.r_min, "r_max", self.r_max)

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return the real and imaginary part of s'."""
        real, imaginary = states
        a, b, scale = vectors["real"], vectors["imaginary"], vectors["scale"]
        return (
            a * real - b * imaginary + scale * inputs[0],
            a * imaginary + b * real + scale * inputs[1],
        )

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; moduli are uniform in area on the ring from r_min to r_max."""
        super().initialise(parameters, generator)
        log_decay, log_phase = parameters["log_decay"], parameters["log_phase"]
        nn.init.uniform_(log_decay, self.r_min**2, self.r_max**2, generator=generator)
        nn.init.uniform_(log_phase, 1e-4, self.max_phase, generator=generator)
        with torch.no_grad():
            squared = log_decay.clone()
            log_decay.copy_((-0.5 * squared.clamp(min=1e-8).log()).log())
            log_phase.log_()
            parameters["log_scale"].copy_(0.5 * (1.0 - squared).log())

    def loop_vectors(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return the real and imaginary part of lambda, and gamma."""
        modulus = (-parameters["log_decay"].exp()).exp()
        phase = parameters["log_phase"].exp()
        return {
            "real": modulus * phase.cos(),
            "imaginary": modulus * phase.sin(),
            "scale": parameters["log_scale"].exp(),
        }

    def readout(self, input_size: int, hidden_size: int) -> nn.Module:
        """Return the dense layer on both parts of the states and on the input."""
        return Readout(2 * hidden_size, hidden_size, input_size, is_linear=False)
