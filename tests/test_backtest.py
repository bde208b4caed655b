"""Backtests equal a loop written by hand, whatever the container, and read nothing ahead."""

import re

import numpy as np
import pandas as pd
import polars
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNRegressor, SequenceGenerator, Sequences
from sksequence.datasets import load_air_passengers
from sksequence.metrics import interval_coverage, mean_absolute_scaled_error, pinball_loss
from sksequence.model_selection import backtest
from sksequence.preprocessing import StepTransformer, last_windows, make_windows
from tests.helpers import seasonal_series

small = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
GENERATOR = SequenceGenerator(**small)
REGRESSOR = RNNRegressor(loss="gaussian", **small)
RANDOM = np.random.RandomState(0)
PANEL = [row[: 24 + i % 3] for i, row in enumerate(seasonal_series(8, 26, RANDOM))]
PASSENGERS = load_air_passengers().data


def loop_by_hand(forecast, series, horizon, n_origins, season):
    """Return MASE, scaled pinball loss and coverage of (n_origins, n_series)."""
    errors = []
    for k in range(n_origins, 0, -1):
        past = [x[: len(x) - k * horizon] for x in series]
        true = [x[len(p) : len(p) + horizon] for x, p in zip(series, past, strict=True)]
        points, quantiles = forecast(past)
        rows = []
        for i, y in enumerate(true):
            scale = np.abs(past[i][season:] - past[i][:-season]).mean()
            mase = mean_absolute_scaled_error(y, points[i], y_train=past[i], season_length=season)
            loss = pinball_loss(y, quantiles[:, i], quantiles=[0.1, 0.5, 0.9]) / scale
            covered = interval_coverage(y, quantiles[0, i], quantiles[2, i])
            rows.append((mase, loss, covered))
        errors.append(rows)
    return np.moveaxis(errors, 2, 0)


def by_generator(horizon):
    """Forecast with a generator that is fitted anew."""

    def forecast(past):
        result = clone(GENERATOR).fit(past).forecast(past, horizon, random_state=0)
        return result.median, result.quantiles

    return forecast


def by_regressor(window, horizon):
    """Forecast with a regressor that is fitted anew."""

    def forecast(past):
        model = clone(REGRESSOR).fit(*make_windows(past, window, horizon))
        X = last_windows(past, window)
        return model.predict(X), model.predict_quantiles(X, [0.1, 0.5, 0.9])

    return forecast


class OneNumber(Ridge):
    """Regressor that predicts the first number only."""

    def predict(self, X):
        """Return one number per row."""
        return super().predict(X)[:, 0]


def assert_equal(result, expected):
    """Compare all three errors."""
    for actual, wanted in zip(
        (result.mase, result.pinball_loss, result.coverage), expected, strict=True
    ):
        np.testing.assert_allclose(actual, wanted)


# --- laws ----------------------------------------------------------------------------------------


def test_air_passengers_equal_a_loop_by_hand():
    """Generator and regressor, one series, four origins."""
    result = backtest(GENERATOR, PASSENGERS, 12, 4, season_length=12, random_state=0)
    assert_equal(result, loop_by_hand(by_generator(12), [PASSENGERS], 12, 4, 12))
    assert result.origins.tolist() == [48, 36, 24, 12]
    result = backtest(REGRESSOR, PASSENGERS, 12, 4, window=24, season_length=12)
    assert_equal(result, loop_by_hand(by_regressor(24, 12), [PASSENGERS], 12, 4, 12))


def test_a_panel_equals_a_loop_by_hand():
    """Generator and regressor, ragged series."""
    result = backtest(GENERATOR, PANEL, 3, 2, season_length=6, random_state=0)
    assert_equal(result, loop_by_hand(by_generator(3), PANEL, 3, 2, 6))
    result = backtest(REGRESSOR, PANEL, 3, 2, window=6, season_length=6)
    assert_equal(result, loop_by_hand(by_regressor(6, 3), PANEL, 3, 2, 6))


@pytest.mark.slow
def test_a_large_panel_equals_a_loop_by_hand():
    """The size of a panel of tourism or of a shop: 148 series."""
    panel = list(seasonal_series(148, 60, np.random.RandomState(1)))
    result = backtest(GENERATOR, panel, 12, 3, season_length=6, random_state=0)
    assert result.mase.shape == (3, 148)
    assert_equal(result, loop_by_hand(by_generator(12), panel, 12, 3, 6))
    result = backtest(REGRESSOR, panel, 12, 3, window=12, season_length=6)
    assert_equal(result, loop_by_hand(by_regressor(12, 12), panel, 12, 3, 6))


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_parallel_backtests_are_the_same(refit, backend):
    """The bits do not depend on the number of workers."""
    arguments = {"horizon": 3, "n_origins": 2, "refit": refit, "random_state": 0}
    one = backtest(GENERATOR, PANEL, **arguments)
    with parallel_config(backend):
        two = backtest(GENERATOR, PANEL, **arguments, n_jobs=2)
    assert np.array_equal(one.predictions, two.predictions)
    assert np.array_equal(one.quantiles, two.quantiles)


def test_without_refit_the_first_model_forecasts_all():
    """The weights are those of the first origin, the past grows."""
    result = backtest(GENERATOR, PANEL, 3, 3, refit=False, random_state=0)
    model = clone(GENERATOR).fit([x[:-9] for x in PANEL])
    for k, row in zip((9, 6, 3), result.predictions, strict=True):
        forecast = model.forecast([x[:-k] for x in PANEL], 3, random_state=0)
        assert np.array_equal(row, forecast.median)
    assert result.fit_time[0] > 0
    assert not result.fit_time[1:].any()


@pytest.mark.parametrize("estimator", [GENERATOR, REGRESSOR])
def test_nothing_is_read_ahead(estimator):
    """The forecast from an origin does not depend on later values."""
    changed = [np.concatenate([x[:-3], x[-3:] * 9]) for x in PANEL]
    results = [backtest(estimator, X, 3, 2, window=6, random_state=0) for X in (PANEL, changed)]
    assert np.array_equal(results[0].predictions, results[1].predictions)
    assert not np.array_equal(results[0].targets[1], results[1].targets[1])


def test_the_estimator_is_left_as_it_was():
    """It is cloned, not fitted."""
    generator = clone(GENERATOR)
    backtest(generator, PANEL, 3, 1, random_state=0)
    assert not hasattr(generator, "net_")


# --- containers, known values --------------------------------------------------------------------


def test_containers_do_not_matter():
    """Arrays, tables, Series and Sequences of the same values give the same forecasts."""
    rows = [x[:24] for x in PANEL]
    containers = {
        "list": rows,
        "3-D": np.stack(rows)[:, :, None],
        "Sequences": Sequences.from_arrays(rows),
        "objects": np.array([*rows, rows[0][:9]], dtype=object)[:-1],
        "tables": [pd.DataFrame({"sales": x}) for x in rows],
        "Series": [pd.Series(x, name=f"shop {i}") for i, x in enumerate(rows)],
    }
    results = {name: backtest(REGRESSOR, X, 3, 2, window=6) for name, X in containers.items()}
    for result in results.values():
        np.testing.assert_allclose(result.mase, results["list"].mase, rtol=1e-5)
    assert results["Series"].ids[:2] == ["shop 0", "shop 1"]
    assert results["list"].ids == list(range(8))


@pytest.mark.parametrize("as_tables", [True, False])
def test_known_values_are_read_ahead(as_tables):
    """Known columns of the steps to forecast are read, by name or position, and never scored."""
    known = np.cumsum(RANDOM.rand(8, 30), axis=1)
    series = [np.column_stack([10 * np.diff(k, prepend=0), k]) for k in known]
    column = "k" if as_tables else 1
    if as_tables:
        series = [pd.DataFrame(x, columns=["y", "k"]) for x in series]
    generator = clone(GENERATOR).set_params(known_columns=column)
    result = backtest(generator, series, 3, 2, random_state=0)
    assert result.targets.shape == (2, 8, 3)
    past = [x[:-3] for x in series]
    future = [x[-3:] for x in series] if as_tables else np.stack([x[-3:, 1:] for x in series])
    expected = generator.fit(past).forecast(past, 3, future=future, random_state=0)
    assert np.array_equal(result.predictions[1], expected.median)
    result = backtest(clone(REGRESSOR), series, 3, 2, window=6, known_columns=column)
    X, y = make_windows(past, 6, 3, known_columns=column)
    model = clone(REGRESSOR).fit(X, y)
    future = [x[["k"]] if as_tables else x[:, 1:] for x in (s[-3:] for s in series)]
    X = last_windows(past, 6, 3, known_columns=column, future=future)
    np.testing.assert_allclose(result.predictions[1], model.predict(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("known", [None, "load"])
@pytest.mark.parametrize("estimator", [GENERATOR, REGRESSOR])
def test_the_order_of_columns_does_not_matter(estimator, known, library):
    """Features are compared by name: tables that differ in their order have the same bits."""
    module = pytest.importorskip(library)
    names = ["load", "temp", "wind"]  # sorted, the order of tables of different orders
    values = np.random.RandomState(2).normal(size=(3, 20, 3)) * [100, 1, 10]
    tables = [module.DataFrame(dict(zip(names, x.T, strict=True))) for x in values]
    reordered = [tables[0][names[::-1]], tables[1], tables[2][["wind", "load", "temp"]]]
    arguments = {"window": 4, "known_columns": known, "n_samples": 10, "random_state": 0}
    one = backtest(estimator, tables, 2, 2, **arguments)
    other = backtest(estimator, reordered, 2, 2, **arguments)
    for attribute in ("targets", "predictions", "quantiles", "mase", "pinball_loss", "coverage"):
        np.testing.assert_array_equal(getattr(other, attribute), getattr(one, attribute))
    first = 0 if known is None else 1
    np.testing.assert_array_equal(one.targets[-1], values[:, -2:, first:].reshape(3, -1))


def test_targets_are_those_of_windows():
    """Targets, chosen or not, are the y of `make_windows`, whatever the orders of the columns."""
    values = np.arange(60.0).reshape(2, 10, 3) ** 1.1
    tables = [
        pd.DataFrame(x, columns=names)
        for x, names in zip(values, (["c", "a", "b"], ["b", "c", "a"]), strict=True)
    ]
    for options in ({}, {"target_columns": ["c", "a"]}, {"target_columns": 2}):
        _, y = make_windows([table[-6:] for table in tables], 4, 2, **options)
        result = backtest(DummyRegressor(), tables, 2, 1, window=4, **options)
        np.testing.assert_array_equal(result.targets[0], y.reshape(2, -1))
    numbered = [pd.DataFrame(values[0]), pd.DataFrame(values[1])[[2, 0, 1]]]
    result = backtest(DummyRegressor(), numbered, 2, 1, window=4)
    np.testing.assert_array_equal(result.targets[0], values[:, -2:].reshape(2, -1))


def test_target_columns_are_scored():
    """The errors are those of the features that are forecast."""
    series = [np.column_stack([x, -5 * x]) for x in PANEL]
    result = backtest(RNNRegressor(**small), series, 2, 1, window=4, target_columns=1)
    assert np.array_equal(result.targets[0, 0], series[0][-2:, 1])


def test_pipelines_and_searches():
    """A pipeline with quantiles, and a search of it, are regressors too."""
    pipeline = make_pipeline(
        StepTransformer(StandardScaler()), RNNRegressor(loss="gaussian", **small)
    )
    result = backtest(pipeline, PANEL, 2, 1, window=4)
    assert np.isfinite(result.pinball_loss).all()
    grid = {"rnnregressor__cell": ["rnn", "gru"]}
    result = backtest(GridSearchCV(pipeline, grid, cv=2), PANEL, 2, 1, window=4)
    assert np.isfinite(result.coverage).all()
    search = GridSearchCV(RNNRegressor(loss="gaussian", **small), {"cell": ["gru"]}, cv=2)
    last = make_pipeline(StepTransformer(StandardScaler()), search)
    assert np.isfinite(backtest(last, PANEL, 2, 1, window=4).coverage).all()


# --- tables, missing scales ----------------------------------------------------------------------


def test_the_result_is_a_table():
    """One row per origin with the means over the series, or one per origin and series."""
    result = backtest(GENERATOR, PANEL, 3, 2, random_state=0)
    table = result.to_frame()
    assert table["origin"].tolist() == [6, 3]
    assert table["mase"].tolist() == pytest.approx(result.mase.mean(axis=1).tolist())
    rows = result.to_frame(per_series=True)
    assert rows.groupby("origin")["coverage"].mean()[3] == pytest.approx(table["coverage"][1])
    assert rows["id"].tolist() == [*range(8)] * 2
    first, *lines = repr(result).splitlines()
    assert first.split() == ["origins", "mase", "pinball_loss", "coverage"]
    assert [line.split()[0] for line in lines] == ["6", "3"]


def test_a_series_without_a_scale_has_no_scaled_errors():
    """They are NaN, and left out of the means; the coverage is known."""
    series = [*PANEL, np.ones(24)]
    result = backtest(GENERATOR, series, 3, 1, random_state=0)
    assert np.isnan(result.mase[0]).tolist() == [False] * 8 + [True]
    assert np.isnan(result.pinball_loss[0, -1])
    assert result.coverage[0, -1] == 1.0
    assert result.to_frame()["mase"][0] == pytest.approx(result.mase[0, :-1].mean())


def test_regressors_without_quantiles():
    """They have errors only."""
    result = backtest(Ridge(), np.concatenate(PANEL), 3, 2, window=6)
    assert np.isfinite(result.mase).all()
    assert np.isnan(result.coverage).all()
    assert "nan" in repr(result)


def test_progress_bars_see_every_fit(capsys):
    """The bar is that of the backtest; set on the estimator it is an error that says so."""
    backtest(GENERATOR, PANEL, 3, 2, random_state=0, callbacks=[ProgressBar()])
    shown = capsys.readouterr().out
    assert "Backtest - backtest" in shown
    assert "SequenceGenerator - fit #1" in shown
    with pytest.raises(TypeError, match=r"pass them as backtest\(..., callbacks="):
        backtest(clone(GENERATOR).set_callbacks(ProgressBar()), PANEL, 3, 2, random_state=0)
    with pytest.raises(TypeError, match=r"callbacks must be a list .* got ProgressBar\."):
        backtest(GENERATOR, PANEL, 3, 2, callbacks=ProgressBar())


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "arguments", "error", "message"),
    [
        (GENERATOR, {"horizon": 0}, ValueError, "horizon must be"),
        (GENERATOR, {"horizon": 2, "n_origins": 1.5}, ValueError, "n_origins must be"),
        (GENERATOR, {"horizon": 2, "step": 0}, ValueError, "step must be"),
        (GENERATOR, {"horizon": 2, "season_length": 0}, ValueError, "season_length must be"),
        (GENERATOR, {"horizon": 9, "n_origins": 3}, ValueError, "Series 0 has 24 steps"),
        (REGRESSOR, {"horizon": 2}, ValueError, "pass window"),
        (REGRESSOR, {"horizon": 5, "window": 10, "n_origins": 2}, ValueError, "needs 15 steps"),
        (REGRESSOR, {"horizon": 2, "window": 5, "known_columns": "k"}, ValueError, "no column 'k'"),
        (StandardScaler(), {"horizon": 2}, TypeError, "no method predict"),
        (GENERATOR, {"horizon": 2, "quantiles": 0.5}, ValueError, r"quantiles must be .* got 0\.5"),
        (GENERATOR, {"horizon": 2, "quantiles": [1.5]}, ValueError, r"quantiles must .* \[1\.5\]"),
        (GENERATOR, {"horizon": 2, "quantiles": "a"}, TypeError, "quantiles must hold numbers"),
    ],
)
def test_invalid_arguments_are_errors(estimator, arguments, error, message):
    """Errors name the argument and what to do."""
    with pytest.raises(error, match=message):
        backtest(estimator, PANEL, **arguments)


def test_arrays_of_two_readings_are_an_error():
    """A generator reads the rows of an array as series, and make_windows reads them as steps."""
    panel = np.stack([series[:24] for series in PANEL])
    with pytest.raises(ValueError, match=r"shape \(8, 24\).* Pass list\(series\) .* 24 features"):
        backtest(GENERATOR, panel, 2, 1)
    arguments = {"horizon": 2, "n_origins": 1, "random_state": 0}
    assert backtest(GENERATOR, list(panel), **arguments).targets.shape == (1, 8, 2)
    assert backtest(GENERATOR, [panel.T], **arguments).targets.shape == (1, 1, 16)


@pytest.mark.parametrize("estimator", [GENERATOR, REGRESSOR], ids=["generator", "regressor"])
@pytest.mark.parametrize("module", [pd, polars], ids=["pandas", "polars"])
def test_tables_of_two_readings_are_an_error(estimator, module):
    """The columns of a wide table are features of one series, or one series each."""
    table = module.DataFrame({name: x[:20] for name, x in zip("abc", PANEL, strict=False)})
    expected = (
        "series is a DataFrame of 3 columns: one series with 3 features, or 3 series. Pass "
        "[series] for one series whose features are the columns, or [series[[c]] for c in "
        "series.columns] for one series per column."
    )
    options = {"horizon": 2, "n_origins": 1, "window": 6}
    with pytest.raises(ValueError, match=re.escape(expected)):
        backtest(estimator, table, **options)
    n_values = {
        "features": backtest(estimator, [table], **options),
        "series": backtest(estimator, [table[[c]] for c in table.columns], **options),
        "named features": backtest(estimator, table, **options, known_columns=["b", "c"]),
    }
    shapes = {name: result.targets.shape for name, result in n_values.items()}
    assert shapes == {"features": (1, 1, 6), "series": (1, 3, 2), "named features": (1, 1, 2)}
    assert n_values["series"].ids == ["a", "b", "c"]


def test_series_with_the_newest_step_first_are_an_error():
    """They would be forecast into the past."""
    days = pd.date_range("2024-01-01", periods=24)[::-1]
    for estimator, window in ((GENERATOR, None), (REGRESSOR, 6)):
        with pytest.raises(ValueError, match=r"not in increasing order.* series.sort_index\(\)"):
            backtest(estimator, [pd.Series(PANEL[0], days)], 2, 1, window=window)


def test_other_columns_are_an_error():
    """Tables with other names, or a mixture of tables and arrays, cannot be matched."""
    table = pd.DataFrame(np.eye(12, 2), columns=["a", "b"])
    message = r"columns of sequence 1 are \['a', 'x'\].*\['b'\] are missing.*rename or drop them"
    with pytest.raises(ValueError, match=message):
        backtest(GENERATOR, [table, table.set_axis(["a", "x"], axis=1)], 2, 1)
    with pytest.raises(ValueError, match="Sequence 0 of series has names of columns, sequence 1"):
        backtest(GENERATOR, [table, np.eye(12, 2)], 2, 1)


def test_no_series_is_an_error():
    """An empty list holds nothing to forecast."""
    with pytest.raises(ValueError, match="no series"):
        backtest(GENERATOR, [], 2)


def test_other_numbers_of_predictions_are_an_error():
    """A regressor that predicts one number cannot forecast two steps."""
    with pytest.raises(ValueError, match=r"predicts 1 numbers per series.*has 2 to forecast"):
        backtest(OneNumber(), PANEL, 2, 1, window=4)
