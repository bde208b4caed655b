"""
Which cell? One grid over cells, directions and depths
======================================================

Cells, directions and depths are hyperparameters, so one grid compares them all. The task requires
memory: the first step of a sequence determines its class, and 20 steps of noise follow.
"""

# %%
# A task that requires memory
# ---------------------------
#
# A network without memory can only guess, with an accuracy of 0.25.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit

from sksequence import RNNClassifier
from sksequence.datasets import make_first_label

X, y = make_first_label(400, lag=20, random_state=0)
print(f"X is {X.shape}, the classes are {np.unique(y).tolist()}")

# %%
# A grid of cells, directions and layers
# --------------------------------------
#
# With ``pooling="last"`` the prediction depends on the final hidden state only. ``"feedforward"``
# is a baseline that sees only the last three steps.

grid = {
    "cell": ["feedforward", "rnn", "gru", "lstm"],
    "bidirectional": [False, True],
    "num_layers": [1, 2],
}
search = GridSearchCV(
    RNNClassifier(hidden_size=32, pooling="last", max_epochs=40, random_state=0),
    grid,
    cv=StratifiedShuffleSplit(1, test_size=0.5, random_state=0),
    refit=False,
)
search.fit(X, y)

print("cell         direction  layers  accuracy  seconds")
results = search.cv_results_
for i, parameters in enumerate(results["params"]):
    direction = "both" if parameters["bidirectional"] else "forward"
    print(
        f"{parameters['cell']:12} {direction:9} {parameters['num_layers']:7}"
        f"{results['mean_test_score'][i]:10.2f} {results['mean_fit_time'][i]:8.1f}"
    )
print("best:", search.best_params_)

# %%
# The accuracies of one layer.

_, ax = plt.subplots(layout="constrained")
for offset, bidirectional in ((-0.2, False), (0.2, True)):
    accuracies = [
        results["mean_test_score"][
            results["params"].index({"bidirectional": bidirectional, "cell": cell, "num_layers": 1})
        ]
        for cell in grid["cell"]
    ]
    label = "both directions" if bidirectional else "forward"
    ax.bar(np.arange(4) + offset, accuracies, width=0.38, label=label)
ax.axhline(0.25, color="black", linestyle="--", label="guessing")
ax.set_xticks(range(4), grid["cell"])
ax.set(ylabel="accuracy")
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
plt.show()

# %%
# Why directions hide the difference
# ----------------------------------
#
# In the forward direction, the cells with memory solve the task and the baseline guesses. In both
# directions the task becomes trivial: the backward direction reads the informative first step last,
# so even the baseline sees it. An experiment should be as hard as the application.
