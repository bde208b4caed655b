"""Random streams: all randomness of a fit comes from one integer, never from a global generator.

A stream has a name ("weights", "shuffle", "dropout", "split", "sample"), so that one more draw from
one of them does not change the others.
"""

from __future__ import annotations

import zlib
from numbers import Integral

import numpy as np
import torch

RandomState = int | np.random.RandomState | np.random.Generator | None


def draw_seed(random_state: RandomState) -> int:
    """Return the integer that `random_state` stands for; None takes it from the system.

    Raises
    ------
    ValueError
        If `random_state` is not a seed, a generator or None.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(np.iinfo(np.int32).max))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(np.iinfo(np.int32).max))
    seed: object = random_state
    if not isinstance(seed, Integral) or not 0 <= int(seed) < 2**32:
        raise ValueError(
            f"random_state={random_state!r:.60} is no seed. Pass an integer from 0 to 4294967295, "
            "a RandomState or a Generator of numpy, or None for draws that differ between calls."
        )
    return int(seed)


def _stream(seed: int, name: str) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, zlib.crc32(name.encode())])


def numpy_generator(seed: int, name: str) -> np.random.Generator:
    """Return the numpy generator of one named stream."""
    return np.random.default_rng(_stream(seed, name))


def torch_generator(seed: int, name: str, device: str | torch.device = "cpu") -> torch.Generator:
    """Return the torch generator of one named stream."""
    state = _stream(seed, name).generate_state(1, np.uint64)[0]
    # seeds of torch are signed 64-bit integers
    return torch.Generator(device=device).manual_seed(int(state >> np.uint64(1)))
