"""
Stock prices, and why the last value is hard to beat
====================================================

Many tutorials forecast a stock price with an LSTM, and show a curve that follows the price closely.
It looks convincing, and is worth nothing: the forecast is the last price, one day late. Three
questions show whether a model has learnt anything.
"""

# %%
# The convincing picture
# ----------------------
#
# This price is a random walk: its changes cannot be predicted by anything. A network reads windows
# of 20 days and predicts the price of the next day.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import r2_score

from sksequence import RNNRegressor
from sksequence.datasets import make_random_walk
from sksequence.metrics import mean_absolute_scaled_error
from sksequence.preprocessing import make_windows

WINDOW, TRAIN = 20, 1200
price = make_random_walk(n_steps=1500, volatility=0.02, random_state=27)[0]
X, y = make_windows(price, WINDOW)
X_train, y_train = X[:TRAIN], y[:TRAIN]
X_test, y_test = X[TRAIN + WINDOW :], y[TRAIN + WINDOW :]

naive_tutorial = RNNRegressor("lstm", hidden_size=32, max_epochs=20, random_state=0)
forecast = naive_tutorial.fit(X_train, y_train).predict(X_test)

_, ax = plt.subplots(figsize=(8, 3.5), layout="constrained")
ax.plot(y_test[:100], label="price")
ax.plot(forecast[:100], label="forecast of an LSTM")
ax.set(xlabel="day", ylabel="price")
ax.legend()
plt.show()

# %%
# First question: is it better than the last value?
# -------------------------------------------------
#
# `mean_absolute_scaled_error` is the error in units of that of the last value in training. R
# squared of the price does not answer the question: it is high for any forecast near the price.

last = X_test[:, -1]
for name, guess in [("LSTM", forecast), ("last value", last)]:
    error = mean_absolute_scaled_error(y_test, guess, y_train=price[: TRAIN + WINDOW])
    print(f"{name:11} scaled error {error:.2f}, R squared {r2_score(y_test, guess):.2f}")
closer = np.mean(np.abs(forecast - y_test) < np.abs(last - y_test))
print(f"days on which the LSTM is closer than the last value: {closer:.0%}")

# %%
# Second question: does it predict the change?
# --------------------------------------------
#
# The change from one day to the next is what one could earn. With ``residual="last"`` the network
# predicts this change. At the end of `fit`, its forecasts are compared with the last value on
# windows that it was not trained on. Where nothing is gained, `fit` warns, and the predictions are
# the last value: ``shrinkage_`` is 1.

logs, changes = np.log(X_train), np.log(y_train)
honest = RNNRegressor("lstm", hidden_size=32, residual="last", max_epochs=10, random_state=0)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    honest.fit(logs, changes)
print(f"shrinkage on the random walk: {honest.shrinkage_:.2f}, warnings: {len(caught)}")

# %%
# Third question: would it see a pattern if there were one?
# ---------------------------------------------------------
#
# Real markets are close to a random walk, but a forecaster should find what is there. In this made
# series, 70 % of each change carries over to the next day.

rng = np.random.default_rng(0)
steps = rng.normal(scale=0.02, size=3000)
for day in range(1, len(steps)):
    steps[day] += 0.7 * steps[day - 1]
X_trend, y_trend = make_windows(np.cumsum(steps), WINDOW)
trend = RNNRegressor("lstm", hidden_size=32, residual="last", max_epochs=10, random_state=0)
trend.fit(X_trend[:2400], y_trend[:2400])
later = slice(2400 + WINDOW, None)
predicted = trend.predict(X_trend[later]) - X_trend[later, -1]
true = y_trend[later] - X_trend[later, -1]
print(f"shrinkage with momentum: {trend.shrinkage_:.2f}")
print(f"R squared of the changes: {r2_score(true, predicted):.2f}, at best about 0.49")

log_last = np.log(X_test[:, -1])
walk_change = honest.predict(np.log(X_test)) - log_last
_, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
axes[0].plot(np.log(y_test) - log_last, walk_change, ".")
axes[0].set(title="random walk: no change is predicted", ylim=(-0.06, 0.06))
axes[1].plot(true, predicted, ".")
axes[1].set(title="momentum: the change is predicted", ylim=(-0.06, 0.06))
for ax in axes:
    ax.axline((0, 0), slope=1, color="grey", linestyle=":")
    ax.set(xlabel="true change", ylabel="predicted change")
    ax.locator_params(axis="x", nbins=5)
plt.show()

# %%
# If a forecast of real prices beats the last value clearly, look for a leak first: future values in
# the features, a scaler that has seen the test part, or windows of the test part that overlap those
# of training.
