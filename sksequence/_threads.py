"""The thread policy: small recurrent networks run on one of torch's threads.

Time steps are a chain of small products, so a second thread waits more than it works and can make
`fit` eight times slower. With OpenMP, torch keeps its number of threads per Python thread, and a
new Python thread starts with the number that was set last. Each Python thread therefore saves its
own number, and restores it when its outermost computation ends.

Compiled time loops split their rows between threads of their own. Meanwhile torch's threads would
keep cores busy by waiting for work.

Threads that compute for a network flush subnormal numbers to 0. A vanishing gradient shrinks to
such numbers on its way back through time, and many processors are a hundred times slower on them.

Ctrl-C can end any line, also those that save and restore settings. They set states, never count,
so that they can be repeated: after the interrupt, or before the next computation.

A forked child has none of the threads of its parent, but OpenMP would wait for them. Everything
that a child computes therefore runs on one of torch's threads.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from threading import get_ident
from types import FrameType

import torch

# Floating point operations of one step's product (rows x width x gates x width). On two idle cores,
# a second thread multiplies the time of a layer by 0.73 (LSTM), 0.72 (GRU) and 1.4 (RNN) at 2^20,
# by 0.60, 0.75 and 0.95 at 2^22; on busy cores it costs time. In loops that split rows between
# threads, the factors are 0.56, 0.58 and 0.63 at 2^24.
_MIN_FLOPS_PER_STEP = 1 << 22

_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

_lock = threading.RLock()
_is_forked = False
_loop_threads: ContextVar[int] = ContextVar("loop_threads", default=1)


def benefits_from_threads(n_rows: int, hidden_size: int) -> bool:
    """Check whether one time step of a layer is large enough for several threads."""
    return n_rows * 8 * hidden_size * hidden_size >= _MIN_FLOPS_PER_STEP


def n_loop_threads() -> int:
    """Return the number of threads between which a compiled time loop splits its rows."""
    return _loop_threads.get()


def limited_threads(
    n_rows: int, hidden_size: int, *, compiled: bool = False
) -> AbstractContextManager[None]:
    """Run the body on one of torch's threads if the network is small, else on the caller's number.

    `compiled` loops always run with one of torch's threads; those of a large network split their
    rows between as many threads of their own as the caller has set for torch. Subnormal numbers are
    flushed to 0 on this thread and those of compiled loops; torch's other threads have no such
    setting.
    """
    large = benefits_from_threads(n_rows, hidden_size)
    return _limited(compiled or not large or _is_forked, splits_rows=large and compiled)


def one_thread() -> AbstractContextManager[None]:
    """Run the body on one of torch's threads: copies of large weights would start all of them."""
    return _limited(True, splits_rows=False)


@contextmanager
def _limited(is_limited: bool, *, splits_rows: bool) -> Iterator[None]:
    """Run the body as a computation, which ends whatever line is interrupted.

    If it is a line of `contextmanager`, Python closes this generator as soon as the exception has
    been handled.
    """
    computation = _Computation(is_limited, splits_rows)
    try:
        computation.begin(sys._getframe(2))
        yield
    finally:
        try:
            computation.end()
        except BaseException:
            computation.end()
            raise


class _Computation:
    """Settings of a thread before a computation, and whether it still runs.

    Parameters
    ----------
    is_limited : bool
        Whether torch has one thread meanwhile.
    splits_rows : bool
        Whether compiled loops have the caller's number of threads.
    """

    is_running = False
    n_threads = 1  # torch's number before
    n_of_caller = 1  # torch's number before the outermost computation of the thread
    frame: FrameType | None = None

    def __init__(self, is_limited: bool, splits_rows: bool) -> None:
        self.is_limited = is_limited
        self.splits_rows = splits_rows

    def begin(self, frame: FrameType) -> None:
        """Save the settings of this thread, then set those of the computation of a frame."""
        self.thread = get_ident()
        for outer in _computing.get(self.thread, []):
            if outer.is_left():
                outer.end()
                break
        self.frame = frame
        self.is_flushed = sys.float_info.min / 2 == 0.0  # torch has no getter for it
        self.n_loop_threads = _loop_threads.get()
        self.is_running = True
        with _lock:
            self._register()
            if self.is_limited:
                torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        _loop_threads.set(self.n_of_caller if self.splits_rows else 1)

    def _register(self) -> None:
        """Save torch's number of threads, and list this computation as the innermost one."""
        outer = _computing.get(self.thread, [])
        self.n_threads = self.n_of_caller = torch.get_num_threads()
        if outer:
            self.n_of_caller = outer[0].n_of_caller
        elif self.n_threads == 1:  # a new thread starts with the limit that another one has set
            self.n_threads = self.n_of_caller = _most_threads(_computing)
        _computing[self.thread] = [*outer, self]
        _count()

    def end(self) -> None:
        """Restore the settings. An interrupted call, even one that has the lock, is repeated."""
        if not self.is_running:
            return
        try:
            _lock.acquire()
            running = _computing.get(self.thread, [])
            if self in running:  # an outer computation may have ended before
                self._restore()
                outer = running[: running.index(self)]
                if outer:
                    _computing[self.thread] = outer
                else:
                    del _computing[self.thread]
            _count()
        finally:
            while _lock._is_owned():  # type: ignore[attr-defined]
                _lock.release()
        self.frame = None
        self.is_running = False

    def _restore(self) -> None:
        """Restore the settings, which are those of a thread."""
        if get_ident() == self.thread:
            torch.set_flush_denormal(self.is_flushed)
            _loop_threads.set(self.n_loop_threads)
            torch.set_num_threads(self.n_threads)

    def is_left(self) -> bool:
        """Check whether the function that computed has ended without `end`, after an interrupt."""
        if self.frame is None or self.frame.f_code.co_flags & _SUSPENDED:
            return False
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame is not self.frame:
            frame = frame.f_back
        return frame is None


_computing: dict[int, list[_Computation]] = {}  # those of each thread, the outermost first
_inside = 0  # number of threads that compute


def _count() -> None:
    global _inside
    _inside = len(_computing)


def _most_threads(computing: dict[int, list[_Computation]]) -> int:
    """Return the number of torch's threads that the callers of computations have set."""
    return max((running[0].n_of_caller for running in computing.values()), default=1)


def _forget_parent() -> None:
    """Forget the threads of the parent process, which do not exist in a forked child."""
    global _lock, _is_forked
    _lock, _is_forked = threading.RLock(), True
    others = dict(_computing)
    own = others.pop(get_ident(), None)
    _computing.clear()
    if own is not None:
        _computing[get_ident()] = own
    elif others:  # threads of the child start with the number that is set last
        n_threads = torch.get_num_threads()
        torch.set_num_threads(_most_threads(others) if n_threads == 1 else n_threads)
    _count()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
