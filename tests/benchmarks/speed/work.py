"""The same work for all contenders: sequences, labels, network, optimizer and clipping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_CLASSES = 3
LEARNING_RATE = 1e-3
MAX_GRAD_NORM = 1.0
SHORTEST, LONGEST = 5, 200


@dataclass(frozen=True)
class Work:
    """Sizes of one comparison; `n_steps` None means ragged, 5 to 200 steps, uniform."""

    cell: str
    n_sequences: int = 2000
    n_steps: int | None = 50
    n_features: int = 4
    hidden_size: int = 32
    batch_size: int = 32
    n_epochs: int = 3

    @property
    def name(self) -> str:
        """Description of the sizes."""
        steps = f"{SHORTEST}..{LONGEST}" if self.n_steps is None else str(self.n_steps)
        return (
            f"{self.cell}, {self.n_sequences} x {steps} x {self.n_features}, "
            f"hidden {self.hidden_size}, batch {self.batch_size}"
        )

    def data(self) -> tuple[Any, NDArray[np.int64]]:
        """Return float32 sequences (an array, or a list if ragged) and labels."""
        generator = np.random.default_rng(0)
        y = generator.integers(0, N_CLASSES, self.n_sequences)
        if self.n_steps is not None:
            shape = (self.n_sequences, self.n_steps, self.n_features)
            return generator.standard_normal(shape, dtype=np.float32), y
        lengths = generator.integers(SHORTEST, LONGEST + 1, self.n_sequences)
        sizes = [(n, self.n_features) for n in lengths]
        return [generator.standard_normal(size, dtype=np.float32) for size in sizes], y
