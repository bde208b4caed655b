"""Forecasts of other libraries and of ours on samples of panels: one run, one thread, one origin.

Each model forecasts the same series from the same origin, with the defaults of its library where it
has any: AutoETS and AutoARIMA of statsforecast, one model per series; LightGBM on lags by
mlforecast, and NHITS of neuralforecast, one model per panel. Libraries that are not installed are
left out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sksequence import SequenceGenerator
from sksequence.datasets import load_air_passengers

from .forecasts import Panel, scaled_errors
from .hourly import DAY, KINDS, WEEK, hourly
from .loaders import MissingData, data_path
from .measuring import cpu_seconds
from .panels import Series, houses, months, quarters

Points = NDArray[np.float64]
_N_SERIES, _N_HOURLY = 15, 8


def _sample(load: Callable[[], Series]) -> Series:
    """Return series that are spread evenly over a panel."""
    series = load()
    kept = np.linspace(0, len(series) - 1, min(_N_SERIES, len(series))).astype(int)
    return [series[i] for i in kept]


def _electricity() -> Series:
    """Return the first twelve weeks of the seven series of ETTh1."""
    table = pd.read_csv(data_path("series", "ETTh1.csv")).iloc[: 12 * WEEK, 1:]
    return [column.to_numpy(dtype=np.float64) for _, column in table.items()]


SAMPLES: dict[str, Panel] = {
    "AirPassengers": Panel("AirPassengers", lambda: [load_air_passengers().data], 12, 36, 1),
    "months": Panel("months of many kinds", partial(_sample, months), 12, 12, 1),
    "houses": Panel("houses in Texas, months", partial(_sample, houses), 12, 12, 1),
    "quarters": Panel("quarters of many kinds", partial(_sample, quarters), 4, 8, 1),
    **{
        kind: Panel(
            f"synthetic hours: {kind}", partial(hourly, make, 5, _N_HOURLY), DAY, DAY, 1, WEEK
        )
        for kind, make in KINDS.items()
    },
    "ETTh1": Panel("ETTh1, 12 weeks", _electricity, DAY, DAY, 1, WEEK),
}


def _ours(panel: Panel, past: Series) -> Points:
    generator = SequenceGenerator(random_state=0).fit(past)
    return np.asarray(generator.forecast(past, panel.horizon, random_state=0).quantiles[1])


def _naive(season: int, panel: Panel, past: Series) -> Points:
    return np.stack([np.resize(x[-season:], panel.horizon) for x in past])


def _per_series(name: str, panel: Panel, past: Series) -> Points:
    model = getattr(import_module("statsforecast.models"), name)(season_length=panel.season)
    return np.stack([model.forecast(x, panel.horizon)["mean"] for x in past])


def _long(past: Series) -> pd.DataFrame:
    """Return series as one table, which ends of all are aligned to."""
    parts = [
        pd.DataFrame({"unique_id": i, "ds": np.arange(len(x)) - len(x), "y": x})
        for i, x in enumerate(past)
    ]
    return pd.concat(parts, ignore_index=True)


def _boosted(panel: Panel, past: Series) -> Points:
    """Return forecasts by boosted trees on lags of standardised seasonal differences."""
    transforms = import_module("mlforecast.target_transforms")
    seasons = [panel.season, *([panel.longer] if panel.longer else [])]
    lags = sorted({*range(1, panel.season + 1), *(n * s for s in seasons for n in (1, 2))})
    shortest = min(map(len, past)) - panel.season
    model = import_module("mlforecast").MLForecast(
        models={"lightgbm": import_module("lightgbm").LGBMRegressor(verbosity=-1, n_jobs=1)},
        freq=1,
        lags=[lag for lag in lags if lag < shortest // 2],
        target_transforms=[
            transforms.Differences([panel.season]),
            transforms.LocalStandardScaler(),
        ],
    )
    return _wide(model.fit(_long(past)).predict(panel.horizon), "lightgbm", len(past))


def _nhits(panel: Panel, past: Series) -> Points:
    size = min(2 * (panel.longer or 2 * panel.season), min(map(len, past)) - panel.horizon)
    model = import_module("neuralforecast.models").NHITS(
        h=panel.horizon,
        input_size=size,
        max_steps=300,
        scaler_type="robust",
        random_seed=0,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        enable_checkpointing=False,
    )
    library = import_module("neuralforecast").NeuralForecast([model], freq=1)
    library.fit(_long(past))
    return _wide(library.predict(), "NHITS", len(past))


def _wide(table: pd.DataFrame, column: str, n_series: int) -> Points:
    ordered = table.reset_index().sort_values(["unique_id", "ds"], kind="stable")
    return ordered[column].to_numpy(dtype=np.float64).reshape(n_series, -1)


# names, the library that is required, and what forecasts; last, which panels take it too long
RIVALS: dict[str, tuple[str, Callable[[Panel, Series], Points]]] = {
    "SequenceGenerator": ("sksequence", _ours),
    "AutoETS": ("statsforecast", partial(_per_series, "AutoETS")),
    "AutoARIMA": ("statsforecast", partial(_per_series, "AutoARIMA")),
    "LightGBM on lags": ("mlforecast", _boosted),
    "NHITS": ("neuralforecast", _nhits),
}
_TOO_LONG = {("AutoARIMA", DAY)}  # a model, and the season from which a series takes it minutes


def rivals_table() -> dict[str, dict[str, dict[str, float]]]:
    """Return MASE, wins and CPU seconds of each model on each sample."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for name, panel in SAMPLES.items():
        try:
            series = panel.load()
        except MissingData as missing:
            print(f"{name}: skipped, {missing}", flush=True)
            continue
        table[name] = dict(_compared(panel, series))
        print(name, table[name], flush=True)
    return table


def _compared(panel: Panel, series: Series) -> Any:
    past = [x[: -panel.horizon] for x in series]
    truth = np.stack([x[-panel.horizon :] for x in series])
    seasons = [panel.season, *([panel.longer] if panel.longer else [])]
    errors = [scaled_errors(panel, past, _naive(s, panel, past), truth) for s in seasons]
    naive = np.min(errors, axis=0)
    yield "naive", {"MASE": float(np.median(naive)), "mean": float(naive.mean())}
    for who, (library, forecast) in RIVALS.items():
        if find_spec(library) is None or (who, panel.season) in _TOO_LONG:
            continue
        start = cpu_seconds()
        found = scaled_errors(panel, past, forecast(panel, past), truth)
        yield (
            who,
            {
                "MASE": float(np.median(found)),
                "mean": float(found.mean()),
                "better": float(np.mean(found < naive)),
                "CPU s": cpu_seconds() - start,
            },
        )
