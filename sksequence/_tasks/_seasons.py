"""The seasons of series: numbers of steps after which values repeat, such as a day and a week."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence._series import blocks_of_equal_length
from sksequence._tasks._overlapping_windows import joined_windows

Floats = NDArray[np.float64]

# Minimum number of seasons in the series of median length
_MIN_SEASONS = 3
_MAX_SEASON = 400
# Minimum correlation of differences with those one season before
_MIN_CORRELATION = 0.3
# Of peaks that are at least this fraction of the highest, the first one is the season: the others
# are its multiples
_SIMILAR_HEIGHT = 0.9
# The same for a peak of which the other lag is an exact multiple
_MULTIPLE_HEIGHT = 0.8
# A second season is at least this many times as long as the first: a quarter adds little to a year
_MIN_RATIO = 5
# Minimum height of the peak of a shorter season, and as a fraction of that of the longer one, which
# is its multiple and therefore at least as high
_MIN_SHORTER, _SHORTER_HEIGHT = 0.15, 0.25
# Lags before the correlation falls below this fraction of the highest peak are no season
_FALL = 0.5
# Fraction by which a peak may be away from the season because of noise
_JITTER = 0.05
# Shortest season that only values show, and how much closer they must be to those one season before
# than to those around them; two seasons before, nearly as much
_MIN_SMOOTH_SEASON = 8
_MIN_CONTRAST, _LASTING_CONTRAST = 0.5, 0.8


def seasons_of(residual: str | int | Sequence[int] | None) -> tuple[int, ...]:
    """Return the seasons of a parameter `residual`, in increasing order; none for one step."""
    if residual is None or isinstance(residual, str):
        return ()
    seasons: Sequence[object] = residual if isinstance(residual, Sequence) else [residual]
    steps = sorted({int(season) for season in seasons if isinstance(season, Integral)})
    if len(steps) < len(seasons) or not steps or steps[0] < 1:
        raise ValueError(
            f"residual={residual!r} must hold the lengths of different seasons in steps, such as "
            "[24, 168] for the day and the week of hourly series."
        )
    return tuple(season for season in steps if season > 1)


def seasons_of_windows(sequences: Sequences, columns: Sequence[int] | None) -> tuple[int, ...]:
    """Select the seasons of some features of windows, or of all, that are short enough for them.

    Windows that overlap show the seasons of the series that they are cut from.
    """
    series = joined_windows(sequences)
    assert series.values is not None
    values = np.asarray(series.values, dtype=np.float64)
    seasons = automatic_seasons(series, values if columns is None else values[:, list(columns)])
    n_steps = int(sequences.lengths.min())
    return tuple(season for season in seasons if season <= n_steps)


def automatic_seasons(sequences: Sequences, values: Floats) -> tuple[int, ...]:
    """Select the seasons of series, the shortest first: none, one or two.

    The first is at a peak of the autocorrelation of differences, pooled over all series. Without
    one, the season of smooth series is where values come close to those before, and again after
    twice as long. A second season is at least five times as long or as short, and a multiple or a
    divisor: a longer one is a peak of the autocorrelation of the seasonal differences, which the
    first season alone leaves without one.
    """
    longest = min(int(np.median(sequences.lengths)) // _MIN_SEASONS, _MAX_SEASON)
    if longest < 2:
        return ()
    correlation = _autocorrelation(sequences, values, longest)
    season = _first_peak(correlation)
    if season is None:
        correlation = _autocorrelation(sequences, values, longest * 5 // 2, 0)
        season = _smooth_season(correlation, longest)
    if season is None:
        return ()
    season = _sharpened(sequences, values, season)
    longer = _longer_season(_autocorrelation(sequences, values, longest, season), season)
    if longer is not None:
        return season, longer
    shorter = _shorter_season(correlation, season)
    return (season,) if shorter is None else (shorter, season)


def _peaks(correlation: Floats) -> Floats:
    """Return the heights of the local maxima after the first fall, one per lag; elsewhere -1.

    `correlation` has one entry per lag, from 0 on. Neighbours are similar in smooth series.
    """
    heights = np.full(len(correlation), -1.0)
    inner = correlation[2:]
    before, after = correlation[1:-1], np.append(correlation[3:], -1.0)
    heights[2:] = np.where((inner > before) & (inner >= after), inner, -1.0)
    start = correlation.copy()
    if len(start) > 3:  # noise lowers the first correlation of differences, but no other
        start[1] = max(start[1], start[3])
    low = start < _FALL * np.clip(heights.max(), 0.0, 1.0)
    heights[: int(np.argmax(low)) if low.any() else len(low)] = -1.0
    return heights


def _first_peak(correlation: Floats) -> int | None:
    """Return the lag of the first peak that is nearly as high as the highest, or None."""
    heights = _peaks(correlation)
    if heights.max() < _MIN_CORRELATION:
        return None
    season = int(np.argmax(heights >= _SIMILAR_HEIGHT * heights.max()))
    return _first_divisor(heights, season)


def _first_divisor(heights: Floats, season: int) -> int:
    """Return the first divisor of a season with a peak of nearly its height, or the season."""
    nearly = _MULTIPLE_HEIGHT * heights[season]
    high = (k for k, height in _of_divisors(heights, season).items() if height >= nearly)
    return next(high, season)


def _of_divisors(heights: Floats, season: int) -> dict[int, float]:
    """Return the height of the highest peak near each divisor of a season."""
    lags = [lag for lag in range(2, len(heights)) if season % lag == 0]
    margins = [int(_JITTER * lag) for lag in lags]
    return {
        lag: float(heights[lag - margin : lag + margin + 1].max())
        for lag, margin in zip(lags, margins, strict=True)
    }


def _sharpened(sequences: Sequences, values: Floats, season: int) -> int:
    """Return the lag near a season at which differences over a quarter of it correlate most.

    Of a multiple of the season, they show that it is one.
    """
    margin = int(_JITTER * season)
    if not margin:
        return season
    correlation = _autocorrelation(sequences, values, season + margin, season // 4)
    season = season - margin + int(np.argmax(correlation[season - margin :]))
    heights = _peaks(correlation)
    heights[season] = correlation[season]
    return _first_divisor(heights, season)


def _shorter_season(correlation: Floats, season: int) -> int | None:
    """Return the divisor of the season with the highest peak, if it is high enough, or None."""
    longest = season // _MIN_RATIO
    heights = _of_divisors(_peaks(correlation[: longest + 2]), season)
    least = max(_MIN_SHORTER, _SHORTER_HEIGHT * correlation[season])
    high = {lag: h for lag, h in heights.items() if lag <= longest and h >= least}
    return max(high, key=lambda lag: high[lag], default=None)


def _longer_season(correlation: Floats, season: int) -> int | None:
    """Return the first multiple of the season whose peak is nearly as high as the highest."""
    heights = _peaks(correlation)[::season]
    heights[:_MIN_RATIO] = -1.0
    if heights.max() < _MIN_CORRELATION:
        return None
    return season * int(np.argmax(heights >= _MULTIPLE_HEIGHT * heights.max()))


def _smooth_season(correlation: Floats, longest: int) -> int | None:
    """Return the lag with the highest contrast to the lags around it, if it lasts.

    One step changes smooth series by less than their noise, so that differences show no season;
    `correlation` is that of values.
    """
    lags = np.flatnonzero(_peaks(correlation)[: longest + 1] > -1.0)
    lags = lags[lags >= _MIN_SMOOTH_SEASON]
    if not len(lags):
        return None
    contrasts = np.array([_contrast(correlation, lag, lag // 2) for lag in lags.tolist()])
    first = int(np.argmax(contrasts >= _SIMILAR_HEIGHT * contrasts.max()))
    contrast, season = contrasts[first], int(lags[first])
    lasting = _contrast(correlation, 2 * season, season // 2)
    return season if contrast >= _MIN_CONTRAST and lasting >= _LASTING_CONTRAST * contrast else None


def _contrast(correlation: Floats, lag: int, width: int) -> float:
    """Return 1 minus the variance of differences at a lag over that at all lags around it."""
    around = correlation[lag - width : lag + width + 1].mean()
    return float(1.0 - (1.0 - correlation[lag]) / max(1.0 - around, 1e-12))


def _autocorrelation(
    sequences: Sequences, values: Floats, longest: int, n_steps_apart: int = 1
) -> Floats:
    """Return the autocorrelation of differences at lags 0 to `longest`, pooled over series.

    Features are pooled too. Each feature of a series is first divided by the mean absolute value of
    its differences. With `n_steps_apart` 0, values are compared with their mean instead of earlier
    ones.
    """
    products, pairs = np.zeros(longest + 1), np.zeros(longest + 1)
    for x, _ in blocks_of_equal_length(sequences, values):
        d = x[:, n_steps_apart:] - x[:, :-n_steps_apart] if n_steps_apart else x
        n_series, n_steps, n_features = d.shape
        if not n_steps:
            continue
        # the mean of equal values is rounded
        varies = np.ptp(d, axis=1, keepdims=True) > 0
        d = np.where(varies, d - d.mean(axis=1, keepdims=True), 0.0)
        sizes = np.abs(d).mean(axis=1, keepdims=True)
        d = d / np.where(sizes > 0, sizes, 1.0)
        power = np.abs(np.fft.rfft(d, 2 * n_steps, axis=1)) ** 2
        lags = np.arange(min(n_steps, longest + 1))
        products[lags] += np.fft.irfft(power, axis=1)[:, lags].sum(axis=(0, 2))
        pairs[lags] += n_series * n_features * (n_steps - lags)
    mean: Floats = products / np.maximum(pairs, 1)
    return mean / mean[0] if mean[0] > 0 else mean
