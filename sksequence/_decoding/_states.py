"""Rows of a carried state: nested tuples of tensors, the first dimension of each is the row."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def select_rows(state: Any, rows: Tensor) -> Any:
    """Return the state of some rows."""
    if isinstance(state, Tensor):
        return state[rows]
    return tuple(select_rows(part, rows) for part in state)
