"""Prediction of one sequence and of many, compared with the bare network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from sksequence import Sequences

from .ours import classifier
from .timing import Row, compare, interleave, seconds
from .work import Work

MOST_ONE, MOST_ALONE, MOST_MANY = 1.5, 1.4, 1.1
ROWS = 16  # rows that a single sequence is padded to, for the same bits as in a batch
_MANY, _STEPS = 20_000, 1 << 15


def predict(*, quick: bool) -> Iterator[Row]:
    """Compare on one sequence, then on 20,000, equal and ragged."""
    for cell in ("lstm", "gru", "rnn"):
        yield from _one(Work(cell), 3 if quick else 15)
    for cell in ("lstm", "gru", "rnn"):
        for n_steps in (50, None):
            work = Work(cell, n_sequences=2000 if quick else _MANY, n_steps=n_steps)
            yield _many(work, 3 if quick else 7)


def _one(work: Work, n_rounds: int) -> Iterator[Row]:
    X, y = work.data()
    estimator = classifier(work, max_epochs=1).fit(X[:200], y[:200])
    network, one = estimator.module_, X[:1]
    contenders = {
        "ours": partial(_repeated, partial(estimator.predict, one)),
        "checks": partial(_repeated, partial(estimator._check_input, one)),
        "padded": partial(_repeated, partial(_run, network, [_rows(X, ROWS)])),
        "alone": partial(_repeated, partial(_run, network, [_rows(X, 1)])),
    }
    times = interleave(contenders, n_rounds)
    unchecked = [ours - checks for ours, checks in zip(times["ours"], times["checks"], strict=True)]
    what = f"{work.cell}: predict of one sequence"
    bare = "over the bare network on"
    padded = f"{bare} the {ROWS} rows that give it the bits it has in a batch"
    yield compare(f"{what} less its checks {padded}", unchecked, times["padded"], MOST_ONE, "us")
    yield compare(f"{what} {padded}", times["ours"], times["padded"], unit="us")
    alone = f"{bare} one row"
    yield compare(f"{what} {alone}", times["ours"], times["alone"], MOST_ALONE, "us")


def _rows(X: np.ndarray, n_rows: int) -> tuple[None, Tensor]:
    return None, torch.from_numpy(X[:1].repeat(n_rows, axis=0))


def _repeated(work: Callable[[], object]) -> float:
    def many() -> None:
        for _ in range(50):
            work()

    return seconds(many) / 50


def _run(network: torch.nn.Module, batches: list[tuple[Tensor | None, Tensor]]) -> Tensor:
    with torch.inference_mode():
        return torch.cat([network(lengths, x) for lengths, x in batches])


def _many(work: Work, n_rounds: int) -> Row:
    X, y = work.data()
    lengths = np.array([len(x) for x in X])
    sequences = Sequences(np.concatenate(X), np.r_[0, np.cumsum(lengths)])
    estimator = classifier(work, max_epochs=1).fit(X[:200], y[:200])
    batches = _sorted_batches(X, lengths)
    contenders = {
        "ours": partial(seconds, partial(estimator.predict, sequences)),
        "bare": partial(seconds, partial(_run, estimator.module_, batches)),
    }
    times = interleave(contenders, n_rounds)
    what = f"{work.name}: predict over the bare network on sorted padded batches"
    return compare(what, times["ours"], times["bare"], MOST_MANY)


def _sorted_batches(X: list[np.ndarray], lengths: np.ndarray) -> list[tuple[Tensor, Tensor]]:
    """Return batches of bounded size, longest first."""
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        n_rows = max(ROWS, _STEPS // int(lengths[order[start]]) // ROWS * ROWS)
        index = order[start : start + n_rows]
        padded = torch.nn.utils.rnn.pad_sequence(
            [torch.from_numpy(X[i]) for i in index], batch_first=True
        )
        batches.append((torch.from_numpy(lengths[index]), padded))
        start += n_rows
    return batches
