"""Quickstart: classify, search, keep a model, and let one write.

A network tells nine speakers apart, a grid search finds the best cell, a model travels as a file, and another one
writes. Nothing is downloaded, and all of it takes less than a minute on a laptop.
"""

# %%
# Classify sequences of different lengths
# ---------------------------------------
#
# Each recording is an array of 7 to 29 steps with 12 numbers a step. A list of them is all that is needed.

import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.model_selection import GridSearchCV

from sksequence import RNNClassifier, SequenceGenerator
from sksequence.datasets import load_japanese_vowels, load_shakespeare

X_train, y_train = load_japanese_vowels(split="train", return_X_y=True)
X_test, y_test = load_japanese_vowels(split="test", return_X_y=True)
print(f"{len(X_train)} recordings to learn from, the first three of shape", end=" ")
print(", ".join(str(recording.shape) for recording in X_train[:3]))

classifier = RNNClassifier(random_state=0).fit(X_train, y_train)
print(f"test accuracy of the defaults: {classifier.score(X_test, y_test):.3f}")

# %%
# Which cell is best?
# -------------------
#
# The estimators are scikit-learn's in every respect: a grid search works as always.

search = GridSearchCV(
    RNNClassifier(hidden_size=32, max_epochs=15, random_state=0),
    {"cell": ["rnn", "gru", "lstm"], "pooling": ["last", "max"]},
    cv=3,
)
search.fit(X_train, y_train)
results = search.cv_results_
for i in np.argsort(results["rank_test_score"]):
    print(f"{results['mean_test_score'][i]:.3f}  {results['params'][i]}")
print(f"test accuracy of the best one: {search.score(X_test, y_test):.3f}")

# %%
# Keep the model
# --------------
#
# A pickle holds parameters and arrays, and predicts exactly what the original does.

with TemporaryDirectory() as directory:
    path = Path(directory) / "speakers.pickle"
    path.write_bytes(pickle.dumps(classifier))
    reloaded = pickle.loads(path.read_bytes())
    print(f"{path.stat().st_size / 1024:.0f} kB")
same = np.array_equal(reloaded.predict_proba(X_test), classifier.predict_proba(X_test))
print("the reloaded model predicts the same:", same)

# %%
# Learn what comes next
# ---------------------
#
# A generator needs no y: it learns how each text goes on, here from 700 speeches by Shakespeare. That is enough for
# the look of the words, not for their sense.

speeches = load_shakespeare(split="train").data.split("\n\n")[:700]
generator = SequenceGenerator("gru", hidden_size=96, max_epochs=6, random_state=0).fit(speeches)
print(generator.generate("ROMEO:\n", max_steps=200, temperature=0.7, random_state=0))

# %%
# The same model says how likely a text is, forwards and backwards.

texts = ["the king is not here", "ereh ton si gnik eht"]
for text, log_likelihood in zip(texts, generator.score_samples(texts), strict=True):
    print(f"{log_likelihood:6.1f}  {text}")
