"""The gamma distribution of positive numbers: log-mean and log-shape are outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import gammaincinv
from torch import Tensor

from sksequence._losses._counts import (
    LogScales,
    bounded_log,
    in_double,
    means_and_scales,
    with_scales,
)
from sksequence._losses._gaussian import bounded_log_scale
from sksequence._losses._loss import Loss

Floats = NDArray[np.float64]

# relative to the mean: far below the median, quantiles underflow to 0, which is no positive number
_SMALLEST = 1e-30
# a random number of 1 is rounded; its quantile would be infinite
_LAST_LEVEL = 1.0 - 2.0**-26


def gamma(outputs: Tensor, targets: Tensor, log_scales: LogScales = (0.0,)) -> Tensor:
    """Return the negative log-density of each row under gamma distributions, summed over values.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 2 * n_values)
        Logs of the means, relative to those of the typical values, then logs of the shapes: the
        inverse squares of the coefficients of variation.
    targets : Tensor of shape (n_rows, n_values) or (n_rows, 2 * n_values)
        Positive numbers, and alongside them the logs of the typical values of each row if they
        differ.
    log_scales : array-like of float, default=(0.0,)
        Logs of the typical values of all columns, or of each, if they are the same in all rows.

    References
    ----------
    .. [1] McCullagh & Nelder (1989), Generalized Linear Models, chapter 8.
    """
    raw_mean, raw_shape = outputs.chunk(2, dim=-1)
    targets, log_scales = with_scales(targets, log_scales, raw_mean.shape[1])
    log_mean = in_double(bounded_log(raw_mean, log_scales))
    log_shape = in_double(bounded_log_scale(raw_shape))
    logs, shape = torch.log(in_double(targets)), torch.exp(log_shape)
    relative = logs - log_mean
    tail = shape * (torch.exp(relative) - relative - log_shape)
    losses = torch.lgamma(shape) + tail + logs
    return losses.sum(dim=1).to(outputs.dtype)


@dataclass(frozen=True)
class GammaDensity:
    """Gamma distributions, one per value.

    Attributes
    ----------
    mean, shape : ndarray of float64 of shape (..., n_values)
        The variance is ``mean ** 2 / shape``.
    """

    mean: Floats
    shape: Floats

    @property
    def centre(self) -> Floats:
        """Means."""
        return self.mean

    def std(self) -> Floats:
        """Return the standard deviations."""
        return np.asarray(self.mean / np.sqrt(self.shape))

    def mixture(self) -> GammaDensity:
        """Return the gamma distribution with the mean and variance of the mixture."""
        if len(self.mean) == 1:
            return GammaDensity(self.mean[0], self.shape[0])
        mean = self.mean.mean(axis=0)
        variance = (self.std() ** 2).mean(axis=0) + self.mean.var(axis=0)
        return GammaDensity(mean, mean**2 / variance)

    def quantile(self, levels: Sequence[float]) -> Floats:
        """Return the quantiles at `levels`, of shape (n_levels, ..., n_values)."""
        return self.at(np.array(levels).reshape(-1, *(1,) * self.mean.ndim))

    def at(self, p: Floats) -> Floats:
        """Return the quantiles at levels `p`, which broadcast against the means."""
        relative = gammaincinv(self.shape, np.minimum(p, _LAST_LEVEL)) / self.shape
        return np.asarray(self.mean * np.maximum(relative, _SMALLEST))


def gamma_density(outputs: NDArray[np.float32], log_scales: Floats) -> GammaDensity:
    """Return the distributions of outputs (..., 2 * n_values); see `gamma`."""
    return GammaDensity(*means_and_scales(outputs, log_scales))


def draw_gamma(outputs: Tensor, uniforms: Tensor, log_scales: Floats) -> Tensor:
    """Draw values (n_rows, n_values) by inverting the distribution function.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 2 * n_values)
        See `gamma`.
    uniforms : Tensor of shape (n_rows, n_values, 2)
        In (0, 1]. The first of two is the level; the second is not used.
    log_scales : ndarray of shape (n_rows, n_values)
        Logs of the typical values.
    """
    density = gamma_density(outputs.cpu().numpy(), log_scales)
    drawn = density.at(uniforms[..., 0].double().cpu().numpy())
    return torch.from_numpy(drawn).to(outputs.device, outputs.dtype)


GAMMA = Loss(
    gamma,
    outputs_per_value=2,
    draw=draw_gamma,
    density=gamma_density,
    is_summed=True,
    support="positive",
)
