"""The normal distribution, one per value: mean and scale are outputs of the network."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._losses._loss import LocationScale, Loss

Numbers = TypeVar("Numbers", Tensor, NDArray[np.float64])

# scales between 5e-5 and 2e4 standard deviations: exact predictions must not give infinite losses
_MAX_LOG_SCALE = 10.0


class GaussianParameters(NamedTuple):
    """Mean and log of the scale, each (n_rows, n_values)."""

    loc: Tensor
    log_scale: Tensor


def gaussian_parameters(outputs: Tensor) -> GaussianParameters:
    """Split outputs (n_rows, 2 * n_values): all means first, then all log-scales."""
    loc, log_scale = outputs.chunk(2, dim=-1)
    return GaussianParameters(loc, bounded_log_scale(log_scale))


def bounded_log_scale(raw: Numbers) -> Numbers:
    """Bend outputs into the range of log-scales, so that no scale is 0 or infinite."""
    return soft_bound(raw, _MAX_LOG_SCALE)


def soft_bound(x: Numbers, bound: float) -> Numbers:
    """Bend `x` into (-bound, bound): the identity near 0, without a sudden loss of the gradient."""
    if isinstance(x, Tensor):
        return bound * torch.tanh(x / bound)
    return bound * np.tanh(x / bound)


def enlarged(outputs: Tensor, n_values: int, location_factor: float) -> Tensor:
    """Return outputs whose first values, the locations, are multiplied by a factor.

    In training alone, it leaves a fraction of the location that is learnt in predictions. They are
    then a mean of this location and 0, which is often better than either [1]_.

    References
    ----------
    .. [1] Bates & Granger (1969), The Combination of Forecasts, Operational Research Quarterly
       20(4).
    """
    if location_factor == 1.0:
        return outputs
    return torch.cat([outputs[:, :n_values] * location_factor, outputs[:, n_values:]], dim=1)


def gaussian(outputs: Tensor, targets: Tensor, location_factor: float = 1.0) -> Tensor:
    """Return the negative log-density of each row under normal distributions, summed over values.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 2 * n_values)
        See `gaussian_parameters`.
    targets : Tensor of shape (n_rows, n_values)
        Values.
    location_factor : float, default=1.0
        See `enlarged`.

    References
    ----------
    .. [1] Nix & Weigend (1994), Estimating the Mean and Variance of the Target Probability
       Distribution, ICNN.
    """
    outputs = enlarged(outputs, targets.shape[1], location_factor)
    loc, log_scale = gaussian_parameters(outputs)
    z = (targets - loc) * torch.exp(-log_scale)
    return (0.5 * z**2 + log_scale + 0.5 * math.log(2 * math.pi)).sum(dim=1)


def draw_gaussian(outputs: Tensor, uniforms: Tensor) -> Tensor:
    """Draw values (n_rows, n_values) by the method of Box and Muller.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 2 * n_values)
        See `gaussian_parameters`.
    uniforms : Tensor of shape (n_rows, n_values, 2)
        In (0, 1].

    References
    ----------
    .. [1] Box & Muller (1958), A Note on the Generation of Random Normal Deviates, Annals of
       Mathematical Statistics 29(2).
    """
    loc, log_scale = gaussian_parameters(outputs)
    radius = torch.sqrt(-2.0 * torch.log(uniforms[..., 0]))
    return loc + torch.exp(log_scale) * radius * torch.cos(2 * math.pi * uniforms[..., 1])


def gaussian_density(outputs: NDArray[np.float32]) -> LocationScale:
    """Return the distributions of outputs (..., 2 * n_values) in double precision."""
    loc, log_scale = gaussian_parameters(torch.from_numpy(outputs).double())
    return LocationScale(loc.numpy(), log_scale.exp().numpy(), None)


GAUSSIAN = Loss(
    gaussian, outputs_per_value=2, is_summed=True, draw=draw_gaussian, density=gaussian_density
)
