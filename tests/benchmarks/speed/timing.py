"""Contenders run alternately, and rows of ratios.

A contender is a function that does its work once and returns its seconds. It measures them itself,
as some contenders work in another process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Contender = Callable[[], float]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes
    ----------
    what : str
        Work and contender.
    ratio : float or None
        Ours over theirs, unless `what` has another measure; None if it was not measured.
    target : float or None
        Required ratio, if there is one.
    greater : bool
        Whether the ratio must be at least the target instead of at most.
    plain : float or None
        Ratio of the plain installation, without compiled loops, if it was measured.
    details : str
        Spread and times.
    """

    what: str
    ratio: float | None
    target: float | None = None
    greater: bool = False
    details: str = ""
    plain: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.ratio is None:
            return "NOT MEASURED"
        if self.target is None:
            return ""
        met = self.ratio >= self.target if self.greater else self.ratio <= self.target
        return "met" if met else "MISSED"


def seconds(work: Callable[[], object], clock: Clock = time.process_time) -> float:
    """Return the time of one call, CPU seconds of this process by default."""
    start = clock()
    work()
    return clock() - start


def interleave(contenders: Mapping[str, Contender], n_rounds: int) -> dict[str, list[float]]:
    """Run each contender once to warm up, then all in turn, in alternating order."""
    for contender in contenders.values():
        contender()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for i in range(n_rounds):
        for name in list(contenders)[:: 1 if i % 2 else -1]:
            times[name].append(contenders[name]())
    return times


def compare(
    what: str,
    ours: list[float],
    theirs: list[float],
    target: float | None = None,
    unit: str = "ms",
    plain: list[float] | None = None,
) -> Row:
    """Return the ratio of two medians, with the quartiles of the ratios of the rounds."""
    ratio = float(np.median(ours) / np.median(theirs))
    low, high = np.percentile(np.divide(ours, theirs), [25, 75])
    factor = 1e3 if unit == "ms" else 1e6 if unit == "us" else 1.0
    a, b = factor * np.median(ours), factor * np.median(theirs)
    details = f"{low:.2f} to {high:.2f}; {a:.3g} / {b:.3g} {unit}"
    of_plain = None if plain is None else float(np.median(plain) / np.median(theirs))
    return Row(what, ratio, target, details=details, plain=of_plain)
