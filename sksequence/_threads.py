"""The thread policy: small recurrent networks run on one intra-op thread.

The recurrence is a chain of small products, so a second thread waits more than it works: it can make a fit
eight times slower. The setting belongs to the process, hence the lock and the counter: the first computation in
saves the caller's number of threads, the last one out restores it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# One step's product (rows x width x gates x width) in floating point operations: below it, a second thread costs
# more to wake than it saves.
_FLOPS_OF_A_STEP_WORTH_TWO_THREADS = 1 << 25

_lock = threading.Lock()
_inside = 0
_callers_threads = 1


def worth_threads(n_rows: int, hidden_size: int) -> bool:
    """Tell whether one time step of a layer is large enough to be shared between threads."""
    return n_rows * 8 * hidden_size * hidden_size >= _FLOPS_OF_A_STEP_WORTH_TWO_THREADS


@contextmanager
def limited_threads(n_rows: int, hidden_size: int) -> Iterator[None]:
    """Run the body on one intra-op thread if the network is small, else leave the caller's setting."""
    if worth_threads(n_rows, hidden_size):
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _callers_threads
    with _lock:
        if _inside == 0:
            _callers_threads = torch.get_num_threads()
            torch.set_num_threads(1)
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0:
            torch.set_num_threads(_callers_threads)
