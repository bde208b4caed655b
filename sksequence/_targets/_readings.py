"""What a network's outputs say about numbers: one number each, quantiles, or a distribution.

Outputs are (n_rows, width * n_numbers) as the losses read them. What is read from them has n_numbers columns and is in
the unit of the outputs: knows nothing of the scale of y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from sksequence._losses import OUTPUTS_PER_VALUE, density

Numbers = NDArray[Any]


@dataclass(frozen=True)
class PointReading:
    """One output for each number."""

    width: ClassVar[int] = 1
    loss_options: ClassVar[dict[str, Any]] = {}

    def centre(self, outputs: Numbers) -> Numbers:
        """Return the outputs."""
        return outputs


@dataclass(frozen=True)
class QuantileReading:
    """One output for each level and number: all numbers at the first level, then all at the next.

    Attributes
    ----------
    levels : tuple of float
        Rising, each between 0 and 1.
    """

    levels: tuple[float, ...]

    @property
    def width(self) -> int:
        """Outputs of a number."""
        return len(self.levels)

    @property
    def loss_options(self) -> dict[str, Any]:
        """Return what the loss needs to know."""
        return {"levels": self.levels}

    def centre(self, outputs: Numbers) -> Numbers:
        """Return the quantile whose level is nearest to 0.5, the lower one of two."""
        distances = np.abs(np.array(self.levels) - 0.5).round(9)
        return np.asarray(self.quantiles(outputs)[distances.argmin()])

    def quantiles(self, outputs: Numbers, levels: tuple[float, ...] | None = None) -> Numbers:
        """Return the quantiles of shape (n_levels, n_rows, n_numbers), sorted along the levels.

        Sorted quantiles never cross; all in all they are no further from the true ones than those of the network.

        References
        ----------
        .. [1] Chernozhukov, Fernandez-Val & Galichon (2010), Quantile and Probability Curves Without Crossing,
           Econometrica 78(3).
        """
        chosen = [self._position(level) for level in levels or self.levels]
        of_levels = outputs.reshape(len(outputs), len(self.levels), -1)
        return np.asarray(np.sort(of_levels, axis=1).swapaxes(0, 1)[chosen])

    def _position(self, level: float) -> int:
        found = np.flatnonzero(np.isclose(self.levels, level, rtol=0, atol=1e-9))
        if not len(found):
            raise ValueError(
                f"the network has learnt the quantiles {self.levels}, and {level!r} is none of them. Ask for these, "
                "or name others in the parameter quantiles and fit again."
            )
        return int(found[0])


@dataclass(frozen=True)
class DensityReading:
    """The parameters of a distribution for each number: all locations first.

    Attributes
    ----------
    loss : {"gaussian", "student_t"}
        Which distribution.
    levels : tuple of float
        Quantiles that are returned if none are asked for.
    """

    loss: str
    levels: tuple[float, ...]

    loss_options: ClassVar[dict[str, Any]] = {}

    @property
    def width(self) -> int:
        """Outputs of a number."""
        return OUTPUTS_PER_VALUE[self.loss]

    def centre(self, outputs: Numbers) -> Numbers:
        """Return the locations."""
        return outputs[:, : outputs.shape[1] // self.width]

    def quantiles(self, outputs: Numbers, levels: tuple[float, ...] | None = None) -> Numbers:
        """Return the quantiles of shape (n_levels, n_rows, n_numbers)."""
        loc, scale, df = density(self.loss, outputs)
        rising = np.array(levels or self.levels)[:, None, None]
        return np.asarray(loc + scale * (ndtri(rising) if df is None else stdtrit(df, rising)))

    def deviations(self, outputs: Numbers) -> Numbers:
        """Return the standard deviations, which are finite: a Student t has more than two degrees of freedom."""
        _, scale, df = density(self.loss, outputs)
        return scale if df is None else np.asarray(scale * np.sqrt(df / (df - 2.0)))


Reading = PointReading | QuantileReading | DensityReading


def reading_of(loss: str, levels: tuple[float, ...]) -> Reading:
    """Return how the outputs of a network with this loss are read."""
    if loss == "quantile":
        return QuantileReading(levels)
    return DensityReading(loss, levels) if loss in ("gaussian", "student_t") else PointReading()
