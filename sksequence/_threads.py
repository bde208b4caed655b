"""The thread policy: small recurrent networks run on one of torch's threads.

Time steps are a chain of small products, so a second thread waits more than it works and can make
`fit` eight times slower. With OpenMP, torch keeps its number of threads per Python thread, and a
new Python thread starts with the number that was set last. Each Python thread therefore saves its
own number, and restores it when its outermost computation ends.

Compiled time loops split their rows between threads of their own. Meanwhile torch's threads would
keep cores busy by waiting for work.

Threads that compute for a network flush subnormal numbers to 0. A vanishing gradient shrinks to
such numbers on its way back through time, and many processors are a hundred times slower on them.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

# Floating point operations of one step's product (rows x width x gates x width). On two idle cores,
# a second thread multiplies the time of a layer by 0.73 (LSTM), 0.72 (GRU) and 1.4 (RNN) at 2^20,
# by 0.60, 0.75 and 0.95 at 2^22; on busy cores it costs time. In loops that split rows between
# threads, the factors are 0.56, 0.58 and 0.63 at 2^24.
_MIN_FLOPS_PER_STEP = 1 << 22


class _ThreadState(threading.local):
    """Depth of nested computations in a Python thread, and torch's number of threads outside."""

    depth = 0
    n_threads = 1


_lock = threading.Lock()
_state = _ThreadState()
_n_inside = 0  # Python threads that compute
_callers_threads = 1  # number of the first of them
_loop_threads: ContextVar[int] = ContextVar("loop_threads", default=1)


def benefits_from_threads(n_rows: int, hidden_size: int) -> bool:
    """Check whether one time step of a layer is large enough for several threads."""
    return n_rows * 8 * hidden_size * hidden_size >= _MIN_FLOPS_PER_STEP


def n_loop_threads() -> int:
    """Return the number of threads between which a compiled time loop splits its rows."""
    return _loop_threads.get()


@contextmanager
def limited_threads(n_rows: int, hidden_size: int, *, compiled: bool = False) -> Iterator[None]:
    """Run the body on one of torch's threads if the network is small, else on the caller's number.

    `compiled` loops always run with one of torch's threads; those of a large network split their
    rows between as many threads of their own as the caller has set for torch. Subnormal numbers are
    flushed to 0 on this thread and those of compiled loops; torch's other threads have no such
    setting.
    """
    large = benefits_from_threads(n_rows, hidden_size)
    flushed = sys.float_info.min / 2 == 0.0  # torch has no getter for it
    torch.set_flush_denormal(True)
    try:
        if large and not compiled:
            yield
        else:
            yield from _on_one_thread(large)
    finally:
        torch.set_flush_denormal(flushed)


def _on_one_thread(split_rows: bool) -> Iterator[None]:
    """Limit torch to one thread; loops have the caller's number if they are to split rows."""
    n_threads = _enter()
    token = _loop_threads.set(n_threads if split_rows else 1)
    try:
        yield
    finally:
        _loop_threads.reset(token)
        _leave()


def _enter() -> int:
    """Limit torch to one thread and return the caller's number."""
    global _n_inside, _callers_threads
    if _state.depth == 0:
        n_threads = torch.get_num_threads()
        with _lock:
            if _n_inside == 0:
                _callers_threads = n_threads
            elif n_threads == 1:  # a new thread starts with the limit that another one has set
                n_threads = _callers_threads
            _n_inside += 1
            torch.set_num_threads(1)
        _state.n_threads = n_threads
    _state.depth += 1
    return _state.n_threads


def _leave() -> None:
    """Restore the caller's number of threads after the outermost computation."""
    global _n_inside
    _state.depth -= 1
    if _state.depth == 0:
        with _lock:
            _n_inside -= 1
            torch.set_num_threads(_state.n_threads)
