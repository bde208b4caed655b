"""Checks of sizes that several functions of this room ask for."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_count(name: str, value: Any, at_least: int = 1) -> None:
    """Raise if `value` is not an integer of at least `at_least`."""
    if not isinstance(value, int | np.integer) or value < at_least:
        raise ValueError(
            f"{name}={value!r} is not an integer of at least {at_least}; "
            "pass a whole number in that range."
        )
