"""Forecast a series, and find out whether the forecast is worth anything.

It is if it beats the forecasts that cost nothing: the last value, or the value one season ago. We forecast a series
where there is something to learn, and a price where there is not.
"""

# %%
# Airline passengers
# ------------------
#
# Twelve years of monthly numbers, growing by percentages: their logarithm is easier to learn. A window of two years
# is the input, the half-year after it the target.

import numpy as np
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import TimeSeriesSplit

from sksequence import RNNRegressor, SequenceGenerator
from sksequence.datasets import load_air_passengers, make_random_walk
from sksequence.metrics import mean_absolute_scaled_error
from sksequence.preprocessing import make_windows

WINDOW, HORIZON, SEASON = 24, 6, 12

series = np.log(load_air_passengers().data)
X, y = make_windows(series, WINDOW, HORIZON)
print(f"{len(series)} months make {len(X)} windows: X is {X.shape}, y is {y.shape}")

# %%
# ``residual=12`` lets the network predict the difference to the same month of the year before.
#
# Neighbouring windows overlap. A random split would test the network on months it was trained on; so we cut by
# time and leave out the windows that reach into both parts. The errors are counted in passengers.

forecaster = RNNRegressor(hidden_size=16, residual=SEASON, max_epochs=60, random_state=0)
splits = TimeSeriesSplit(n_splits=3, test_size=18, gap=WINDOW + HORIZON - 1)


def naive_forecast(windows, season):
    """Repeat the last season of each window over the horizon."""
    return windows[:, -season:][:, np.arange(HORIZON) % season]


def compare_forecasts(forecaster, X, y, splits):
    """Print mean absolute errors of the forecaster and of the naive forecasts."""
    errors = {"network": [], "last value": [], "same month last year": []}
    for train, test in splits.split(X):
        network = clone(forecaster).fit(X[train], y[train])
        forecasts = [
            network.predict(X[test]),
            naive_forecast(X[test], 1),
            naive_forecast(X[test], SEASON),
        ]
        for name, forecast in zip(errors, forecasts, strict=True):
            errors[name].append(mean_absolute_error(np.exp(y[test]), np.exp(forecast)))
    for name, error in errors.items():
        folds = "  ".join(f"{e:5.1f}" for e in error)
        print(f"{name:22} {np.mean(error):5.1f} thousand   (each fold: {folds})")
    best = min(errors, key=lambda name: np.mean(errors[name]))
    print("the best forecast is:", best)


compare_forecasts(forecaster, X, y, splits)

# %%
# The model for use is fitted to all windows. The input is the end of the series.

forecaster.fit(X, y)
ahead = np.exp(forecaster.predict(series[-WINDOW:].reshape(1, -1))[0])
print("the first half of 1961, in thousands:", ahead.round().astype(int))

# %%
# Step by step, with intervals
# ----------------------------
#
# A `SequenceGenerator` learns the distribution of the next value and runs on from the end of the series, many times. It
# finds the season by itself, learns how each month differs from that month of the year before, and knows how sure it
# is. The last three years are held back.

passengers, ahead = load_air_passengers().data, 36
known, held_back = passengers[:-ahead], passengers[-ahead:]
generator = SequenceGenerator(random_state=0).fit([known])
print(f"season: {generator.residual_} months")

forecast = generator.forecast([known], ahead, quantiles=(0.1, 0.5, 0.9), random_state=0)
low, middle, high = forecast.quantiles[:, 0]
repeated = known[-SEASON:][np.arange(ahead) % SEASON]
for name, guess in [("generator", middle), ("the last year repeated", repeated)]:
    error = np.mean(np.abs(guess / held_back - 1))
    print(f"{name:22} is wrong by {100 * error:4.1f} %")
inside = np.sum((low <= held_back) & (held_back <= high))
print(f"{inside} of {ahead} months within the 80 % interval")

# %%
# A price
# -------
#
# A price whose changes nobody can foresee: the honest forecast of tomorrow's is today's. A network is asked
# whether it knows better. The errors are in units of what the last value had in training.

price = np.log(make_random_walk(n_steps=1500, random_state=0)[0])
X, y = make_windows(price, window=20)
trader = RNNRegressor(hidden_size=16, residual="last", max_epochs=10, random_state=0)
for train, test in TimeSeriesSplit(n_splits=3, gap=20).split(X):
    trader.fit(X[train], y[train])
    network, last = (
        mean_absolute_scaled_error(y[test], forecast, y_train=price[: train[-1] + 21])
        for forecast in (trader.predict(X[test]), X[test, -1])
    )
    verdict = "does not beat" if network >= last else "beats"
    print(f"network {network:.3f}, last value {last:.3f}: the network {verdict} it")

# %%
# A network that wins by a hair here has been lucky, and one that wins clearly has seen the future: look for a
# leak.
