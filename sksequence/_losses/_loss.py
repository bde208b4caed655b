"""The common interface of all losses, and the densities that some of them fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit
from torch import Tensor


class Density(NamedTuple):
    """Normal or Student t distributions, one per value.

    Attributes
    ----------
    loc, scale : ndarray of float64 of shape (..., n_values)
        Location and scale.
    df : ndarray of float64 of shape (..., n_values) or None
        Degrees of freedom of Student t distributions, above 2; None for normal distributions.
    """

    loc: NDArray[np.float64]
    scale: NDArray[np.float64]
    df: NDArray[np.float64] | None

    def quantile(self, levels: Sequence[float]) -> NDArray[np.float64]:
        """Return the quantiles at `levels`, of shape (n_levels, ..., n_values)."""
        p = np.array(levels).reshape(-1, *(1,) * self.loc.ndim)
        standard = ndtri(p) if self.df is None else stdtrit(self.df, p)
        return np.asarray(self.loc + self.scale * standard)

    def std(self) -> NDArray[np.float64]:
        """Return the standard deviations."""
        return np.asarray(self.scale * _standard_std(self.df))

    def mixture(self) -> Density:
        """Return the distribution with the mean and variance of the mixture over the first axis.

        It is of the same kind, with the mean of the degrees of freedom.

        References
        ----------
        .. [1] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive
           Uncertainty Estimation using Deep Ensembles, arXiv:1612.01474.
        """
        df = None if self.df is None else self.df.mean(axis=0)
        variance = (self.std() ** 2).mean(axis=0) + self.loc.var(axis=0)
        return Density(self.loc.mean(axis=0), np.sqrt(variance) / _standard_std(df), df)


def _standard_std(df: NDArray[np.float64] | None) -> NDArray[np.float64] | float:
    """Return the standard deviation at scale 1."""
    return 1.0 if df is None else np.sqrt(df / (df - 2.0))


@dataclass(frozen=True)
class Loss:
    """One loss and what belongs to it.

    Attributes
    ----------
    function : callable
        Training loss: ``(outputs, targets, **options) -> Tensor of shape (n_rows,)``.
    outputs_per_value : int, default=1
        Width of the head per class, label or value, or per level of a value.
    is_summed : bool, default=False
        Whether the losses of the values of a row are summed, rather than averaged.
    likelihood : callable, default=None
        Negative log-likelihood, ``(outputs, targets) -> Tensor of shape (n_rows,)``, if it is not
        the training loss.
    draw : callable, default=None
        Sampling: ``(outputs, uniforms) -> values`` of shape (n_rows, n_values), from two uniform
        numbers in (0, 1] per value, of shape (n_rows, n_values, 2).
    density : callable, default=None
        Distributions with location and scale, from outputs of shape (..., width).
    """

    function: Callable[..., Tensor]
    outputs_per_value: int = 1
    is_summed: bool = False
    likelihood: Callable[[Tensor, Tensor], Tensor] | None = None
    draw: Callable[[Tensor, Tensor], Tensor] | None = None
    density: Callable[[NDArray[np.float32]], Density] | None = None

    @property
    def negative_log_likelihood(self) -> Callable[..., Tensor]:
        """Negative log-likelihood per row, which is the training loss unless there is another."""
        return self.likelihood or self.function
