"""Student's t distribution, one per value: location, scale and degrees of freedom are outputs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._losses._gaussian import bounded_log_scale, enlarged, soft_bound
from sksequence._losses._loss import LocationScale, Loss

# above 2 the variance is finite; beyond 1000 the distribution is practically normal
_MIN_DF, _MAX_DF = 2.0, 1000.0
# where an output of 0 lies
_MIDDLE_DF = 10.0


class StudentTParameters(NamedTuple):
    """Location, log of the scale and degrees of freedom, each (n_rows, n_values)."""

    loc: Tensor
    log_scale: Tensor
    df: Tensor


def student_t_parameters(outputs: Tensor) -> StudentTParameters:
    """Split outputs (n_rows, 3 * n_values): all locations, all log-scales, then all raw df.

    A raw df is log(df - 2), shifted so that df is 10 at 0, and bent so that df stays below about
    1000.
    """
    loc, log_scale, raw = outputs.chunk(3, dim=-1)
    middle = math.log(_MIDDLE_DF - _MIN_DF)
    log_df = middle + soft_bound(raw, math.log(_MAX_DF) - middle)
    return StudentTParameters(loc, bounded_log_scale(log_scale), _MIN_DF + torch.exp(log_df))


def student_t(outputs: Tensor, targets: Tensor, location_factor: float = 1.0) -> Tensor:
    """Return the negative log-density of each row under Student t's, summed over values.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 3 * n_values)
        See `student_t_parameters`.
    targets : Tensor of shape (n_rows, n_values)
        Values.
    location_factor : float, default=1.0
        See `enlarged`.
    """
    outputs = enlarged(outputs, targets.shape[1], location_factor)
    loc, log_scale, df = student_t_parameters(outputs)
    z = (targets - loc) * torch.exp(-log_scale)
    tail = 0.5 * (df + 1) * torch.log1p(z**2 / df)
    normaliser = (
        torch.lgamma(0.5 * df) - torch.lgamma(0.5 * (df + 1)) + 0.5 * torch.log(df * math.pi)
    )
    return (tail + normaliser + log_scale).sum(dim=1)


def draw_student_t(outputs: Tensor, uniforms: Tensor) -> Tensor:
    """Draw values (n_rows, n_values) by Bailey's polar method.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 3 * n_values)
        See `student_t_parameters`.
    uniforms : Tensor of shape (n_rows, n_values, 2)
        In (0, 1].

    References
    ----------
    .. [1] Bailey (1994), Polar Generation of Random Variates with the t-Distribution, Mathematics
       of Computation 62(206).
    """
    loc, log_scale, df = student_t_parameters(outputs)
    radius = torch.sqrt(df * torch.expm1(-2.0 / df * torch.log(uniforms[..., 0])))
    return loc + torch.exp(log_scale) * radius * torch.cos(2 * math.pi * uniforms[..., 1])


def student_t_density(outputs: NDArray[np.float32]) -> LocationScale:
    """Return the distributions of outputs (..., 3 * n_values) in double precision."""
    loc, log_scale, df = student_t_parameters(torch.from_numpy(outputs).double())
    return LocationScale(loc.numpy(), log_scale.exp().numpy(), df.numpy())


STUDENT_T = Loss(
    student_t, outputs_per_value=3, is_summed=True, draw=draw_student_t, density=student_t_density
)
