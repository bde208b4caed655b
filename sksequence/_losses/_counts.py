"""Distributions of counts: Poisson and negative binomial, whose log-mean is an output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import betainc, gammaincc, ndtri
from torch import Tensor

from sksequence._losses._gaussian import Numbers, bounded_log_scale, soft_bound
from sksequence._losses._loss import Loss

Floats = NDArray[np.float64]
LogScales = Sequence[float] | Floats | Tensor

# means between 2e-9 and 5e8 times the typical one: no exponential overflows
MAX_LOG_MEAN = 20.0
# dispersions below it make no difference to a Poisson distribution
_NO_DISPERSION = 1e-8
_BISECTIONS = 64
# a random number of 1 is rounded; its quantile would be infinite
_LAST_LEVEL = 1.0 - 2.0**-26


def bounded_log(raw: Numbers, log_scales: LogScales) -> Numbers:
    """Return logs of means from outputs, relative to logs of typical values."""
    if isinstance(raw, Tensor):
        log_scales = torch.as_tensor(log_scales, dtype=raw.dtype, device=raw.device)
    return log_scales + soft_bound(raw, MAX_LOG_MEAN)


def with_scales(targets: Tensor, log_scales: LogScales, n_values: int) -> tuple[Tensor, LogScales]:
    """Return targets and logs of typical values, which those of each row may stand alongside."""
    if targets.shape[1] == n_values:
        return targets, log_scales
    values, of_rows = targets.chunk(2, dim=1)
    return values, of_rows


def in_double(x: Tensor) -> Tensor:
    """Return double precision where the device has it: log-gammas of large numbers cancel."""
    return x if x.device.type == "mps" else x.double()


def poisson(outputs: Tensor, targets: Tensor, log_scales: LogScales = (0.0,)) -> Tensor:
    """Return the negative log-probability of each row of counts under Poisson distributions.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, n_values)
        Logs of the means, relative to those of the typical counts.
    targets : Tensor of shape (n_rows, n_values) or (n_rows, 2 * n_values)
        Counts, and alongside them the logs of the typical counts of each row if they differ.
    log_scales : array-like of float, default=(0.0,)
        Logs of the typical counts of all values, or of each, if they are the same in all rows.
    """
    targets, log_scales = with_scales(targets, log_scales, outputs.shape[1])
    log_mean, counts = in_double(bounded_log(outputs, log_scales)), in_double(targets)
    losses = torch.exp(log_mean) - counts * log_mean + torch.lgamma(counts + 1.0)
    return losses.sum(dim=1).to(outputs.dtype)


def negative_binomial(outputs: Tensor, targets: Tensor, log_scales: LogScales = (0.0,)) -> Tensor:
    """Return the negative log-probability of each row of counts, summed over values.

    The variance of a count of mean m and dispersion a is m + a * m ** 2 [1]_.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 2 * n_values)
        Logs of the means, relative to those of the typical counts, then logs of the dispersions.
    targets : Tensor of shape (n_rows, n_values) or (n_rows, 2 * n_values)
        Counts, and alongside them the logs of the typical counts of each row if they differ.
    log_scales : array-like of float, default=(0.0,)
        Logs of the typical counts of all values, or of each, if they are the same in all rows.

    References
    ----------
    .. [1] Salinas, Flunkert, Gasthaus & Januschowski (2020), DeepAR: Probabilistic Forecasting with
       Autoregressive Recurrent Networks, International Journal of Forecasting 36(3), section 3.
    """
    raw_mean, raw_dispersion = outputs.chunk(2, dim=-1)
    targets, log_scales = with_scales(targets, log_scales, raw_mean.shape[1])
    log_mean = in_double(bounded_log(raw_mean, log_scales))
    log_dispersion = in_double(bounded_log_scale(raw_dispersion))
    counts, shape = in_double(targets), torch.exp(-log_dispersion)
    log_odds = log_mean + log_dispersion  # of a further count against the end of the series of them
    choices = torch.lgamma(counts + shape) - torch.lgamma(shape) - torch.lgamma(counts + 1.0)
    losses = shape * F.softplus(log_odds) + counts * F.softplus(-log_odds) - choices
    return losses.sum(dim=1).to(outputs.dtype)


@dataclass(frozen=True)
class CountDensity:
    """Negative binomial distributions, or Poisson ones where the dispersion is 0.

    Attributes
    ----------
    mean, dispersion : ndarray of float64 of shape (..., n_values)
        The variance is ``mean + dispersion * mean ** 2``.
    """

    mean: Floats
    dispersion: Floats

    @property
    def centre(self) -> Floats:
        """Means."""
        return self.mean

    def std(self) -> Floats:
        """Return the standard deviations."""
        return np.sqrt(self.mean + self.dispersion * self.mean**2)

    def mixture(self) -> CountDensity:
        """Return the negative binomial distribution with the mean and variance of the mixture."""
        if len(self.mean) == 1:
            return CountDensity(self.mean[0], self.dispersion[0])
        mean = self.mean.mean(axis=0)
        variance = (self.std() ** 2).mean(axis=0) + self.mean.var(axis=0)
        return CountDensity(mean, np.maximum(variance - mean, 0.0) / mean**2)

    def below(self, counts: Floats) -> Floats:
        """Return the probability of at most as many counts; `counts` are whole numbers from -1."""
        k = np.maximum(counts, 0.0) + 1.0
        shape = 1.0 / np.maximum(self.dispersion, _NO_DISPERSION)
        share = 1.0 / (1.0 + self.mean / shape)
        dispersed = betainc(shape, k, share)
        total = np.where(self.dispersion > _NO_DISPERSION, dispersed, gammaincc(k, self.mean))
        return np.where(counts < 0, 0.0, total)

    def quantile(self, levels: Sequence[float]) -> Floats:
        """Return the smallest counts whose probability is at least the level."""
        return self.counts_at(np.array(levels).reshape(-1, *(1,) * self.mean.ndim))

    def counts_at(self, p: Floats) -> Floats:
        """Return the quantiles at levels `p`, which broadcast against the means."""
        p, mean, std = np.broadcast_arrays(np.minimum(p, _LAST_LEVEL), self.mean, self.std())
        # Chebyshev's inequality bounds quantiles; most are near those of a normal distribution
        low = np.maximum(np.floor(mean - std * np.sqrt((1.0 - p) / p)) - 2.0, -1.0)
        high = np.ceil(mean + std * np.sqrt(p / (1.0 - p))) + 1.0
        guess = np.clip(np.ceil(mean + std * ndtri(p)), low + 1.0, high)
        for _ in range(_BISECTIONS):
            is_enough = self.below(guess) >= p
            low, high = np.where(is_enough, low, guess), np.where(is_enough, guess, high)
            if (high - low <= 1.0).all():
                break
            guess = np.maximum(np.floor((low + high) / 2.0), low)
        return np.asarray(high)


def poisson_density(outputs: NDArray[np.float32], log_scales: NDArray[np.float64]) -> CountDensity:
    """Return the distributions of outputs (..., n_values); see `poisson`."""
    log_mean = bounded_log(outputs.astype(np.float64), log_scales)
    return CountDensity(np.exp(log_mean), np.zeros_like(log_mean))


def negative_binomial_density(
    outputs: NDArray[np.float32], log_scales: NDArray[np.float64]
) -> CountDensity:
    """Return the distributions of outputs (..., 2 * n_values); see `negative_binomial`."""
    return CountDensity(*means_and_scales(outputs, log_scales))


def means_and_scales(outputs: NDArray[np.float32], log_scales: Floats) -> tuple[Floats, Floats]:
    """Return the exponentials of log-means and of log-scales, each (..., n_values)."""
    n_values = outputs.shape[-1] // 2
    raw_mean, raw_scale = (
        part.astype(np.float64) for part in (outputs[..., :n_values], outputs[..., n_values:])
    )
    return np.exp(bounded_log(raw_mean, log_scales)), np.exp(bounded_log_scale(raw_scale))


def draw_poisson(outputs: Tensor, uniforms: Tensor, log_scales: Floats) -> Tensor:
    """Draw counts (n_rows, n_values) by inverting the distribution function.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, n_values)
        See `poisson`.
    uniforms : Tensor of shape (n_rows, n_values, 2)
        In (0, 1]. The first of two is the level; the second is not used.
    log_scales : ndarray of shape (n_rows, n_values)
        Logs of the typical counts.
    """
    return _drawn(poisson_density(outputs.cpu().numpy(), log_scales), outputs, uniforms)


def draw_negative_binomial(outputs: Tensor, uniforms: Tensor, log_scales: Floats) -> Tensor:
    """Draw counts from outputs (n_rows, 2 * n_values); see `draw_poisson`."""
    return _drawn(negative_binomial_density(outputs.cpu().numpy(), log_scales), outputs, uniforms)


def _drawn(density: CountDensity, outputs: Tensor, uniforms: Tensor) -> Tensor:
    counts = density.counts_at(uniforms[..., 0].double().cpu().numpy())
    return torch.from_numpy(counts).to(outputs.device, outputs.dtype)


POISSON = Loss(
    poisson, draw=draw_poisson, density=poisson_density, is_summed=True, support="counts"
)
NEGATIVE_BINOMIAL = Loss(
    negative_binomial,
    outputs_per_value=2,
    draw=draw_negative_binomial,
    density=negative_binomial_density,
    is_summed=True,
    support="counts",
)
