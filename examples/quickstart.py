"""
Quickstart
==========

A network classifies recordings of nine speakers, a grid search selects the best cell, a model is
saved to a file, and another model generates text. Nothing is downloaded, and the script takes less
than a minute on a laptop.
"""

# %%
# Classify sequences of different lengths
# ---------------------------------------
#
# Each recording is an array of 7 to 29 steps with 12 features per step. Pass a list of recordings.
# The network reads all of them several times; each pass is an epoch, and ``max_epochs_`` holds how
# many were selected. The recordings for the test are not among them: a network that is right on
# those that it has learnt from may still fail on new ones (overfitting).

import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.model_selection import GridSearchCV

from sksequence import RNNClassifier, SequenceGenerator
from sksequence.datasets import load_japanese_vowels, load_shakespeare
from sksequence.inspection import GenerationDisplay

X_train, y_train = load_japanese_vowels(split="train", return_X_y=True)
X_test, y_test = load_japanese_vowels(split="test", return_X_y=True)
print(f"{len(X_train)} recordings to learn from, the first three of shape", end=" ")
print(", ".join(str(recording.shape) for recording in X_train[:3]))

classifier = RNNClassifier(random_state=0).fit(X_train, y_train)
print(f"{classifier.max_epochs_} epochs, {classifier.batch_size_} recordings per update")
print(f"training accuracy of the defaults: {classifier.score(X_train, y_train):.3f}")
print(f"test accuracy of the defaults: {classifier.score(X_test, y_test):.3f}")

# %%
# Which cell is best?
# -------------------
#
# The estimators follow the API of scikit-learn, so grid searches work as usual. To save time, the
# candidates have half of the default width, and 15 epochs: compare them with each other, and do not
# expect the best of them to beat the defaults above.

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
# Save the model
# --------------
#
# A pickle contains only parameters and arrays. The loaded model returns exactly the same
# predictions.

with TemporaryDirectory() as directory:
    path = Path(directory) / "speakers.pickle"
    path.write_bytes(pickle.dumps(classifier))
    reloaded = pickle.loads(path.read_bytes())
    print(f"{path.stat().st_size / 1024:.0f} kB")
same = np.array_equal(reloaded.predict_proba(X_test), classifier.predict_proba(X_test))
print("the reloaded model predicts the same:", same)

# %%
# Generate text
# -------------
#
# A generator does not need y: it learns to predict the next character, here from 700 speeches by
# Shakespeare. This is enough for words that look right, but not for sentences that make sense.

speeches = load_shakespeare(split="train").data.split("\n\n")[:700]
generator = SequenceGenerator("gru", hidden_size=96, max_epochs=6, random_state=0).fit(speeches)
print(generator.generate("ROMEO:\n", max_steps=200, temperature=0.7, random_state=0))

# %%
# The same model computes the log-likelihood of a text, here of a sentence and its reverse.

texts = ["the king is not here", "ereh ton si gnik eht"]
for text, log_likelihood in zip(texts, generator.score_samples(texts), strict=True):
    print(f"{log_likelihood:6.1f}  {text}")

# %%
# A display colours each character by its surprise. Notebooks show it in colour.

GenerationDisplay.from_estimator(generator, texts)

# %%
# What next?
# ----------
#
# .. image:: /_static/overview.png
#    :alt: Accuracy against steps heard, probabilities of the labels of steps, and a forecast
#
# The other examples have more on :ref:`labels of sequences
# <sphx_glr_gallery_classification_ragged_classification.py>` (left), :ref:`labels of steps
# <sphx_glr_gallery_classification_step_labelling.py>` (middle) and :ref:`forecasts with intervals
# <sphx_glr_gallery_forecasting_forecasting.py>` (right).

# sphinx_gallery_thumbnail_path = '_static/overview.png'
