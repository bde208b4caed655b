"""Features of X as users name them."""

from __future__ import annotations

from numbers import Integral
from typing import Any


def positions(name: str, columns: Any) -> tuple[int, ...]:
    """Return the positions in a parameter that holds one or several; whether X has them is not known here."""
    named = [columns] if isinstance(columns, Integral) else list(columns)
    if not named or not all(isinstance(column, Integral) for column in named):
        raise ValueError(
            f"{name} must be the position of a feature of X, or several; got {columns!r}."
        )
    return tuple(int(column) for column in named)
