"""
A hyperparameter search on several processes
============================================

How do you try dozens of candidates without waiting for each to finish? Give the poor ones little
training, and run the candidates in several processes. The results are the same bit for bit.
"""

# %%
# A halving search
# ----------------
#
# All candidates train for a few epochs, and the best third goes on with three times as many. The
# resource is ``max_epochs``. With ``n_jobs=2`` two processes share the work, and each network
# computes on one thread, so that they are not in each other's way.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it enables the next line
from sklearn.model_selection import HalvingRandomSearchCV

from sksequence import RNNClassifier
from sksequence.datasets import load_japanese_vowels

X, y = load_japanese_vowels(split="train", return_X_y=True)
candidates = {
    "cell": ["rnn", "gru", "lstm"],
    "hidden_size": [8, 16, 32, 64],
    "pooling": ["last", "max", "mean"],
    "learning_rate": [0.001, 0.003, 0.01, 0.03],
    "dropout": [0.0, 0.2],
}


def halving_search(n_jobs):
    """Return a search over 18 candidates."""
    return HalvingRandomSearchCV(
        RNNClassifier(random_state=0),
        candidates,
        n_candidates=18,
        factor=3,
        resource="max_epochs",
        min_resources=3,
        max_resources=27,
        cv=2,
        random_state=0,
        n_jobs=n_jobs,
    )


search = halving_search(n_jobs=2).fit(X, y)
results = search.cv_results_
for iteration in range(search.n_iterations_):
    rows = results["iter"] == iteration
    epochs = results["n_resources"][rows][0]
    best = results["mean_test_score"][rows].max()
    print(f"{rows.sum():2} candidates, {epochs:2} epochs, best accuracy {best:.3f}")
print("best:", *(f"{name}={value!r}" for name, value in search.best_params_.items()), sep="\n  ")

# %%
# What became of the candidates
# -----------------------------

_, ax = plt.subplots(layout="constrained")
names = np.array([str(parameters) for parameters in results["params"]])
without_epochs = np.array(
    [str({k: v for k, v in p.items() if k != "max_epochs"}) for p in results["params"]]
)
for name in np.unique(without_epochs):
    rows = without_epochs == name
    ax.plot(results["n_resources"][rows], results["mean_test_score"][rows], "o-", alpha=0.7)
ax.set(xlabel="epochs", ylabel="accuracy, cross-validated", xticks=[3, 9, 27])
plt.show()

# %%
# The same bits
# -------------
#
# One process finds the same scores to the last bit.

serial = halving_search(n_jobs=1).fit(X, y)
same = np.array_equal(serial.cv_results_["mean_test_score"], results["mean_test_score"])
print("the search in one process has the same scores:", same)

# %%
# On a cluster
# ------------
#
# Searches run wherever joblib does. With ``dask.distributed`` installed and a client connected, fit
# the search inside of ``with joblib.parallel_config("dask"):`` to use the workers of the cluster.
