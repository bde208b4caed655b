"""What series are best measured against: the rules behind residual="auto" and scale="auto"."""

from __future__ import annotations

import numpy as np

from sksequence._batching import Sequences
from sksequence._targets._past import Reference, blocks_of_equal_length, mean_sizes
from sksequence._targets._seasonal import Floats

# a season is repeated at least so often in half of the series
_MOST_SEASONS = 3
_LONGEST_SEASON = 400
# differences that repeat themselves less than this have no season
_LEAST_CORRELATION = 0.3
# of peaks about as high, the first is the season and the others are its multiples
_AS_HIGH = 0.9
# differences of one series are typically exp(0.5) = 1.65 times those of another
_LEAST_DEVIATION_OF_LOGS = 0.5


def automatic_lag(sequences: Sequences, values: Floats) -> int | None:
    """Choose what series are measured against: the season before, the last value, or the mean so far.

    The season is the first high peak of the autocorrelation of differences, over all series together. Without one it
    is the last value, where it is nearer to the next than the mean of the values so far.
    """
    longest = min(int(np.median(sequences.lengths)) // _MOST_SEASONS, _LONGEST_SEASON)
    if longest >= 2:
        season = _first_peak(_autocorrelation(sequences, values, longest))
        if season is not None:
            return season
    return 1 if _last_is_near(sequences, values) else None


def _first_peak(correlation: Floats) -> int | None:
    """Return the lag of the first peak about as high as the highest; `correlation` is that of lags 0, 1, ..."""
    inner = correlation[2:]
    before, after = correlation[1:-1], np.append(correlation[3:], -1.0)
    heights = np.where((inner > before) & (inner >= after), inner, -1.0)
    if heights.max() < _LEAST_CORRELATION:
        return None
    return 2 + int(np.argmax(heights >= _AS_HIGH * heights.max()))


def _autocorrelation(sequences: Sequences, values: Floats, longest: int) -> Floats:
    """Return the autocorrelation of differences at lags 0 to `longest`, pooled over series and features."""
    products, pairs = np.zeros(longest + 1), np.zeros(longest + 1)
    for x, _ in blocks_of_equal_length(sequences, values):
        d = np.diff(x, axis=1)
        n_series, n_steps, n_features = d.shape
        if not n_steps:
            continue
        sizes = np.abs(d).mean(axis=1, keepdims=True)
        d = d / np.where(sizes > 0, sizes, 1.0)
        power = np.abs(np.fft.rfft(d, 2 * n_steps, axis=1)) ** 2
        lags = np.arange(min(n_steps, longest + 1))
        products[lags] += np.fft.irfft(power, axis=1)[:, lags].sum(axis=(0, 2))
        pairs[lags] += n_series * n_features * (n_steps - lags)
    mean: Floats = products / np.maximum(pairs, 1)
    return mean / mean[0] if mean[0] > 0 else mean


def _last_is_near(sequences: Sequences, values: Floats) -> bool:
    """Tell whether the last value is nearer to the next one than the mean so far, in most series."""
    last, mean = (_sizes(sequences, values, lag) for lag in (1, None))
    return bool(np.mean(last < mean) > 0.5) if len(last) else False


def automatic_own_scale(sequences: Sequences, values: Floats, lag: int | None) -> bool:
    """Choose whether each series is scaled by itself: where it has seasons, or differences are not of one size.

    A series of several seasons is long enough to show its size, which may grow.
    """
    if lag is not None and lag > 1:
        return True
    sizes = _sizes(sequences, values, lag)
    logs = [np.log(column[column > 0]) for column in sizes.T]
    deviations = [column.std() for column in logs if len(column)]
    return bool(deviations) and float(np.mean(deviations)) > _LEAST_DEVIATION_OF_LOGS


def _sizes(sequences: Sequences, values: Floats, lag: int | None) -> Floats:
    """Return the mean absolute difference of each series of two steps and more, one column a feature."""
    ones = np.ones(values.shape[1])
    reference = Reference(lag, True, values.mean(axis=0), ones, ones)
    return mean_sizes(reference, sequences, values)[0]
