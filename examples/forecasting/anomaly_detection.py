"""
Anomalies in a series by their likelihood
=========================================

How do you find what is unusual in a signal if you have no examples of faults? Learn what normal
signals look like, and look for steps that are unlikely given the steps before them.
"""

# %%
# Normal signals
# --------------
#
# A heartbeat of varying speed and height, with noise. A `SequenceGenerator` learns the distribution
# of the next value; it needs no labels.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score

from sksequence import SequenceGenerator


def heartbeat(n_steps, rng):
    """Return a periodic signal with a sharp and a flat wave, and noise."""
    phase = np.cumsum(2 * np.pi / rng.uniform(18, 22, n_steps)) + rng.uniform(0, 6)
    sharp = np.exp(6 * (np.cos(phase) - 1))
    flat = 0.3 * np.exp(2 * (np.cos(phase - 2) - 1))
    return rng.uniform(0.8, 1.2) * (sharp + flat) + 0.03 * rng.normal(size=n_steps)


rng = np.random.default_rng(0)
normal = [heartbeat(200, rng) for _ in range(40)]
model = SequenceGenerator(
    "gru", 48, residual=None, scale="global", dropout=0.1, max_epochs=25, random_state=0
).fit(normal)

# %%
# What is unusual?
# ----------------
#
# Half of the new signals have an anomaly: one beat is upside down, or a beat is missing. The
# surprise of a step is its negative log-likelihood. As the model reads one step after the other,
# the surprise shows when the anomaly happens.


def with_anomaly(signal, rng):
    """Return a signal with one beat that is missing or upside down, and where it begins."""
    start = rng.integers(80, 160)
    signal = signal.copy()
    signal[start : start + 20] *= rng.choice([-1, 0])
    return signal, start


signals = [heartbeat(200, rng) for _ in range(100)]
starts = [None] * 100
for i in range(50):
    signals[i], starts[i] = with_anomaly(signals[i], rng)
surprise = [-log_likelihoods for log_likelihoods in model.score_steps(signals)]

# %%
# The surprise is averaged over five steps, and its largest value is the score of a signal.

smooth = [np.convolve(values[40:], np.ones(5) / 5, mode="same") for values in surprise]
score = [values.max() for values in smooth]
is_anomaly = [start is not None for start in starts]
print(f"area under the ROC curve: {roc_auc_score(is_anomaly, score):.3f}")
distance = [abs(40 + smooth[i].argmax() - starts[i] - 10) for i in range(50)]
print(f"the largest surprise is in the anomalous beat: {np.mean(np.array(distance) <= 14):.0%}")

_, axes = plt.subplots(2, 2, figsize=(9, 4.5), sharex=True, sharey="row", layout="constrained")
for column, i in enumerate((0, 99)):
    axes[0, column].plot(signals[i])
    axes[1, column].plot(np.arange(40, 200), smooth[i], color="C3")
    axes[1, column].set(xlabel="step", ylim=(-4, 40))
axes[0, 0].axvspan(starts[0], starts[0] + 20, alpha=0.3, color="C1")
axes[0, 0].set(title="with an anomaly", ylabel="signal")
axes[0, 1].set(title="normal")
axes[1, 0].set(ylabel="surprise in nats")
plt.show()
