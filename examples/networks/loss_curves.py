"""
Reading a loss curve: too short, right, overfitted
==================================================

How many epochs are enough, and how many are too many? The loss on the training data alone does not
answer this. Compare it with the loss on data that the network does not learn from.
"""

# %%
# Three trainings
# ---------------
#
# A noisy sensor records oscillations, and the class is their frequency. ``early_stopping=True``
# holds out a part of the sequences, here 30 %, and computes the loss on it after each epoch. Its
# patience is as long as the training here, so that it never stops and we see whole curves.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import log_loss

from sksequence import RNNClassifier
from sksequence.inspection import LossCurveDisplay


def make_oscillations(n_sequences, random_state):
    """Return noisy oscillations (n_sequences, 40, 1) and which of two frequencies they have."""
    rng = np.random.default_rng(random_state)
    y = np.arange(n_sequences) % 2
    frequencies, phases = 0.30 + 0.06 * y, rng.uniform(0, 6, n_sequences)
    X = np.sin(np.outer(frequencies, np.arange(40)) + phases[:, None])
    return (X + rng.normal(size=X.shape))[:, :, None], y


def report(name, classifier):
    """Print the loss and the accuracy on new data."""
    loss = log_loss(y_new, classifier.predict_proba(X_new))
    print(f"{name:14} loss {loss:.2f}  accuracy {classifier.score(X_new, y_new):.2f}")


X, y = make_oscillations(200, random_state=0)
X_new, y_new = make_oscillations(1000, random_state=1)
options = {"cell": "gru", "hidden_size": 32, "frame_length": 1, "random_state": 0}
watch = {"early_stopping": True, "validation_fraction": 0.3}

_, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True, layout="constrained")
for ax, (name, n_epochs) in zip(
    axes, {"too short": 10, "right": 30, "overfitted": 100}.items(), strict=True
):
    classifier = RNNClassifier(max_epochs=n_epochs, n_iter_no_change=n_epochs, **options, **watch)
    LossCurveDisplay.from_estimator(classifier.fit(X, y), ax=ax)
    ax.set_title(f"{name}: {n_epochs} epochs")
    last = classifier.validation_curve_[-1]
    print(f"{name:14} training loss {classifier.loss_curve_[-1]:.2f}, validation loss {last:.2f}")
plt.show()

# %%
# - **Too short**: both losses are high, and the curves level off. This is the learning rate, which
#   falls to zero at the end of every training (the schedule "one_cycle"), and no sign that there is
#   nothing more to learn: three times as many epochs learn it.
# - **Right**: the validation loss ends near its lowest value. The training loss is lower, which is
#   no fault.
# - **Overfitted**: the training loss is zero, and the validation loss has doubled. The network has
#   become certain, also where it is wrong.
#
# What overfitting costs
# ----------------------
#
# The same three trainings without early stopping, on all 200 sequences, and judged on new ones. The
# accuracy suffers little from overfitting. The probabilities do: the loss, which measures them, has
# doubled.

for name, n_epochs in {"too short": 10, "right": 30, "overfitted": 100}.items():
    report(name, RNNClassifier(max_epochs=n_epochs, **options).fit(X, y))

# %%
# Early stopping
# --------------
#
# With the default patience of 10 epochs, a training of at most 100 epochs stops by itself and keeps
# the best weights. Its learning rate was still high then, as the schedule is that of 100 epochs.
# Read the best epoch from it, and train for somewhat longer without early stopping: this uses all
# of the data, the learning rate falls to zero, and the loss is lower, as "right" shows above.

stopped = RNNClassifier(max_epochs=100, **options, **watch).fit(X, y)
best = 1 + int(np.argmin(stopped.validation_curve_))
print(f"stopped after {stopped.n_iter_} epochs, the best one is {best}")
report("early stopping", stopped)

ax = LossCurveDisplay.from_estimator(stopped, show_learning_rate=True).ax_
ax.set(title="early stopping", ylim=(0, None))
ax.get_legend().set_loc("lower center")
plt.show()
