"""The command `python -m tests.benchmarks.quality`.

With names of sets and the options --grid, --before, --seeds N and --dry; or table or rules, with
names of sets.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from .comparison import as_text, compared, rows_of_table
from .forecasts import forecast_table, hour_windows_table, hours_table, smoothing_table
from .gradients import gradient_table
from .loaders import MissingData
from .measuring import baselines_of, measure
from .report import render, row_of
from .rivals import rivals_table
from .rules import SPLITS, measure_rules
from .rules_report import SEASONS, render_rules
from .season_rules import judge_seasons
from .tasks import TASKS

# results that have tables of their own
TABLES = {
    "forecasts": forecast_table,
    "smoothing": smoothing_table,
    "hours": hours_table,
    "hour-windows": hour_windows_table,
    "rivals": rivals_table,
    "gradients": gradient_table,
}
NAMES = [*TASKS, *TABLES]
STORE = Path(__file__).with_name("quality.json")
PAGE = Path(__file__).parents[3] / "docs" / "benchmarks" / "quality.rst"
RULES_STORE, RULES_PAGE = STORE.with_name("rules.json"), PAGE.with_name("rules.rst")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.quality", description=__doc__)
    parser.add_argument(
        "sets",
        nargs="*",
        metavar="SET",
        help=(
            f"some of {', '.join(NAMES)} (default: all); table, and some of these, to print one "
            f"table of them; or rules, and some of {', '.join(SPLITS)} (default: all)"
        ),
    )
    parser.add_argument("--grid", action="store_true", help="search the recommended grid")
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="number of fits per set (default: 5 or 3)"
    )
    parser.add_argument(
        "--before", action="store_true", help="store the results as those of earlier defaults"
    )
    parser.add_argument("--dry", action="store_true", help="print only")
    return parser.parse_args()


def _names(asked: list[str]) -> list[str]:
    """Return the names of all sets that are meant; "P9" means all that begin with it."""
    unknown = [a for a in asked if not any(a in (n, n.split("-")[0]) for n in NAMES)]
    if unknown:
        raise SystemExit(f"no such set: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return [name for name in NAMES if not asked or {name, name.split("-")[0]} & set(asked)]


def _stored(store: Path = STORE) -> dict[str, Any]:
    return json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}


def _save(stored: dict[str, Any]) -> None:
    STORE.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(render(stored), encoding="utf-8")


def _measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Print the results of a set, and return them as they are stored."""
    if name in TABLES:
        table = TABLES[name]()
        print(f"{name}: {table}", flush=True)
        return {name: table}
    mode = "grid" if arguments.grid else "before" if arguments.before else "defaults"
    task = TASKS[name]
    try:
        result = asdict(measure(task, grid=arguments.grid, n_seeds=arguments.seeds))
        if mode == "defaults":  # other models have no seed: once is enough
            known = _stored().get(mode, {}).get(name, {}).get("baselines")
            result["baselines"] = known or baselines_of(task)
    except MissingData as missing:
        print(f"{name}: skipped, {missing}", flush=True)
        return {}
    print("; ".join(row_of(name, result, mode)), flush=True)
    return {mode: {name: result}}


def _keep(news: dict[str, Any]) -> None:
    """Store new results; those of other sets are kept."""
    stored = _stored()
    for key, value in news.items():
        stored[key] = stored.get(key, {}) | value
    _save(stored)


def _compare_rules(names: list[str], *, dry: bool) -> None:
    """Compare the defaults with alternatives, one set at a time, and store the results."""
    known = [*SPLITS, SEASONS]
    if unknown := set(names) - set(known):
        raise SystemExit(f"no rules for {', '.join(unknown)}; there are {', '.join(known)}")
    sets = [name for name in names if name != SEASONS]
    for name, judged in measure_rules(sets) if sets or not names else ():
        if not dry:
            _keep_rules({name: judged})
    if SEASONS in names or not names:
        of_kinds = dict(judge_seasons())
        if not dry:
            _keep_rules({SEASONS: of_kinds})


def _keep_rules(news: dict[str, Any]) -> None:
    stored = _stored(RULES_STORE) | news
    RULES_STORE.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    RULES_PAGE.write_text(render_rules(stored), encoding="utf-8")


def main() -> None:
    """Measure the requested sets."""
    arguments = _arguments()
    torch.set_num_threads(1)
    if arguments.sets[:1] == ["rules"]:
        _compare_rules(arguments.sets[1:], dry=arguments.dry)
        return
    is_table = arguments.sets[:1] == ["table"]
    asked = arguments.sets[1:] or [*compared(), "forecasts"] if is_table else arguments.sets
    for name in _names(asked):
        news = _measure(name, arguments)
        if news and not arguments.dry:
            _keep(news)
    if is_table:
        print(as_text(rows_of_table(_stored())))


if __name__ == "__main__":
    main()
