"""Results as a page of the documentation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .forecasts import PANELS
from .gradients import CELLS, LAG, NOISES
from .tasks import TASKS

_COLUMNS = (
    "set, median, worst to best, target, , CPU s, budget, seeds, without a network, published"
)
_FORECAST_FIGURES = ("MASE", "naive MASE", "better", "MAPE", "in 80 %", "in 95 %")
_TITLES = {
    "defaults": "Default parameters",
    "grid": "The best of the recommended grid",
}
_INTRODUCTION = """What the estimators reach
========================

Written by ``python -m tests.benchmarks.quality``; the README of ``tests/benchmarks`` says how it is measured. Scores
are of test parts, one thread, CPU seconds of one fit. *met* means that the median over the seeds reaches the target
within the budget. What a task itself states stands behind its name, and what was chosen from the grid, with training
data only, behind that.
"""


def row_of(name: str, result: dict[str, Any], mode: str) -> list[str]:
    """Return one row: figures of the test part beside what was asked for."""
    task = TASKS[name]
    ordered = sorted(result["scores"], reverse=not task.greater)
    median, seconds = float(np.median(ordered)), float(np.median(result["seconds"]))
    target = task.grid_target if mode == "grid" else task.target
    asked, verdict = "", ""
    if target is not None:
        asked = f"{'>=' if task.greater != task.fails else '<='} {target:g}"
        met = task.passes(median, target) and seconds <= task.budget
        verdict = "met" if met else "MISSED"
    what = f"{name}: {task.title}, {task.metric} {_short(task.stated | result['chosen'])}"
    cells = [what.strip(), f"{median:.4g}", f"{ordered[0]:.4g} to {ordered[-1]:.4g}"]
    cells += [asked, verdict, f"{seconds:.1f}", f"{task.budget:g}", str(len(ordered))]
    known = (f"{what} {value:.4g}" for what, value in result["baselines"].items())
    return [*cells, ", ".join(known), task.published]


def _short(parameters: dict[str, Any]) -> str:
    pairs = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    return f"(``{pairs}``)" if pairs else ""


def csv_table(head: str, rows: list[list[str]]) -> str:
    """Return a table of the documentation."""
    lines = [", ".join(f'"{cell}"' for cell in row) for row in rows]
    return f"\n.. csv-table::\n   :header: {head}\n\n   " + "\n   ".join(lines) + "\n"


def _lost(results: dict[str, Any]) -> str:
    """Name the sets where something without a network is better."""
    lost = []
    for name, result in results.items():
        ours, sign = float(np.median(result["scores"])), 1 if TASKS[name].greater else -1
        if any(sign * value > sign * ours for value in result["baselines"].values()):
            lost.append(name)
    if not lost:
        return "\nNo model without a network is better on any of these.\n"
    return f"\nA model without a network is better on {', '.join(lost)}: try one there first.\n"


def _judged(results: dict[str, Any]) -> str:
    lines = [
        f"- {name}: " + "; ".join(f"``{what}`` {v:.4g}" for what, v in result["judged"].items())
        for name, result in results.items()
        if result["judged"]
    ]
    return "\nValidation scores of the candidates:\n\n" + "\n".join(lines) + "\n" if lines else ""


def render(stored: dict[str, Any]) -> str:
    """Return the whole page."""
    page = _INTRODUCTION
    for mode, title in _TITLES.items():
        results = {name: stored.get(mode, {}).get(name) for name in TASKS}
        measured = {name: result for name, result in results.items() if result}
        if not measured:
            continue
        rows = [row_of(name, result, mode) for name, result in measured.items()]
        page += f"\n{title}\n{'-' * len(title)}\n{csv_table(_COLUMNS, rows)}"
        page += _lost(measured) if mode == "defaults" else _judged(measured)
    if "forecasts" in stored:
        page += _forecasts(stored["forecasts"])
    if "smoothing" in stored:
        page += _smoothing(stored["smoothing"], stored["forecasts"])
    return page + (_gradients(stored["gradients"]) if "gradients" in stored else "")


def _forecasts(table: dict[str, list[dict[str, float]]]) -> str:
    """Return what generators of numbers forecast as a section."""
    title = "Forecasts of many series"
    head = (
        "panel, series, origin, MASE, season repeated, share better, MAPE, in 80 %, in 95 %, CPU s"
    )
    rows = []
    for name, origins in table.items():
        panel = PANELS[name]
        what = f"{name}: {panel.title}, {panel.horizon} ahead"
        named = [
            ("last" if not back else f"{back * panel.horizon} before", found)
            for back, found in enumerate(origins)
        ]
        if len(origins) > 1:
            named.append(("mean of all", _mean(origins)))
        for where, found in named:
            scores = [f"{found[key]:.3f}" for key in _FORECAST_FIGURES]
            rows.append([what, f"{found['series']:.0f}", where, *scores, f"{found['CPU s']:.1f}"])
    return (
        f"\n{title}\n{'-' * len(title)}\n\n"
        "``SequenceGenerator()`` with default parameters, fitted on the whole panel up to an origin; the first seed. "
        "Errors of\nthe median forecast: the median over the series of the mean absolute scaled error (MASE), the "
        "share of series where it\nis below that of the season repeated, and the mean absolute percentage error "
        "(MAPE). How much of what came lies in\nintervals of 80 and of 95 %.\n"
        f"{csv_table(head, rows)}"
    )


def _mean(origins: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([found[key] for found in origins])) for key in origins[0]}


def _smoothing(table: dict[str, Any], ours: dict[str, Any]) -> str:
    """Return means over origins of exponential smoothing and of the generator."""
    head = "panel, by, MASE, share better, in 80 %, in 95 %, CPU s"
    rows = []
    for name, origins in table.items():
        for who, found in [("generator", _mean(ours[name])), ("smoothing", _mean(origins))]:
            scores = [f"{found[key]:.3f}" for key in ("MASE", "better", "in 80 %", "in 95 %")]
            rows.append([PANELS[name].title, who, *scores, f"{found['CPU s']:.1f}"])
    return (
        "\nMeans over the origins, beside exponential smoothing with a form chosen for each series (``AutoETS`` of\n"
        f"statsforecast, its defaults):\n{csv_table(head, rows)}"
    )


def _gradients(table: dict[str, list[float]]) -> str:
    """Return the ratios of gradients as a section."""
    title = "How far back the gradient reaches"
    head = "cell, " + ", ".join(f"noise {noise:g}" for noise in NOISES)
    rows = [[cell, *(f"{ratio:.1e}" for ratio in table[cell])] for cell in CELLS]
    return (
        f"\n{title}\n{'-' * len(title)}\n\n"
        f"Norm of the loss's gradient with respect to the input at the first of {LAG + 1} steps, over the one at\n"
        f"the last step, before training.\n{csv_table(head, rows)}"
    )
