"""
Which cell, honestly compared?
==============================

Seven cells on two tasks, with the same training and about as many parameters each. What does one of
them gain, and what do the defaults around it?
"""

# %%
# The network of textbooks
# ------------------------
#
# Reading in both directions, pooling and frames help every cell, so that little is left to compare.
# `textbook_parameters` switches them off: one layer reads forwards, and its last state predicts.
# The widths give each layer about 1,100 parameters for the four features of the first task.

import matplotlib.pyplot as plt
import numpy as np

from sksequence import RNNClassifier
from sksequence.datasets import load_japanese_vowels, make_first_label
from sksequence.model_selection import textbook_parameters

WIDTHS = {
    "rnn": 30,
    "lstm": 14,
    "gru": 16,
    "mingru": 108,
    "lru": 20,
    "lem": 14,
    "echo_state": 30,
}
textbook = textbook_parameters(RNNClassifier)
print(*(f"{name}={value!r}" for name, value in textbook.items()), sep="\n")

# %%
# Two tasks
# ---------
#
# The first is made for memory: the first step decides the label, and 40 steps of noise follow;
# guessing has an accuracy of 0.25. The second is real: nine speakers and their vowels, of 7 to 29
# steps.

tasks = {
    "first label": (
        make_first_label(400, lag=40, random_state=0),
        make_first_label(400, lag=40, random_state=1),
    ),
    "vowels": tuple(
        load_japanese_vowels(split=part, return_X_y=True) for part in ("train", "test")
    ),
}


def accuracy(task, cell, **parameters):
    """Return the test accuracy of a cell."""
    train, test = tasks[task]
    classifier = RNNClassifier(cell, WIDTHS[cell], max_epochs=20, random_state=0, **parameters)
    return classifier.fit(*train).score(*test)


print(f"{'cell':12}" + "".join(f"{task:>13}" for task in tasks))
scores = {}
for cell in WIDTHS:
    scores[cell] = [accuracy(task, cell, **textbook) for task in tasks]
    print(f"{cell:12}" + "".join(f"{score:13.3f}" for score in scores[cell]))

# %%
# The two tasks side by side.

_, ax = plt.subplots(layout="constrained")
positions = np.arange(len(WIDTHS))
for i, task in enumerate(tasks):
    ax.bar(positions + 0.4 * i - 0.2, [own[i] for own in scores.values()], width=0.38, label=task)
ax.axhline(0.25, color="black", linestyle="--", label="guessing the first label")
ax.set_xticks(positions, list(WIDTHS), rotation=30)
ax.set(ylabel="accuracy")
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
plt.show()

# %%
# What the defaults do
# --------------------
#
# The LSTM of the same width with the defaults around it: the second direction ends at the first
# step, and the largest value of each unit over all steps is kept.

for task in tasks:
    print(f"lstm with defaults, {task}: {accuracy(task, 'lstm'):.3f}")

# %%
# Where cells differ
# ------------------
#
# Cells differ where a task needs memory and nothing else provides it, and not always in the order
# of their fame: with few epochs, the simple network learns to keep the label and the LSTM does not
# yet, a single layer of minGRU cannot tell the first step from the noise, and the untrained weights
# of the echo state forget it. On the vowels all are close to each other, the echo state included,
# which trains its output layer only. The defaults around the LSTM solve the first task, and gain
# about as much on the second as the best cell does.
#
# Choose directions, pooling and frames first, then compare two or three cells with several seeds: a
# single seed, as here, is an anecdote. The :doc:`benchmarks </benchmarks/cells>` have all cells on
# more tasks.
