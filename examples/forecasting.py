"""Forecasting, compared with naive forecasts.

A forecast is useful only if it beats the naive forecasts, which repeat the last value or the last
season. We forecast one series that can be predicted and one price that cannot.
"""

# %%
# Airline passengers
# ------------------
#
# The series has twelve years of monthly numbers with exponential growth, so we model its logarithm.
# The input is a window of two years, and the target is the half-year after it.

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import TimeSeriesSplit

from sksequence import RNNRegressor, SequenceGenerator
from sksequence.datasets import load_air_passengers, make_random_walk
from sksequence.metrics import mean_absolute_scaled_error
from sksequence.preprocessing import last_windows, make_windows

WINDOW, HORIZON, SEASON = 24, 6, 12

series = np.log(load_air_passengers().data)
X, y = make_windows(series, WINDOW, HORIZON)
print(f"{len(series)} months make {len(X)} windows: X is {X.shape}, y is {y.shape}")

# %%
# With ``residual=12`` the network predicts the difference to the same month of the previous year.
#
# Neighbouring windows overlap, so a random split would evaluate the network on months that it was
# trained on. We split by time instead and leave out the windows that overlap both parts. Errors are
# in thousands of passengers.

forecaster = RNNRegressor(hidden_size=16, residual=SEASON, max_epochs=60, random_state=0)
splits = TimeSeriesSplit(n_splits=3, test_size=18, gap=WINDOW + HORIZON - 1)


def naive_forecast(windows, season):
    """Repeat the last season of each window over the horizon."""
    return windows[:, -season:][:, np.arange(HORIZON) % season]


def compare_forecasts(forecaster, X, y, splits):
    """Print the mean absolute errors of the forecaster and of the naive forecasts."""
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
# Fit the final model on all windows. The input of the forecast is the end of the series.

forecaster.fit(X, y)
ahead = np.exp(forecaster.predict(last_windows(series, WINDOW))[0])
print("the first half of 1961, in thousands:", ahead.round().astype(int))

# %%
# Prediction intervals
# --------------------
#
# A `SequenceGenerator` learns the distribution of the next value and samples many paths from the
# end of the series. It detects the season, learns the difference between each month and the same
# month of the previous year, and returns prediction intervals. The last three years are held out.

passengers, ahead = load_air_passengers().data, 36
known, held_out = passengers[:-ahead], passengers[-ahead:]
generator = SequenceGenerator(random_state=0).fit([known])
print(f"season: {generator.residual_} months")

forecast = generator.forecast([known], ahead, quantiles=(0.1, 0.5, 0.9), random_state=0)
low, middle, high = forecast.quantiles[:, 0]
repeated = known[-SEASON:][np.arange(ahead) % SEASON]
for name, guess in [("generator", middle), ("last year repeated", repeated)]:
    error = np.mean(np.abs(guess / held_out - 1))
    print(f"{name:22} mean absolute percentage error {100 * error:4.1f} %")
inside = np.sum((low <= held_out) & (held_out <= high))
print(f"{inside} of {ahead} months are inside the 80 % prediction interval")

# %%
# A price
# -------
#
# The changes of this price, a random walk, cannot be predicted: the best forecast is the last
# value. ``fit`` compares the network with it on windows that it was not trained on. If nothing is
# gained, ``fit`` warns, and predictions are the last value. Errors are divided by those of the last
# value in training.

price = np.log(make_random_walk(n_steps=1500, random_state=0)[0])
X, y = make_windows(price, window=20)
trader = RNNRegressor(hidden_size=16, residual="last", max_epochs=10, random_state=0)
for train, test in TimeSeriesSplit(n_splits=3, gap=20).split(X):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trader.fit(X[train], y[train])
    network, last = (
        mean_absolute_scaled_error(y[test], forecast, y_train=price[: train[-1] + 21])
        for forecast in (trader.predict(X[test]), X[test, -1])
    )
    verdict = "does not beat" if network >= last else "beats"
    print(f"forecast {network:.3f}, last value {last:.3f}: the forecast {verdict} it", end="; ")
    print(f"shrinkage {trader.shrinkage_:.2f}, {len(caught)} warning")

# %%
# A forecast that wins by a small margin here was lucky. If it wins clearly, look for leakage of
# future values into the features.
