"""Predictive distributions of the outputs of a network: points, quantiles or densities.

Outputs are (n_members, n_rows, width * n_numbers), those of each member as its loss reads them.
Results combine the members and have n_numbers columns. They are on the scale of the outputs, as the
scale of y is not known here; those of counts and positive numbers are in units of y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._losses import LOSSES, Density, Support
from sksequence._settings import as_floats

Outputs = NDArray[np.float32]
Floats = NDArray[np.float64]

# those of the quantiles of y between which all others are interpolated
_MARGINAL_LEVELS = tuple(np.linspace(0.0, 1.0, 201).tolist())


@dataclass(frozen=True)
class PointPrediction:
    """Point prediction: one output per number.

    Attributes
    ----------
    centre_level : float or None
        Level of the quantile that is predicted; None for a mean.
    """

    centre_level: float | None = field(default=None, compare=False)

    marginal_levels: ClassVar[tuple[float, ...]] = ()
    width: ClassVar[int] = 1
    has_quantiles: ClassVar[bool] = False
    has_std: ClassVar[bool] = False
    has_log_link: ClassVar[bool] = False
    support: ClassVar[Support] = "numbers"
    centre_block: ClassVar[int] = 0  # of the outputs, which have blocks of n_numbers columns

    @property
    def loss_options(self) -> dict[str, object]:
        """Options of the loss."""
        return {}

    def centre(self, outputs: Outputs) -> Floats:
        """Return the mean of all members."""
        return np.asarray(outputs.mean(axis=0, dtype=np.float64))


@dataclass(frozen=True)
class QuantilePrediction:
    """Quantiles: one output per level and number, all numbers at the first level first.

    Attributes
    ----------
    levels : tuple of float
        Levels in increasing order, each between 0 and 1.
    """

    levels: tuple[float, ...]

    has_quantiles: ClassVar[bool] = True
    has_std: ClassVar[bool] = False
    has_log_link: ClassVar[bool] = False
    support: ClassVar[Support] = "numbers"

    @property
    def width(self) -> int:
        """Number of outputs per number."""
        return len(self.levels)

    @property
    def loss_options(self) -> dict[str, object]:
        """Options of the loss."""
        return {"levels": self.levels}

    def centre(self, outputs: Outputs) -> Floats:
        """Return the quantile at the middle level."""
        return np.asarray(self.quantiles(outputs)[self.middle])

    @property
    def centre_level(self) -> float:
        """Level of the centre."""
        return self.levels[self.middle]

    @property
    def marginal_levels(self) -> tuple[float, ...]:
        """Levels of the quantiles of y that replace predictions."""
        return self.levels

    @property
    def middle(self) -> int:
        """Position of the level nearest to 0.5, the lower one of two equally near."""
        return int(np.abs(np.array(self.levels) - 0.5).round(9).argmin())

    @property
    def centre_block(self) -> int:
        """Block of outputs with the centres."""
        return self.middle

    def quantiles(self, outputs: Outputs, levels: tuple[float, ...] | None = None) -> Floats:
        """Return the mean quantiles of shape (n_levels, n_rows, n_numbers), sorted over levels.

        Sorted quantiles never cross, and their estimation error is at most that of unsorted ones
        [1]_.

        References
        ----------
        .. [1] Chernozhukov, Fernandez-Val & Galichon (2010), Quantile and Probability Curves
           Without Crossing, Econometrica 78(3).
        """
        chosen = [self._position(level) for level in levels or self.levels]
        means = outputs.mean(axis=0, dtype=np.float64)
        of_levels = means.reshape(len(means), len(self.levels), -1)
        return np.asarray(np.sort(of_levels, axis=1).swapaxes(0, 1)[chosen])

    def _position(self, level: float) -> int:
        found = np.flatnonzero(np.isclose(self.levels, level, rtol=0, atol=1e-9))
        if not len(found):
            raise ValueError(
                f"The network was fitted to the quantiles {self.levels}, and {level!r} is not one "
                "of them. Pass some of these, or set the parameter quantiles and fit again."
            )
        return int(found[0])


@dataclass(frozen=True)
class DensityPrediction:
    """Density: the parameters of one distribution per number, all locations first.

    Attributes
    ----------
    loss : {"gaussian", "student_t", "poisson", "negative_binomial", "gamma"}
        Name of the distribution.
    levels : tuple of float
        Levels of the quantiles to return by default.
    log_scales : tuple of float
        Logs of typical targets, if the loss has a log link; empty before they are learnt.
    """

    loss: str
    levels: tuple[float, ...]
    log_scales: tuple[float, ...] = field(default=(), compare=False)

    has_quantiles: ClassVar[bool] = True
    has_std: ClassVar[bool] = True
    centre_block: ClassVar[int] = 0
    centre_level: ClassVar[float | None] = None
    marginal_levels: ClassVar[tuple[float, ...]] = _MARGINAL_LEVELS

    @property
    def support(self) -> Support:
        """Values that have a density: "numbers", "counts" or "positive"."""
        return LOSSES[self.loss].support

    @property
    def has_log_link(self) -> bool:
        """Whether targets are counts or positive numbers, which are not standardised."""
        return LOSSES[self.loss].has_log_link

    @property
    def loss_options(self) -> dict[str, object]:
        """Options of the loss."""
        return {"log_scales": self.log_scales} if self.has_log_link else {}

    def relative_to(self, rows: Floats, *, scale: bool) -> Self:
        """Return the distribution relative to the mean of targets, or to 1 without `scale`.

        The mean of counts that are all 0 is taken for half a count in all rows.
        """
        means = np.nanmean(rows, axis=0) if scale else np.ones(rows.shape[1])
        logs = np.log(np.where(means > 0, means, 0.5 / len(rows)))
        return replace(self, log_scales=tuple(logs.tolist()))

    @property
    def width(self) -> int:
        """Number of outputs per number."""
        return LOSSES[self.loss].outputs_per_value

    def centre(self, outputs: Outputs) -> Floats:
        """Return the locations, or the means of counts and positive numbers."""
        if self.has_log_link:
            return self._joint(outputs).centre
        locations = outputs[..., : outputs.shape[-1] // self.width]
        return np.asarray(locations.mean(axis=0, dtype=np.float64))

    def quantiles(self, outputs: Outputs, levels: tuple[float, ...] | None = None) -> Floats:
        """Return the quantiles of shape (n_levels, n_rows, n_numbers)."""
        return self._joint(outputs).quantile(levels or self.levels)

    def stds(self, outputs: Outputs) -> Floats:
        """Return the standard deviations; they are finite, as degrees of freedom are above 2."""
        return self._joint(outputs).std()

    def _joint(self, outputs: Outputs) -> Density:
        """Return the distribution with mean and variance of the mixture of all members."""
        scales = [np.array(self.log_scales)] if self.has_log_link else []
        return LOSSES[self.loss].distributions(outputs, *scales).mixture()


PredictiveDistribution = PointPrediction | QuantilePrediction | DensityPrediction


def predictive_distribution(loss: object, levels: tuple[float, ...]) -> PredictiveDistribution:
    """Return the predictive distribution of a network with this loss."""
    if loss == "quantile":
        return QuantilePrediction(levels)
    # before fit, the loss may be "auto" or anything else
    if isinstance(loss, str) and loss in LOSSES and LOSSES[loss].density is not None:
        return DensityPrediction(loss, levels)
    return PointPrediction(0.5 if loss == "absolute_error" else None)


def check_levels(quantiles: ArrayLike | Sequence[float]) -> tuple[float, ...]:
    """Return levels of quantiles as a tuple; raise a ValueError unless they increase in (0, 1)."""
    levels = as_floats("quantiles", quantiles)
    inside = levels.ndim == 1 and np.all((levels > 0) & (levels < 1))
    if not inside or not len(levels) or not np.all(np.diff(levels) > 0):
        raise ValueError(
            "quantiles must be one or more levels above 0 and below 1, each larger than the one "
            f"before; got {quantiles!r}. (0.1, 0.5, 0.9) is the median and an interval of 80 %."
        )
    return tuple(levels.tolist())
