"""Overhead of our training loop over forward, backward, clipping and optimizer steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from sksequence._net import SequenceNet

from .ours import classifier
from .timing import Row, compare, interleave, seconds
from .work import Work

MOST = 1.08


class Assembled:
    """Iterator over given batches."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.batches:
            self.lengths = batch[0]["lengths"]
            yield batch


def overhead(*, quick: bool) -> Iterator[Row]:
    """Compare the loop of a fit with the bare steps, by cell and by size."""
    works = [Work(cell) for cell in ("lstm", "gru", "rnn")]
    works += [Work("lstm", hidden_size=128, batch_size=128), Work("gru", hidden_size=16)]
    for work in works:
        net, batches = _net_and_batches(work)
        iterator = Assembled(batches)
        contenders = {
            "ours": lambda net=net, it=iterator: seconds(lambda: _ours(net, it)),
            "bare": lambda net=net, it=batches: seconds(lambda: _bare(net, it)),
        }
        times = interleave(contenders, 3 if quick else 15)
        yield compare(f"{work.name}: loop over bare steps", times["ours"], times["bare"], MOST)


def _net_and_batches(work: Work) -> tuple[SequenceNet, list[Any]]:
    """Return a net in training and the batches of an epoch."""
    estimator = classifier(work, max_epochs=1)
    caught: list[Any] = []
    original = SequenceNet.end_training
    iterator = SequenceNet.get_iterator

    def kept(net: SequenceNet, dataset: Any, training: bool = False) -> Any:
        batches = list(iterator(net, dataset, training=training))
        caught.extend(batches)
        return Assembled(batches)

    SequenceNet.end_training = lambda net: None  # type: ignore[method-assign]
    SequenceNet.get_iterator = kept  # type: ignore[method-assign]
    try:
        estimator.fit(*work.data())
    finally:
        SequenceNet.end_training = original  # type: ignore[method-assign]
        SequenceNet.get_iterator = iterator  # type: ignore[method-assign]
    return estimator.net_, caught


def _ours(net: SequenceNet, iterator: Assembled) -> None:
    net.history.new_epoch()
    net.run_single_epoch(iterator, training=True, prefix="train", step_fn=net.train_step)


def _bare(net: SequenceNet, batches: list[Any]) -> None:
    """Run the bare steps: the same network, loss, clipping and optimizer, without our loop."""
    network, optimizer = net.module_, net.optimizer_
    parameters = list(network.parameters())
    for inputs, (targets, _) in batches:
        optimizer.zero_grad()
        outputs = network(**(inputs | {"lengths": None}))
        torch.nn.functional.cross_entropy(outputs, targets).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
