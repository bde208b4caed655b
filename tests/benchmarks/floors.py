"""The command: `python -m tests.benchmarks.floors [SET ...] [--defaults] [--seeds N]`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from .gradients import gradient_table
from .loaders import MissingData
from .measuring import measure
from .report import render, row_of
from .tasks import TASKS

NAMES = [*TASKS, "gradients"]
STORE = Path(__file__).with_name("floors.json")
TABLE = Path(__file__).with_name("floors.md")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.floors", description=__doc__)
    parser.add_argument(
        "sets", nargs="*", metavar="SET", help=f"some of {', '.join(NAMES)}; without one, all"
    )
    parser.add_argument("--defaults", action="store_true", help="choose nothing: defaults only")
    parser.add_argument("--seeds", type=int, metavar="N", help="fits a set; without it, 5 or 3")
    parser.add_argument("--dry", action="store_true", help="leave floors.md as it is")
    return parser.parse_args()


def _names(asked: list[str]) -> list[str]:
    """Let "P9" mean all sets that begin with it."""
    unknown = [a for a in asked if not any(a in (n, n.split("-")[0]) for n in NAMES)]
    if unknown:
        raise SystemExit(f"no such set: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return [name for name in NAMES if not asked or {name, name.split("-")[0]} & set(asked)]


def _stored() -> dict[str, Any]:
    return json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}


def _save(stored: dict[str, Any]) -> None:
    STORE.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    TABLE.write_text(render(stored), encoding="utf-8")


def _measure(name: str, arguments: argparse.Namespace, stored: dict[str, Any]) -> None:
    """Print what a set came to, and put it beside what was measured before."""
    if name == "gradients":
        stored[name] = gradient_table()
        print(f"{name}: {stored[name]}", flush=True)
        return
    task = TASKS[name]
    try:
        data = task.load()
    except MissingData as missing:
        print(f"{name}: skipped, {missing}", flush=True)
        return
    result = measure(task, data, defaults=arguments.defaults, n_seeds=arguments.seeds)
    print(row_of(name, asdict(result)), flush=True)
    stored.setdefault("defaults" if arguments.defaults else "chosen", {})[name] = asdict(result)


def main() -> None:
    """Measure the sets that were asked for."""
    arguments = _arguments()
    torch.set_num_threads(1)
    for name in _names(arguments.sets):
        stored = _stored()
        _measure(name, arguments, stored)
        if not arguments.dry:
            _save(stored)


if __name__ == "__main__":
    main()
