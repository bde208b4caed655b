"""Results as a Markdown table."""

from __future__ import annotations

from typing import Any

import numpy as np

from .gradients import CELLS, LAG, NOISES
from .tasks import TASKS

_COLUMNS = (
    "set",
    "data",
    "metric",
    "median",
    "worst to best",
    "floor",
    "goal",
    "published",
    "CPU s a fit",
    "budget",
    "seeds",
    "",
)
_HEAD = f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}\n"
_TITLES = {
    "chosen": "Parameters chosen with the training data",
    "defaults": "Default parameters",
}


def row_of(name: str, result: dict[str, Any]) -> str:
    """Return one row: figures of the test part beside what was asked for."""
    task = TASKS[name]
    ordered = sorted(result["scores"], reverse=not task.greater)
    median, seconds = float(np.median(ordered)), float(np.median(result["seconds"]))
    met = task.passes(median) and seconds <= task.budget
    parameters = task.stated | result["chosen"]
    what = f"{task.title} {_short(parameters)}".strip()
    cells = [name, what, task.metric, f"{median:.4g}", f"{ordered[0]:.4g} to {ordered[-1]:.4g}"]
    cells += [f"{'not ' if task.fails else ''}{task.floor:g}", f"{task.goal:g}", task.published]
    cells += [f"{seconds:.1f}", f"{task.budget:g}", str(len(ordered)), "met" if met else "MISSED"]
    return f"| {' | '.join(cells)} |"


def _short(parameters: dict[str, Any]) -> str:
    pairs = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    return f"(`{pairs}`)" if pairs else ""


def _choice(name: str, result: dict[str, Any]) -> str:
    candidates = TASKS[name].candidates
    if len(result["judged"]) != len(candidates):
        return ""
    pairs = zip(candidates, result["judged"], strict=True)
    listed = "; ".join(f"{_short(c) or '(defaults)'} {value:.4g}" for c, value in pairs)
    return f"- {name}: {listed}\n"


def render(stored: dict[str, Any]) -> str:
    """Return the whole page."""
    page = (
        "# What the estimators reach\n\n"
        "Written by `python -m tests.benchmarks.floors`; README.md says how it is measured.\n"
    )
    for mode, title in _TITLES.items():
        results = {name: stored.get(mode, {}).get(name) for name in TASKS}
        measured = {name: result for name, result in results.items() if result}
        if not measured:
            continue
        rows = "\n".join(row_of(name, result) for name, result in measured.items())
        page += f"\n## {title}\n\n{_HEAD}{rows}\n"
        choices = "".join(_choice(name, result) for name, result in measured.items())
        if choices:
            page += f"\nValidation scores of the candidates:\n\n{choices}"
    return page + (_gradients(stored["gradients"]) if "gradients" in stored else "")


def _gradients(table: dict[str, list[float]]) -> str:
    """Return the ratios of gradients as a section."""
    head = f"| cell | {' | '.join(f'noise {noise:g}' for noise in NOISES)} |\n"
    rows = "".join(
        f"| {cell} | {' | '.join(f'{ratio:.1e}' for ratio in table[cell])} |\n" for cell in CELLS
    )
    return (
        "\n## How far back the gradient reaches\n\n"
        f"Norm of the loss's gradient with respect to the input at the first of {LAG + 1} steps, over the one at "
        f"the last step, before training.\n\n{head}|{'---|' * (1 + len(NOISES))}\n{rows}"
    )
