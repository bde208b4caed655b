"""Inference in chunks of time, carrying the state: memory is bounded by the chunk.

Outputs are (n_rows, width), states are nested tuples of (n_rows, ...).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching import PreparedSequences, flat_rows, inference_batches
from sksequence._losses import loss_of
from sksequence._modules import select_rows
from sksequence._net._many_outputs import is_large, pieces
from sksequence._net._out_of_memory import inference_advice, memory_errors
from sksequence._net._sequence_net import SequenceNet
from sksequence._settings import LossChoice

_CHUNK = 256

Advance = Callable[..., tuple[Tensor, Any]]


@dataclass(frozen=True)
class _Part:
    """One chunk of a batch.

    Attributes
    ----------
    outputs : Tensor of shape (sum of lengths, width)
        Outputs of the real steps of the chunk.
    rows : ndarray of shape (sum of lengths,)
        Positions of these steps in the flat buffer.
    lengths : ndarray of shape (batch,)
        Number of real steps of each row in this chunk, 0 after its end.
    state : nested tuple of Tensor of shape (batch, ...)
        State after the chunk.
    """

    outputs: Tensor
    rows: NDArray[np.int64]
    lengths: NDArray[np.int64]
    state: Any


def step_losses(
    net: SequenceNet, prepared: PreparedSequences, targets: NDArray[Any], loss: LossChoice
) -> NDArray[np.float64]:
    """Return the negative log-likelihood at every step, of shape (sum of n_steps,)."""
    measure = partial(_joint_loss, loss_of(loss).negative_log_likelihood, net.n_networks)
    losses = np.empty(len(targets))
    for index, padded in inference_batches(prepared.lengths, chunk=_CHUNK):
        for part in _read(net, net.module_.advance_features, prepared, padded):
            n_rows = int(part.lengths[: len(index)].sum())
            for piece in _pieces(net, len(part.outputs)):
                outputs = _outputs(net, part.outputs[piece])
                rows = part.rows[piece][: max(0, n_rows - piece.start)]
                wanted = torch.from_numpy(targets[rows]).to(outputs.device)
                losses[rows] = measure(outputs[: len(rows)], wanted).cpu().numpy()
    return losses


def _pieces(net: SequenceNet, n_rows: int) -> Iterable[slice]:
    """Return slices of rows whose outputs fit in memory."""
    if not is_large(n_rows, net.module_):
        return [slice(0, n_rows)]
    return pieces(n_rows, net.module_.spec.n_outputs)


def _outputs(net: SequenceNet, features: Tensor) -> Tensor:
    with torch.inference_mode():
        outputs: Tensor = net.module_.outputs(features)
        return outputs


def _joint_loss(
    function: Callable[..., Tensor], n_networks: int, outputs: Tensor, targets: Tensor
) -> Tensor:
    """Return the negative log of the networks' mean likelihood."""
    if n_networks == 1:
        return function(outputs, targets)
    each = [function(part, targets) for part in outputs.chunk(n_networks, dim=1)]
    return math.log(n_networks) - torch.logsumexp(-torch.stack(each), dim=0)


def last_outputs(net: SequenceNet, prepared: PreparedSequences) -> NDArray[np.float32]:
    """Return the head's outputs after the last step of each sequence."""
    return _last_rows(net, net.module_.advance, prepared)


def last_features(net: SequenceNet, prepared: PreparedSequences) -> NDArray[np.float32]:
    """Return the head's inputs after the last step of each sequence."""
    return _last_rows(net, net.module_.advance_features, prepared)


def read_to_the_end(
    net: SequenceNet, prepared: PreparedSequences, index: NDArray[np.int64]
) -> tuple[Tensor, Any]:
    """Read the sequences at `index` as one batch.

    Returns
    -------
    outputs : Tensor of shape (n_rows, width)
        Outputs after the last step of each sequence.
    state : nested tuple of Tensor of shape (n_rows, ...)
        State of the network after it.
    """
    return _read_to_the_end(net, net.module_.advance, prepared, index)


def side_by_side(net: SequenceNet, outputs: Tensor, state: Any) -> list[tuple[Any, Tensor, Any]]:
    """Return each network of an ensemble with its own outputs and state."""
    if net.n_networks == 1:
        return [(net.module_, outputs, state)]
    each = outputs.chunk(net.n_networks, dim=1)
    return list(zip(net.module_.members, each, state, strict=True))


def read_together(net: SequenceNet, prepared: PreparedSequences) -> tuple[Tensor, Any]:
    """Read all sequences as `read_to_the_end` does; bits are independent of the other sequences."""
    parts, order = [], []
    for index, padded in inference_batches(prepared.lengths, chunk=_CHUNK):
        outputs, state = read_to_the_end(net, prepared, padded)
        rows = torch.arange(len(index), device=outputs.device)
        parts.append((outputs[rows], select_rows(state, rows)))
        order.append(index)
    back = torch.from_numpy(np.argsort(np.concatenate(order), kind="stable"))
    return cast("tuple[Tensor, Any]", select_rows(_joined(parts), back))


def _joined(parts: Sequence[Any]) -> Any:
    """Concatenate the rows of nested tuples of tensors."""
    if isinstance(parts[0], Tensor):
        return torch.cat(list(parts))
    return tuple(_joined(part) for part in zip(*parts, strict=True))


def _last_rows(
    net: SequenceNet, function: Advance, prepared: PreparedSequences
) -> NDArray[np.float32]:
    results = []
    for index, padded in inference_batches(prepared.lengths, chunk=_CHUNK):
        last, _ = _read_to_the_end(net, function, prepared, padded)
        results.append((index, last[: len(index)].cpu().numpy()))
    return _in_order(results)


def _read_to_the_end(
    net: SequenceNet, function: Advance, prepared: PreparedSequences, index: NDArray[np.int64]
) -> tuple[Tensor, Any]:
    last: Tensor | None = None
    state = None
    for part in _read(net, function, prepared, index):
        reached = torch.from_numpy(np.flatnonzero(part.lengths))
        ends = torch.from_numpy(np.cumsum(part.lengths)[part.lengths > 0] - 1)
        if last is None:
            last = part.outputs.new_empty(len(index), part.outputs.shape[1])
        last[reached] = part.outputs[ends]
        state = part.state
    assert last is not None
    return last, state


def _read(
    net: SequenceNet, function: Advance, prepared: PreparedSequences, index: NDArray[np.int64]
) -> Iterator[_Part]:
    """Read one batch chunk by chunk; rows that have ended keep their state."""
    net.module_.eval()
    state = None
    for start in range(0, int(prepared.lengths[index].max()), _CHUNK):
        batch = prepared.gather_part(index, start, _CHUNK)
        counts = batch["lengths"].numpy()
        advice = partial(inference_advice, prepared.lengths[index])
        with memory_errors(advice), torch.inference_mode():
            outputs, state = function(
                **{name: block.to(net.device) for name, block in batch.items()}, state=state
            )
        yield _Part(outputs, flat_rows(prepared.offsets[index] + start, counts), counts, state)


def _in_order(
    results: list[tuple[NDArray[np.int64], NDArray[np.float32]]],
) -> NDArray[np.float32]:
    """Concatenate blocks of rows, in the order of the row numbers that come with them."""
    total = sum(len(rows) for rows, _ in results)
    out = np.empty((total, *results[0][1].shape[1:]), dtype=results[0][1].dtype)
    for rows, block in results:
        out[rows] = block
    return out
