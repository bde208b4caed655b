"""Updates of the state of series by one step, each in one call.

Arrays are float64 and C-contiguous, with the axes of rows and features last. `values` (n_steps,
n_rows, n_features) and `differences` (n_steps, 1 + n_spans * n_rates, n_rows, n_features) hold
past steps up to `end`: the latter the error of each, and its changes from the means of the steps
before, smoothed over seasons. `means` are (n_spans, n_rows, n_features). Sums are in the order of
time and products are rounded, so that the bits are those of numpy.
"""

from __future__ import annotations

from typing import Any

from sksequence._kernels._compiled import exact, inlined


@inlined
def _flat(arrays: Any) -> Any:
    """Return a view with one axis for rows and features."""
    n = len(arrays)
    return arrays.reshape(n, arrays.size // max(n, 1))


@exact
def fill_means(values: Any, end: int, spans: Any, means: Any) -> None:
    """Write the means of the last steps, for each of `spans`."""
    steps, totals = _flat(values), _flat(means)
    n = steps.shape[1]
    for i in range(len(spans)):
        for j in range(n):
            totals[i, j] = steps[end - spans[i], j]
        for step in range(end - spans[i] + 1, end):
            for j in range(n):
                totals[i, j] += steps[step, j]
        for j in range(n):
            totals[i, j] /= spans[i]


@exact
def fill_candidates(
    values: Any, differences: Any, end: int, seasons: Any, means: Any, candidates: Any
) -> None:
    """Write the last error, and with seasons the last value and what seasons before lead to."""
    candidates[0] = differences[end - 1, 0]
    if len(seasons) == 0:
        return
    before = differences[end - seasons[-1]]
    candidates[1] = values[end - 1]
    candidates[2] = before[0]
    n_lags = 2 + len(seasons)
    for i in range(len(seasons) - 1):
        candidates[3 + i] = values[end - seasons[i]]
    levels, changes, smoothed = _flat(means), _flat(before), _flat(candidates)
    n_rates = (len(before) - 1) // len(means)
    for i in range(len(before) - 1):
        for j in range(changes.shape[1]):
            smoothed[n_lags + i, j] = levels[i // n_rates, j] + changes[1 + i, j]


@exact
def add_differences(
    error: Any,
    means: Any,
    weights: Any,
    season: int,
    end: int,
    values: Any,
    differences: Any,
    sums: Any,
) -> None:
    """Write the differences of the values at `end`, and the sums up to them.

    `weights` (n_spans, n_rates, n_rows or 1, 1) are those of new changes in the smoothed ones.
    """
    x, levels, totals = _flat(values)[end], _flat(means), _flat(sums)
    before, after, errors = _flat(differences[end - season]), _flat(differences[end]), error.ravel()
    for j in range(len(x)):
        totals[0, j] += x[j]
        totals[1, j] += abs(x[j])
        totals[2, j] += abs(errors[j])
        after[0, j] = errors[j]
    n_rates, n_rows, n_features = weights.shape[1], weights.shape[2], values.shape[2]
    for i in range(len(before) - 1):
        span, of_rate = i // n_rates, weights[i // n_rates, i % n_rates]
        for j in range(len(x)):
            weight = of_rate[j // n_features if n_rows > 1 else 0, 0]
            change = x[j] - levels[span, j]
            after[1 + i, j] = before[1 + i, j] + weight * (change - before[1 + i, j])


@exact
def divide_candidates(
    count: int,
    base: Any,
    sums: Any,
    typical_ratio: Any,
    start_spread: Any,
    least_spread: Any,
    limits: Any,
    begins: Any,
    candidates: Any,
    spread: Any,
) -> None:
    """Write the spread of rows with `count` steps, and divide candidates by it.

    This is `Reference.in_units` with a scale per series. `limits` are the smallest spread, as a
    fraction of the expected one, and that which counts as 0. Candidates that begin after more steps
    are 0; `begins` is empty if there are none.
    """
    n, (n_rows, n_features) = max(count, 1), base.shape
    for row in range(n_rows):
        for j in range(n_features):
            expected = typical_ratio[j] * sums[1, row, j] / n
            least = limits[0] * expected + least_spread[j]
            own = max((expected + sums[2, row, j]) / n, least)
            spread[row, j] = own if own > limits[1] else start_spread[j]
    for k in range(len(candidates)):
        is_value = k == 1 or k >= 3
        is_known = 1.0 if len(begins) == 0 or count >= begins[k] else 0.0
        for row in range(n_rows):
            for j in range(n_features):
                candidate = candidates[k, row, j]
                if is_value:
                    candidate -= base[row, j]
                candidates[k, row, j] = candidate * is_known / spread[row, j]
