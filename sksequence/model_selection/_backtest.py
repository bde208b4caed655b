"""Backtest of forecasts: fits and forecasts from several origins in the past of series."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackContext, CallbackSupportMixin, with_callbacks
from sklearn.utils.parallel import Parallel, delayed

from sksequence._base import without_searches
from sksequence._generator import SequenceGenerator
from sksequence._random import RandomState, draw_seed
from sksequence._settings import check_count
from sksequence._targets import check_levels
from sksequence.metrics import interval_coverage, pinball_loss
from sksequence.model_selection._series_panel import (
    Columns,
    SeriesPanel,
    check_one_reading,
    check_table,
)
from sksequence.preprocessing import make_windows

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

_METRICS = ("mase", "pinball_loss", "coverage")


@dataclass(frozen=True, repr=False)
class BacktestResult:
    """Errors of forecasts from several origins, as `backtest` returns them.

    Attributes
    ----------
    origins : ndarray of shape (n_origins,)
        Number of steps between each origin and the end of the series; the oldest one comes first.
    ids : list
        Id of each series from `from_long`, else its name or position.
    targets : ndarray of shape (n_origins, n_series, horizon * n_targets)
        True values, in the order of the targets of `make_windows`.
    mase : ndarray of shape (n_origins, n_series)
        Mean absolute scaled errors: of the medians of a generator's forecasts, or of what a
        regressor predicts. NaN where the past of a series has no scale, as it is constant or
        exactly periodic.
    pinball_loss : ndarray of shape (n_origins, n_series)
        Mean pinball losses of the quantiles, divided by the same naive errors, so that they are
        comparable between series. NaN without quantiles.
    coverage : ndarray of shape (n_origins, n_series)
        Fractions of the values between the lowest and the highest quantile. NaN without quantiles.
    fit_time, predict_time : ndarray of shape (n_origins,)
        Seconds of each fit, 0 for an origin without one, and of the forecasts.
    predictions : ndarray of shape (n_origins, n_series, horizon * n_targets)
        Forecasts.
    quantiles : ndarray of shape (n_quantiles, n_origins, n_series, horizon * n_targets)
        Predicted quantiles; empty without quantiles.
    """

    origins: NDArray[np.int64]
    ids: list[Hashable]
    targets: Floats
    mase: Floats
    pinball_loss: Floats
    coverage: Floats
    fit_time: Floats
    predict_time: Floats
    predictions: Floats
    quantiles: Floats

    def __repr__(self) -> str:
        """Return the means over the series, one line per origin."""
        rows = zip(
            self.origins.tolist(), *(_means(getattr(self, m)) for m in _METRICS), strict=True
        )
        lines = [f"{o:>7} {m:>8.3f} {p:>13.3f} {c:>9.3f}" for o, m, p, c in rows]
        return "\n".join(["origins     mase  pinball_loss  coverage", *lines])

    def to_frame(self, *, per_series: bool = False) -> pd.DataFrame:
        """Return the errors as a table.

        Parameters
        ----------
        per_series : bool, default=False
            Whether there is one row per origin and series, instead of one per origin with the means
            over the series.

        Returns
        -------
        frame : pandas DataFrame
            Columns "origin", "id" (if `per_series`), "mase", "pinball_loss", "coverage", and
            otherwise also "fit_time" and "predict_time".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ImportError(
                "to_frame returns a DataFrame of pandas, which is not installed: pip install "
                "pandas. The same numbers are in the attributes mase, pinball_loss and coverage."
            ) from None
        if not per_series:
            columns: dict[str, Any] = {"origin": self.origins}
            columns |= {name: _means(getattr(self, name)) for name in _METRICS}
            columns |= {"fit_time": self.fit_time, "predict_time": self.predict_time}
            return pandas.DataFrame(columns)
        columns = {
            "origin": np.repeat(self.origins, len(self.ids)),
            "id": [*self.ids] * len(self.origins),
        }
        columns |= {name: getattr(self, name).ravel() for name in _METRICS}
        return pandas.DataFrame(columns)


def _means(values: Floats) -> Floats:
    """Return the means over the series that are not NaN."""
    known = ~np.isnan(values)
    totals = np.where(known, values, 0.0).sum(axis=1)
    counts = known.sum(axis=1)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def backtest(
    estimator: BaseEstimator,
    series: object,
    horizon: int,
    n_origins: int = 5,
    *,
    step: int | None = None,
    window: int | None = None,
    target_columns: Columns = None,
    known_columns: Columns = None,
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    season_length: int = 1,
    refit: bool = True,
    n_samples: int = 200,
    n_jobs: int | None = None,
    random_state: RandomState = None,
    callbacks: Sequence[object] = (),
) -> BacktestResult:
    """Evaluate forecasts from several origins in the past.

    At each origin, a clone of the estimator is fitted to the steps before it and forecasts the
    `horizon` steps after it, which are then compared with the true ones [1]_. No step after the
    origin is read, other than those of `known_columns`.

    Parameters
    ----------
    estimator : SequenceGenerator, RNNRegressor or other regressor
        Estimator to evaluate, which is not changed. A regressor, which may be a pipeline or a
        search, reads the windows of `sksequence.preprocessing.make_windows`.
    series : array-like of shape (n_steps,) or (n_steps, n_features), or several of them
        One series: a 1-D array, a Series or a DataFrame whose rows are steps, and for regressors a
        2-D array. Several series: a list, a `Sequences` container or a 3-D array. Their lengths may
        differ; origins are counted from the end of each. A DataFrame of several columns is one
        series with a feature per column: pass it in a list, or with `target_columns` or
        `known_columns`. For one series per column, pass ``[df[[c]] for c in df.columns]``.
    horizon : int
        Number of steps to forecast from each origin.
    n_origins : int, default=5
        Number of origins. The forecast from the last one ends with the series.
    step : int, default=None
        Number of steps from one origin to the next. None stands for `horizon`.
    window : int, default=None
        Number of steps per window. Required for a regressor, and not used by a generator.
    target_columns : int, str or list of int or str, default=None
        Features that a regressor forecasts, as for `make_windows`. None stands for all that are not
        known. A generator forecasts these always.
    known_columns : int, str or list of int or str, default=None
        Features whose future values are known. None stands for those of a generator's parameter of
        this name.
    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        Levels of the quantiles, for the pinball loss and for the coverage of the interval between
        the lowest and the highest one. A regressor with ``loss="quantile"`` must have learnt them;
        one without quantiles is evaluated by its errors only.
    season_length : int, default=1
        Season of the naive forecast by whose errors errors are divided, see
        `sksequence.metrics.mean_absolute_scaled_error`.
    refit : bool, default=True
        Whether to fit at each origin. If False, the estimator is fitted at the first origin only,
        and later forecasts read more of the past with the same weights.
    n_samples : int, default=200
        Number of sample paths per series of a generator.
    n_jobs : int, default=None
        Number of origins that are computed in parallel. None means 1 unless in a
        `joblib.parallel_config` context, and -1 all processors. The results are the same.
    random_state : int, RandomState instance or None, default=None
        Controls the sample paths of a generator. Pass an int for reproducible results.
    callbacks : sequence of callbacks of scikit-learn, default=()
        Callbacks such as `sklearn.callback.ProgressBar`, which shows the progress over the origins
        and within each fit.

    Returns
    -------
    result : BacktestResult
        Errors per origin and series, with the forecasts. It prints as a table, and `to_frame`
        returns a DataFrame.

    Raises
    ------
    ValueError
        If a parameter is out of range, if `window` is missing, if a series is too short for the
        first origin, or if the columns of a table may be features or series.
    TypeError
        If the estimator neither forecasts nor predicts, or if `callbacks` is no list.

    References
    ----------
    .. [1] L. J. Tashman (2000). "Out-of-sample tests of forecasting accuracy: an analysis and
       review". International Journal of Forecasting 16 (4), 437-450.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence import SequenceGenerator
    >>> from sksequence.model_selection import backtest
    >>> series = [np.sin(np.arange(60) / 3 + i) for i in range(4)]
    >>> generator = SequenceGenerator(hidden_size=8, max_epochs=2, random_state=0)
    >>> result = backtest(generator, series, horizon=6, n_origins=3, random_state=0)
    >>> result.origins
    array([18, 12,  6])
    >>> result.mase.shape
    (3, 4)
    """
    check_count("horizon", horizon)
    check_count("n_origins", n_origins)
    step = horizon if step is None else step
    check_count("step", step)
    if not isinstance(callbacks, Sequence):
        raise TypeError(
            "callbacks must be a list of callbacks of scikit-learn; got "
            f"{type(callbacks).__name__}. Put a single one into a list."
        )
    forecaster = _forecaster(
        estimator, horizon, window, target_columns, known_columns, quantiles, n_samples
    )
    if isinstance(estimator, SequenceGenerator):
        check_one_reading(series)
    check_table(series, forecaster.target_columns, forecaster.known_columns)
    panel = SeriesPanel.of(series, forecaster.target_columns, forecaster.known_columns)
    origins = [int(horizon + step * i) for i in range(n_origins)][::-1]
    panel.check_lengths(origins[0], forecaster.n_needed)
    scales = [panel.naive_errors(origin, horizon, season_length) for origin in origins]
    run = Backtest(forecaster, refit=refit, n_jobs=n_jobs, seed=draw_seed(random_state))
    outcomes = run.set_callbacks(*callbacks).fit(panel, origins).outcomes_
    targets = np.stack([panel.targets_after(origin, horizon) for origin in origins])
    errors = _errors(outcomes, targets, np.stack(scales), forecaster.levels)
    return BacktestResult(np.array(origins), panel.ids, targets, *errors)


# --- forecasters ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fitted:
    """Fitted model, and the seconds that the fit took."""

    model: Any
    time: float


@dataclass(frozen=True)
class _Outcome:
    """Forecasts from one origin: points (n_series, n), quantiles (n_levels, n_series, n)."""

    points: Floats
    quantiles: Floats | None
    fit_time: float
    predict_time: float


@dataclass(frozen=True)
class _GeneratorForecaster:
    """Forecasts of a generator from its sample paths."""

    model: SequenceGenerator
    horizon: int
    target_columns: Columns
    known_columns: Columns
    levels: list[float]
    n_samples: int

    @property
    def n_needed(self) -> int:
        """Number of steps before the first origin."""
        return 1

    def fit(self, panel: SeriesPanel, model: Any, origin: int) -> None:
        """Fit to the steps before an origin."""
        model.fit(panel.before(origin))

    def forecast(
        self, panel: SeriesPanel, model: Any, origin: int, seed: int
    ) -> tuple[Floats, Floats | None]:
        """Return medians and quantiles of the steps after an origin."""
        forecast = model.forecast(
            panel.before(origin),
            self.horizon,
            n_samples=self.n_samples,
            quantiles=self.levels,
            future=panel.known_after(origin, self.horizon),
            random_state=seed,
        )
        n_series = len(forecast.median)
        points = forecast.median.reshape(n_series, -1)
        return points, forecast.quantiles.reshape(len(self.levels), n_series, -1)


@dataclass(frozen=True)
class _RegressorForecaster:
    """Forecasts of a regressor from the last window before an origin."""

    model: BaseEstimator
    horizon: int
    window: int
    target_columns: Columns
    known_columns: Columns
    levels: list[float]

    def _windows(self, series: list[Any]) -> tuple[Any, Floats]:
        X, y = make_windows(
            series,
            self.window,
            self.horizon,
            target_columns=self.target_columns,
            known_columns=self.known_columns,
        )
        return X, y

    @property
    def n_needed(self) -> int:
        """Number of steps before the first origin."""
        return self.window + self.horizon

    def fit(self, panel: SeriesPanel, model: Any, origin: int) -> None:
        """Fit to the windows before an origin."""
        model.fit(*self._windows(panel.before(origin)))

    def forecast(
        self, panel: SeriesPanel, model: Any, origin: int, seed: int
    ) -> tuple[Floats, Floats | None]:
        """Return predictions and, if there are any, quantiles of the steps after an origin."""
        # one window per series, with the known values of the steps to forecast
        X, _ = self._windows(panel.around(origin, self.window, self.horizon))
        inner, read = without_searches(model, X)
        final = inner.steps[-1][1] if hasattr(inner, "steps") else inner
        points = np.asarray(inner.predict(read), dtype=np.float64).reshape(len(X), -1)
        if not hasattr(final, "predict_quantiles"):
            return points, None
        quantiles = np.asarray(inner.predict(read, quantiles=self.levels), dtype=np.float64)
        return points, quantiles.reshape(len(self.levels), len(X), -1)


_Forecaster = _GeneratorForecaster | _RegressorForecaster


def _forecaster(
    estimator: BaseEstimator,
    horizon: int,
    window: int | None,
    target_columns: Columns,
    known_columns: Columns,
    quantiles: Sequence[float],
    n_samples: int,
) -> _Forecaster:
    levels = list(check_levels(sorted(quantiles) if np.ndim(quantiles) == 1 else quantiles))
    if isinstance(estimator, SequenceGenerator):
        if known_columns is None:
            known_columns = estimator.known_columns
        model = clone(estimator).set_params(known_columns=known_columns)
        return _GeneratorForecaster(model, horizon, None, known_columns, levels, n_samples)
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"backtest needs a SequenceGenerator or a regressor; got {estimator!r:.60}, which has "
            "no method predict."
        )
    if window is None:
        raise ValueError(
            f"{type(estimator).__name__} reads windows: pass window, the number of steps of each. "
            "A SequenceGenerator needs none."
        )
    check_count("window", window)
    return _RegressorForecaster(
        clone(estimator), horizon, window, target_columns, known_columns, levels
    )


# --- origins --------------------------------------------------------------------------------------


class Backtest(CallbackSupportMixin, BaseEstimator):
    """Meta-estimator over the origins, through which callbacks of scikit-learn see the fits."""

    outcomes_: list[_Outcome]

    def __init__(
        self, forecaster: _Forecaster, *, refit: bool, n_jobs: int | None, seed: int
    ) -> None:
        self.forecaster = forecaster
        self.refit = refit
        self.n_jobs = n_jobs
        self.seed = seed

    @with_callbacks
    def fit(self, panel: SeriesPanel, origins: list[int]) -> Self:
        """Compute the outcomes of all origins."""
        n_fits = len(origins) if self.refit else 1
        root = self._init_callback_context(
            task_name="backtest", max_subtasks=n_fits, sequential_subtasks=False
        )
        root.call_on_fit_task_begin(estimator=self)
        # created ahead of the parallel loop, which would pickle them while they change
        contexts = [root.subcontext("origin", task_id=i) for i in range(n_fits)]
        models: list[_Fitted | None] = [None] * len(origins)
        if not self.refit:
            first = self._fitted(panel, origins[0], contexts[0])
            later = replace(first, time=0.0)
            models = [first, *[later] * (len(origins) - 1)]
            contexts = contexts * len(origins)
        self.outcomes_ = Parallel(n_jobs=self.n_jobs)(
            delayed(self._outcome)(panel, *job)
            for job in zip(origins, models, contexts, strict=True)
        )
        root.call_on_fit_task_end(estimator=self)
        return self

    def _outcome(
        self, panel: SeriesPanel, origin: int, fitted: _Fitted | None, context: CallbackContext
    ) -> _Outcome:
        """Return the forecasts from one origin, of a model fitted before or now."""
        fitted = fitted or self._fitted(panel, origin, context)
        start = time.perf_counter()
        points, quantiles = self.forecaster.forecast(panel, fitted.model, origin, self.seed)
        return _Outcome(points, quantiles, fitted.time, time.perf_counter() - start)

    def _fitted(self, panel: SeriesPanel, origin: int, context: CallbackContext) -> _Fitted:
        model, start = clone(self.forecaster.model), time.perf_counter()
        try:
            with context.propagate_callback_context(model):
                context.call_on_fit_task_begin(estimator=self)
                self.forecaster.fit(panel, model, origin)
                context.call_on_fit_task_end(estimator=self)
        except TypeError as error:
            if "auto-propagated" not in str(error):
                raise
            raise TypeError(
                f"{error} To backtest, pass them as backtest(..., callbacks=[...])."
            ) from None
        return _Fitted(model, time.perf_counter() - start)


def _errors(
    outcomes: list[_Outcome], targets: Floats, scales: Floats, levels: list[float]
) -> tuple[Floats, ...]:
    """Return the arrays of `BacktestResult` from "mase" to "quantiles"."""
    points = np.stack([outcome.points for outcome in outcomes])
    if points.shape != targets.shape:
        raise ValueError(
            f"The estimator predicts {points.shape[2]} numbers per series, but the horizon has "
            f"{targets.shape[2]} to forecast. Set target_columns to those that it predicts."
        )
    given = [outcome.quantiles for outcome in outcomes if outcome.quantiles is not None]
    quantiles = np.stack(given, axis=1) if given else np.empty((0, *targets.shape))
    pinball, coverage = (np.full(targets.shape[:2], np.nan) for _ in range(2))
    for place in np.ndindex(pinball.shape) if given else ():
        true, predicted, scale = targets[place], quantiles[(slice(None), *place)], scales[place]
        coverage[place] = interval_coverage(true, predicted[0], predicted[-1])
        if not np.isnan(scale).any():
            pinball[place] = pinball_loss(true / scale, predicted / scale, quantiles=levels)
    mase = np.mean(np.abs(targets - points) / scales, axis=2)
    times = np.array([(outcome.fit_time, outcome.predict_time) for outcome in outcomes]).T
    return mase, pinball, coverage, *times, points, quantiles
