"""The rules behind every "auto": monotone in size, length or kind, and reported as fitted attributes."""

from __future__ import annotations

import numpy as np

# Optimizer steps after which small problems are learnt, and the bounds on passes over the data
_STEPS = 2500
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 100


def automatic_batch_size(n_sequences: int) -> int:
    """Choose 32 sequences a batch up to 4096 sequences, 64 up to 16384, 128 beyond."""
    return 32 if n_sequences <= 4096 else 64 if n_sequences <= 16384 else 128


def automatic_max_epochs(n_sequences: int, batch_size: int) -> int:
    """Choose the epochs that make 2500 optimizer steps, from 10 to 100."""
    n_batches = -(-n_sequences // batch_size)
    return int(np.clip(round(_STEPS / n_batches), _FEWEST_EPOCHS, _MOST_EPOCHS))


def automatic_embedding_dim(n_symbols: tuple[int, ...]) -> int:
    """Choose eight times the square root of the number of symbols, from 8 to 64."""
    largest = max(n_symbols, default=1)
    return int(np.clip(8 * round(largest**0.5), 8, 64))
