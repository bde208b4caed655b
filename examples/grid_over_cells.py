"""Search all cells, directions and depths in one grid.

Which network does a task need? Cells, directions and depths are parameters, so that one grid answers. The task here
needs memory: the first step of a sequence tells its class, and 20 steps of noise follow.
"""

# %%
# The task
# --------
#
# A network that forgets can only guess, and is right in one case of four.

import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit

from sksequence import RNNClassifier
from sksequence.datasets import make_first_label

X, y = make_first_label(400, lag=20, random_state=0)
print(f"X is {X.shape}, the classes are {np.unique(y).tolist()}")

# %%
# The grid
# --------
#
# ``pooling="last"`` lets the network answer from its state at the end alone. ``"feedforward"`` is the baseline: it
# sees the last three steps, and nothing else.

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
# How to read it
# --------------
#
# Forward, the cells with a memory are right and the baseline guesses. With both directions there is no task left:
# the backward one arrives at the telling step last, and even the network without memory has it before its eyes. An
# experiment should be as hard as the use it is meant for.
