"""Forecasts as tables: ids, dates and names of features come from the series."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest

from sksequence._forecasts import summarise_paths
from tests.helpers import fit_generator

WAVE = np.sin(np.arange(30) / 3)
MONTHS = pd.date_range("2021-01-01", periods=30, freq="MS")
small = {"hidden_size": 4, "max_epochs": 1}


def forecast(X, horizon=3, **arguments):
    """Fit to series and forecast them."""
    return fit_generator(X, **small).forecast(X, horizon, n_samples=20, random_state=0, **arguments)


@pytest.fixture(scope="module")
def pair():
    """Forecast two features of two series with dates."""
    table = pd.DataFrame({"load": WAVE, "heat": 2 * WAVE}, index=MONTHS)
    return forecast([table, table[:20]])


# --- numbers -------------------------------------------------------------------------------------


def test_tables_hold_the_arrays(pair):
    """Each row holds the numbers of its series, step and feature."""
    frame = pair.to_frame()
    names = ["id", "date", "step", "feature", "mean", "median", "q0.1", "q0.5", "q0.9"]
    assert frame.columns.tolist() == names
    assert len(frame) == 2 * 2 * 3
    features = {"load": 0, "heat": 1}
    for row in frame.itertuples(index=False):
        place = row.id, row.step - 1, features[row.feature]
        assert row.mean == pair.mean[place]
        assert row.median == pair.median[place]
        assert row[6:] == tuple(pair.quantiles[(slice(None), *place)])


def test_medians_are_those_of_the_paths(pair):
    """The median is there whatever the levels of the quantiles."""
    assert np.array_equal(pair.median, np.median(pair.paths, axis=1))
    one = forecast([WAVE], quantiles=[0.975])
    assert one.to_frame().columns.tolist() == ["id", "step", "mean", "median", "q0.975"]


def test_forecasts_are_dictionaries_with_a_short_repr(pair):
    """The arrays are items and attributes, and are not printed."""
    assert pair["mean"] is pair.mean
    assert repr(pair) == (
        "Forecast(n_sequences=2, horizon=3, n_features=2, n_samples=20, quantiles=[0.1, 0.5, 0.9])"
    )
    restored = pickle.loads(pickle.dumps(pair))
    assert restored.to_frame().equals(pair.to_frame())


# --- dates ---------------------------------------------------------------------------------------


def test_dates_follow_the_index(pair):
    """Each series goes on after its own end, in the frequency of its index."""
    dates = pair.to_frame().groupby("id")["date"].agg(["min", "max"])
    assert dates["min"].tolist() == [pd.Timestamp("2023-07-01"), pd.Timestamp("2022-09-01")]
    assert dates["max"].tolist() == [pd.Timestamp("2023-09-01"), pd.Timestamp("2022-11-01")]


@pytest.mark.parametrize("freq", ["D", "B", "h", "MS", "W-SUN", "QE", "15min"])
def test_frequencies_are_inferred(freq):
    """An index without a frequency has the dates that pandas would append."""
    index = pd.date_range("2024-01-01", periods=33, freq=freq)
    series = pd.Series(WAVE, index=pd.DatetimeIndex(index[:30].to_numpy()))
    assert forecast([series]).to_frame()["date"].tolist() == index[30:].tolist()


def test_periods_follow_periods():
    """A PeriodIndex has its own frequency."""
    index = pd.period_range("2020-01", periods=33, freq="M")
    frame = forecast([pd.Series(WAVE, index=index[:30])]).to_frame()
    assert frame["date"].tolist() == index[30:].tolist()


def of_index(index, horizon=3):
    """Return a forecast of one series with this index, without a fit."""
    paths = np.zeros((1, 5, horizon))
    series = pd.Series(np.arange(float(len(index))), index=index, name="q")
    return summarise_paths(paths, np.array([0.5]), [series], None)


@pytest.mark.parametrize(
    ("unit", "freq", "offset"),
    [
        ("D", "B", "B"),
        ("M", "3M", "3MS"),
        ("M", "QS", "QS"),
        ("M", "M", "MS"),
        ("D", "2D", "2D"),
        ("W", "2W", "2W"),
        ("Q", "YS", "YS"),
        ("h", "6h", "6h"),
    ],
)
def test_periods_obey_a_frequency(unit, freq, offset):
    """Periods that leave some out go on as dates with the same frequency do."""
    periods = pd.date_range("2024-01-01", periods=13, freq=offset).to_period(unit)
    dates = of_index(periods[:10]).to_frame(freq=freq)["date"].tolist()
    assert dates == periods[10:].tolist()


@pytest.mark.parametrize("months", [["01", "04", "07"], ["01", "01", "02"]])
def test_periods_that_are_not_consecutive_need_a_frequency(months):
    """Left out or repeated periods leave no frequency, as dates with gaps do."""
    index = pd.PeriodIndex([f"2021-{month}" for month in months], freq="M")
    with pytest.raises(ValueError, match=r"series 'q' have no regular frequency.*Pass freq"):
        of_index(index).to_frame()


def test_given_periods_obey_a_frequency():
    """A last period has its own frequency, unless another one is given, which is not shorter."""
    result, last = of_index(pd.RangeIndex(5)), pd.Period("2024-01", "M")
    assert result.to_frame(last_dates=last)["date"].dt.month.tolist() == [2, 3, 4]
    assert result.to_frame(last_dates=last, freq="Q")["date"].dt.month.tolist() == [3, 6, 9]
    with pytest.raises(ValueError, match=r"freq='D' is shorter than the periods.*2024-01"):
        result.to_frame(last_dates=last, freq="D")


def test_a_date_in_an_array_is_a_date():
    """An array without dimensions serves all series."""
    result = of_index(pd.RangeIndex(5))
    for last in (np.array("2024-01-31"), np.array("2024-01-31", dtype="datetime64[ns]")):
        assert result.to_frame(last_dates=last, freq="D")["date"].dt.day.tolist() == [1, 2, 3]


def test_missing_dates_are_an_error():
    """The message names the step whose date is missing."""
    with pytest.raises(
        ValueError, match=r"index of X\[0\] holds times.* step 2 of 3 is missing \(NaT\)"
    ):
        of_index(pd.DatetimeIndex(["2024-01-01", "2024-01-02", pd.NaT]))


def test_dates_may_be_given():
    """For arrays, the last dates and the frequency are arguments; one date serves all series."""
    result = forecast([WAVE, WAVE[:20]])
    assert "date" not in result.to_frame()
    frame = result.to_frame(last_dates="2024-12-31", freq="D")
    assert frame["date"].tolist() == pd.date_range("2025-01-01", periods=3).tolist() * 2
    last = pd.Series(["2024-12-31", "2024-06-30"])
    frame = result.to_frame(last_dates=last, freq="MS")
    assert frame["date"].dt.strftime("%Y-%m-%d").tolist()[::3] == ["2025-01-01", "2024-07-01"]


def test_a_frequency_replaces_that_of_the_index():
    """Gaps in the dates leave no frequency: an error asks for one."""
    days = pd.bdate_range("2024-01-01", periods=31).delete(7)
    result = forecast([pd.Series(WAVE, index=days, name="A")])
    with pytest.raises(ValueError, match=r"series 'A' have no regular frequency.*Pass freq"):
        result.to_frame()
    expected = pd.bdate_range(days[-1], periods=4)[1:]
    assert result.to_frame(freq="B")["date"].tolist() == expected.tolist()


def test_elapsed_times_are_no_dates():
    """Series with an index of times since their start are forecast without dates."""
    elapsed = pd.Series(WAVE, index=pd.timedelta_range("0s", periods=30, freq="s"))
    assert "date" not in forecast([elapsed]).to_frame()


def test_dates_must_ascend():
    """The newest value last: a forecast of the newest value first would lead to the past."""
    newest_first = pd.Series(WAVE, index=MONTHS[::-1])
    with pytest.raises(
        ValueError, match=r"index of X\[0\] .* not in incr.* X\[0\]\.sort_index\(\)"
    ):
        forecast([newest_first])
    assert forecast([newest_first.sort_index()]).to_frame()["date"].iloc[0].year == 2023


# --- ids -----------------------------------------------------------------------------------------


def test_ids_are_names_of_series():
    """They come from an index, from different names, or are positions; or they are given."""
    cells = pd.DataFrame({"load": [WAVE.tolist(), WAVE[:20].tolist()]}, index=["m1", "m2"])
    named = [pd.Series(WAVE, name="a"), pd.Series(WAVE, name="b")]
    columns = [pd.DataFrame({name: WAVE}) for name in "xy"]
    same = [pd.Series(WAVE, name="a"), pd.Series(WAVE, name="a")]
    expected = [(cells, ["m1", "m2"]), (named, ["a", "b"]), (columns, ["x", "y"]), (same, [0, 1])]
    for X, ids in expected:
        assert forecast(X).to_frame()["id"].tolist()[::3] == ids
    result = forecast(np.stack([WAVE, WAVE]))
    assert result.ids == [0, 1]
    assert result.to_frame(ids=[("s", 1), ("s", 2)])["id"].tolist()[::3] == [("s", 1), ("s", 2)]


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ids": ["a"]}, "ids has 1 entries, but there are forecasts of 2 series"),
        ({"last_dates": ["2024-01-01"], "freq": "D"}, "last_dates has 1 entries"),
        ({"last_dates": "2024-01-01"}, "last_dates needs freq.*got 2024-01-01.*Pass freq"),
        ({"freq": "D"}, "freq='D' needs the date of the last step.*series 0 of X"),
    ],
)
def test_invalid_arguments_are_errors(arguments, message):
    """Errors name what is missing."""
    with pytest.raises(ValueError, match=message):
        forecast([WAVE, WAVE[:20]]).to_frame(**arguments)


def test_pandas_is_optional(pair, monkeypatch):
    """Without pandas, only the table is missing, and the error says so."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        pair.to_frame()
    assert pair.median.shape == (2, 3, 2)
