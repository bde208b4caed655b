"""The common interface of all losses, and the densities that some of them fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit
from torch import Tensor

from sksequence._threads import one_thread

Support = Literal["numbers", "counts", "positive"]

# what values must be, for error messages
SUPPORTS: dict[Support, str] = {
    "numbers": "numbers",
    "counts": "counts, whole numbers of at least 0",
    "positive": "positive numbers",
}


def outside(support: Support, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a mask of the values that have no density; missing ones are not among them."""
    if support == "numbers":
        return np.zeros(values.shape, dtype=bool)
    if support == "positive":
        return np.asarray(values <= 0)
    return np.asarray((values < 0) | (np.isfinite(values) & (values != np.floor(values))))


class Density(Protocol):
    """Distributions of values of shape (..., n_values)."""

    @property
    def centre(self) -> NDArray[np.float64]:
        """Point predictions: the locations, or the means."""

    def quantile(self, levels: Sequence[float]) -> NDArray[np.float64]:
        """Return the quantiles at `levels`, of shape (n_levels, ..., n_values)."""

    def std(self) -> NDArray[np.float64]:
        """Return the standard deviations."""

    def mixture(self) -> Self:
        """Return the distribution with the mean and variance of the mixture over the first axis.

        References
        ----------
        .. [1] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive
           Uncertainty Estimation using Deep Ensembles, arXiv:1612.01474.
        """


class LocationScale(NamedTuple):
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

    @property
    def centre(self) -> NDArray[np.float64]:
        """Locations."""
        return self.loc

    def quantile(self, levels: Sequence[float]) -> NDArray[np.float64]:
        """Return the quantiles at `levels`, of shape (n_levels, ..., n_values)."""
        p = np.array(levels).reshape(-1, *(1,) * self.loc.ndim)
        standard = ndtri(p) if self.df is None else np.where(p == 0.5, 0.0, stdtrit(self.df, p))
        return np.asarray(self.loc + self.scale * standard)

    def std(self) -> NDArray[np.float64]:
        """Return the standard deviations."""
        return np.asarray(self.scale * _standard_std(self.df))

    def mixture(self) -> LocationScale:
        """Return the distribution of the same kind, with the mean of the degrees of freedom."""
        if len(self.loc) == 1:
            return LocationScale(
                self.loc[0], self.scale[0], None if self.df is None else self.df[0]
            )
        df = None if self.df is None else self.df.mean(axis=0)
        variance = (self.std() ** 2).mean(axis=0) + self.loc.var(axis=0)
        return LocationScale(self.loc.mean(axis=0), np.sqrt(variance) / _standard_std(df), df)


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
        Distributions, from outputs of shape (..., width); see `distributions`.
    support : {"numbers", "counts", "positive"}, default="numbers"
        Values that have a density. Counts and positive numbers are not standardised: the first
        outputs are logs relative to those of typical values, `log_scales`, which all functions take
        as a further argument.
    """

    function: Callable[..., Tensor]
    outputs_per_value: int = 1
    is_summed: bool = False
    likelihood: Callable[..., Tensor] | None = None
    draw: Callable[..., Tensor] | None = None
    density: Callable[..., Density] | None = None
    support: Support = "numbers"

    @property
    def has_log_link(self) -> bool:
        """Whether values are positive and in their own units."""
        return self.support != "numbers"

    @property
    def negative_log_likelihood(self) -> Callable[..., Tensor]:
        """Negative log-likelihood per row, which is the training loss unless there is another."""
        return self.likelihood or self.function

    def distributions(
        self, outputs: NDArray[np.float32], *log_scales: NDArray[np.float64]
    ) -> Density:
        """Return the distributions of outputs, computed on one of torch's threads."""
        assert self.density is not None
        if self.has_log_link:  # computed by NumPy
            return self.density(outputs, *log_scales)
        with one_thread():
            return self.density(outputs, *log_scales)


def _advice(losses: object, outputs: Tensor) -> str:
    """Return what is wrong with the shape of losses."""
    if not isinstance(losses, Tensor):
        return "Compute them by functions of torch."
    if losses.dim() > 1 and len(losses) == len(outputs):
        return "Take the mean over all axes but the first, such as losses.mean(dim=1)."
    return "Take no mean over rows, the first axis."


def own_loss(function: Callable[..., object]) -> Loss:
    """Return the loss of a user's function ``(outputs, targets) -> losses``, which is checked."""

    def checked(outputs: Tensor, targets: Tensor) -> Tensor:
        name = f"loss={getattr(function, '__qualname__', function)}"
        try:
            losses = function(outputs, targets)
        except RuntimeError as error:
            if "numpy()" not in str(error):
                raise
            raise TypeError(
                f"{name} passes the outputs, a tensor with gradient, to NumPy, which has none. "
                "Compute the losses by functions of torch only."
            ) from error
        n_rows = len(outputs)
        if not isinstance(losses, Tensor) or losses.shape != (n_rows,):
            got = tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
            raise ValueError(
                f"{name} must return a tensor with one loss per row, here of shape ({n_rows},); "
                f"got {got}. {_advice(losses, outputs)}"
            )
        if outputs.requires_grad and not losses.requires_grad:
            raise ValueError(
                f"{name} returned a tensor without gradient. Compute it from the outputs by "
                "functions of torch only."
            )
        if not losses.isfinite().all():
            raise FloatingPointError(
                f"{name} returned {losses[~losses.isfinite()][0].item()} for a row. Keep it finite "
                "for all outputs, or lower learning_rate."
            )
        return losses.to(outputs.dtype)

    return Loss(checked)
