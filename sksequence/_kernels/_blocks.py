"""What all time loops do with a block of rows: where it ends, what its padding holds."""

from __future__ import annotations

from typing import Any

from sksequence._kernels._arithmetic import compiled


@compiled
def longest(lengths: Any, first: int, n: int) -> int:
    """Return the most steps of the n rows from `first` on."""
    n_steps = 0
    for b in range(first, first + n):
        n_steps = max(n_steps, lengths[b])
    return n_steps


@compiled
def clear_padding(path: Any, lengths: Any, first: int, n: int) -> None:
    """Set the padded steps of n rows of a path (B, T, H) to 0."""
    for b in range(first, first + n):
        path[b, lengths[b] :] = 0
