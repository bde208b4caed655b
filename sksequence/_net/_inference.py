"""Prediction: no graph, batches of bounded size, results in the caller's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching import PreparedSequences, flat_rows, inference_batches, on_device
from sksequence._kernels import STABLE, is_compiled
from sksequence._modules import Ensemble, SequenceNetwork
from sksequence._net._memory import inference_advice, memory_errors

_FIRST = np.zeros(1, np.int64)


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
        Its `forward` or `features`.
    prepared : PreparedSequences
        Input.
    per_step : bool
        Whether the function returns one row a step.

    Returns
    -------
    ndarray of shape (n_sequences, width) or (sum of n_steps, width)
        In the order of the input.
    """
    if network.training:  # the switch walks through all modules
        network.eval()
    device, multiple = network.device, _row_multiple(network)
    outputs: NDArray[np.float32] | None = None
    advice = partial(inference_advice, prepared.lengths)
    with memory_errors(advice), torch.inference_mode():
        if len(prepared) == multiple == 1:
            return _alone(function, prepared)
        n_rows = int(prepared.lengths.sum()) if per_step else len(prepared)
        for index, batch in _batches(prepared, device, multiple):
            rows = index
            if per_step:
                rows = flat_rows(prepared.offsets[index], prepared.lengths[index])
            block = function(**batch)[: len(rows)].cpu().numpy()
            if outputs is None:
                # small pieces kept between large ones would leave memory in splinters
                outputs = np.empty((n_rows, *block.shape[1:]), dtype=block.dtype)
            outputs[rows] = block
    assert outputs is not None
    return outputs


def _alone(function: Callable[..., Tensor], prepared: PreparedSequences) -> NDArray[np.float32]:
    """Read a single sequence on the CPU: what a batch takes around the network would be half of the time."""
    batch: dict[str, Any] = prepared.gather(_FIRST)
    batch["lengths"] = None  # it is full
    return np.asarray(function(**batch).numpy())


def _row_multiple(network: SequenceNetwork | Ensemble) -> int:
    """Return which numbers of rows give each row bits of its own: compiled layers see to that by themselves."""
    spec = network.spec
    is_on_cpu = network.device.type == "cpu"
    return 1 if is_on_cpu and is_compiled(spec.cell, spec.hidden_size) else STABLE


def _batches(
    prepared: PreparedSequences, device: Any, multiple: int
) -> Iterator[tuple[NDArray[np.int64], dict[str, Tensor]]]:
    lengths, width = prepared.lengths, prepared.width
    for index, padded in inference_batches(lengths, width=width, multiple=multiple):
        yield index, network_inputs(prepared.gather(padded), device)


def network_inputs(batch: dict[str, Tensor], device: Any) -> dict[str, Any]:
    """Move a batch to the device, as arguments of the network.

    Lengths are left out where all rows are full, which is known here at no cost, as is that padding is blank.
    """
    lengths = batch["lengths"]
    n_steps = max(block.shape[1] for name, block in batch.items() if name != "lengths")
    inputs: dict[str, Any] = {name: on_device(block, device) for name, block in batch.items()}
    if lengths.numpy().min() == n_steps:
        inputs["lengths"] = None
    inputs["is_blank"] = True
    return inputs


def in_order(
    results: list[tuple[NDArray[np.int64], NDArray[np.float32]]],
) -> NDArray[np.float32]:
    """Put blocks of rows where they belong."""
    total = sum(len(rows) for rows, _ in results)
    out = np.empty((total, *results[0][1].shape[1:]), dtype=results[0][1].dtype)
    for rows, block in results:
        out[rows] = block
    return out
