"""What a network's outputs say about numbers: one number each, quantiles, or a distribution.

Outputs are (n_members, n_rows, width * n_numbers), those of a member as the losses read them; what several members say
is joined here. It has n_numbers columns and is in the unit of the outputs: knows nothing of the scale of y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from sksequence._losses import OUTPUTS_PER_VALUE, Density, density

Numbers = NDArray[Any]


@dataclass(frozen=True)
class PointReading:
    """One output for each number."""

    width: ClassVar[int] = 1
    loss_options: ClassVar[dict[str, Any]] = {}

    def centre(self, outputs: Numbers) -> Numbers:
        """Return the mean of all members."""
        return np.asarray(outputs.mean(axis=0, dtype=np.float64))


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
        """Return the mean quantiles of shape (n_levels, n_rows, n_numbers), sorted along the levels.

        Sorted quantiles never cross; all in all they are no further from the true ones than those of the network.

        References
        ----------
        .. [1] Chernozhukov, Fernandez-Val & Galichon (2010), Quantile and Probability Curves Without Crossing,
           Econometrica 78(3).
        """
        chosen = [self._position(level) for level in levels or self.levels]
        means = outputs.mean(axis=0, dtype=np.float64)
        of_levels = means.reshape(len(means), len(self.levels), -1)
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
        return self._joint(outputs).loc

    def quantiles(self, outputs: Numbers, levels: tuple[float, ...] | None = None) -> Numbers:
        """Return the quantiles of shape (n_levels, n_rows, n_numbers)."""
        loc, scale, df = self._joint(outputs)
        rising = np.array(levels or self.levels)[:, None, None]
        return np.asarray(loc + scale * (ndtri(rising) if df is None else stdtrit(df, rising)))

    def deviations(self, outputs: Numbers) -> Numbers:
        """Return the standard deviations, which are finite: a Student t has more than two degrees of freedom."""
        _, scale, df = self._joint(outputs)
        return np.asarray(scale * _deviation(df))

    def _joint(self, outputs: Numbers) -> Density:
        """Return one distribution of the kind that has mean and variance of the mixture of all members'.

        References
        ----------
        .. [1] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive Uncertainty Estimation using
           Deep Ensembles, arXiv:1612.01474.
        """
        each = density(self.loss, outputs)
        df = None if each.df is None else each.df.mean(axis=0)
        variance = ((each.scale * _deviation(each.df)) ** 2).mean(axis=0) + each.loc.var(axis=0)
        return Density(each.loc.mean(axis=0), np.sqrt(variance) / _deviation(df), df)


def _deviation(df: Numbers | None) -> Any:
    """Return the standard deviation of a distribution of scale 1."""
    return 1.0 if df is None else np.sqrt(df / (df - 2.0))


Reading = PointReading | QuantileReading | DensityReading


def reading_of(loss: str, levels: tuple[float, ...]) -> Reading:
    """Return how the outputs of a network with this loss are read."""
    if loss == "quantile":
        return QuantileReading(levels)
    return DensityReading(loss, levels) if loss in ("gaussian", "student_t") else PointReading()
