"""One epoch of ours compared with one epoch of the others, equal and ragged lengths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from skorch.callbacks import Callback

from .environments import child_epochs
from .loops import LoopEpochs, loaded, packed, padded, preloaded
from .ours import OurEpochs, PlainEpochs, classifier
from .timing import Contender, Row, compare, interleave
from .with_skorch import SkorchEpochs
from .work import Work

LOADED = "DataLoader loop"
PRELOADED = "preloaded loop"
FUSED = "preloaded loop, fused Adam"
SKORCH = "skorch"
PACKED = "DataLoader loop, packed"
PADDED = "DataLoader loop, padded"
PLAIN = "ours, plain installation"

_TARGETS = {
    LOADED: {"lstm": 0.90, "gru": 0.30, "rnn": 0.50},
    PRELOADED: {"lstm": 1.00},
    SKORCH: {"lstm": 0.82, "gru": 0.28, "rnn": 0.45},
    "keras": {"lstm": 0.25, "gru": 0.25, "rnn": 0.25},
    PACKED: {"lstm": 0.40, "gru": 0.20},
}
MOST_PADDING = 0.08


def equal(*, quick: bool) -> Iterator[Row]:
    """Compare on 2,000 sequences of 50 steps."""
    for cell in ("lstm", "gru", "rnn"):
        work = Work(cell, n_epochs=1 if quick else 3)
        ours = OurEpochs(work)
        contenders: dict[str, Contender] = {
            "ours": ours,
            PLAIN: PlainEpochs(work),
            LOADED: LoopEpochs(work, loaded),
            PRELOADED: LoopEpochs(work, preloaded),
            FUSED: LoopEpochs(work, preloaded, fused=True),
            SKORCH: SkorchEpochs(work),
        }
        others = ("keras", "sktime") if cell == "gru" else ("keras",)
        with child_epochs(others, asdict(work)) as (children, failures):
            times = interleave(contenders | children, 3 if quick else 9)
        yield from _rows(cell, times)
        yield _whole_fit(work, ours, times[LOADED])
        for name, reason in failures.items():
            yield Row(f"{cell}: {name}", None, details=reason)


def _rows(cell: str, times: dict[str, list[float]]) -> Iterator[Row]:
    for name, theirs in times.items():
        if name not in ("ours", PLAIN):
            target = _TARGETS.get(name, {}).get(cell)
            ours, plain = times["ours"], times[PLAIN]
            yield compare(f"{cell}: {name}", ours, theirs, target, plain=plain)


def _whole_fit(work: Work, ours: OurEpochs, loop: list[float]) -> Row:
    n_epochs = 1 + work.n_epochs
    what = (
        f"{work.cell}: whole fit of {n_epochs} epochs, its checks included, over "
        f"{n_epochs} epochs of the {LOADED}"
    )
    return compare(what, ours.fits[-len(loop) :], [n_epochs * t for t in loop])


def ragged(*, quick: bool) -> Iterator[Row]:
    """Compare on lengths from 5 to 200, uniform; then report the fraction of padded steps."""
    for cell in ("lstm", "gru", "rnn"):
        work = Work(cell, n_sequences=500 if quick else 2000, n_steps=None, n_epochs=1)
        ours = OurEpochs(work)
        contenders: dict[str, Contender] = {
            "ours": ours,
            PLAIN: PlainEpochs(work),
            PACKED: LoopEpochs(work, packed),
            PADDED: LoopEpochs(work, padded),
            PRELOADED: LoopEpochs(work, preloaded),
        }
        yield from _rows(cell, interleave(contenders, 3 if quick else 7))
    yield padding(Work("rnn", n_steps=None))


class Padding(Callback):
    """Callback that counts steps, and those that are padding."""

    def __init__(self) -> None:
        self.all = self.real = 0

    def on_batch_begin(self, net: Any, batch: Any = None, **kwargs: Any) -> None:
        """Count the steps of a batch."""
        inputs = batch[0]
        n_rows, n_steps = inputs["values"].shape[:2]
        self.all += n_rows * n_steps
        self.real += int(inputs["lengths"].sum())


def padding(work: Work) -> Row:
    """Return the fraction of steps that are padding in our batches."""
    counts = Padding()
    classifier(work, callbacks=[counts], max_epochs=1).fit(*work.data())
    fraction = 1.0 - counts.real / counts.all
    return Row(f"padded steps over all, {work.name}", fraction, MOST_PADDING)
