"""Shrinkage of predictions: how much of a network is kept is learnt from rows it has not seen.

A prediction is a simple one, such as the mean of y or a naive forecast, and the correction of a
network. On noise a network overfits, and its corrections do harm.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import content_digests, flat_rows, held_out_rows
from sksequence._blueprint import Blueprint
from sksequence._net import SequenceNet, network_outputs
from sksequence._targets import MarginalDistribution, NumberCodec
from sksequence._tasks._naive_forecast import NaiveForecast
from sksequence._tasks._task import Rows, TrainingData

Floats = NDArray[np.float64]

# Standard errors from which a gain counts in full
_CERTAIN = 3.0
# Fractions of the naive error from which a gain begins to count, and from which it counts in full,
# where windows overlap so much that few of them have no small standard error
_LARGE_GAINS = 0.3, 0.5
# Targets that are named in a warning
_N_NAMED = 5
# Windows that are predicted
_MOST_WINDOWS = 1024
# Sequences between which noise is a danger, and up to which it is worth two fits of their halves
_FEWEST, _FEW, _MOST = 8, 500, 100_000
# Fraction of the error of the mean above which a network may still learn noise, however certain its
# gain is
_SMALL_ERROR = 0.5


@dataclass(frozen=True)
class Corrections:
    """Corrections of rows that a network was not trained on, and the true ones.

    Attributes
    ----------
    true, predicted : ndarray of shape (n_rows, n_numbers)
        In units in which all rows count alike; missing true ones are NaN.
    units : ndarray of shape (n_rows, n_numbers)
        These units, in those of y; 0 where predictions are the simple ones.
    weights : ndarray of shape (n_rows,)
        Weights of the rows, which sum to 1.
    level : float or None
        Level of the pinball loss of quantiles; None for squared errors.
    horizon : int
        Number of consecutive rows whose errors are correlated.
    least : float
        Standard errors from which a gain begins to count.
    sources : ndarray of int of shape (n_rows,) or None
        Sequence of which each row is a step; None if each is a sequence.
    """

    true: Floats
    predicted: Floats
    units: Floats
    weights: Floats
    level: float | None = None
    horizon: int = 1
    least: float = 1.0
    sources: Rows | None = None

    def of_targets(self, n_targets: int) -> list[Corrections]:
        """Return the corrections of each target, in the rows where it is known.

        The numbers of a step are next to each other.
        """
        return [self._of_columns(slice(i, None, n_targets)) for i in range(n_targets)]

    def _of_columns(self, columns: slice) -> Corrections:
        true, predicted, units = (x[:, columns] for x in (self.true, self.predicted, self.units))
        is_known = ~np.isnan(true).all(axis=1)
        weights = self.weights[is_known]
        total = weights.sum()
        return replace(
            self,
            true=true[is_known],
            predicted=predicted[is_known],
            units=units[is_known],
            weights=weights / total if total > 0 else weights,
            sources=None if self.sources is None else self.sources[is_known],
        )

    def kept_fraction(self) -> float:
        """Return the fraction of the corrections to keep: more, the more certain their gain is.

        It is a part of all of them, or of the fraction with the smallest squared error, whichever
        is more. The part grows with the gain as the factor of James and Stein [1]_ does, and is all
        from three standard errors on.

        References
        ----------
        .. [1] James & Stein (1961), Estimation with Quadratic Loss, Berkeley Symposium on
           Mathematical Statistics and Probability.
        """
        # missing numbers have no part in either sum
        scales = np.where(np.isnan(self.true), 0.0, np.sqrt(self.weights)[:, None])
        true, predicted = np.nan_to_num(self.true) * scales, self.predicted * scales
        square = float((predicted**2).sum())
        best = float(np.clip((true * predicted).sum() / square, 0.0, 1.0)) if square > 0 else 1.0
        return max(self._certain_part(1.0), self._certain_part(best))

    def do_harm(self) -> bool:
        """Check whether none of them is kept, and all of them are certainly worse than none."""
        losses = self._errors(1.0) - self._errors(0.0)
        error = self.least * self._standard_error(losses)
        return self.kept_fraction() == 0.0 and float(self.weights @ losses) >= error

    def _certain_part(self, fraction: float) -> float:
        simple_errors = self._errors(0.0)
        gains = simple_errors - self._errors(fraction)
        gain, part = float(self.weights @ gains), 0.0
        error = self.least * self._standard_error(gains)
        if gain > error:
            part = (1.0 - (error / gain) ** 2) / (1.0 - (self.least / _CERTAIN) ** 2)
        if self.horizon > 1 and gain > 0:
            relative = gain / float(self.weights @ simple_errors)
            part = max(part, float(np.interp(relative, _LARGE_GAINS, (0.0, 1.0))))
        return fraction * min(part, 1.0)

    def _standard_error(self, gains: Floats) -> float:
        """Return the standard error of the mean gain; the steps of a sequence count once."""
        if self.sources is None:
            return _standard_error(gains, self.weights, self.horizon)
        _, sources = np.unique(self.sources, return_inverse=True)
        weights = np.bincount(sources, self.weights).astype(np.float64)
        sums = np.bincount(sources, self.weights * gains)
        means = np.divide(sums, weights, out=np.zeros_like(weights), where=weights > 0)
        return _standard_error(means, weights, 1)

    def _errors(self, fraction: float) -> Floats:
        """Return the mean error of each row with a fraction of the corrections."""
        errors = self.true - fraction * self.predicted
        if self.level is None:
            return np.asarray(np.nanmean(errors**2, axis=1))
        return np.asarray(np.nanmean(np.maximum(self.level * errors, (self.level - 1) * errors), 1))

    def are_clearly_good(self) -> bool:
        """Check whether all are kept, and more training will not change that."""
        if self.kept_fraction() < 1.0:
            return False
        error, simple_error = (self.weights @ self._errors(fraction) for fraction in (1.0, 0.0))
        return bool(error <= _SMALL_ERROR * simple_error)

    def mean_absolute_error(self, fractions: Floats) -> float:
        """Return the mean absolute error in units of y with fractions of the targets' corrections.

        Rows of which nothing is known are left out.
        """
        of_numbers = np.resize(fractions, self.true.shape[1])
        errors = self.units * np.abs(self.true - of_numbers * self.predicted)
        is_known = ~np.isnan(errors).all(axis=1)
        weights = self.weights[is_known]
        return float(weights @ np.nanmean(errors[is_known], axis=1) / weights.sum())

    def kept_fractions(self, n_targets: int) -> Floats:
        """Return the fraction of the corrections to keep of each target."""
        return np.array([each.kept_fraction() for each in self.of_targets(n_targets)])


def _standard_error(gains: Floats, weights: Floats, horizon: int) -> float:
    """Return the standard error of the weighted mean of gains, as in a Diebold-Mariano test [1]_.

    Gains are correlated up to a lag of `horizon` windows; the weights of the lags are those of the
    Newey-West estimator [2]_. Few windows have the correction of [3]_.

    References
    ----------
    .. [1] Diebold & Mariano (1995), Comparing Predictive Accuracy, Journal of Business & Economic
       Statistics 13(3).
    .. [2] Newey & West (1987), A Simple, Positive Semi-Definite, Heteroskedasticity and
       Autocorrelation Consistent Covariance Matrix, Econometrica 55(3).
    .. [3] Harvey, Leybourne & Newbold (1997), Testing the Equality of Prediction Mean Squared
       Errors, International Journal of Forecasting 13(2).
    """
    parts = weights * (gains - weights @ gains)
    n, h = len(parts), min(horizon, max(len(parts) - 1, 1))
    variance = float(parts @ parts)
    for lag in range(1, h):
        variance += 2.0 * (1.0 - lag / horizon) * float(parts[lag:] @ parts[:-lag])
    correction = ((n - h) ** 2 + n - h) / n**2
    return float(np.sqrt(max(variance, 0.0) / correction)) if correction > 0 else np.inf


def halves(data: TrainingData[NumberCodec]) -> list[tuple[Rows, Rows]]:
    """Return the ways to train on one half of the rows and to judge on the other.

    These are both ways for few rows, and one for many, of which one half is enough to judge on.
    Copies of a row are in the same half. Too few rows for halves, and too many to learn the noise
    in them, are not split.
    """
    digests, rows = data.split.digests, data.split.training
    if digests is None:
        digests = content_digests(data.sequences, data.targets.parsed, None)
    n_distinct = len(np.unique(digests[rows], axis=0))
    if not _FEWEST <= n_distinct <= _MOST:
        return []
    strata = np.zeros(len(digests), dtype=np.int64)
    is_second = held_out_rows(digests, strata, 0.5, data.seed)[rows]
    ways = [(rows[~is_second], rows[is_second]), (rows[is_second], rows[~is_second])]
    return ways if n_distinct <= _FEW else ways[:1]


def corrections_to_mean(
    judged: Sequence[tuple[SequenceNet, Rows]],
    blueprint: Blueprint[NumberCodec],
    data: TrainingData[NumberCodec],
) -> Corrections:
    """Return corrections to the mean of y, or to its quantile if the loss predicts one, scaled."""
    rows = np.concatenate([part for _, part in judged])
    places, sources = _target_rows(data, rows)
    codec, centre = blueprint.codec, marginal_distribution(blueprint, data).centre
    predicted = np.concatenate([_decoded(net, part, blueprint, data) for net, part in judged])
    true, predicted = (
        (numbers - codec.mean) / codec.std - centre for numbers in (_known(data, places), predicted)
    )
    units, level = np.broadcast_to(codec.std, true.shape), codec.distribution.centre_level
    weights = _weights(data, rows if sources is None else rows[sources])
    return Corrections(true, predicted, units, weights, level=level, sources=sources)


def _target_rows(data: TrainingData[NumberCodec], rows: Rows) -> tuple[Rows, Rows | None]:
    """Return the rows of the targets of sequences, and for steps the position of their sequence."""
    if not data.targets.per_step:
        return rows, None
    lengths = data.sequences.lengths[rows]
    steps = flat_rows(data.sequences.offsets[rows], lengths)
    return steps, np.repeat(np.arange(len(rows)), lengths)


def _known(data: TrainingData[NumberCodec], places: Rows) -> Floats:
    """Return rows of targets, NaN where there is none."""
    parsed = np.asarray(data.targets.parsed[places], dtype=np.float64)
    return np.where(data.targets.labelled[places, None], parsed, np.nan)


def marginal_distribution(
    blueprint: Blueprint[NumberCodec], data: TrainingData[NumberCodec]
) -> MarginalDistribution:
    """Learn the distribution of y, or of the differences to a forecast, from the training rows."""
    places, _ = _target_rows(data, data.split.training)
    codec, parsed = blueprint.codec, _known(data, places)
    scaled = codec.encode(parsed).astype(np.float64)
    scaled[np.isnan(parsed[:, : codec.n_numbers])] = np.nan
    return MarginalDistribution.learn(scaled, codec.distribution)


def corrections_to_naive(
    judged: tuple[SequenceNet, Rows],
    naive: NaiveForecast,
    blueprint: Blueprint[NumberCodec],
    data: TrainingData[NumberCodec],
) -> Corrections:
    """Return corrections to the naive forecast of windows, in their units."""
    (net, rows), codec = judged, blueprint.codec
    # in the order given, in which a window is next to those that overlap with it
    rows = np.sort(rows)
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_WINDOWS)).astype(int)]
    true = np.asarray(data.targets.parsed[rows, : codec.n_numbers], dtype=np.float64)
    units = np.ones_like(true)
    if naive.is_relative:
        units = codec.spread(naive.moments(data.sequences.take(rows))).reshape(true.shape)
    return Corrections(
        true / np.where(units > 0, units, 1.0),
        _decoded(net, rows, blueprint, data),
        units,
        _weights(data, rows),
        level=0.5,
        horizon=codec.n_numbers // codec.n_targets,
        least=2.0,
    )


def _decoded(
    net: SequenceNet,
    rows: Rows,
    blueprint: Blueprint[NumberCodec],
    data: TrainingData[NumberCodec],
) -> Floats:
    with blueprint.threads():
        outputs = network_outputs(net, blueprint.prepare(data.sequences.take(rows)))
    return blueprint.codec.decode(outputs).reshape(-1, blueprint.codec.n_numbers)


def _weights(data: TrainingData[NumberCodec], rows: Rows) -> Floats:
    weights = data.split.weights[rows]
    return np.asarray(weights / weights.sum())


def warn_of_naive(corrections: Corrections, kept: Floats, naive: NaiveForecast) -> None:
    """Warn that the network adds nothing to the naive forecast of some targets."""
    targets, naive_error = _without_gain(corrections, kept, "target")
    unequal = "" if naive.is_relative else ", for series of very different size scale='sequence'"
    warnings.warn(
        "On windows that it was not trained on, the network is not clearly better than the naive "
        f"forecast that it corrects ({naive}){targets}, whose mean absolute error is "
        f"{naive_error:.4g}. The forecast{targets} is therefore the naive one (shrinkage_ is 1). "
        f"Train on more data or with other features{unequal}, or use the naive forecast.",
        UserWarning,
        stacklevel=_stacklevel_of_caller(),
    )


def warn_of_mean(corrections: Corrections, kept: Floats, max_epochs: int) -> None:
    """Warn that the network adds nothing to the mean of some columns of y, or to a quantile."""
    targets = corrections.of_targets(len(kept))
    # a constant column is known, and needs no network
    is_constant = [bool((each.true == each.true[:1]).all()) for each in targets]
    kept = np.where(is_constant, 1.0, kept)
    if kept.all():
        return
    columns, error = _without_gain(corrections, kept, "column")
    simple = name_of_centre(corrections.level)
    warnings.warn(
        "On sequences that it was not trained on, the network is not clearly better than the "
        f"{simple} of y{columns}, whose mean absolute error is {error:.4g}. All predictions"
        f"{columns} are therefore this {simple} (shrinkage_ is 1). Set a larger max_epochs than "
        f"{max_epochs}, or train on more data or with other features.",
        UserWarning,
        stacklevel=_stacklevel_of_caller(),
    )


def name_of_centre(level: float | None) -> str:
    """Name what the loss would predict without X: the mean, or a quantile of this level."""
    if level is None:
        return "mean"
    return "median" if level == 0.5 else f"quantile of level {level:g}"


def _without_gain(corrections: Corrections, kept: Floats, noun: str) -> tuple[str, float]:
    """Name the targets of which nothing is kept, unless there is one only, and their error."""
    places = np.flatnonzero(kept == 0)
    targets = corrections.of_targets(len(kept))
    error = np.mean([targets[i].mean_absolute_error(np.zeros(1)) for i in places])
    if len(kept) == 1:
        return "", float(error)
    listed = ", ".join(map(str, places[:_N_NAMED])) + (", ..." if len(places) > _N_NAMED else "")
    return f" in {noun}{'s' if len(places) > 1 else ''} {listed}", float(error)


def _stacklevel_of_caller() -> int:
    """Return the stacklevel that attributes a warning to the first caller outside this package."""
    inside = ("sksequence", "sklearn")
    frames = inspect.stack(context=0)
    modules = (frame.frame.f_globals.get("__name__", "") for frame in frames)
    return next(i for i, name in enumerate(modules) if name.partition(".")[0] not in inside)
