"""Checks for extensions of the library."""

from sksequence.testing._check_cell import check_cell

__all__ = ["check_cell"]
