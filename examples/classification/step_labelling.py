"""
A label for each step
=====================

We concatenate recordings of several speakers into conversations and predict the speaker at every
step (speaker diarisation). Some steps have no label. Whether a prediction may use later steps
depends on the task.
"""

# %%
# Conversations with a speaker per step
# -------------------------------------
#
# A conversation consists of four recordings. Those for training are in three groups, which share no
# recording. y has one array of labels per conversation, of the same length. The first step of each
# new turn is ambiguous, so it is marked as unlabelled with ``None``.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GroupKFold, cross_val_score

from sksequence import RNNClassifier
from sksequence.cells import FeedForward
from sksequence.datasets import load_japanese_vowels
from sksequence.metrics import step_accuracy_score, step_accuracy_scorer, step_f1_score


def chain_recordings(recordings, speakers, n_conversations, seed):
    """Return conversations of four recordings, and the speaker at each step."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(n_conversations):
        turns = rng.choice(len(recordings), size=4, replace=False)
        labels = [np.full(len(recordings[i]), speakers[i], dtype=object) for i in turns]
        for turn in labels[1:]:
            turn[0] = None
        X.append(np.concatenate([recordings[i] for i in turns]))
        y.append(np.concatenate(labels))
    return X, y


recordings, speakers = load_japanese_vowels(split="train", return_X_y=True)
X_train, y_train = [], []
for group in range(3):
    part = slice(group, None, 3)
    X, y = chain_recordings(recordings[part], speakers[part], n_conversations=70, seed=group)
    X_train += X
    y_train += y
groups = np.repeat([0, 1, 2], 70)
X_test, y_test = chain_recordings(
    *load_japanese_vowels(split="test", return_X_y=True), n_conversations=100, seed=1
)
print(f"{len(X_train)} conversations, the first of {len(X_train[0])} steps:")
print("".join("." if label is None else label for label in y_train[0]))

# %%
# Live and afterwards
# -------------------
#
# By default the prediction for a step depends on the past only, as live captions require. With
# ``bidirectional=True`` it depends on the whole conversation, as is possible for transcripts.
# Unlabelled steps are excluded from the loss and from the scores.

predicted = {}
print("            accuracy  macro F1")
for name, cell, bidirectional in (
    ("no memory", FeedForward(context_size=1), False),
    ("live", "gru", False),
    ("afterwards", "gru", True),
):
    tagger = RNNClassifier(cell, bidirectional=bidirectional, max_epochs=40, random_state=0)
    y_pred = tagger.fit(X_train, y_train).predict(X_test)
    accuracy, f1 = step_accuracy_score(y_test, y_pred), step_f1_score(y_test, y_pred)
    print(f"{name:11} {accuracy:8.3f}  {f1:8.3f}")
    predicted[name] = y_pred

# %%
# The labels of the conversation in which the future helps most, one row per tagger. The gaps
# between the turns have no label.

rights = {
    name: np.array([step_accuracy_score([y], [z]) for y, z in zip(y_test, y_pred, strict=True)])
    for name, y_pred in predicted.items()
}
i = np.argmax(rights["afterwards"] - rights["live"])
shown = {"truth": y_test[i]} | {name: y_pred[i] for name, y_pred in predicted.items()}
codes = [[np.nan if label is None else int(label) for label in row] for row in shown.values()]
_, ax = plt.subplots(figsize=(8, 2.5), layout="constrained")
image = ax.imshow(codes, aspect="auto", cmap="tab10", vmin=0.5, vmax=10.5, interpolation="none")
ax.set_yticks(range(len(shown)), shown)
ax.set(xlabel="step")
plt.colorbar(image, ax=ax, label="speaker", ticks=range(1, 10), boundaries=np.arange(0.5, 10))
plt.show()

# %%
# Cross-validation
# ----------------
#
# Conversations of one group share recordings, so a random split would score the tagger on
# recordings that it was trained on. ``GroupKFold`` holds out whole groups. The scorers of
# `sksequence.metrics` accept ragged targets.

tagger = RNNClassifier("gru", bidirectional=True, max_epochs=10, random_state=0)
scores = cross_val_score(
    tagger,
    X_train,
    y_train,
    groups=groups,
    cv=GroupKFold(3),
    scoring=step_accuracy_scorer,
)
print(f"cross-validated on the training part: {scores.mean():.3f} +- {scores.std():.3f}")
