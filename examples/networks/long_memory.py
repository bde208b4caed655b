"""
How far back does a cell remember?
==================================

The first step decides the label, and noise follows. How long may the noise be until a cell fails?
"""

# %%
# Lags of 10 to 200 steps
# -----------------------
#
# All networks have 32 units, read forwards only, without frames, and predict from the last state.
# Guessing has an accuracy of 0.25. ``LSTM(chrono_steps=...)`` initialises the gates for the length
# of the memory that the task needs.

import matplotlib.pyplot as plt

from sksequence import RNNClassifier
from sksequence.cells import LSTM
from sksequence.datasets import make_first_label

LAGS = [10, 30, 60, 120, 200]
accuracies = {}
for name in ["rnn", "gru", "lstm", "lstm with chrono_steps"]:
    accuracies[name] = []
    for lag in LAGS:
        X, y = make_first_label(400, lag=lag, random_state=0)
        X_test, y_test = make_first_label(400, lag=lag, random_state=1)
        cell = LSTM(chrono_steps=lag) if "chrono" in name else name
        classifier = RNNClassifier(
            cell,
            32,
            bidirectional=False,
            pooling="last",
            frame_length=1,
            max_epochs=25,
            random_state=0,
        )
        accuracies[name].append(classifier.fit(X, y).score(X_test, y_test))
    print(f"{name:23}", "  ".join(f"{a:.2f}" for a in accuracies[name]))

# %%
# Accuracy against the lag
# ------------------------

_, ax = plt.subplots(layout="constrained")
for name, values in accuracies.items():
    ax.plot(LAGS, values, "o-", label=name)
ax.axhline(0.25, color="black", linestyle="--", label="guessing")
ax.set(xlabel="steps between the first step and the end", ylabel="accuracy")
ax.legend()
plt.show()

# %%
# In practice
# -----------
#
# You rarely need such a memory. Reading in both directions and pooling over all steps make this
# very task easy, which is why they are defaults of `RNNClassifier`. A long memory is what remains
# when the future is not known.

X, y = make_first_label(400, lag=200, random_state=0)
X_test, y_test = make_first_label(400, lag=200, random_state=1)
defaults = RNNClassifier(max_epochs=25, random_state=0).fit(X, y)
print(f"defaults at a lag of 200: {defaults.score(X_test, y_test):.2f}")
