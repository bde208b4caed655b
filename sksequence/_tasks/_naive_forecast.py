"""The naive forecast that a network corrects, and the comparison of their errors."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, moments_of_each
from sksequence._blueprint import Blueprint
from sksequence._net import SequenceNet, network_outputs
from sksequence._settings import column_indices
from sksequence._targets import NumberCodec
from sksequence._tasks._task import TrainingData

_MOST_WINDOWS = 1024
# Standard errors by which an improvement must exceed 0 to be significant
_MIN_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class NaiveForecast:
    """Forecast that repeats the last step, or the last season, of some features over the horizon.

    Attributes
    ----------
    residual : "last" or int
        "last" repeats the last step, and an int repeats the last season of that many steps.
    columns : tuple of int or None
        Indices of the features of X that y continues, in the order of y. None stands for all.
    is_relative : bool
        Whether differences to the forecast are in units of the spread of the window.
    """

    residual: str | int
    columns: tuple[int, ...] | None = None
    is_relative: bool = False

    def __str__(self) -> str:
        return f"residual={self.residual!r}"

    @property
    def season(self) -> int:
        """Number of steps that are repeated."""
        return 1 if self.residual == "last" else int(self.residual)

    def is_same(self, other: NaiveForecast, n_features: int) -> bool:
        """Check whether another forecast repeats the same values in the same units."""
        every = tuple(range(n_features))
        mine, others = (tuple(every[i] for i in naive.columns or every) for naive in (self, other))
        return (self.season, mine, self.is_relative) == (other.season, others, other.is_relative)

    def moments(self, sequences: Sequences) -> NDArray[np.float64]:
        """Return standard deviations and root mean squares of the targets of each window.

        Both are (n_sequences, n_targets), side by side.
        """
        mean, std = moments_of_each(sequences)
        size = np.sqrt(mean**2 + std**2)
        columns = slice(None) if self.columns is None else list(self.columns)
        return np.concatenate([std[:, columns], size[:, columns]], axis=1)

    def check_reading(self, features: Sequence[Hashable], n_outputs: int) -> None:
        """Raise a ValueError if y may be all features of X or several steps of one.

        `features` are the names of the numbers of a step, or their positions.
        """
        n_features = len(features)
        if self.columns is not None or n_features == 1 or n_outputs % n_features:
            return
        horizon = n_outputs // n_features
        choices = f"one of {list(features)}"
        if list(features) == list(range(n_features)):
            choices = f"an index from 0 to {n_features - 1}"
        raise ValueError(
            f"With residual={self.residual!r}, y of {n_outputs} columns and X of {n_features} "
            f"features can be read in two ways. If y holds all {n_features} features at "
            f"{_steps(horizon)}, set target_columns='all'. If y holds one feature at "
            f"{_steps(n_outputs)}, set target_columns to it: {choices}. For "
            "several features, pass a list."
        )

    def n_targets(self, sequences: Sequences) -> int:
        """Return the number of features that y continues."""
        values = self._numbers(sequences)
        return int(values.shape[1]) if self.columns is None else len(self.columns)

    def forecast(self, sequences: Sequences, n_outputs: int) -> NDArray[np.float64]:
        """Return the forecast of shape (n_sequences, n_outputs).

        `n_outputs` is the horizon times the number of targets. The targets of each step are next to
        each other.
        """
        values = self._numbers(sequences)
        self._check_lengths(sequences)
        n_targets = self.n_targets(sequences)
        if n_outputs % n_targets:
            raise ValueError(
                f"residual={self.residual!r} needs a y of shape (n_sequences, horizon * "
                "n_targets): all features of X, or those in target_columns, at every step of the "
                f"horizon. y has {n_outputs} columns and X {values.shape[1]} features"
                f"{'' if self.columns is None else f', of which {n_targets} are targets'}. Set "
                "target_columns to the features that y continues, or set residual=None."
            )
        horizon = n_outputs // n_targets
        steps_back = self.season - np.arange(horizon) % self.season
        repeated = values[sequences.offsets[1:, None] - steps_back]  # (sequence, horizon, feature)
        if self.columns is not None:
            repeated = repeated[:, :, list(self.columns)]
        return np.asarray(repeated.reshape(len(sequences), n_outputs), dtype=np.float64)

    def _numbers(self, sequences: Sequences) -> NDArray[np.generic]:
        values = sequences.values
        if values is None:
            raise ValueError(
                f"residual={self.residual!r} repeats the last numbers of a sequence, but X holds "
                "symbols. Set residual=None."
            )
        return values

    def _check_lengths(self, sequences: Sequences) -> None:
        short = np.flatnonzero(sequences.lengths < self.season)
        if len(short):
            i = int(short[0])
            raise ValueError(
                f"residual={self.residual!r} needs sequences of at least {self.season} steps; "
                f"sequence {i} has {sequences.lengths[i]}. Pass longer sequences, or choose a "
                "shorter season."
            )


def _steps(n: int) -> str:
    return "one step" if n == 1 else f"{n} steps"


def target_indices(
    target_columns: int | str | Sequence[int | str] | None,
    n_features: int,
    names: Sequence[Hashable],
    is_categorical: Sequence[bool] = (),
) -> tuple[int, ...] | None:
    """Return the indices, among the numbers of a step, of those that y continues.

    None stands for features that are not given. A name comes before "all", which stands for all
    numbers. `names` is empty if there are none, and `is_categorical` if all features are numbers.
    """
    if target_columns is None:
        return None
    flags = is_categorical or (False,) * n_features
    numbers = [j for j, flag in enumerate(flags) if not flag]
    if isinstance(target_columns, str) and target_columns == "all" and "all" not in names:
        return tuple(range(len(numbers)))
    or_all = ", or 'all'"
    indices = column_indices("target_columns", target_columns, n_features, names, or_all)
    if len(set(indices)) < len(indices):
        raise ValueError(
            f"target_columns={target_columns!r} names a feature twice. Pass each target once, in "
            "the order of y."
        )
    labels = list(names or range(n_features))
    for j in indices:
        if flags[j]:
            raise ValueError(
                f"target_columns={target_columns!r} contains {labels[j]!r}, a category, but y "
                f"continues numbers. Choose from {[labels[i] for i in numbers]}{or_all}."
            )
    return tuple(numbers.index(j) for j in indices)


def known_ahead(names: Sequence[Hashable]) -> list[Hashable]:
    """Return the columns whose future values `make_windows` has added, and the added ones.

    An added column is named after another one and its lead, as in "price+7".
    """
    by_text = {str(name): name for name in names}
    found: set[Hashable] = set()
    for name in names:
        base, _, lead = str(name).rpartition("+")
        if base in by_text and lead.isdecimal():
            found |= {name, by_text[base]}
    return [name for name in names if name in found]


def compare_with_naive(
    net: SequenceNet,
    blueprint: Blueprint[NumberCodec],
    data: TrainingData[NumberCodec],
    naive: NaiveForecast,
) -> dict[str, float]:
    """Return both mean absolute errors, and warn if the network does not improve on the forecast.

    The errors are those on the windows held out, if there are any. A network overfits its training
    windows, even those of a random walk: a lower error on them proves nothing, but an error that is
    not lower is evidence.
    """
    split, codec = data.split, blueprint.codec
    held_out = len(split.validation) > 0
    rows = split.validation if held_out else split.training
    # in the order given, in which a window is next to those that overlap with it
    rows = np.sort(rows)[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_WINDOWS)).astype(int)]
    with blueprint.threads():
        outputs = network_outputs(net, blueprint.prepare(data.sequences.take(rows)))
    naive_residuals = np.asarray(data.targets.parsed[rows, : codec.n_numbers], dtype=np.float64)
    spread = codec.spread(naive.moments(data.sequences.take(rows))) if naive.is_relative else 1.0
    residuals = naive_residuals - spread * codec.decode(outputs).reshape(naive_residuals.shape)
    naive_errors, network_errors = (
        np.nanmean(np.abs(values), axis=1) for values in (naive_residuals, residuals)
    )
    weights = split.weights[rows] / split.weights[rows].sum()
    errors = {
        "naive_error_": float(weights @ naive_errors),
        "forecast_error_": float(weights @ network_errors),
    }
    horizon = codec.n_numbers // codec.n_targets
    min_gain = 0.0
    if held_out:
        gains = naive_errors - network_errors
        min_gain = _MIN_STANDARD_ERRORS * _standard_error(gains, weights, horizon)
    if not errors["naive_error_"] - errors["forecast_error_"] > min_gain:
        _warn(naive, errors, held_out)
    return errors


def _standard_error(
    gains: NDArray[np.float64], weights: NDArray[np.float64], horizon: int
) -> float:
    """Return the standard error of the weighted mean of gains, as in a Diebold-Mariano test [1]_.

    Gains are correlated up to a lag of `horizon` windows; the weights of the lags are those of the
    Newey-West estimator [2]_.

    References
    ----------
    .. [1] Diebold & Mariano (1995), Comparing Predictive Accuracy, Journal of Business & Economic
       Statistics 13(3).
    .. [2] Newey & West (1987), A Simple, Positive Semi-Definite, Heteroskedasticity and
       Autocorrelation Consistent Covariance Matrix, Econometrica 55(3).
    """
    parts = weights * (gains - weights @ gains)
    variance = float(parts @ parts)
    for lag in range(1, min(horizon, len(parts))):
        variance += 2.0 * (1.0 - lag / horizon) * float(parts[lag:] @ parts[:-lag])
    return float(np.sqrt(max(variance, 0.0)))


def _warn(naive: NaiveForecast, errors: dict[str, float], held_out: bool) -> None:
    windows = "the windows held out" if held_out else "its own training windows"
    comparison = "not clearly lower than" if held_out else "not lower than"
    warnings.warn(
        f"On {windows} the mean absolute error of this forecast, {errors['forecast_error_']:.4g}, "
        f"is {comparison} the {errors['naive_error_']:.4g} of the naive forecast that it corrects "
        f"({naive}). Train on more data, with fewer features or for longer, or use the naive "
        "forecast.",
        UserWarning,
        stacklevel=_stacklevel_of_caller(),
    )


def _stacklevel_of_caller() -> int:
    """Return the stacklevel that attributes a warning to the first caller outside this package."""
    inside = ("sksequence", "sklearn")
    frames = inspect.stack(context=0)
    modules = (frame.frame.f_globals.get("__name__", "") for frame in frames)
    return next(i for i, name in enumerate(modules) if name.partition(".")[0] not in inside)
