"""Page of the documentation with the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import comparison
from .forecasts import HOURS, PANELS
from .gradients import CELLS, LAG, NOISES
from .rivals import SAMPLES
from .tasks import TASKS

_COLUMNS = ["set", "median", "worst to best", "target", "result", "CPU s", "budget", "seeds"]
_COLUMNS_OF_OTHERS = ["set", "median", "without a network", "published"]
_FORECAST_FIGURES = ("MASE", "naive MASE", "better", "MAPE", "in 80 %", "in 95 %")
_TITLES = {
    "defaults": "Default parameters",
    "grid": "Best candidate of the recommended grid",
}
_INTRODUCTION = """Scores on real data
===================

This page is written by ``python -m tests.benchmarks.quality``; the README of ``tests/benchmarks``
describes the protocol. Scores are measured on test sets; times are CPU seconds per fit on one
thread. *met* means that the median over the seeds reaches the target within the time budget.
Families of sets, such as *sensors*, are synthetic or cut from a larger set: the README says how.
Parameters in brackets behind the name of a set are part of the task or, in the second table, were
selected from the grid with training data only.

.. dot-plot:: quality

   Accuracy with default parameters on public sets of sequences, median of the seeds, and that of
   the best linear or constant model on padded sequences, summaries or words.
"""

_RIVALS_FIGURE = """
.. dot-plot:: forecasts

   Errors of forecasts of the samples by model; *naive* is the seasonal naive forecast.
"""


def row_of(name: str, result: dict[str, Any], mode: str) -> list[str]:
    """Return one row: results on the test part, with targets and budget, and those of others."""
    task = TASKS[name]
    ordered = sorted(result["scores"], reverse=not task.greater)
    median, seconds = float(np.median(ordered)), float(np.median(result["seconds"]))
    target = task.grid_target if mode == "grid" else task.target
    asked, verdict = "", ""
    if target is not None:
        asked = f"{'>=' if task.greater != task.fails else '<='} {target:g}"
        met = task.passes(median, target) and seconds <= task.budget
        verdict = "met" if met else "MISSED"
    what = f"{_title(name)}, {task.metric} {_short(task.stated | result['chosen'])}"
    cells = [what.strip(), f"{median:.4g}", f"{ordered[0]:.4g} to {ordered[-1]:.4g}"]
    cells += [asked, verdict, f"{seconds:.1f}", f"{task.budget:g}", str(len(ordered))]
    known = (f"{what} {value:.4g}" for what, value in sorted(result["baselines"].items()))
    return [*cells, ", ".join(known), task.published]


def _title(name: str) -> str:
    """Return the name of a set with its title, unless one says what the other says."""
    title, member = TASKS[name].title, name.partition("-")[2]
    if title.startswith(name):
        return title
    return name if member and title.endswith(f": {member}") else f"{name}: {title}"


def _short(parameters: dict[str, Any]) -> str:
    pairs = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    return f"(``{pairs}``)" if pairs else ""


def csv_table(columns: Sequence[str], rows: list[list[str]]) -> str:
    """Return a table in reStructuredText."""
    if wrong := [row for row in rows if len(row) != len(columns)]:
        raise ValueError(f"expected {len(columns)} cells in each row, got {wrong}")
    head, *lines = [", ".join(f'"{cell}"' for cell in row) for row in (columns, *rows)]
    return f"\n.. csv-table::\n   :header: {head}\n\n   " + "\n   ".join(lines) + "\n"


def _others(rows: list[list[str]]) -> str:
    """Return the table of models without a network, and of published scores."""
    shown = [[*row[:2], *row[-2:]] for row in rows]
    head = "\nOther models on the same sets, and what others have published:\n"
    return head + csv_table(_COLUMNS_OF_OTHERS, shown)


def _lost(results: dict[str, Any]) -> str:
    """List the sets on which a model without a network is better, one line per family."""
    lost: dict[str, list[str]] = {}
    for name, result in results.items():
        ours, sign = float(np.median(result["scores"])), 1 if TASKS[name].greater else -1
        if any(sign * value > sign * ours for value in result["baselines"].values()):
            family, _, member = name.rpartition("-")
            lost.setdefault(family, []).append(member)
    if not lost:
        return "\nNo model without a network scores better on any of these sets.\n"
    head = "\nA model without a network scores better on these sets. Try one there first:\n\n"
    names = {family: f"{family}: " if family else "" for family in lost}
    return head + "".join(f"- {names[family]}{'; '.join(lost[family])}\n" for family in lost)


def _judged(results: dict[str, Any]) -> str:
    lines = [
        f"- {name}: " + "; ".join(f"``{what}`` {v:.4g}" for what, v in result["judged"].items())
        for name, result in results.items()
        if result["judged"]
    ]
    head = "\nValidation scores of the candidates (``{}`` stands for the defaults):\n\n"
    return head + "\n".join(lines) + "\n" if lines else ""


def render(stored: dict[str, Any]) -> str:
    """Return the whole page."""
    page = _INTRODUCTION
    for mode, title in _TITLES.items():
        results = {name: stored.get(mode, {}).get(name) for name in TASKS}
        measured = {name: result for name, result in results.items() if result}
        if not measured:
            continue
        rows = [row_of(name, result, mode) for name, result in measured.items()]
        page += f"\n{title}\n{'-' * len(title)}\n{csv_table(_COLUMNS, [row[:-2] for row in rows])}"
        page += _others(rows) + _lost(measured) if mode == "defaults" else _judged(measured)
    if "before" in stored:
        rows = comparison.rows_of_table(stored)
        page += comparison.HEAD + csv_table(comparison.COLUMNS, rows)
    if "forecasts" in stored:
        page += _forecasts(stored["forecasts"])
    if "smoothing" in stored:
        page += _smoothing(stored["smoothing"], stored["forecasts"])
    if "hours" in stored:
        page += _hours(stored["hours"], stored.get("hour-windows", {}))
    if "rivals" in stored:
        page += _rivals(stored["rivals"])
    return page + (_gradients(stored["gradients"]) if "gradients" in stored else "")


def _forecasts(table: dict[str, list[dict[str, float]]]) -> str:
    """Return the section on forecasts of panels."""
    title = "Forecasts of many series"
    head = [
        "panel",
        "series",
        "origin",
        "MASE",
        "seasonal naive",
        "wins",
        "MAPE",
        "in 80 %",
        "in 95 %",
        "CPU s",
    ]
    rows = []
    for name, origins in table.items():
        panel = PANELS[name]
        what = f"{name}: {panel.title}, {panel.horizon} ahead"
        named = [
            ("latest" if not back else f"{back * panel.horizon} steps earlier", found)
            for back, found in enumerate(origins)
        ]
        if len(origins) > 1:
            named.append(("mean", _mean(origins)))
        for where, found in named:
            scores = [f"{found[key]:.3f}" for key in _FORECAST_FIGURES]
            rows.append([what, f"{found['series']:.0f}", where, *scores, f"{found['CPU s']:.1f}"])
    return (
        f"\n{title}\n{'-' * len(title)}\n\n"
        "``SequenceGenerator()`` with default parameters and the first seed, fitted on the whole\n"
        "panel up to an origin (a backtest). The point forecast is the median of the sampled "
        "paths.\n*MASE* is the median over the series of the mean absolute scaled error, followed "
        "by the one\n"
        "of the seasonal naive forecast, which repeats the last season; *wins* is the fraction of\n"
        "series whose error is below that of the seasonal naive forecast; *MAPE* is the mean\n"
        "absolute percentage error. The columns *in 80 %* and *in 95 %* hold the coverage of the\n"
        "prediction intervals: the fraction of the true values inside them.\n"
        f"{csv_table(head, rows)}"
    )


def _mean(origins: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([found[key] for found in origins])) for key in origins[0]}


def _smoothing(table: dict[str, Any], ours: dict[str, Any]) -> str:
    """Return means over origins of exponential smoothing and of the generator."""
    head = ["panel", "model", "MASE", "wins", "in 80 %", "in 95 %", "CPU s"]
    rows = []
    for name, origins in table.items():
        for who, found in [("SequenceGenerator", _mean(ours[name])), ("AutoETS", _mean(origins))]:
            scores = [f"{found[key]:.3f}" for key in ("MASE", "better", "in 80 %", "in 95 %")]
            rows.append([PANELS[name].title, who, *scores, f"{found['CPU s']:.1f}"])
    return (
        "\nMeans over the origins, compared with exponential smoothing (``AutoETS`` of "
        "statsforecast\nwith its defaults, which selects a model for each series):\n"
        f"{csv_table(head, rows)}"
    )


def _hours(generator: dict[str, Any], regressor: dict[str, Any]) -> str:
    """Return the section on synthetic panels of hours: means over seeds."""
    title = "Forecasts of hours"
    head = [
        "panel",
        "model",
        "wins",
        "error / naive",
        "MASE",
        "naive",
        "in 80 %",
        "in 95 %",
        "CPU s",
    ]
    figures = ("better", "error / naive", "MASE", "naive MASE", "in 80 %", "in 95 %", "CPU s")
    rows = []
    for name in HOURS:
        for who, table in [("SequenceGenerator", generator), ("RNNRegressor", regressor)]:
            if name in table:
                found = _mean(table[name])
                rows.append([name, who, *(f"{found[figure]:.3f}" for figure in figures)])
    return (
        f"\n{title}\n{'-' * len(title)}\n\n"
        "Synthetic panels of 20 hourly series with a day, a week, or both, 5 and 12 weeks long.\n"
        "The last day or week is forecast; a tenth of the series has no season. *naive* is, for\n"
        "each series, the better of the two seasonal naive forecasts, of the last day and of\n"
        "the last week. ``SequenceGenerator()`` finds the seasons of the whole panel;\n"
        '``RNNRegressor`` reads windows of two weeks with ``residual="auto"``,\n'
        '``scale="sequence"`` and ``loss="quantile"``. Means over seeds of the panels.\n'
        f"{csv_table(head, rows)}"
    )


def _rivals(table: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the section on forecasts of other libraries: one row per panel and model."""
    title = "Forecasts of other libraries"
    rows = []
    for name, found in table.items():
        for who, scores in found.items():
            values = (scores.get(key) for key in ("MASE", "mean", "better", "CPU s"))
            shown = ("" if value is None else f"{value:.3f}" for value in values)
            rows.append([SAMPLES[name].title, who, *shown])
    return (
        f"\n{title}\n{'-' * len(title)}\n\n"
        "Samples of the panels, all models in one run, one thread and one origin. *MASE* is the\n"
        "median over the series and *mean* their mean; *wins* is the fraction of series with a\n"
        "lower error than the seasonal naive forecast (of two seasons, the better one). AutoETS\n"
        "and AutoARIMA of statsforecast have a model for each series and the shorter season;\n"
        "LightGBM reads lags by mlforecast, and NHITS of neuralforecast is trained for 300 steps.\n"
        "AutoARIMA is left out for hours: a series takes it minutes. The errors of\n"
        "``SequenceGenerator`` on hours and ETTh1 are those of a later run with today's rules.\n"
        f"{_RIVALS_FIGURE}"
        f"{csv_table(['panel', 'model', 'MASE', 'mean', 'wins', 'CPU s'], rows)}"
    )


def _gradients(table: dict[str, list[float]]) -> str:
    """Return the section on ratios of gradients."""
    title = "How far back the gradient reaches"
    head = ["cell", *(f"noise {noise:g}" for noise in NOISES)]
    rows = [[cell, *(f"{ratio:.1e}" for ratio in table[cell])] for cell in CELLS]
    return (
        f"\n{title}\n{'-' * len(title)}\n\n"
        "Norm of the gradient of the loss with respect to the input at the first of "
        f"{LAG + 1} steps,\ndivided by its norm at the last step, before training.\n"
        f"{csv_table(head, rows)}"
    )
