"""Page of the documentation with the results of the study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from .study import PROBLEMS, RECURRENCES, REFERENCE, Problem, Stored, stored_figures

PAGE = Path(__file__).parents[3] / "docs" / "benchmarks" / "cells.rst"
# the page is written by hand up to this line, and the tables follow it
_START = ".. The rest of this page is written by the command.\n"
_PROTOCOL = """
Measurements
------------

``python -m tests.benchmarks.cells scores`` measures the tables, and goes on where it was
interrupted; the README of ``tests/benchmarks`` describes the protocol. Layers have about as many
parameters as those of an LSTM of {units} units; widths end at 256, which leaves IndRNN and minGRU
smaller. Cells have their default parameters: none was told how long a memory the task needs
(``chrono_steps``, ``r_min``). Two layers have residual connections, and are narrower, so that they
have as many parameters. Scores are medians over the seeds, with the worst and the best; times are
CPU seconds per fit on one thread of a shared machine.
"""


def write() -> None:
    """Write the tables of the page, and keep what stands before them."""
    by_hand = PAGE.read_text("utf-8").partition(_START)[0]
    PAGE.write_text(by_hand + _START + render(stored_figures()), "utf-8")


def render(stored: Stored) -> str:
    """Return the tables of the tasks that have been measured."""
    page = _PROTOCOL.format(units=REFERENCE[1])
    for task, problem in PROBLEMS.items():
        if task in stored:
            title = f"{task}: {problem.title}"
            page += f"\n{title}\n{'~' * len(title)}\n\n{_table(problem, stored[task])}"
    return page


def _table(problem: Problem, figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the rows of the cells, the best first."""
    sign = -1 if problem.greater else 1
    measured = [cell for cell in RECURRENCES if cell in figures]
    measured.sort(key=lambda cell: sign * median(figures[cell]["scores"].values()))
    head = f"cell, {problem.metric}, worst to best, seeds, CPU s, units, parameters"
    rows = "\n   ".join(", ".join(_row(problem, cell, figures[cell])) for cell in measured)
    return f".. csv-table::\n   :header: {head}\n\n   {rows}\n"


def _row(problem: Problem, cell: str, own: Mapping[str, Any]) -> list[str]:
    scores = sorted(own["scores"].values(), reverse=not problem.greater)
    spread = f"{scores[0]:.3f} to {scores[-1]:.3f}" if len(scores) > 1 else ""
    seconds = median(own["seconds"].values())
    name, _, layers = cell.partition(", ")
    return [
        f"``{name}`` {layers}".strip(),
        f"{median(scores):.3f}",
        spread,
        str(len(scores)),
        f"{seconds:.1f}",
        str(own["units"]),
        f'"{own["parameters"]:,}"',
    ]
