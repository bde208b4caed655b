"""Linear base of series with several seasons: the naive forecast and a combination of candidates.

The last day, the last week, levels and smoothed changes all say what the next value may be like. A
ridge regression over all series of a panel [1]_ weighs them, and the network learns what is left,
as in [2]_. The weights are few, so that they are reliable where a network is not: its errors add up
over a long horizon.

References
----------
.. [1] Montero-Manso & Hyndman (2021), Principles and Algorithms for Forecasting Groups of Time
   Series: Locality and Globality, International Journal of Forecasting 37(4).
.. [2] Zhang (2003), Time Series Forecasting Using a Hybrid ARIMA and Neural Network Model,
   Neurocomputing 50.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, flat_rows, offsets_of
from sksequence._series._logarithms import are_positive, logarithms, restored, transformed
from sksequence._series._past import Past
from sksequence._series._reference import SMALLEST_SPREAD, Reference, blocks_of_equal_length
from sksequence._series._seasonal import Floats

# penalty of a squared weight, as a fraction of the sum of squares of its candidate
_PENALTY = 0.01
# errors of more than this many median ones count in proportion to their size, not to its square
_LARGE_ERROR = 1.5
_N_ROUNDS = 5
# steps per weight from which they are learnt
_STEPS_PER_WEIGHT = 10
# decimals of weights: they do not depend on the order of the series, in which sums are rounded
_N_DECIMALS = 6
# series whose last season is forecast
_MOST_SERIES = 64

_Rows = tuple[Floats, Floats, NDArray[np.int64]]


def learn_reference(
    sequences: Sequences,
    values: Floats,
    lag: int | None,
    shorter: tuple[int, ...] = (),
    *,
    own_scale: bool,
) -> Reference:
    """Learn a reference from series.

    If there are several seasons, and each series has its own scale, it has a linear base, and reads
    positive series as logarithms if these are closer to those one season before.
    """
    reference = Reference.learn(sequences, values, lag, shorter, own_scale=own_scale)
    if not (own_scale and shorter):
        return reference
    logs = Reference.learn(sequences, logarithms(values), lag, shorter, own_scale=True)
    # the size of a logarithm depends on the unit, and says nothing of its changes
    least_spread = SMALLEST_SPREAD * logs.start_spread
    logs = replace(logs, typical_ratio=np.zeros(len(logs.start)), least_spread=least_spread)
    if _gain_of_logs(reference, logs, sequences, values) > 0:
        reference = replace(reference, logs=logs)
    linear = replace(reference, weights=_weights(reference, sequences, values))
    return linear if _is_stable(linear, sequences, values) else reference


def _gain_of_logs(
    reference: Reference, logs: Reference, sequences: Sequences, values: Floats
) -> float:
    """Return by how much positive series are more likely as logarithms, up to a factor.

    Errors of the seasonal naive forecast count as those of a Cauchy distribution with their spread.
    """
    season, gain = reference.seasons[-1], 0.0
    for x, _ in blocks_of_equal_length(sequences, values):
        is_positive = are_positive(x).all(axis=1) & (np.ptp(x, axis=1) > 0)
        if is_positive.any():
            read = logarithms(x)
            of_logs = _log_densities(logs, read) - read
            gains = (of_logs - _log_densities(reference, x))[:, season:].sum(axis=1)
            gain += float(gains[is_positive].sum())
    return gain


def _log_densities(reference: Reference, x: Floats) -> Floats:
    steps = reference.follow(x)
    base, spread = steps.base[:, :-1], steps.spread[:, :-1]
    return -np.log(spread) - np.log1p(((x - base) / spread) ** 2)


def _weights(reference: Reference, sequences: Sequences, values: Floats) -> Floats | None:
    """Return the weights (n_stages, n_candidates), or None if series are short."""
    candidates, changes, stages = _rows(reference, sequences, values)
    n_candidates = reference.n_candidates
    weights = np.zeros((len(reference.stages), n_candidates))
    for stage in range(1, len(reference.stages)):
        rows = stages == stage
        if rows.sum() >= _STEPS_PER_WEIGHT * n_candidates:
            weights[stage] = _robust_ridge(candidates[rows], changes[rows])
        elif stage == len(reference.stages) - 1:
            return None
    return np.round(weights, _N_DECIMALS)


def _rows(reference: Reference, sequences: Sequences, values: Floats) -> _Rows:
    """Return the candidates of all steps, the changes from the base, and the stages."""
    n_candidates = reference.n_candidates
    parts: list[_Rows] = []
    for x, _ in blocks_of_equal_length(sequences, values):
        steps = reference.follow(x)
        base, in_logs = steps.base[:, :-1], np.asarray(steps.in_logs)[:, :-1]
        changes = (transformed(x, base, in_logs)[0] - base) / steps.spread[:, :-1]
        columns = steps.columns[:, :-1].reshape(*x.shape[:2], n_candidates, x.shape[2])
        candidates = np.moveaxis(columns, 2, 3).reshape(-1, n_candidates)
        stages = np.searchsorted(reference.stages, np.arange(x.shape[1]), side="right") - 1
        of_steps = np.broadcast_to(stages[:, None], x.shape)
        parts.append((candidates, changes.ravel(), of_steps.ravel()))
    candidates, changes, stages = (np.concatenate(part) for part in zip(*parts, strict=True))
    is_finite = np.isfinite(changes) & np.isfinite(candidates).all(axis=1)
    return candidates[is_finite], changes[is_finite], stages[is_finite]


def _is_stable(reference: Reference, sequences: Sequences, values: Floats) -> bool:
    """Check whether the base forecasts the last season of most series as well as the one before.

    Weights for the next step alone might let long forecasts grow without bounds.
    """
    season, lengths = reference.seasons[-1], sequences.lengths
    rows = np.flatnonzero(lengths > 3 * season)
    rows = rows[:: len(rows) // _MOST_SERIES + 1]
    if reference.weights is None or not len(rows):
        return True
    ends = (sequences.offsets[rows] + lengths[rows])[None]
    steps = np.arange(-season, 0)[:, None]
    last, before = values[ends + steps], values[ends + steps - season]
    known = values[flat_rows(sequences.offsets[rows], lengths[rows] - season)]
    past = Past.of(reference, Sequences(known, offsets_of(lengths[rows] - season)), known)
    errors = np.zeros(last.shape[1:])
    with np.errstate(over="ignore", invalid="ignore"):
        for truth in last:
            following = past.next()
            forecast = restored(following.base, np.zeros(1), following.in_logs)
            errors += np.abs(forecast - truth)
            past.append(forecast)
        return bool(np.median(errors - np.abs(before - last).sum(axis=0)) <= 0)


def _robust_ridge(X: Floats, y: Floats) -> Floats:
    """Return the coefficients of a ridge regression [1]_ with Huber's loss [2]_.

    References
    ----------
    .. [1] Hoerl & Kennard (1970), Ridge Regression: Biased Estimation for Nonorthogonal Problems,
       Technometrics 12(1).
    .. [2] Huber (1964), Robust Estimation of a Location Parameter, Annals of Mathematical
       Statistics 35(1).
    """
    weights, coefficients = np.ones(len(X)), np.zeros(X.shape[1])
    for _ in range(_N_ROUNDS):
        weighted = X * weights[:, None]
        products = weighted.T @ X
        squares = np.diag(products)
        # candidates that are not known yet are 0
        penalties = np.where(squares > 0, _PENALTY * squares, 1.0)
        coefficients = np.linalg.solve(products + np.diag(penalties), weighted.T @ y)
        errors = np.abs(y - X @ coefficients)
        limit = _LARGE_ERROR * np.median(errors)
        weights = np.where(errors > limit, limit / np.maximum(errors, 1e-300), 1.0)
    return coefficients
