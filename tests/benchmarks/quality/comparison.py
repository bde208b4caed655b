"""One table of all sets: scores and times of earlier and of today's defaults, and baselines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .forecasts import PANELS
from .tasks import TASKS, Task

COLUMNS = (
    "set",
    "metric",
    "before",
    "after",
    "worst to best",
    "change",
    "linear",
    "naive",
    "CPU s before",
    "after",
    "seeds",
)
_TITLE = "Earlier and present defaults"
HEAD = f"""
{_TITLE}
{"-" * len(_TITLE)}

Medians over the seeds with default parameters, before several features, texts with a label, small
regressions, forecasts and labels of steps were given rules of their own, and with these rules.
*better* and *worse* mean that the median is outside the range of the seeds before; where the rules
did not change, or a fit is long, earlier results stand in both columns. *linear* is the best linear
model, and *naive* what needs no training: the most frequent label, the mean of y, the last value,
the seasonal naive forecast, or bigrams. Random walks and noisy regressions are drawn anew for each
seed, alike for all columns. Times are CPU seconds on one thread of an AMD EPYC that other processes
used too, so that single ones are up to a half too long.
"""
# parts of the names of sets that are not in the table
_LEFT_OUT = {"changed", "wide", "feedforward", "adding400", "lag"}


def compared() -> list[str]:
    """Return the names of the sets in the table."""
    return [name for name in TASKS if _LEFT_OUT.isdisjoint(name.split("-"))]


def rows_of_table(stored: dict[str, Any]) -> list[list[str]]:
    """Return one row for each set and panel that was measured."""
    return [*_rows_of_sets(stored), *_rows_of_panels(stored)]


def _rows_of_sets(stored: dict[str, Any]) -> Iterator[list[str]]:
    for name in compared():
        before, after = (stored.get(mode, {}).get(name) for mode in ("before", "defaults"))
        if after is None:
            continue
        task, baselines = TASKS[name], after["baselines"]
        title = task.title if ":" in task.title else f"{name}: {task.title}"
        linear = {k: v for k, v in baselines.items() if k.startswith("linear")}
        naive = {k: v for k, v in baselines.items() if k not in linear}
        scores = _sorted(task, after)
        yield [
            title,
            task.metric,
            "" if before is None else _median(before["scores"]),
            _median(scores),
            f"{_short(scores[0])} to {_short(scores[-1])}",
            "" if before is None else _change(task, before, after),
            _best(task, linear),
            _best(task, naive),
            "" if before is None else f"{np.median(before['seconds']):.1f}",
            f"{np.median(after['seconds']):.1f}",
            str(len(scores)),
        ]


def _rows_of_panels(stored: dict[str, Any]) -> Iterator[list[str]]:
    for name, origins in stored.get("forecasts", {}).items():
        before = stored.get("forecasts before", {}).get(name)
        now, then = ([o["MASE"] for o in found or []] for found in (origins, before))
        yield [
            PANELS[name].title,
            "MASE, mean of origins",
            _short(np.mean(then)) if then else "",
            _short(np.mean(now)),
            f"{_short(max(now))} to {_short(min(now))}",
            "not measured again" if before == origins else "",
            "",
            _short(np.mean([o["naive MASE"] for o in origins])),
            f"{np.mean([o['CPU s'] for o in before]):.1f}" if before else "",
            f"{np.mean([o['CPU s'] for o in origins]):.1f}",
            "1",
        ]


def _sorted(task: Task, result: dict[str, Any]) -> list[float]:
    """Return the scores from the worst to the best."""
    return sorted(result["scores"], reverse=not task.greater)


def _median(scores: list[float]) -> str:
    return _short(np.median(scores))


def _short(value: Any) -> str:
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def _best(task: Task, scores: dict[str, float]) -> str:
    if not scores:
        return ""
    return _short((max if task.greater else min)(scores.values()))


def _change(task: Task, before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return whether the median is outside the range of the seeds before."""
    if before["seconds"] == after["seconds"]:
        return "not measured again"
    sign = 1 if task.greater else -1
    worst, *_, best = (sign * score for score in _sorted(task, before))
    median = sign * float(np.median(after["scores"]))
    return "better" if median > best else "worse" if median < worst else "same"


def as_text(rows: list[list[str]]) -> str:
    """Return the table with aligned columns."""
    lines = [list(COLUMNS), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
