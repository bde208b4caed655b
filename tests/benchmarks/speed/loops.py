"""Hand-written training loops: batches from a DataLoader, or selected from preloaded tensors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, TensorDataset

from .timing import Clock, seconds
from .work import LEARNING_RATE, MAX_GRAD_NORM, N_CLASSES, Work

LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
Batches = Callable[[], Iterator[tuple[Any, Tensor]]]


class LastStep(nn.Module):
    """One layer and a linear head on the last step, of a tensor, packed or padded sequences."""

    def __init__(self, cell: str, n_features: int, hidden_size: int) -> None:
        super().__init__()
        self.layer = LAYERS[cell](n_features, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, N_CLASSES)

    def forward(self, x: Tensor | PackedSequence | tuple[Tensor, Tensor]) -> Tensor:
        """Return logits."""
        if isinstance(x, Tensor):
            return self.head(self.layer(x)[0][:, -1])
        if isinstance(x, PackedSequence):
            last = self.layer(x)[1]
            return self.head((last[0] if isinstance(last, tuple) else last)[-1])
        padded, lengths = x
        rows = torch.arange(len(lengths))
        return self.head(self.layer(padded)[0][rows, lengths - 1])


class LoopEpochs:
    """Seconds per epoch of a hand-written loop."""

    def __init__(
        self,
        work: Work,
        batches: Callable[[Work], Batches],
        *,
        fused: bool | None = None,
        clock: Clock = time.process_time,
    ) -> None:
        torch.manual_seed(0)
        self.n_epochs, self.clock = work.n_epochs, clock
        self.batches = batches(work)
        self.network = LastStep(work.cell, work.n_features, work.hidden_size)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE, fused=fused)
        self.loss = nn.CrossEntropyLoss()

    def __call__(self) -> float:
        """Train for `n_epochs`."""
        return seconds(self._train, self.clock) / self.n_epochs

    def _train(self) -> None:
        parameters = list(self.network.parameters())
        self.network.train()
        for _ in range(self.n_epochs):
            total = 0.0
            for x, y in self.batches():
                self.optimizer.zero_grad()
                loss = self.loss(self.network(x), y)
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, MAX_GRAD_NORM)
                self.optimizer.step()
                total += loss.item() * len(y)


def loaded(work: Work) -> Batches:
    """Return equal lengths from a DataLoader over a TensorDataset."""
    X, y = (torch.from_numpy(part) for part in work.data())
    loader = DataLoader(TensorDataset(X, y), batch_size=work.batch_size, shuffle=True)
    return lambda: iter(loader)


def packed(work: Work) -> Batches:
    """Return ragged lengths from a DataLoader, padded and packed."""
    return _collated(work, partial(_collate, pack=True))


def padded(work: Work) -> Batches:
    """Return ragged lengths from a DataLoader, padded to the longest of the batch."""
    return _collated(work, partial(_collate, pack=False))


def preloaded(work: Work) -> Batches:
    """Return rows of padded tensors, permuted and cut to the longest of the batch."""
    X, y = work.data()
    targets = torch.from_numpy(y)
    if work.n_steps is not None:
        return partial(_picked, torch.from_numpy(X), None, targets, work.batch_size)
    tensors = [torch.from_numpy(x) for x in X]
    lengths = torch.tensor([len(x) for x in tensors])
    return partial(
        _picked, pad_sequence(tensors, batch_first=True), lengths, targets, work.batch_size
    )


def _collated(work: Work, collate: Callable[[list[Any]], Any]) -> Batches:
    X, y = work.data()
    pairs = list(zip((torch.from_numpy(x) for x in X), torch.from_numpy(y), strict=True))
    loader: Any = DataLoader(
        pairs,  # type: ignore[arg-type]
        batch_size=work.batch_size,
        shuffle=True,
        collate_fn=collate,
    )
    return lambda: iter(loader)


def _collate(pairs: list[Any], pack: bool) -> tuple[Any, Tensor]:
    sequences, targets = zip(*pairs, strict=True)
    lengths = torch.tensor([len(x) for x in sequences])
    block = pad_sequence(list(sequences), batch_first=True)
    if pack:
        x = pack_padded_sequence(block, lengths, batch_first=True, enforce_sorted=False)
        return x, torch.stack(targets)
    return (block, lengths), torch.stack(targets)


def _picked(
    X: Tensor, lengths: Tensor | None, y: Tensor, batch_size: int
) -> Iterator[tuple[Any, Tensor]]:
    for index in torch.randperm(len(y)).split(batch_size):
        x: Any = X.index_select(0, index)
        if lengths is not None:
            of_rows = lengths.index_select(0, index)
            x = (x[:, : int(of_rows.max())], of_rows)
        yield x, y.index_select(0, index)
