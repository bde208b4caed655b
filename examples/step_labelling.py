"""Sequence labelling: one label per step.

We concatenate recordings of several speakers into conversations and predict the speaker at every
step (speaker diarisation). Some steps have no label. Whether a prediction may use later steps
depends on the task.
"""

# %%
# Data
# ----
#
# A conversation consists of four recordings. y has one array of labels per conversation, of the
# same length. The first step of each new turn is ambiguous, so it is marked as unlabelled with
# ``None``.

import numpy as np
from sklearn.model_selection import KFold, cross_val_score

from sksequence import RNNClassifier
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


X_train, y_train = chain_recordings(
    *load_japanese_vowels(split="train", return_X_y=True), n_conversations=200, seed=0
)
X_test, y_test = chain_recordings(
    *load_japanese_vowels(split="test", return_X_y=True), n_conversations=100, seed=1
)
print(f"{len(X_train)} conversations, the first of {len(X_train[0])} steps:")
print(" ".join("." if label is None else label for label in y_train[0]))

# %%
# Live and afterwards
# -------------------
#
# By default the prediction for a step depends on the past only, as live captions require. With
# ``bidirectional=True`` it depends on the whole conversation, as is possible for transcripts.
# Unlabelled steps are excluded from the loss and from the scores.

print("            accuracy  macro F1")
for name, cell, bidirectional in (
    ("no memory", "feedforward", False),
    ("live", "gru", False),
    ("afterwards", "gru", True),
):
    tagger = RNNClassifier(
        cell, bidirectional=bidirectional, context_size=1, max_epochs=40, random_state=0
    )
    y_pred = tagger.fit(X_train, y_train).predict(X_test)
    accuracy, f1 = step_accuracy_score(y_test, y_pred), step_f1_score(y_test, y_pred)
    print(f"{name:11} {accuracy:8.3f}  {f1:8.3f}")

print("true:      ", " ".join("." if label is None else label for label in y_test[0]))
print("afterwards:", " ".join(y_pred[0]))

# %%
# Cross-validation
# ----------------
#
# Ragged targets have no classes for stratification, so pass a `KFold`. The scorers of
# `sksequence.metrics` accept ragged targets.

tagger = RNNClassifier("gru", bidirectional=True, max_epochs=10, random_state=0)
scores = cross_val_score(
    tagger,
    X_train,
    y_train,
    cv=KFold(3, shuffle=True, random_state=0),
    scoring=step_accuracy_scorer,
)
print(f"cross-validated on the training part: {scores.mean():.3f} +- {scores.std():.3f}")
