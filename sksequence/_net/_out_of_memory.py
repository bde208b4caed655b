"""Errors of torch and numpy when memory runs out, as a MemoryError with advice."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from sksequence._batching import BatchIterator
from sksequence._cells import context_size, n_layer_weights
from sksequence._settings import NetworkSpec

_SIGNS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "Storage size calculation overflowed",
    "Overflow when unpacking long",
)
_REQUEST = re.compile(r"(?:[Tt]ried|[Uu]nable) to allocate ([\d.]+) ?([kKMGTP]?i?B|bytes)")
# smallest number of rows that prediction reads together: see inference_batches
_FEWEST = 16
# each layer takes a part of a millisecond to build
_MAX_LAYERS = 10_000
# a weight, its gradient and the two moments of the optimizer
_BYTES_PER_WEIGHT = 16
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


@contextmanager
def memory_errors(advice: Callable[[], str]) -> Iterator[None]:
    """Raise a MemoryError with advice for errors of torch and numpy that mean "out of memory".

    `advice` is called only then.
    """
    try:
        yield
    except (RuntimeError, MemoryError, TypeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise MemoryError(f"Could not get {_request(str(error))}: {advice()}") from error


def check_size(spec: NetworkSpec) -> None:
    """Raise an error, before anything is built, for a network of absurd size."""
    n_inputs = context_size(spec.cell)
    n_layers = spec.num_layers * spec.n_estimators * n_inputs
    if n_layers > _MAX_LAYERS:
        context = f", context_size={n_inputs}" * (n_inputs > 1)
        raise ValueError(
            f"num_layers={spec.num_layers}{context} and n_estimators={spec.n_estimators} make "
            f"{n_layers} layers, more than the {_MAX_LAYERS} that can be trained. Set them lower."
        )
    check_memory(_BYTES_PER_WEIGHT * n_weights(spec), network_advice(spec))


def check_memory(n_bytes: int, advice: str) -> None:
    """Raise a MemoryError with advice if the machine has less memory than that."""
    if n_bytes > _total_memory():
        raise MemoryError(f"Could not get {_in_units(n_bytes)} of memory: {advice}")


def n_weights(spec: NetworkSpec) -> int:
    """Return the number of weights, without biases and the parameters of a user's cell."""
    n_directions = 1 + spec.bidirectional
    tables = list(zip(spec.n_symbols, spec.embedding_dims, strict=True))
    n_numbers = spec.n_features * (1 if spec.missing == "error" else 2)
    width, recurrent = n_numbers + spec.frame_length * sum(dim for _, dim in tables), 0
    for size in spec.hidden_sizes:
        recurrent += n_layer_weights(spec.cell, width, size)
        width = size * n_directions if spec.merge_mode == "concat" else size
    head = 0 if spec.tie_weights else width * spec.n_outputs
    one = n_directions * recurrent + sum(size * dim for size, dim in tables) + head
    return spec.n_estimators * one


def _total_memory() -> float:
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # not on every system
        return float("inf")


def network_advice(spec: NetworkSpec) -> str:
    """Return the size of the network, and the parameters that make it smaller."""
    return (
        f"the network has hidden_size={spec.hidden_size}, num_layers={spec.num_layers}, "
        f"n_estimators={spec.n_estimators} and {spec.n_features} numbers per step as input. Set "
        "these, embedding_dim, frame_length or the context_size of FeedForward lower."
    )


def batch_advice(iterator: BatchIterator, per_step: bool) -> str:
    """Return the size of a training batch, and the parameters that make it smaller."""
    n_rows = min(iterator.batch_size, len(iterator.dataset))
    n_steps = int(iterator.dataset.prepared.lengths.max())
    shorter = "tbptt_steps" if per_step else "frame_length and frame_step"
    return (
        f"batches are up to {n_rows} sequences x {n_steps} steps. Set batch_size (it is "
        f"{iterator.batch_size}) or hidden_size lower, let {shorter} shorten the sequences, or "
        "pass shorter ones."
    )


def inference_advice(lengths: NDArray[np.int64]) -> str:
    """Return the smallest size of a batch of prediction, and ways to need less memory."""
    return (
        f"the longest of these sequences has {int(lengths.max())} steps, and batches have at least "
        f"{_FEWEST} rows. Pass shorter or fewer sequences, or fit with a lower hidden_size."
    )


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(sign in str(error) for sign in _SIGNS)


def _request(message: str) -> str:
    found = _REQUEST.search(message)
    if found is None:
        return "memory"
    size, unit = float(found[1]), found[2]
    return f"{_in_units(size) if unit == 'bytes' else f'{size:.3g} {unit}'} of memory"


def _in_units(size: float) -> str:
    """Return a number of bytes in a unit in which it is short."""
    power = 0
    while size >= 1024 and power < len(_UNITS) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.3g} {_UNITS[power]}"
