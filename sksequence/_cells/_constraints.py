"""The values that parameters of cells can have, and the message where another one came."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Constraint(Protocol):
    """A set of values; its text follows "must be"."""

    def accepts(self, value: object) -> bool:
        """Check whether a value belongs to it."""


@dataclass(frozen=True)
class Number:
    """A number in a range, which must not leave it when it is rounded to single precision.

    Parameters
    ----------
    low, high : float
        Ends of the range; an infinite one is not part of it.
    is_low_included, is_high_included : bool
        Whether the ends are part of it.
    """

    low: float = 0.0
    high: float = np.inf
    is_low_included: bool = False
    is_high_included: bool = True

    def accepts(self, value: object) -> bool:
        """Check whether a value is a number in the range, NumPy's included."""
        number = _in_single_precision(value)
        if number is None:
            return False
        above = self.low <= number if self.is_low_included else self.low < number
        below = number <= self.high if self.is_high_included else number < self.high
        return above and below

    def __str__(self) -> str:
        if (self.low, self.high) == (0.0, np.inf):
            return "a positive, finite number"
        first, last = "[" if self.is_low_included else "(", "]" if self.is_high_included else ")"
        return f"a number in {first}{self.low:g}, {self.high:g}{last}"


@dataclass(frozen=True)
class WholeNumber:
    """A whole number from `least` on, or None if that `is_optional`."""

    least: int
    is_optional: bool = False

    def accepts(self, value: object) -> bool:
        """Check whether a value is a whole number that is large enough."""
        if value is None:
            return self.is_optional
        is_whole = isinstance(value, int | np.integer)
        number = _in_single_precision(value) if is_whole else None
        return number is not None and number >= self.least

    def __str__(self) -> str:
        return f"{'None or ' * self.is_optional}a whole number of at least {self.least}"


@dataclass(frozen=True)
class Choice:
    """One of several strings."""

    known: Collection[str]

    def accepts(self, value: object) -> bool:
        """Check whether a value is a known string."""
        return isinstance(value, str) and value in self.known

    def __str__(self) -> str:
        return f"one of {sorted(self.known)}"


def _in_single_precision(value: object) -> float | None:
    """Return a finite number as it is computed with, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        with np.errstate(over="ignore"):
            number = float(np.float32(value))
    except OverflowError:  # whole numbers of hundreds of digits
        return None
    return number if np.isfinite(number) else None


def check_value(
    owner: object, name: str, value: object, default: object, constraint: Constraint
) -> None:
    """Raise a ValueError for a value of a parameter outside of its constraint."""
    if not constraint.accepts(value):
        raise ValueError(
            f"{name} must be {constraint}; got {value!r}. Set such a value in "
            f"{type(owner).__name__}({name}=...), or leave it out for the default, {default!r}."
        )


def check_order(lower: str, low: float, higher: str, high: float) -> None:
    """Raise a ValueError unless one parameter is below another one, in single precision."""
    if not np.float32(low) < np.float32(high):
        raise ValueError(
            f"{lower} must be below {higher}; got {lower}={low!r} and {higher}={high!r}. Lower the "
            "first or raise the second."
        )
