"""Rules behind forecasts with a day and a week, compared with alternatives by kind of series.

The panels are none of those by which the rules were chosen; `rules_report.py` leaves out one kind
at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from unittest.mock import patch

import numpy as np

from .forecasts import Panel, generated, judged
from .unseen_hours import UNSEEN, unseen

_SEEDS = 1
_LINEAR = "sksequence._series._linear_base"
_TASK = "sksequence._tasks._next_values"

Replacement = tuple[str, object]

SHIPPED = "shipped"
# of each rule, what is shipped, and what alternatives replace
SEASON_RULES: dict[str, tuple[str, dict[str, Replacement]]] = {
    "linear base": ("yes", {"none": (f"{_LINEAR}._weights", lambda *_: None)}),
    "penalty": ("0.01", {str(p): (f"{_LINEAR}._PENALTY", p) for p in (0.001, 0.1)}),
    "corrections that are kept": (
        "half",
        {
            "all": (f"{_TASK}._LOCATION_FACTOR", 1.0),
            "a quarter": (f"{_TASK}._LOCATION_FACTOR", 4.0),
        },
    ),
    "positive series as logarithms": (
        "if more likely",
        {
            "never": (f"{_LINEAR}._gain_of_logs", lambda *_: -1.0),
            "always": (f"{_LINEAR}._gain_of_logs", lambda *_: 1.0),
        },
    ),
}


def judge_seasons() -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    """Yield wins and errors of the defaults, and of each alternative, for each kind of series."""
    for kind, (_, day) in UNSEEN.items():
        panel = Panel(kind, partial(unseen, kind), day, 7 * day, 1, longer=7 * day)
        found = {SHIPPED: _judged(panel)}
        for rule, (_, alternatives) in SEASON_RULES.items():
            for name, replacement in alternatives.items():
                with patch(*replacement):
                    found[f"{rule}: {name}"] = _judged(panel)
        print(kind, found, flush=True)
        yield kind, found


def _judged(panel: Panel) -> dict[str, float]:
    """Return the means over seeds of the wins, and of the error over that of the naive forecast."""
    rows = [judged(panel, panel.load(seed=seed), 0, generated) for seed in range(_SEEDS)]
    wins = float(np.mean([row["better"] for row in rows]))
    error = float(np.exp(np.mean([np.log(row["error / naive"]) for row in rows])))
    return {"wins": float(f"{wins:.3f}"), "error": float(f"{error:.4g}")}
