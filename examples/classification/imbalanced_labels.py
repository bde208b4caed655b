"""
Rare classes: weights, thresholds and calibrated probabilities
==============================================================

One recording in twenty shows a fault, and the classifier hardly ever reports one. Should you set
``class_weight``? It finds more faults, but its probabilities are no longer those of the data. A
lower threshold finds as many, and leaves the probabilities right.
"""

# %%
# Rare faults
# -----------
#
# A fault is a bump of random height somewhere in a noisy recording. Some are too small to be seen.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import (
    PrecisionRecallDisplay,
    average_precision_score,
    brier_score_loss,
    recall_score,
)
from sklearn.model_selection import TunedThresholdClassifierCV

from sksequence import RNNClassifier


def make_recordings(n_recordings, seed):
    """Return noisy recordings of 60 steps, of which 5 % have a fault."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_recordings, 60))
    y = rng.random(n_recordings) < 0.05
    bump = np.exp(-0.5 * np.linspace(-2, 2, 13) ** 2)
    for i in np.flatnonzero(y):
        start = rng.integers(0, 48)
        X[i, start : start + 13] += rng.uniform(0.5, 3) * bump
    return X, np.where(y, "fault", "normal")


X_train, y_train = make_recordings(2000, seed=0)
X_test, y_test = make_recordings(4000, seed=1)
print(f"{np.mean(y_test == 'fault'):.1%} of the recordings have a fault")

# %%
# Three classifiers
# -----------------
#
# ``class_weight="balanced"`` gives both classes the same weight in training. A
# `TunedThresholdClassifierCV` leaves training as it is, and selects the threshold of the
# probability at which a fault is reported.

plain = RNNClassifier("gru", 16, frame_length=1, max_epochs=15, random_state=0)
weighted = RNNClassifier(
    "gru", 16, frame_length=1, class_weight="balanced", max_epochs=15, random_state=0
)
threshold = TunedThresholdClassifierCV(plain, scoring="balanced_accuracy", cv=3)
models = {"plain": plain, "class_weight": weighted, "threshold": threshold}
print("              faults found  false alarms  Brier score")
for name, model in models.items():
    model.fit(X_train, y_train)
    predicted = model.predict(X_test)
    found = recall_score(y_test, predicted, pos_label="fault")
    alarms = np.mean(predicted[y_test == "normal"] == "fault")
    brier = brier_score_loss(y_test == "fault", model.predict_proba(X_test)[:, 0])
    print(f"{name:13} {found:12.0%} {alarms:13.1%} {brier:12.3f}")

# %%
# Calibration
# -----------
#
# Both networks rank the recordings about equally well: their curves of precision and recall are
# close. But of the recordings to which the weighted network gives a probability of 80 %, far fewer
# than 80 % have a fault: it was trained as if half of all recordings had one.

_, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for name in ("plain", "class_weight"):
    probability = models[name].predict_proba(X_test)[:, 0]
    is_fault = y_test == "fault"
    sure = (probability > 0.7) & (probability < 0.9)
    precision = average_precision_score(is_fault, probability)
    print(f"{name}: average precision {precision:.2f};", end=" ")
    found = np.sum(is_fault & sure) / max(np.sum(sure), 1)
    print(f"at a probability of 70 to 90 %, {found:.0%} have a fault")
    PrecisionRecallDisplay.from_predictions(is_fault, probability, name=name, ax=left)
    CalibrationDisplay.from_predictions(is_fault, probability, n_bins=8, name=name, ax=right)
left.legend(loc="lower left")
left.set(xlabel="recall of the faults", ylabel="precision")
right.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
right.set(xlabel="probability of a fault", ylabel="fraction with a fault")
plt.show()
