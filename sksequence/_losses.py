"""Losses per row: outputs and targets in, one number per row out. Knows nothing of weights, means or steps.

Outputs are (rows, width) as the head gives them, n_values the number of values (columns of y) per row.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp
from torch import Tensor

# scales between 5e-5 and 2e4 standard deviations: a row that is predicted exactly must not end the fit
_MAX_LOG_SCALE = 10.0
# degrees of freedom start well above 2 (finite variance) and end where a Student t is a normal
_MIN_DF, _MAX_DF = 2.0, 1000.0


def cross_entropy(outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the negative log-probability of each row's class.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, n_classes)
        Logits.
    targets : Tensor of int64 of shape (n_rows,)
        Classes.
    label_smoothing : float, default=0.0
        Share of each target that is spread over all classes.

    References
    ----------
    .. [1] Szegedy et al. (2016), Rethinking the Inception Architecture for Computer Vision, arXiv:1512.00567.
    """
    return F.cross_entropy(outputs, targets, reduction="none", label_smoothing=label_smoothing)


def binary_cross_entropy(outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean negative log-probability of each row's labels.

    Parameters
    ----------
    outputs, targets : Tensor of shape (n_rows, n_labels)
        Logits, and 0 or 1.
    label_smoothing : float, default=0.0
        Share of each target that is spread over its two classes: it moves towards a half.
    """
    smooth = targets * (1.0 - label_smoothing) + 0.5 * label_smoothing
    loss = F.binary_cross_entropy_with_logits(outputs, smooth, reduction="none")
    return loss.mean(dim=1)


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of each row; both (n_rows, n_values)."""
    return F.mse_loss(outputs, targets, reduction="none").mean(dim=1)


def absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error of each row; both (n_rows, n_values)."""
    return F.l1_loss(outputs, targets, reduction="none").mean(dim=1)


def huber(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return Huber's loss (1964), quadratic up to an error of 1; both (n_rows, n_values)."""
    return F.huber_loss(outputs, targets, reduction="none").mean(dim=1)


def quantile(outputs: Tensor, targets: Tensor, levels: Sequence[float] = (0.5,)) -> Tensor:
    """Return the mean pinball loss of each row: errors weigh `level` below the target, 1 - `level` above it.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, n_levels * n_values)
        All values at the first level, then all at the next.
    targets : Tensor of shape (n_rows, n_values)
        Values.
    levels : sequence of float, default=(0.5,)
        Of the quantiles. The median alone is half the absolute error.

    References
    ----------
    .. [1] Koenker & Bassett (1978), Regression Quantiles, Econometrica 46(1).
    """
    of_levels = outputs.reshape(len(outputs), len(levels), targets.shape[1])
    error = targets.unsqueeze(1) - of_levels
    level = error.new_tensor(levels).unsqueeze(1)
    return torch.maximum(level * error, (level - 1.0) * error).mean(dim=(1, 2))


class GaussianParameters(NamedTuple):
    """Mean and log of the scale, each (n_rows, n_values)."""

    loc: Tensor
    log_scale: Tensor


class StudentTParameters(NamedTuple):
    """Location, log of the scale and degrees of freedom, each (n_rows, n_values)."""

    loc: Tensor
    log_scale: Tensor
    df: Tensor


def _soft_bound(x: Tensor, bound: float) -> Tensor:
    """Bend `x` into (-bound, bound), as the identity near 0; its gradient never vanishes at once."""
    return bound * torch.tanh(x / bound)


def gaussian_parameters(outputs: Tensor) -> GaussianParameters:
    """Read outputs (n_rows, 2 * n_values): all means first, then all log-scales."""
    loc, log_scale = outputs.chunk(2, dim=-1)
    return GaussianParameters(loc, _soft_bound(log_scale, _MAX_LOG_SCALE))


def student_t_parameters(outputs: Tensor) -> StudentTParameters:
    """Read outputs (n_rows, 3 * n_values): locations, log-scales, and what becomes degrees of freedom.

    The third is log(df - 2), shifted so that df is 10 at 0, and bent so that df stays below about 1000.
    """
    loc, log_scale, raw = outputs.chunk(3, dim=-1)
    middle = math.log(10.0 - _MIN_DF)
    log_df = middle + _soft_bound(raw, math.log(_MAX_DF) - middle)
    return StudentTParameters(
        loc, _soft_bound(log_scale, _MAX_LOG_SCALE), _MIN_DF + torch.exp(log_df)
    )


def gaussian(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-density of each row's values under a normal of their own, summed over them.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 2 * n_values)
        See `gaussian_parameters`.
    targets : Tensor of shape (n_rows, n_values)
        Values.

    References
    ----------
    .. [1] Nix & Weigend (1994), Estimating the Mean and Variance of the Target Probability Distribution, ICNN.
    """
    loc, log_scale = gaussian_parameters(outputs)
    z = (targets - loc) * torch.exp(-log_scale)
    return (0.5 * z**2 + log_scale + 0.5 * math.log(2 * math.pi)).sum(dim=1)


def student_t(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-density of each row's values under a Student t, summed over them.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 3 * n_values)
        See `student_t_parameters`.
    targets : Tensor of shape (n_rows, n_values)
        Values.
    """
    loc, log_scale, df = student_t_parameters(outputs)
    z = (targets - loc) * torch.exp(-log_scale)
    tail = 0.5 * (df + 1) * torch.log1p(z**2 / df)
    normaliser = (
        torch.lgamma(0.5 * df) - torch.lgamma(0.5 * (df + 1)) + 0.5 * torch.log(df * math.pi)
    )
    return (tail + normaliser + log_scale).sum(dim=1)


# of the head of a generator; the outermost intervals say how fast the tails fall
_LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
_N_ABOVE = len(_LEVELS) // 2
# between neighbouring quantiles, in standard deviations: no density is infinite
_SMALLEST_STEP = 1e-4


def quantile_function_points(outputs: Tensor) -> Tensor:
    """Read outputs (n_rows, 9 * n_values) as rising quantiles (n_rows, 9, n_values).

    All medians come first, then what becomes the steps down from them, and those up.
    """
    middle, *steps = outputs.chunk(len(_LEVELS), dim=1)
    sizes = F.softplus(torch.stack(steps, dim=1)) + _SMALLEST_STEP
    down, up = sizes[:, :_N_ABOVE], sizes[:, _N_ABOVE:]
    middle = middle.unsqueeze(1)
    below = middle - down.cumsum(dim=1).flip(1)
    return torch.cat([below, middle, middle + up.cumsum(dim=1)], dim=1)


def quantile_function(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return twice the mean pinball loss of each row's quantiles: about the continuous ranked probability score.

    Parameters
    ----------
    outputs : Tensor of shape (n_rows, 9 * n_values)
        See `quantile_function_points`.
    targets : Tensor of shape (n_rows, n_values)
        Values.

    References
    ----------
    .. [1] Gasthaus et al. (2019), Probabilistic Forecasting with Spline Quantile Function RNNs, AISTATS.
    """
    points = quantile_function_points(outputs)
    return 2.0 * quantile(points.flatten(1), targets, _LEVELS)


def quantile_function_density(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-density of each row's values, summed: linear between quantiles, exponential beyond."""
    points = quantile_function_points(outputs)
    levels = points.new_tensor(_LEVELS)
    widths = points.diff(dim=1)
    logs = torch.log(levels.diff()[:, None] / widths)
    values = targets.unsqueeze(1)
    below, above = (
        (points[:, 0] - targets) / widths[:, 0],
        (targets - points[:, -1]) / widths[:, -1],
    )
    place = (values >= points).sum(dim=1).clamp(1, len(_LEVELS) - 1) - 1
    inside = logs.gather(1, place.unsqueeze(1)).squeeze(1)
    # the tails fall from the height of the outermost intervals
    return -(inside - below.clamp_min(0) - above.clamp_min(0)).sum(dim=1)


def joint_logits(members: NDArray[Any]) -> NDArray[np.float64]:
    """Return the log of the mean probabilities of networks with logits (n_networks, n_rows, n_classes)."""
    each = log_softmax(members.astype(np.float64), axis=2)
    return np.asarray(logsumexp(each, axis=0) - np.log(len(members)))


class Density(NamedTuple):
    """Distributions as arrays of float64, each (..., n_values); a normal has no degrees of freedom."""

    loc: NDArray[np.float64]
    scale: NDArray[np.float64]
    df: NDArray[np.float64] | None


def density(loss: str, outputs: NDArray[np.float32]) -> Density:
    """Read the distributions that "gaussian" or "student_t" measures from outputs (..., width)."""
    tensor = torch.from_numpy(outputs).double()
    if loss == "gaussian":
        normal = gaussian_parameters(tensor)
        return Density(normal.loc.numpy(), normal.log_scale.exp().numpy(), None)
    t = student_t_parameters(tensor)
    return Density(t.loc.numpy(), t.log_scale.exp().numpy(), t.df.numpy())


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "huber": huber,
    "quantile": quantile,
    "quantile_function": quantile_function,
    "gaussian": gaussian,
    "student_t": student_t,
}

# width of the head for one class, label or value, or for one level of one value
OUTPUTS_PER_VALUE: dict[str, int] = dict.fromkeys(LOSSES, 1) | {
    "gaussian": 2,
    "student_t": 3,
    "quantile_function": len(_LEVELS),
}

# negative log-likelihoods of what is trained by another loss
LIKELIHOODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "quantile_function": quantile_function_density
}


def draw_gaussian(outputs: Tensor, uniforms: Tensor) -> Tensor:
    """Draw values (n_rows, n_values) from the normal that `gaussian` measures.

    `uniforms` (n_rows, n_values, 2) are in (0, 1]. Box and Muller (1958), A Note on the Generation of Random Normal
    Deviates.
    """
    loc, log_scale = gaussian_parameters(outputs)
    radius = torch.sqrt(-2.0 * torch.log(uniforms[..., 0]))
    return loc + torch.exp(log_scale) * radius * torch.cos(2 * math.pi * uniforms[..., 1])


def draw_student_t(outputs: Tensor, uniforms: Tensor) -> Tensor:
    """Draw values (n_rows, n_values) from the Student t that `student_t` measures.

    `uniforms` (n_rows, n_values, 2) are in (0, 1]. Bailey (1994), Polar Generation of Random Variates with the
    t-Distribution.
    """
    loc, log_scale, df = student_t_parameters(outputs)
    radius = torch.sqrt(df * torch.expm1(-2.0 / df * torch.log(uniforms[..., 0])))
    return loc + torch.exp(log_scale) * radius * torch.cos(2 * math.pi * uniforms[..., 1])


def draw_quantile_function(outputs: Tensor, uniforms: Tensor) -> Tensor:
    """Draw values (n_rows, n_values) from the distribution of `quantile_function_density`.

    Of `uniforms` (n_rows, n_values, 2), in (0, 1], the first of two is the level.
    """
    points = quantile_function_points(outputs)
    levels = points.new_tensor(_LEVELS)
    u = uniforms[..., 0]
    place = torch.searchsorted(levels, u.contiguous()).clamp(1, len(_LEVELS) - 1) - 1
    widths = points.diff(dim=1)
    start, width = (x.gather(1, place.unsqueeze(1)).squeeze(1) for x in (points, widths))
    share = (u - levels[place]) / levels.diff()[place]
    tiny = torch.finfo(u.dtype).eps
    below = torch.log((u / levels[0]).clamp(tiny, 1.0)) * widths[:, 0]
    above = torch.log(((1.0 - u) / (1.0 - levels[-1])).clamp(tiny, 1.0)) * widths[:, -1]
    return start + share.clamp(0.0, 1.0) * width + below - above


# from outputs and uniform numbers to values
DRAWS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gaussian": draw_gaussian,
    "student_t": draw_student_t,
    "quantile_function": draw_quantile_function,
}
