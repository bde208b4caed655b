"""The command `python -m tests.benchmarks.speed`, which prints and stores a table of ratios.

With names of parts, and the option --quick.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch

from . import epochs, folds, generation, grid, overhead, prediction, scaling, starting, threaded
from .timing import Row

PARTS: dict[str, tuple[str, Callable[..., Iterator[Row]]]] = {
    "equal": ("One epoch, equal lengths", epochs.equal),
    "ragged": ("One epoch, ragged lengths", epochs.ragged),
    "overhead": ("Overhead of the training loop on assembled batches", overhead.overhead),
    "threads": ("Two threads compared with one", threaded.threads),
    "predict": ("Prediction", prediction.predict),
    "generation": ("Generation", generation.generation),
    "scaling": ("Scaling of time", scaling.scaling),
    "memory": ("Memory for data on disk", scaling.memory),
    "search": ("GridSearchCV", folds.search),
    "startup": ("Startup of a process", starting.startup),
    "grid": ("Cells, widths and batch sizes compared with the preloaded loop", grid.grid),
}
_STORE = Path(__file__).with_name("speed.json")
_PAGE = Path(__file__).parent.parent / "speed.md"
_PACKAGES = ("torch", "skorch", "scikit-learn", "numpy", "numba")


def main() -> None:
    """Run the requested parts and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all")
    parser.add_argument("--quick", action="store_true", help="few runs; nothing is stored")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown parts {sorted(unknown)}; there are {', '.join(PARTS)}")
    torch.set_num_threads(1)
    for name in arguments.parts or PARTS:
        print(f"\n## {PARTS[name][0]}\n\n{_HEAD}", flush=True)
        rows = []
        for row in PARTS[name][1](quick=arguments.quick):
            print(_line(row), flush=True)
            rows.append(row)
        if not arguments.quick:
            _keep(name, rows)


def _keep(name: str, rows: list[Row]) -> None:
    stored = json.loads(_STORE.read_text()) if _STORE.exists() else {}
    stored[name] = [asdict(row) for row in rows]
    _STORE.write_text(json.dumps(stored, indent=1) + "\n")
    _PAGE.write_text(_page({part: [Row(**row) for row in stored[part]] for part in stored}))


_HEAD = "| ratio | plain | target | | what | quartiles; ours / theirs |\n|---|---|---|---|---|---|"


def _line(row: Row) -> str:
    ratio, plain = ("" if n is None else f"{n:.4g}" for n in (row.ratio, row.plain))
    sign = ">=" if row.greater else "<="
    target = "" if row.target is None else f"{sign} {row.target:g}"
    return f"| {ratio} | {plain} | {target} | {row.verdict} | {row.what} | {row.details} |"


def _page(stored: dict[str, list[Row]]) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    page = (
        "# Speed of training and prediction\n\n"
        "Written by `python -m tests.benchmarks.speed`; README.md describes the protocol. Each\n"
        "ratio is our median time over the other one, of interleaved runs: CPU time on one thread\n"
        "unless the row has another measure. Below 1, ours is faster. The column *plain* has the\n"
        "ratio of the installation without the extra `fast`, where it was measured.\n\n"
        f"Python {platform.python_version()}, {packages};\n"
        f"{platform.machine()}, two shared cores.\n"
    )
    for name, (title, _) in PARTS.items():
        if name in stored:
            rows = "\n".join(map(_line, stored[name]))
            page += f"\n## {title}\n\n{_HEAD}\n{rows}\n"
    return page


if __name__ == "__main__":
    main()
