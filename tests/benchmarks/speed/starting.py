"""CPU seconds of a new process: imports, and the first small fit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import numpy as np

from .timing import Row, compare, interleave

MOST_IMPORT, MOST_SECONDS = 1.1, 1.0
_CLOCK = "import time; start = time.process_time(); {}; print(time.process_time() - start)"
_FIT = (
    "import numpy as np; from sksequence import RNNClassifier; import time; "
    "X = np.zeros((20, 10, 2)); y = np.arange(20) % 2; start = time.process_time(); "
    "RNNClassifier(cell='{}', max_epochs=2).fit(X, y); print(time.process_time() - start)"
)


def startup(*, quick: bool) -> Iterator[Row]:
    """Compare our import with those of our dependencies; then measure the first fit."""
    contenders = {
        "ours": partial(_run, _CLOCK.format("import sksequence")),
        "used": partial(_run, _CLOCK.format("import torch, sklearn, skorch")),
        "lstm": partial(_run, _FIT.format("lstm")),
        "gru": partial(_run, _FIT.format("gru")),
        "rnn": partial(_run, _FIT.format("rnn")),
    }
    times = interleave(contenders, 3 if quick else 7)
    what = "import sksequence over import torch, sklearn, skorch"
    yield compare(what, times["ours"], times["used"], MOST_IMPORT)
    for cell in ("lstm", "gru", "rnn"):
        low, high = np.percentile(times[cell], [25, 75])
        what = f"{cell}: CPU seconds of the first small fit after the imports"
        yield Row(
            what, float(np.median(times[cell])), MOST_SECONDS, details=f"{low:.2f} to {high:.2f}"
        )


def _run(code: str) -> float:
    """Return the number that a new process prints; it may use bytecode, as in an installation."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)
