"""The thread policy: small recurrent networks run on one intra-op thread.

The recurrence is a chain of small products, so a second thread waits more than it works: it can make a fit
eight times slower. The setting belongs to the process, hence the lock and the counter: the first computation in
saves the caller's number of threads, the last one out restores it.

Compiled time loops share rows between threads of their own and need torch's out of the way: those that wait for their
next piece of work keep a core busy.

Threads that compute for a network take numbers too small for full precision as 0. A gradient that vanishes on its way
back through time shrinks to such numbers before it is 0, and many processors take a hundred times as long for them.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

# One step's product (rows x width x gates x width) in floating point operations. On two idle cores a second thread takes
# a layer from 1 to .73 (LSTM), .72 (GRU) and 1.4 (RNN) at 2^20, to .60, .75 and .95 at 2^22; on busy ones it costs. In
# loops that share rows it takes one from 1 to .56, .58 and .63 at 2^24.
_FLOPS_OF_A_STEP_WORTH_TWO_THREADS = 1 << 22

_lock = threading.Lock()
_inside = 0
_callers_threads = 1
_shards: ContextVar[int] = ContextVar("shards", default=1)


def worth_threads(n_rows: int, hidden_size: int) -> bool:
    """Tell whether one time step of a layer is large enough to be shared between threads."""
    return n_rows * 8 * hidden_size * hidden_size >= _FLOPS_OF_A_STEP_WORTH_TWO_THREADS


def number_of_shards() -> int:
    """Return how many threads a compiled loop shares its rows between."""
    return _shards.get()


@contextmanager
def limited_threads(n_rows: int, hidden_size: int, *, compiled: bool = False) -> Iterator[None]:
    """Run the body on one intra-op thread if the network is small, else leave the caller's setting.

    What is `compiled` always runs on one intra-op thread; a large network shares rows between as many threads as the
    caller has set. Subnormal numbers are 0 in the body, as far as it runs on this thread and those of compiled loops:
    torch's own cannot be told.
    """
    large = worth_threads(n_rows, hidden_size)
    flushed = sys.float_info.min / 2 == 0.0  # a setting of the thread that only arithmetic tells
    torch.set_flush_denormal(True)
    try:
        if large and not compiled:
            yield
        else:
            yield from _on_one_thread(large)
    finally:
        torch.set_flush_denormal(flushed)


def _on_one_thread(shared: bool) -> Iterator[None]:
    """Run what follows on one intra-op thread, its rows shared between as many as the caller has set, or not."""
    threads = _enter()
    token = _shards.set(threads if shared else 1)
    try:
        yield
    finally:
        _shards.reset(token)
        _leave()


def _enter() -> int:
    """Return the caller's number of threads."""
    global _inside, _callers_threads
    with _lock:
        if _inside == 0:
            _callers_threads = torch.get_num_threads()
            if _callers_threads != 1:
                torch.set_num_threads(1)
        _inside += 1
        return _callers_threads


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0:
            torch.set_num_threads(_callers_threads)
