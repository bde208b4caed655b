"""
Predict while the steps arrive
==============================

A sensor sends one reading at a time, and an alarm cannot wait for the end of the recording. How do
you get a prediction after each step, without reading the whole past again?
"""

# %%
# A network that looks back only
# ------------------------------
#
# A machine is overloaded when its vibration has been strong for a while. The label of each step
# depends on the last ten readings. The network must not use the future, so ``bidirectional=False``,
# the default for labels per step.

import functools
import time
import timeit

import matplotlib.pyplot as plt
import numpy as np

from sksequence import RNNClassifier


def make_recordings(n_recordings, n_steps, seed):
    """Return vibrations of two sensors, and whether the machine is overloaded at each step."""
    rng = np.random.default_rng(seed)
    load = np.cumsum(rng.normal(size=(n_recordings, n_steps)), axis=1) / 10
    X = np.exp(load[:, :, None] / 2) * rng.normal(size=(n_recordings, n_steps, 2))
    strength = np.abs(X).sum(axis=2)
    recent = np.stack([strength[:, max(t - 9, 0) : t + 1].mean(axis=1) for t in range(n_steps)], 1)
    return X, np.where(recent > 2, "overload", "normal")


X, y = make_recordings(200, 100, seed=0)
X_test, y_test = make_recordings(50, 100, seed=1)
classifier = RNNClassifier(
    "gru", 32, bidirectional=False, target="steps", max_epochs=10, random_state=0
).fit(X, y)
print(f"steps with the right label: {classifier.score(X_test, y_test):.3f}")

# %%
# One step at a time
# ------------------
#
# `start` returns a stream that keeps the state of the network. The probabilities are those of
# ``predict_proba`` for the whole recording, to the last bit.

recording, labels = X_test[0], y_test[0]
stream = classifier.start(method="predict_proba")
live = np.array([stream.push(reading) for reading in recording])
whole = classifier.predict_proba([recording])[0]
print("the stream equals the whole recording:", np.array_equal(live, whole))

_, axes = plt.subplots(2, 1, figsize=(8, 4), sharex=True, layout="constrained")
axes[0].plot(np.abs(recording).sum(axis=1))
axes[0].set(ylabel="vibration")
axes[1].plot(live[:, list(classifier.classes_).index("overload")], color="C1")
axes[1].fill_between(range(100), labels == "overload", alpha=0.2, label="overload")
axes[1].set(xlabel="step", ylabel="probability")
axes[1].legend()
plt.show()

# %%
# The time per step
# -----------------
#
# A push takes the same time however long the recording is. Reading the whole past again takes
# longer with every step. Times are medians, of five runs and of 100 pushes.

stream = classifier.start(method="predict_proba")
long_recording = make_recordings(1, 2000, seed=2)[0][0]
lengths, pushed, read_again = [], [], []
for n_steps in range(1, 2001):
    begin = time.perf_counter()
    stream.push(long_recording[n_steps - 1])
    pushed.append(time.perf_counter() - begin)
    if n_steps % 100 == 0:
        read = functools.partial(classifier.predict_proba, [long_recording[:n_steps]])
        read_again.append(np.median(timeit.repeat(read, number=1, repeat=5)))
        lengths.append(n_steps)

_, ax = plt.subplots(layout="constrained")
ax.plot(lengths, 1e6 * np.array(read_again), "o-", label="predict_proba of all steps so far")
steady = np.median(np.reshape(pushed, (20, 100)), axis=1)
ax.plot(lengths, 1e6 * steady, "o-", label="push")
ax.set(xlabel="steps so far", ylabel="microseconds per step", yscale="log")
ax.legend()
plt.show()

# %%
# Fifty machines at once
# ----------------------
#
# One stream can hold many recordings. Each has a state of its own, and ``rows`` selects those with
# a new reading.

fleet = classifier.start(n_streams=50)
for readings in X_test.transpose(1, 0, 2):
    states = fleet.push(readings)
print("fifty machines agree:", np.array_equal(states, classifier.predict(X_test)[:, -1]))
