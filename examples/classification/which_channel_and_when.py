"""
Which channel, and when? Explain a prediction by occlusion
==========================================================

A network reports that a machine is faulty. Which of its six sensors shows it, and at which time?
Hide one part of the sequence after the other, and see how the prediction changes.
"""

# %%
# Data
# ----
#
# A faulty machine has a short burst in sensor 3, at any time. The other sensors are noise.

import matplotlib.pyplot as plt
import numpy as np

from sksequence import RNNClassifier

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
# Replace one sensor of all sequences by that of another sequence, cut or repeated to the same
# length, and measure how much accuracy is lost. This is permutation importance.

rng = np.random.default_rng(0)


def with_foreign_sensor(X, sensor):
    """Return copies whose sensor shows what it showed on another machine."""
    others = [X[i] for i in rng.permutation(len(X))]
    copies = [x.copy() for x in X]
    for copy, other in zip(copies, others, strict=True):
        copy[:, sensor] = np.resize(other[:, sensor], len(copy))
    return copies


accuracy = classifier.score(X_test, y_test)
lost = [
    accuracy - classifier.score(with_foreign_sensor(X_test, sensor), y_test)
    for sensor in range(N_SENSORS)
]
print(f"the most important sensor: {np.argmax(lost)}")

# %%
# When?
# -----
#
# In one sequence, set a window of eight steps of one sensor to its mean, and measure how much the
# probability of a fault falls. All these copies are predicted in one call.


def importance_of_steps(x, width=8):
    """Return how much hiding a window around each step and sensor lowers the probability."""
    copies = [x]
    for step in range(len(x)):
        for sensor in range(N_SENSORS):
            copy = x.copy()
            copy[max(step - width // 2, 0) : step + width // 2, sensor] = x[:, sensor].mean()
            copies.append(copy)
    probability = classifier.predict_proba(copies)[
        :, 0
    ]  # the classes are sorted: "faulty" is first
    return (probability[0] - probability[1:]).reshape(len(x), N_SENSORS)


faulty = [i for i in range(len(X_test)) if y_test[i] == "faulty"][:20]
n_found = 0
for i in faulty:
    step, sensor = np.unravel_index(
        np.argmax(importance_of_steps(X_test[i])), (len(X_test[i]), N_SENSORS)
    )
    n_found += sensor == SHOWN_BY and starts[i] - 4 <= step <= starts[i] + BURST + 4
print(f"the burst is found in {n_found} of {len(faulty)} sequences")

importance = importance_of_steps(X_test[faulty[0]])
start = starts[faulty[0]]
_, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), width_ratios=(1, 2), layout="constrained")
left.barh(range(N_SENSORS), lost)
left.set(xlabel="accuracy lost without this sensor", ylabel="sensor")
image = right.imshow(importance.T, aspect="auto", origin="lower", cmap="viridis")
right.plot([start, start + BURST], [SHOWN_BY + 0.4] * 2, color="red", linewidth=3)
right.set(xlabel="step", title="fall of the probability of a fault (red: the burst)")
plt.colorbar(image, ax=right)
plt.show()
