"""Two threads compared with one, in wall time; this needs two idle cores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import torch

from .loops import LoopEpochs, preloaded
from .ours import OurEpochs
from .timing import Contender, Row, compare, interleave
from .work import Work

_TARGETS = {"lstm": 0.60, "gru": 0.70, "rnn": 0.70}


def threads(*, quick: bool) -> Iterator[Row]:
    """Compare ours on two threads with ours on one and torch on two, for wide and narrow layers."""
    for cell in ("lstm", "gru", "rnn"):
        for hidden_size, batch_size in ((128, 128), (32, 32)):
            work = Work(cell, hidden_size=hidden_size, batch_size=batch_size, n_epochs=1)
            clock = time.perf_counter
            ours, loop = OurEpochs(work, clock), LoopEpochs(work, preloaded, clock=clock)
            contenders = {
                "one": partial(_with_threads, 1, ours),
                "two": partial(_with_threads, 2, ours),
                "torch": partial(_with_threads, 2, loop),
            }
            times = interleave(contenders, 3 if quick else 7)
            target = _TARGETS[cell] if hidden_size == 128 else None
            what = f"{work.name}: ours with two threads over"
            yield compare(f"{what} ours with one", times["two"], times["one"], target)
            yield compare(f"{what} torch with two", times["two"], times["torch"], 1.0)


def _with_threads(n: int, contender: Contender) -> float:
    torch.set_num_threads(n)
    try:
        return contender()
    finally:
        torch.set_num_threads(1)
