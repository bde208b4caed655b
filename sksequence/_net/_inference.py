"""Prediction without a graph, in batches of bounded size; results are in the caller's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching import (
    PreparedSequences,
    flat_rows,
    inference_batches,
    network_inputs,
    offsets_of,
)
from sksequence._cells import is_compiled
from sksequence._kernels import STABLE
from sksequence._modules import (
    Ensemble,
    SequenceNetwork,
    SingleSequenceReader,
    single_sequence_reader,
)
from sksequence._net._out_of_memory import inference_advice, memory_errors
from sksequence._net._sequence_net import SequenceNet

_FIRST = np.zeros(1, np.int64)
_MOST_STEPS = 1 << 12  # of a sequence that is read without modules
Arrays = tuple[NDArray[np.float32] | None, NDArray[np.int64] | None]


def run_network(
    network: SequenceNetwork | Ensemble,
    function: Callable[..., Tensor],
    prepared: PreparedSequences,
    *,
    per_step: bool,
) -> NDArray[np.float32]:
    """Apply a function of the network to all sequences.

    Parameters
    ----------
    network : SequenceNetwork or Ensemble
        Put into evaluation mode.
    function : callable
        Method `forward` or `features` of the network.
    prepared : PreparedSequences
        Input.
    per_step : bool
        Whether the function returns one row per step.

    Returns
    -------
    ndarray of shape (n_sequences, width) or (sum of n_steps, width)
        Results in the order of the input.
    """
    if network.training:  # `eval` visits every module, which shows when predicting one sequence
        network.eval()
    device, multiple = network.device, _row_multiple(network)
    outputs: NDArray[np.float32] | None = None
    advice = partial(inference_advice, prepared.lengths)
    with memory_errors(advice), torch.inference_mode():
        if len(prepared) == multiple == 1:
            return _single_output(function, prepared)
        offsets = offsets_of(prepared.lengths) if per_step else None  # of frames, not of steps
        n_rows = len(prepared) if offsets is None else int(offsets[-1])
        for index, batch in _batches(prepared, device, multiple):
            rows = index
            if offsets is not None:
                rows = flat_rows(offsets[index], prepared.lengths[index])
            block = function(**batch)[: len(rows)].cpu().numpy()
            if outputs is None:
                # keeping the small results between large tensors would fragment the memory
                outputs = np.empty((n_rows, *block.shape[1:]), dtype=block.dtype)
            outputs[rows] = block
    assert outputs is not None
    return outputs


def _single_output(
    function: Callable[..., Tensor], prepared: PreparedSequences
) -> NDArray[np.float32]:
    """Read a single sequence on the CPU, where the overhead of batches would double the time."""
    batch: dict[str, Any] = prepared.gather(_FIRST)
    batch["lengths"] = None  # the only row is full
    return np.asarray(function(**batch).numpy())


def _row_multiple(network: SequenceNetwork | Ensemble) -> int:
    """Return the number to whose multiples batches are filled, for bits independent of the batch.

    Compiled layers need no filling.
    """
    spec = network.spec
    is_looped = network.device.type == "cpu" and all(
        is_compiled(spec.cell, size) for size in spec.hidden_sizes
    )
    return 1 if is_looped else STABLE


def _batches(
    prepared: PreparedSequences, device: Any, multiple: int
) -> Iterator[tuple[NDArray[np.int64], dict[str, Tensor]]]:
    lengths, width = prepared.lengths, prepared.width
    for index, padded in inference_batches(lengths, width=width, multiple=multiple):
        yield index, network_inputs(prepared.gather(padded), device)


def _short_sequence(
    net: SequenceNet, prepared: PreparedSequences
) -> tuple[SingleSequenceReader, Arrays] | None:
    """Return a reader and the input of a single short sequence, where modules would take longer."""
    if len(prepared) > 1 or prepared.lengths[0] > _MOST_STEPS:
        return None
    network = net.module_
    if network.training:
        network.eval()
    reader = single_sequence_reader(network)
    if reader is None:
        return None
    return reader, prepared.only_steps()


def network_outputs(net: SequenceNet, prepared: PreparedSequences) -> NDArray[np.float32]:
    """Return the head's outputs, one row per sequence or per step."""
    short = _short_sequence(net, prepared)
    if short is not None:
        reader, arrays = short
        return reader.outputs(*arrays)
    return run_network(net.module_, net.module_.forward, prepared, per_step=net.per_step)


def network_features(net: SequenceNet, prepared: PreparedSequences) -> NDArray[np.float32]:
    """Return the input of the head, one row per sequence or per step."""
    short = _short_sequence(net, prepared)
    if short is not None:
        reader, arrays = short
        return reader.features(*arrays)
    return run_network(net.module_, net.module_.features, prepared, per_step=net.per_step)
