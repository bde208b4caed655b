"""Scoped randomness: every stream of a fit is drawn from one integer, no global generator is touched.

Knows nothing of models. A *stream* has a name ("weights", "shuffle", "dropout", "split", "sample"), so that
one more draw in one of them leaves the others as they were.
"""

import zlib
from numbers import Integral
from typing import Any

import numpy as np
import torch


def draw_seed(random_state: Any) -> int:
    """Turn scikit-learn's `random_state` into one integer; None asks the operating system.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(np.iinfo(np.int32).max))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(np.iinfo(np.int32).max))
    if not isinstance(random_state, Integral) or not 0 <= int(random_state) < 2**32:
        raise ValueError(
            f"random_state={random_state!r:.60} is no seed. Pass an integer from 0 to 4294967295, a RandomState or a "
            "Generator of numpy, or None for draws that differ from call to call."
        )
    return int(random_state)


def _stream(seed: int, name: str) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, zlib.crc32(name.encode())])


def numpy_generator(seed: int, name: str) -> np.random.Generator:
    """Return the numpy generator of one named stream."""
    return np.random.default_rng(_stream(seed, name))


def torch_generator(seed: int, name: str, device: Any = "cpu") -> torch.Generator:
    """Return the torch generator of one named stream."""
    state = _stream(seed, name).generate_state(1, np.uint64)[0]
    # torch takes signed 64-bit seeds
    return torch.Generator(device=device).manual_seed(int(state >> np.uint64(1)))
