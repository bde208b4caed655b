"""Quantiles: the pinball loss of given levels, and a distribution given by its quantile function.

The distribution is linear between nine quantiles and has exponential tails beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sksequence._losses._gaussian import enlarged
from sksequence._losses._loss import Loss


def pinball(outputs: Tensor, targets: Tensor, levels: Sequence[float] = (0.5,)) -> Tensor:
    """Return the mean pinball loss of each row.

    An error weighs `level` where the target is above the output, 1 - `level` where it is below.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, n_levels * n_values)
        All values at the first level, then all at the next.
    targets : Tensor of shape (n_rows, n_values)
        Values.
    levels : sequence of float, default=(0.5,)
        Levels of the quantiles. The median alone gives half the absolute error.

    References
    ----------
    .. [1] Koenker & Bassett (1978), Regression Quantiles, Econometrica 46(1).
    """
    quantiles = outputs.reshape(len(outputs), len(levels), targets.shape[1])
    error = targets.unsqueeze(1) - quantiles
    level = error.new_tensor(levels).unsqueeze(1)
    return torch.maximum(level * error, (level - 1.0) * error).mean(dim=(1, 2))


# levels of the quantile function; its outermost intervals set how fast the tails fall
_LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
_N_ABOVE = len(_LEVELS) // 2
# between neighbouring quantiles, in standard deviations: no density is infinite
_SMALLEST_STEP = 1e-4
# relative error of the rounded distance of two quantiles
_TOLERANCE = 1e-2


def quantile_function_points(outputs: Tensor) -> Tensor:
    """Return rising quantiles (n_rows, 9, n_values) of outputs (n_rows, 9 * n_values).

    The outputs hold all medians first, then the raw steps down from them, then those up.
    """
    middle = outputs[:, None, : outputs.shape[1] // len(_LEVELS)]
    down, up = _steps(outputs)
    below = middle - down.cumsum(dim=1).flip(1)
    return torch.cat([below, middle, middle + up.cumsum(dim=1)], dim=1)


def _steps(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the steps down from the medians and those up, each (n_rows, 4, n_values)."""
    _, *steps = outputs.chunk(len(_LEVELS), dim=1)
    sizes = F.softplus(torch.stack(steps, dim=1)) + _SMALLEST_STEP
    return sizes[:, :_N_ABOVE], sizes[:, _N_ABOVE:]


def _widths(points: Tensor, outputs: Tensor) -> Tensor:
    """Return the distances of neighbouring quantiles, (n_rows, 8, n_values).

    Far from 0, quantiles are rounded to multiples of more than a step: their differences may be 0.
    """
    down, up = _steps(outputs)
    exact, rounded = torch.cat([down.flip(1), up], dim=1), points.diff(dim=1)
    return torch.where((rounded - exact).abs() > _TOLERANCE * exact, exact, rounded)


def quantile_function(outputs: Tensor, targets: Tensor, location_factor: float = 1.0) -> Tensor:
    """Return twice the mean pinball loss of each row's nine quantiles.

    It approximates the continuous ranked probability score.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 9 * n_values)
        See `quantile_function_points`.
    targets : Tensor of shape (n_rows, n_values)
        Values.
    location_factor : float, default=1.0
        See `enlarged`; locations are medians.

    References
    ----------
    .. [1] Gasthaus et al. (2019), Probabilistic Forecasting with Spline Quantile Function RNNs,
       AISTATS.
    """
    outputs = enlarged(outputs, targets.shape[1], location_factor)
    points = quantile_function_points(outputs)
    return 2.0 * pinball(points.flatten(1), targets, _LEVELS)


def quantile_function_likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-density of each row, summed over values; shapes as in the loss."""
    points = quantile_function_points(outputs)
    levels = points.new_tensor(_LEVELS)
    widths = _widths(points, outputs)
    logs = torch.log(levels.diff()[:, None] / widths)
    below = (points[:, 0] - targets) / widths[:, 0]
    above = (targets - points[:, -1]) / widths[:, -1]
    interval = (targets.unsqueeze(1) >= points).sum(dim=1).clamp(1, len(_LEVELS) - 1) - 1
    inside = logs.gather(1, interval.unsqueeze(1)).squeeze(1)
    # the tails fall from the height of the outermost intervals
    return -(inside - below.clamp_min(0) - above.clamp_min(0)).sum(dim=1)


def draw_quantile_function(outputs: Tensor, uniforms: Tensor) -> Tensor:
    """Draw values (n_rows, n_values) by inverting the distribution function.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 9 * n_values)
        See `quantile_function_points`.
    uniforms : Tensor of shape (n_rows, n_values, 2)
        In (0, 1]. The first of two is the level; the second is not used.
    """
    points = quantile_function_points(outputs)
    levels = points.new_tensor(_LEVELS)
    u = uniforms[..., 0]
    interval = torch.searchsorted(levels, u.contiguous()).clamp(1, len(_LEVELS) - 1) - 1
    widths = points.diff(dim=1)
    start, width = (x.gather(1, interval.unsqueeze(1)).squeeze(1) for x in (points, widths))
    fraction = (u - levels[interval]) / levels.diff()[interval]
    tiny = torch.finfo(u.dtype).eps
    below = torch.log((u / levels[0]).clamp(tiny, 1.0)) * widths[:, 0]
    above = torch.log(((1.0 - u) / (1.0 - levels[-1])).clamp(tiny, 1.0)) * widths[:, -1]
    return start + fraction.clamp(0.0, 1.0) * width + below - above


QUANTILE = Loss(pinball)
QUANTILE_FUNCTION = Loss(
    quantile_function,
    outputs_per_value=len(_LEVELS),
    likelihood=quantile_function_likelihood,
    draw=draw_quantile_function,
)
