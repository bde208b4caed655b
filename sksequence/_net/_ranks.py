"""Processes that train one network together, by torch.distributed; one process alone is the rule.

Each process, a rank, computes the losses of its part of a batch, divided by the size of the whole
batch. The sum of the gradients over all ranks is therefore the gradient of the batch, and every
rank takes the same optimizer step.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version

import torch
import torch.distributed as dist
from torch import Tensor, nn

from sksequence._net._checkpoints import bare, checkpoint_in

# set by torchrun, and read by torch
_ENVIRONMENT = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_LIBRARIES = ("numpy", "scikit-learn", "skorch", "torch")
_DIGESTS = ("X", "y", "sample_weight or groups", "the network at the start")
# relative difference of the norms of weights, which are equal but for the rounding of processors
_TOLERANCE = 1e-4
# how long a process that has failed waits to hear whether the others have failed as well
_PATIENCE = timedelta(seconds=30)
_FAILED = 22  # tag of the messages about it
_group_has_ended = threading.Event()


class Ranks:
    """One process that trains alone: nothing is exchanged.

    Attributes
    ----------
    rank : int
        Number of this process.
    size : int
        Number of processes.
    """

    rank = 0
    size = 1

    def sum_gradients(self, weights: Iterable[Tensor]) -> None:
        """Replace gradients by their sums over all ranks."""

    def sum(self, number: Tensor) -> Tensor:
        """Return the sum of a number over all ranks."""
        return number

    def any(self, is_true: bool) -> bool:
        """Return whether something is true on any rank."""
        return is_true

    def unify(self, network: nn.Module) -> None:
        """Set the weights on all ranks to those of the first."""

    def check_network(self, network: nn.Module) -> None:
        """Raise a RuntimeError if the ranks have networks that differ."""

    def check_same(self, origin: Mapping[str, str]) -> None:
        """Raise a ValueError if the ranks begin trainings that differ."""

    def check_device(self, device: object) -> None:
        """Raise a ValueError if gradients on the device cannot be exchanged."""

    @contextmanager
    def together(self) -> Iterator[None]:
        """End the group if training fails on some ranks only, for which the others would wait."""
        yield


ALONE = Ranks()


class Joining(ABC):
    """Callback that lets a fit run on several processes."""

    @abstractmethod
    def join(self) -> Ranks:
        """Join the group of processes, unless this process is in it already."""


def join_ranks(callbacks: Sequence[object] | None) -> Ranks:
    """Return the processes that a callback has joined, or this process alone."""
    joining = next((c for c in map(bare, callbacks or ()) if isinstance(c, Joining)), None)
    if joining is None:
        return ALONE
    if checkpoint_in(callbacks) is not None:
        raise ValueError(
            "callbacks has both DataParallel and Checkpoint, but all processes would write to the "
            "file of one. Leave one of them out."
        )
    return joining.join()


def join_group() -> Ranks:
    """Join the group of processes that torchrun has started, or that the caller has joined.

    Raises
    ------
    RuntimeError
        If there is no such group, or if fits on this thread or in this process could mix.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "DataParallel is used on a thread: fits that run at the same time would mix their "
            "gradients. Fit on the main thread, in a search with n_jobs=1."
        )
    if not dist.is_initialized():
        _start_group()
    return _Group()


def _start_group() -> None:
    if _group_has_ended.is_set():
        raise RuntimeError(
            "The processes of DataParallel have ended their group, because an earlier fit failed "
            "in some of them only. Mend the cause of that error, and start the script again."
        )
    missing = [name for name in _ENVIRONMENT if name not in os.environ]
    if missing or not dist.is_available():
        raise RuntimeError(
            f"DataParallel needs a group of processes, but {', '.join(missing)} is not set. Start "
            "the script with `torchrun --nproc-per-node 2 script.py`, or leave DataParallel out of "
            "callbacks to train in this process alone."
        )
    name = multiprocessing.current_process().name
    if name != "MainProcess":
        raise RuntimeError(
            f"DataParallel is used in {name}, which is no process of torchrun but a worker that "
            "one has started. Set n_jobs=1: each fit uses all processes already."
        )
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    atexit.register(_leave_group)


def _leave_group() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _end_group() -> None:
    """Close all connections: ranks that wait for this one get an error."""
    _group_has_ended.set()
    _leave_group()


class _Group(Ranks):
    """The processes of torch's default group."""

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()
        self._buffers: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    def sum_gradients(self, weights: Iterable[Tensor]) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        self._exchange_together(dist.all_reduce, gradients)

    def _exchange_together(
        self, operation: Callable[[Tensor], object], tensors: Sequence[Tensor]
    ) -> None:
        """Exchange tensors in place, those of one type in one message: each has a fixed cost."""
        kinds = dict.fromkeys((tensor.dtype, tensor.device) for tensor in tensors)
        for kind in kinds:
            parts = [tensor for tensor in tensors if (tensor.dtype, tensor.device) == kind]
            flat = self._flat(kind, sum(part.numel() for part in parts))
            torch.cat([part.reshape(-1) for part in parts], out=flat)
            _exchange(partial(operation, flat))
            pieces = torch.split(flat, [part.numel() for part in parts])
            for part, piece in zip(parts, pieces, strict=True):
                part.copy_(piece.view_as(part))

    def _flat(self, kind: tuple[torch.dtype, torch.device], size: int) -> Tensor:
        """Return a buffer, which is kept: new memory for every batch takes longer than copies."""
        buffer = self._buffers.get(kind)
        if buffer is None or len(buffer) != size:
            dtype, device = kind
            buffer = self._buffers[kind] = torch.empty(size, dtype=dtype, device=device)
        return buffer

    def sum(self, number: Tensor) -> Tensor:
        total = number.clone()
        _exchange(partial(dist.all_reduce, total))
        return total

    def any(self, is_true: bool) -> bool:
        return bool(self.sum(torch.tensor(float(is_true))) > 0.0)

    def unify(self, network: nn.Module) -> None:
        self._exchange_together(partial(dist.broadcast, src=0), [*network.state_dict().values()])

    def check_network(self, network: nn.Module) -> None:
        own = torch.tensor(_measures(network), dtype=torch.float64)
        found = [torch.empty_like(own) for _ in range(self.size)]
        _exchange(partial(dist.all_gather, found, own))
        for rank, other in enumerate(found):
            if not torch.allclose(other, found[0], rtol=_TOLERANCE, atol=0.0, equal_nan=True):
                raise RuntimeError(
                    "The processes of DataParallel have come to train networks that differ: rank 0 "
                    f"has {_described(found[0])}, and rank {rank} has {_described(other)}. Let a "
                    "callback that changes learning rates or weights do so on all of them."
                )

    def check_same(self, origin: Mapping[str, str]) -> None:
        own = {f"the version of {name}": version(name) for name in _LIBRARIES} | dict(origin)
        origins: list[dict[str, str]] = [{}] * self.size
        _exchange(partial(dist.all_gather_object, origins, own))
        for rank, other in enumerate(origins):
            if other != origins[0]:
                difference = _difference(origins[0], other, rank)
                raise ValueError(
                    f"The processes of DataParallel differ: {difference}. All of them must call "
                    "fit with the same data and parameters."
                )

    @contextmanager
    def together(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            if not self._all_have_failed():
                _end_group()
            raise
        except BaseException:  # Ctrl-C should not wait
            _end_group()
            raise

    def _all_have_failed(self) -> bool:
        """Tell the other ranks of an error, and wait until they do the same."""
        others = [rank for rank in range(self.size) if rank != self.rank]
        marks = torch.zeros(self.size, 1)
        try:
            sent = [dist.isend(marks[self.rank], rank, tag=_FAILED) for rank in others]
            received = [dist.irecv(marks[rank], rank, tag=_FAILED) for rank in others]
            for message in (*sent, *received):
                if message is not None:
                    message.wait(_PATIENCE)
        except RuntimeError:
            return False
        return True

    def check_device(self, device: object) -> None:
        kind = torch.device(str(device)).type
        if kind not in ("cpu", "cuda"):
            raise ValueError(
                f"DataParallel cannot exchange gradients on the device {kind!r}. Set device='cpu'."
            )


def _measures(network: nn.Module) -> list[float]:
    """Return the number of values that are trained, and the norm of all."""
    weights = list(network.parameters())
    norms = torch.stack([weight.detach().double().norm() for weight in weights])
    return [float(sum(w.numel() for w in weights if w.requires_grad)), float(norms.norm())]


def _described(measures: Tensor) -> str:
    return f"{measures[0]:.0f} weights to train of norm {measures[1]:.6g}"


def _exchange(operation: Callable[[], object]) -> None:
    """Exchange tensors; all ranks do so in the same order."""
    try:
        operation()
    except RuntimeError as error:
        raise ConnectionError(
            "Another process of DataParallel has ended or does not answer; its own error, if it "
            f"has printed one, says why. The connection reports: {str(error).splitlines()[0]}"
        ) from error


def _difference(first: Mapping[str, str], other: Mapping[str, str], rank: int) -> str:
    """Tell what differs between two ranks: parameters, or else the first other thing."""
    names = [name for name in {**first, **other} if first.get(name) != other.get(name)]
    readable = [name for name in names if name not in _DIGESTS]
    if not readable:
        return f"{names[0]} of rank {rank} is not that of rank 0 (in content or order)"
    changes = (
        f"{name} is {first.get(name)} on rank 0 and {other.get(name)} on rank {rank}"
        for name in readable
    )
    return "; ".join(changes)
