"""
Which channel, and when? Explain a prediction
=============================================

A network reports that a machine is faulty. Which of its six sensors shows it, and at which time?
Hide one part of the sequence after the other, and see how the prediction changes.
"""

# %%
# Logs of six sensors
# -------------------
#
# A faulty machine has a short burst in sensor 3, at any time. The other sensors are noise.

import matplotlib.pyplot as plt
import numpy as np

from sksequence import RNNClassifier
from sksequence.inspection import SaliencyDisplay, permutation_importance, saliency

N_SENSORS, SHOWN_BY, BURST = 6, 3, 12


def make_logs(n_machines, seed):
    """Return logs of 60 to 100 steps, the labels, and where the burst of each log begins."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(n_steps, N_SENSORS)) for n_steps in rng.integers(60, 100, n_machines)]
    y = np.where(rng.random(n_machines) < 0.5, "faulty", "sound")
    starts = np.array([rng.integers(0, len(x) - BURST) for x in X])
    for x, label, start in zip(X, y, starts, strict=True):
        if label == "faulty":
            x[start : start + BURST, SHOWN_BY] += 2.5 * np.sin(np.arange(BURST))
    return X, y, starts


X, y, _ = make_logs(300, seed=0)
X_test, y_test, starts = make_logs(300, seed=1)
classifier = RNNClassifier(hidden_size=32, max_epochs=40, random_state=0).fit(X, y)
print(f"accuracy: {classifier.score(X_test, y_test):.3f}")

# %%
# Which channel?
# --------------
#
# `permutation_importance` exchanges one sensor between the sequences at random, and measures how
# much accuracy is lost. The sequences may differ in length.

importance = permutation_importance(classifier, X_test, y_test, n_repeats=3, random_state=0)
print(f"the most important sensor: {np.argmax(importance.importances_mean)}")

# %%
# When?
# -----
#
# `saliency` explains single predictions. Occlusion hides windows of eight steps of one sensor after
# the other, and returns by how much the score of a class falls.

faulty = [i for i in range(len(X_test)) if y_test[i] == "faulty"][:20]
explained = saliency(
    classifier, [X_test[i] for i in faulty], method="occlusion", target="faulty", window=8
)
n_found = 0
for i, attributions in zip(faulty, explained.attributions, strict=True):
    step, sensor = np.unravel_index(np.argmax(attributions), attributions.shape)
    n_found += sensor == SHOWN_BY and starts[i] - 8 <= step <= starts[i] + BURST + 8
print(f"the burst is found in {n_found} of {len(faulty)} sequences")

# %%
# Left, what each sensor is worth to all predictions; right, the explanation of one sequence. A
# positive attribution speaks for a fault. The line below it is where the burst was put.

start = starts[faulty[0]]
_, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), width_ratios=(1, 2), layout="constrained")
left.barh(range(N_SENSORS), importance.importances_mean)
left.invert_yaxis()
left.set(xlabel="accuracy lost when exchanged", ylabel="sensor")
SaliencyDisplay(explained.attributions[:1], targets=explained.targets[:1]).plot(right)
right.plot([start, start + BURST], [SHOWN_BY + 0.4] * 2, color="black", linewidth=3)
plt.show()
