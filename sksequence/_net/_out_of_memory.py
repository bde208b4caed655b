"""Errors of torch and numpy when memory runs out, as a MemoryError with advice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from sksequence._batching import BatchIterator
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


def network_advice(spec: NetworkSpec) -> str:
    """Return the size of the network, and the parameters that make it smaller."""
    return (
        f"the network has hidden_size={spec.hidden_size}, num_layers={spec.num_layers}, "
        f"n_estimators={spec.n_estimators} and {spec.n_features} numbers per step as input. Set "
        "these, embedding_dim, context_size or frame_length lower."
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
    if unit == "bytes":
        power = 0
        while size >= 1024 and power < len(_UNITS) - 1:
            size, power = size / 1024, power + 1
        unit = _UNITS[power]
    return f"{size:.3g} {unit} of memory"
