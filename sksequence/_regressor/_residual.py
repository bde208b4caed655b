"""The naive forecast that a network corrects: what it leaves to learn, and whether the network is any better."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._base import Task
from sksequence._batching import Sequences
from sksequence._net import network_outputs

_MOST_WINDOWS = 1024
# a gain of fewer standard errors may be chance
_CLEAR = 2.0


def less_naive(targets: Any, sequences: Sequences) -> Any:
    """Return targets less their naive forecast, if there is one."""
    naive = targets.codec.naive
    if naive is None:
        return targets
    if targets.container is not None:
        raise ValueError(
            f"residual={naive.residual!r} forecasts what follows a sequence; it does not go with one target a "
            "step. Set residual=None."
        )
    repeated = naive.forecast(sequences, targets.parsed.shape[1])
    targets.codec.share_deviations(naive.n_targets(sequences))
    return replace(targets, parsed=targets.parsed - repeated)


def compare_with_naive(estimator: Any, net: Any, model: Any, task: Task) -> dict[str, float]:
    """Return both mean absolute errors, on what was held out if anything was; warn if the naive one is as good.

    Training windows are learnt by heart, those of a random walk too: there a lower error proves nothing, and only one
    that is not lower tells something.
    """
    held_out = len(task.plan.validation) > 0
    rows = task.plan.validation if held_out else task.plan.training
    # the given order, where the neighbours of a window are those that overlap with it
    rows = np.sort(rows)[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_WINDOWS)).astype(int)]
    with model.threads():
        outputs = network_outputs(net, model.prepare(task.sequences.take(rows)))
    missed = task.targets.parsed[rows]  # by the naive forecast
    corrected = missed - model.codec.decode(outputs).reshape(missed.shape)
    naive, forecast = np.abs(missed).mean(axis=1), np.abs(corrected).mean(axis=1)
    share = task.plan.weights[rows] / task.plan.weights[rows].sum()
    errors = {"naive_error_": float(share @ naive), "forecast_error_": float(share @ forecast)}
    horizon = model.codec.n_numbers // model.codec.n_targets
    needed = _CLEAR * _standard_error(naive - forecast, share, horizon) if held_out else 0.0
    if not errors["naive_error_"] - errors["forecast_error_"] > needed:
        _warn(estimator, errors, held_out)
    return errors


def _standard_error(gains: NDArray[np.float64], share: NDArray[np.float64], horizon: int) -> float:
    """Return the standard error of the weighted mean of gains; those less than a horizon apart are correlated.

    References
    ----------
    .. [1] Diebold & Mariano (1995), Comparing Predictive Accuracy, Journal of Business & Economic Statistics 13(3).
    .. [2] Newey & West (1987), A Simple, Positive Semi-Definite, Heteroskedasticity and Autocorrelation Consistent
       Covariance Matrix, Econometrica 55(3).
    """
    parts = share * (gains - share @ gains)
    variance = float(parts @ parts)
    for lag in range(1, min(horizon, len(parts))):
        variance += 2.0 * (1.0 - lag / horizon) * float(parts[lag:] @ parts[:-lag])
    return float(np.sqrt(max(variance, 0.0)))


def _warn(estimator: Any, errors: dict[str, float], held_out: bool) -> None:
    windows = "the windows held out" if held_out else "its own training windows"
    verdict = "not clearly lower than" if held_out else "not lower than"
    warnings.warn(
        f"on {windows} the mean absolute error of this forecast, {errors['forecast_error_']:.4g}, is {verdict} the "
        f"{errors['naive_error_']:.4g} of the naive forecast that it corrects (residual={estimator.residual!r}). Train on more "
        "data, with fewer features or for longer, or use the naive forecast.",
        UserWarning,
        stacklevel=7,
    )
