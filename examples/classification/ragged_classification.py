"""
Sequences of different lengths
==============================

Nine speakers pronounce the same two vowels, and the task is to identify the speaker. Each recording
has 7 to 29 steps of 12 cepstrum coefficients. We compare a network with a model that ignores the
order of the steps, inspect its errors, and combine it with other estimators.
"""

# %%
# Recordings of speakers
# ----------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNClassifier
from sksequence.datasets import load_japanese_vowels
from sksequence.inspection import UnfoldingDisplay
from sksequence.preprocessing import StepTransformer

X_train, y_train = load_japanese_vowels(split="train", return_X_y=True)
X_test, y_test = load_japanese_vowels(split="test", return_X_y=True)
lengths = [len(recording) for recording in X_train]
print(f"{len(X_train)} recordings of {min(lengths)} to {max(lengths)} steps to learn from")
print(f"{len(X_test)} recordings to test on")

# %%
# Baseline without time
# ---------------------
#
# The mean and the standard deviation of each coefficient are 24 features per recording, whatever
# its length. Extremes, the last value and the slope make 72.


def moments(x):
    """Return the mean and the standard deviation of each feature."""
    return np.r_[x.mean(axis=0), x.std(axis=0)]


def summaries(x):
    """Return moments, extremes, last value and slope of each feature."""
    slope = np.polyfit(np.arange(len(x)), x, deg=1)[0]
    return np.r_[moments(x), x.min(axis=0), x.max(axis=0), x[-1], slope]


for name, summarise in (("mean and deviation", moments), ("all summaries", summaries)):
    baseline = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    baseline.fit([summarise(x) for x in X_train], y_train)
    accuracy = baseline.score([summarise(x) for x in X_test], y_test)
    print(f"linear model, {name + ':':19} {accuracy:.3f}")

# %%
# Recurrent network
# -----------------
#
# The network reads the recordings as they are. Here it is as good as all summaries, not better: a
# tuned linear model even has 0.989 (:doc:`benchmarks </benchmarks/quality>`). Always compare with
# such a baseline.

classifier = RNNClassifier(random_state=0).fit(X_train, y_train)
predicted = classifier.predict(X_test)
print(f"recurrent network:                {np.mean(predicted == y_test):.3f}")
_, ax = plt.subplots(layout="constrained")
ConfusionMatrixDisplay.from_predictions(y_test, predicted, cmap="Blues", colorbar=False, ax=ax)
plt.show()

# %%
# Early classification
# --------------------
#
# A sequence may have any length, so the model also accepts the beginning of a recording.
# `UnfoldingDisplay` plots the accuracy after the first steps of each recording.

print(f"the first 12 steps: {classifier.score([x[:12] for x in X_test], y_test):.3f}")
display = UnfoldingDisplay.from_estimator(classifier, X_test, y_test, scoring="accuracy")
display.ax_.set(ylim=(0, 1.02))
plt.show()

# %%
# Principal components in a pipeline
# ----------------------------------
#
# `StepTransformer` applies a transformer of scikit-learn at every step. The whole pipeline is
# cross-validated.

pipeline = make_pipeline(
    StepTransformer(PCA(n_components=6)), RNNClassifier(max_epochs=20, random_state=0)
)
scores = cross_val_score(pipeline, X_train, y_train, cv=3)
print(
    f"six principal components per step, cross-validated: {scores.mean():.3f} +- {scores.std():.3f}"
)

# %%
# Conversely, the pooled hidden states of the network are features for any other estimator.

features = classifier.transform(X_train)
linear = LogisticRegression(max_iter=1000).fit(features, y_train)
print(f"{features.shape[1]} hidden states and a linear model:", end=" ")
print(f"{linear.score(classifier.transform(X_test), y_test):.3f}")
