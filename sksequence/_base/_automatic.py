"""The rules behind every "auto": monotone in size, length or kind, and reported as fitted attributes."""

from __future__ import annotations

import numpy as np

# Optimizer steps after which small problems are learnt, and the bounds on passes over the data
_TRAINING = 2500, 10, 100
# The same for forecasts: their windows overlap, so that one pass shows each value many times
_FORECAST_TRAINING = 500, 3, 10
# The same for generators of numbers: a distribution that is learnt too well is too narrow
_SERIES_TRAINING = 300, 5, 30
# Symbols from which on a wide generator learns more than it takes time
_MANY_SYMBOLS = 500_000
# Fewer numbers than these are learnt by heart, shocks that all series share above all: forecasts are too sure then
_FEW_NUMBERS = 20_000
# One series is that short: what is noise in it looks like a rule
_VERY_FEW_NUMBERS = 500
# Steps of the network, and numbers in them, of an average batch
_BATCH_STEPS, _BATCH_VALUES = 1 << 15, 1 << 22
# Targets of an average batch where each step has one, and the fewest sequences that they may be of
_BATCH_TARGETS, _FEWEST_SEQUENCES = 512, 4


def automatic_batch_size(n_sequences: int, n_steps: float = 1.0, width: int = 1) -> int:
    """Choose 32 sequences a batch up to 4096 sequences, 64 up to 16384, 128 beyond, but fewer of long ones.

    With `n_steps` of `width` numbers a sequence, on average, a batch has at most 32768 steps and 4 million numbers:
    what the network keeps of each step for its gradient bounds the memory, and few long sequences make more steps of
    the optimizer.
    """
    size = 32 if n_sequences <= 4096 else 64 if n_sequences <= 16384 else 128
    return int(np.clip(_batch_steps(width) // n_steps, 1, size))


def automatic_labelled_batch_size(n_sequences: int, n_steps: float, width: int) -> int:
    """Choose as `automatic_batch_size`, but no more sequences than make 512 targets, 4 at least.

    With one target a step, few sequences give a gradient that is exact enough, and more steps of the optimizer pay.
    """
    most = max(_FEWEST_SEQUENCES, round(_BATCH_TARGETS / n_steps))
    return min(automatic_batch_size(n_sequences, n_steps, width), most)


def automatic_hidden_size(per_step: bool) -> int:
    """Choose the width of the states: 64 for one target a sequence, 128 for one a step."""
    return 128 if per_step else 64


def automatic_dropout(per_step: bool) -> float:
    """Choose the share of units dropped: none for one target a sequence, half of them for one a step."""
    return 0.5 if per_step else 0.0


def automatic_batch_steps(width: int) -> int:
    """Choose the steps that no batch may exceed, padding included: twice those of an average batch."""
    return 2 * _batch_steps(width)


def _batch_steps(width: int) -> int:
    return max(1, min(_BATCH_STEPS, _BATCH_VALUES // width))


def automatic_generator_size(n_symbols: int) -> int:
    """Choose the width of a generator's states: 128, or 256 from half a million symbols to learn from on."""
    return 256 if n_symbols >= _MANY_SYMBOLS else 128


def automatic_series_size(n_numbers: int) -> int:
    """Choose the width of the states of a generator of numbers: 128, or 64 where fewer than 20,000 teach it."""
    return 64 if n_numbers < _FEW_NUMBERS else 128


def automatic_series_dropout(n_numbers: int) -> float:
    """Choose the share of units dropped by a generator of numbers.

    A fifth, but half where fewer than 20,000 teach it, and four fifths where fewer than 500 do.
    """
    if n_numbers < _VERY_FEW_NUMBERS:
        return 0.8
    return 0.5 if n_numbers < _FEW_NUMBERS else 0.2


def automatic_max_epochs(n_sequences: int, batch_size: int, *, forecast: bool = False) -> int:
    """Choose the epochs that make 2500 optimizer steps, from 10 to 100; for a forecast 500, from 3 to 10."""
    return _epochs(n_sequences, batch_size, _FORECAST_TRAINING if forecast else _TRAINING)


def automatic_series_epochs(n_sequences: int, batch_size: int) -> int:
    """Choose the epochs that make 300 optimizer steps, from 5 to 30."""
    return _epochs(n_sequences, batch_size, _SERIES_TRAINING)


def _epochs(n_sequences: int, batch_size: int, training: tuple[int, int, int]) -> int:
    n_steps, fewest, most = training
    n_batches = -(-n_sequences // batch_size)
    return int(np.clip(round(n_steps / n_batches), fewest, most))


def automatic_embedding_dim(n_symbols: tuple[int, ...]) -> int:
    """Choose eight times the square root of the number of symbols, from 8 to 64."""
    largest = max(n_symbols, default=1)
    return int(np.clip(8 * round(largest**0.5), 8, 64))
