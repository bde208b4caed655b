"""The command `python -m tests.benchmarks.cells speed`, or `... scores [TASK ...]`.

`speed` prints the process time of a training step of one layer on one thread, relative to
`torch.nn.GRU` in the same run. `scores` runs the fits of the study that are missing in
`cells.json`, until the minutes are used, and writes the page of the documentation.
"""

from __future__ import annotations

import argparse

from . import report
from .layers import speed
from .study import MOST_SEEDS, PROBLEMS, RECURRENCES, run


def main() -> None:
    """Run the command that is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["speed", "scores", "page"])
    parser.add_argument("tasks", nargs="*", help=f"of {list(PROBLEMS)}; all by default")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS)
    parser.add_argument("--cells", nargs="*", default=list(RECURRENCES), choices=list(RECURRENCES))
    parser.add_argument("--minutes", type=float, default=60.0, help="after which no fit begins")
    arguments = parser.parse_args()
    if arguments.command == "speed":
        speed()
        return
    if arguments.command == "scores":
        tasks = arguments.tasks or list(PROBLEMS)
        run(tasks, arguments.cells, arguments.seeds, arguments.minutes)
    report.write()


if __name__ == "__main__":
    main()
