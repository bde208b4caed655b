"""Label each step of a sequence.

Who speaks when? We chain recordings of several speakers to conversations and ask for the speaker at every step. Some
steps have no label, and whether a step may see what comes after it is part of the task.
"""

# %%
# The data
# --------
#
# A conversation is four recordings, one after the other; y has one array of labels for each conversation, as long
# as the conversation. The first step of a new turn could be anybody's: it is left unlabelled, with ``None``.

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
# Live, and afterwards
# --------------------
#
# By default a step sees what came before it, as a caption under a live broadcast must. With
# ``bidirectional=True`` it sees the whole conversation, as a transcript may. Unlabelled steps count in neither
# the loss nor the scores.

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

print("said by:   ", " ".join("." if label is None else label for label in y_test[0]))
print("afterwards:", " ".join(y_pred[0]))

# %%
# Cross-validation
# ----------------
#
# Ragged targets have no classes to stratify by: pass a `KFold`. The scorers of `sksequence.metrics` know what
# to do with them.

tagger = RNNClassifier("gru", bidirectional=True, max_epochs=10, random_state=0)
scores = cross_val_score(
    tagger,
    X_train,
    y_train,
    cv=KFold(3, shuffle=True, random_state=0),
    scoring=step_accuracy_scorer,
)
print(f"cross-validated on the training part: {scores.mean():.3f} +- {scores.std():.3f}")
