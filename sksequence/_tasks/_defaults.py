"""The rules behind "auto": functions of the sizes, lengths and kinds of the data.

Each rule is monotone in the amount of data. The values that they select become fitted attributes;
the measurements behind them are in the benchmarks of the documentation.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Frames, Sequences
from sksequence._net import Ending
from sksequence._series import Reference, mean_sizes
from sksequence._settings import EmbeddingDim

Floats = NDArray[np.float64]

# Optimizer steps that are enough for small problems, and the bounds on the number of epochs
_TRAINING = 2500, 10, 100
# The same for sequences of many steps
_LONG_TRAINING = 2500, 10, 50
# A classifier of these has learnt its task after so many epochs in a row with less than this part
# of the loss of constant probabilities
_LEARNT_LOSS, _LEARNT_EPOCHS = 0.001, 3
# The same for sequences of symbols with one label each, which networks overfit soon
_SYMBOL_TRAINING = 1000, 10, 100
# Number of such sequences up to which several networks are trained, each for half the epochs: what
# one of them reads into a few words differs from what the others do
_FEW_TEXTS, _N_NETWORKS = 500, 3
# The same for forecasts: windows overlap, so that one epoch contains each value many times
_FORECAST_TRAINING = 500, 3, 10
# The same for generators of numbers: an overfitted distribution is too narrow
_SERIES_TRAINING = 300, 5, 30
# Number of symbols from which a wide generator improves enough to be worth its time
_MANY_SYMBOLS = 500_000
# With fewer numbers, generators overfit, above all to shocks that are common to all series: their
# intervals are too narrow
_FEW_NUMBERS = 20_000
# A single short series, whose noise looks like a pattern
_VERY_FEW_NUMBERS = 500
# Steps of the network in an average batch, and numbers in these steps
_BATCH_STEPS, _BATCH_VALUES = 1 << 15, 1 << 22
# Per-step targets in an average batch
_BATCH_TARGETS = 256
# A batch has one long sequence for each 200 in the data, up to 4: several are read faster than one,
# and many sequences make enough optimizer steps
_SEQUENCES_PER_ROW, _ENOUGH_ROWS = 200, 4
# Number of sequences above which finer frames can be learnt
_MANY_SEQUENCES = 4096
# Median length up to which a single feature has no frames
_UNFRAMED = 12
# Steps of the network for long sequences of several features, and those above which fewer epochs
# are enough: each has as many places to learn from
_MOST_STEPS, _MANY_STEPS = 1000, 64

# Minimum standard deviation of the logarithms of the series' mean absolute differences: typical
# sizes then differ by a factor of exp(0.5) = 1.65
_MIN_STD_OF_LOGS = 0.5


# --- sizes of training ---------------------------------------------------------------------------


def automatic_batch_size(n_sequences: int, n_steps: float = 1.0, width: int = 1) -> int:
    """Select 32 sequences per batch up to 4096 sequences, 64 up to 16,384, and 128 beyond.

    If sequences have `n_steps` steps of `width` numbers on average, an average batch has at most
    32,768 steps and 4 million numbers. This bounds the memory for the activations, and small
    batches of long sequences give more optimizer steps.
    """
    size = 32 if n_sequences <= 4096 else 64 if n_sequences <= 16384 else 128
    return int(np.clip(_batch_steps(width) // n_steps, 1, size))


def automatic_labelled_batch_size(n_sequences: int, n_steps: float, width: int) -> int:
    """Select as `automatic_batch_size`, but at most 256 targets, or a few long sequences.

    With one target per step, few sequences are enough for an accurate gradient, and more optimizer
    steps help. Of long sequences, a batch has one if there are up to 200, two up to 400, three up
    to 600, and four beyond.
    """
    few = min(_ENOUGH_ROWS, math.ceil(n_sequences / _SEQUENCES_PER_ROW))
    most = max(few, round(_BATCH_TARGETS / n_steps))
    return min(automatic_batch_size(n_sequences, n_steps, width), most)


def automatic_batch_steps(width: int) -> int:
    """Select the maximum number of steps in a batch, with padding: twice the average maximum."""
    return 2 * _batch_steps(width)


def _batch_steps(width: int) -> int:
    return max(1, min(_BATCH_STEPS, _BATCH_VALUES // width))


def automatic_max_epochs(
    n_sequences: int,
    batch_size: int,
    n_steps: float = 1.0,
    *,
    forecast: bool = False,
    labelled_symbols: bool = False,
    n_estimators: int = 1,
) -> int:
    """Select the epochs that make 2500 optimizer steps, from 10 to 100.

    At most 50, if the network reads more than 64 steps per sequence on average; `n_steps` is 1 for
    a single feature, whose frames overlap. For a forecast, 500 optimizer steps, and from 3 to 10
    epochs. For sequences of symbols with one label each, 1000 optimizer steps, and from 10 to 100
    epochs; half of these for several networks and up to 500 sequences.
    """
    if labelled_symbols:
        epochs = _epochs(n_sequences, batch_size, _SYMBOL_TRAINING)
        return -(-epochs // 2) if n_estimators > 1 and n_sequences <= _FEW_TEXTS else epochs
    if forecast:
        return _epochs(n_sequences, batch_size, _FORECAST_TRAINING)
    return _epochs(n_sequences, batch_size, _LONG_TRAINING if n_steps > _MANY_STEPS else _TRAINING)


def automatic_ending(constant_loss: float, n_steps: float) -> Ending | None:
    """Select when a classifier that reads more than 64 steps per sequence has learnt its task.

    That is after three epochs in a row whose training loss is below 0.1 % of `constant_loss`, that
    of constant probabilities. `n_steps` is 1 for a single feature.
    """
    if n_steps <= _MANY_STEPS:
        return None
    return Ending(_LEARNT_LOSS * constant_loss, _LEARNT_EPOCHS)


def automatic_series_epochs(n_sequences: int, batch_size: int) -> int:
    """Select the epochs that make 300 optimizer steps, from 5 to 30."""
    return _epochs(n_sequences, batch_size, _SERIES_TRAINING)


def _epochs(n_sequences: int, batch_size: int, training: tuple[int, int, int]) -> int:
    n_steps, low, high = training
    n_batches = -(-n_sequences // batch_size)
    return int(np.clip(round(n_steps / n_batches), low, high))


# --- sizes of the network ------------------------------------------------------------------------


def automatic_cell(n_features: int, *, per_step: bool) -> str:
    """Select "gru" for several features and one target per sequence, and "lstm" otherwise."""
    return "gru" if n_features > 1 and not per_step else "lstm"


def automatic_hidden_size(*, per_step: bool) -> int:
    """Select the size of hidden states: 64, or 128 with one target per step."""
    return 128 if per_step else 64


def automatic_dropout(*, per_step: bool, labelled_symbols: bool = False) -> float:
    """Select the fraction of dropped units: 0.5 with per-step targets or for symbols, else 0."""
    return 0.5 if per_step or labelled_symbols else 0.0


def automatic_n_estimators(n_sequences: int, *, labelled_symbols: bool) -> int:
    """Select 3 networks for up to 500 sequences of symbols with one label each, and 1 otherwise."""
    return _N_NETWORKS if labelled_symbols and n_sequences <= _FEW_TEXTS else 1


def unknown_rate(dropout: float) -> float:
    """Return the fraction of symbols that training reads as unknown: 0.7 times that of units."""
    return 0.7 * dropout


def automatic_bidirectional(*, per_step: bool, tbptt_steps: int | None) -> bool:
    """Select both directions with one target per sequence and no truncation."""
    return not per_step and tbptt_steps is None


def automatic_generator_size(n_symbols: int) -> int:
    """Select the size of a generator's hidden states: 128, or 256 from 500,000 symbols on."""
    return 256 if n_symbols >= _MANY_SYMBOLS else 128


def automatic_series_size(n_numbers: int) -> int:
    """Select the size of hidden states for numbers: 128, or 64 with fewer than 20,000 numbers."""
    return 64 if n_numbers < _FEW_NUMBERS else 128


def automatic_series_dropout(n_numbers: int) -> float:
    """Select the fraction of dropped units: 0.8 below 500 numbers, 0.5 below 20,000, else 0.2."""
    if n_numbers < _VERY_FEW_NUMBERS:
        return 0.8
    return 0.5 if n_numbers < _FEW_NUMBERS else 0.2


def category_dims(embedding_dim: EmbeddingDim, n_symbols: tuple[int, ...]) -> tuple[int, ...]:
    """Return the size of the embedding vectors of each column of categories.

    None selects the square root of the number of categories, at most 32. Categories stand alongside
    other features, and are fewer than words: wide vectors overfit.
    """
    if embedding_dim is not None:
        return (int(cast("int", embedding_dim)),) * len(n_symbols)
    return tuple(min(round(n**0.5), 32) for n in n_symbols)


def resolve_embedding_dim(embedding_dim: EmbeddingDim, n_symbols: tuple[int, ...]) -> int:
    """Return the size of the embedding vectors of symbols.

    None selects eight times the square root of the number of symbols, from 8 to 64.
    """
    if embedding_dim is not None:
        return int(cast("int", embedding_dim))
    largest = max(n_symbols, default=1)
    return int(np.clip(8 * round(largest**0.5), 8, 64))


# --- frames --------------------------------------------------------------------------------------


def automatic_frames(
    n_steps: NDArray[np.int64], n_features: int, *, forecast: bool = False
) -> Frames:
    """Select frames for sequences of these lengths and of `n_features` numbers and categories.

    A single feature has frames of a quarter of the median length, from 12 to 48 steps, or none up
    to a median of 12: with one value per step, long sequences are slow and hard to learn. More than
    4096 sequences are enough to learn finer frames, a twelfth of it, from 8 to 48.

    Several features have no frames up to a median length of 1000: what happens in one of them at
    some time is hard to find in frames of many numbers. Longer sequences become about 1000 steps,
    each of which overlaps half of the one before.

    Forecasts have frames of a quarter, one after the other, as their windows overlap.
    """
    median = float(np.median(n_steps))
    is_large = len(n_steps) > _MANY_SEQUENCES
    if n_features > 1 and not is_large and not forecast:
        step = math.ceil(median / _MOST_STEPS)
        return Frames(2 * step if step > 1 else 1, step)
    if median <= _UNFRAMED:
        return Frames()
    divisor, low = (12, 8) if is_large and not forecast else (4, 12)
    length = int(np.clip(round(median / divisor), low, 48))
    return Frames(length, automatic_frame_step(length, forecast=forecast))


def frame_length_of_steps(length: int | str, missing: str | None, *, has_times: bool) -> int | str:
    """Return 1 for "auto" where steps have times or may be missing; refuse other frames.

    A mask is as good for frames as for steps.
    """
    reads_steps = missing == "decay" or has_times
    if length == "auto":
        return 1 if reads_steps or missing == "indicator" else length
    if reads_steps and int(length) > 1:
        name = "missing='decay'" if missing == "decay" else "time_column"
        raise ValueError(
            f"{name} needs the time between the steps of the network, but with "
            f"frame_length={length!r} each of them has several times. Set frame_length=1 or 'auto'."
        )
    return length


def n_step_features(sequences: Sequences) -> int:
    """Return the number of features of numeric steps, categories among them; 1 for symbols."""
    if sequences.values is None:
        return 1
    return sum(int(block.shape[1]) for block in sequences.blocks)


def automatic_frame_step(frame_length: int, *, forecast: bool = False) -> int:
    """Select a quarter of the frame length, but at least 1; for a forecast, the frame length."""
    return frame_length if forecast else max(1, frame_length // 4)


# --- baseline and scale of series ----------------------------------------------------------------


def automatic_lag(sequences: Sequences, values: Floats, seasons: tuple[int, ...]) -> int | None:
    """Select the lag of the baseline: the longest season, 1 for the last value, or None.

    Without a season, the last value is selected if it is closer to the next value than the mean so
    far, which None stands for, in most series.
    """
    if seasons:
        return seasons[-1]
    return 1 if _last_is_closer(sequences, values) else None


def _last_is_closer(sequences: Sequences, values: Floats) -> bool:
    """Check whether the last value predicts most series better than the mean so far."""
    last, mean = (_sizes(sequences, values, lag) for lag in (1, None))
    if len(mean) and not mean.any():  # a series that never changes stays at its last value
        return True
    return bool(np.mean(last < mean) > 0.5) if len(last) else False


def automatic_own_scale(sequences: Sequences, values: Floats, lag: int | None) -> bool:
    """Select a scale per series if there is a season, or if the sizes of differences vary.

    Series of several seasons are long enough to estimate their scale, which may grow.
    """
    if lag is not None and lag > 1:
        return True
    sizes = _sizes(sequences, values, lag)
    logs = [np.log(column[column > 0]) for column in sizes.T]
    stds = [column.std() for column in logs if len(column)]
    return bool(stds) and float(np.mean(stds)) > _MIN_STD_OF_LOGS


def _sizes(sequences: Sequences, values: Floats, lag: int | None) -> Floats:
    """Return the mean absolute difference of each series with two steps or more, by feature."""
    ones = np.ones(values.shape[1])
    reference = Reference(lag, True, values.mean(axis=0), ones, ones)
    return mean_sizes(reference, sequences, values)[0]
