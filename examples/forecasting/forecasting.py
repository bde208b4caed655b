"""
Forecasts with intervals, and a backtest
========================================

How many passengers will fly in each of the next months, and how sure is that? A forecast is useful
only if it beats the naive forecasts, which repeat the last value or the last season.
"""

# %%
# Airline passengers
# ------------------
#
# The series has twelve years of monthly numbers with exponential growth, so we model its logarithm.
# The input is a window of two years, and the target is the half-year after it.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import TimeSeriesSplit

from sksequence import RNNRegressor, SequenceGenerator
from sksequence.datasets import load_air_passengers
from sksequence.inspection import ForecastDisplay, QuantileCalibrationDisplay
from sksequence.model_selection import backtest
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

_, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ForecastDisplay.from_estimator(generator, [known], ahead, actuals=[held_out], random_state=0, ax=ax)
ax.set(xlabel="months since January 1949", ylabel="thousands of passengers")
plt.show()

# %%
# Backtest
# --------
#
# One origin says little. `backtest` forecasts a year ahead from six origins, each time with a model
# that was trained on what was known then. Errors are in units of those of the seasonal naive
# forecast in training, so that 1 would be no better.

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
result = backtest(
    generator,
    passengers,
    horizon=12,
    n_origins=6,
    season_length=SEASON,
    quantiles=LEVELS,
    random_state=0,
)
print(result)
print(f"mean scaled error: {result.mase.mean():.2f}")
print(f"mean coverage of the 80 % intervals: {result.coverage.mean():.0%}")

_, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.plot(np.arange(72, 144), result.targets.ravel(), color="black", label="true")
for origin in range(6):
    months = np.arange(12) + 72 + 12 * origin
    low, middle, high = result.quantiles[[0, 2, 4], origin, 0]
    ax.fill_between(months, low, high, alpha=0.3)
    ax.plot(months, middle)
ax.set(xlabel="months since January 1949", ylabel="thousands of passengers")
ax.legend()
plt.show()

# %%
# `QuantileCalibrationDisplay` plots the fraction of months below each quantile against its level.
# The curve is below the diagonal: the median forecast is too low in about seven months of ten.

below = np.mean(result.targets <= result.quantiles[2])
print(f"months below the median forecast: {below:.0%}")
QuantileCalibrationDisplay.from_predictions(
    result.targets, result.quantiles, levels=LEVELS, name="generator"
)
plt.show()

# %%
# The year after the fourth origin is 1958, a year of recession in which traffic hardly grew. Only a
# third of its months are inside the interval: no model knows what has never happened before.
