"""Accuracy with and without augmentation: ``python -m tests.benchmarks.augmentation``.

Means over five seeds on the test parts, with standard errors. Three of the sets are read from the
folder in the environment variable ``SKSEQUENCE_DATA``.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import log_loss

from sksequence import RNNClassifier
from sksequence.callbacks import Augmentation
from sksequence.datasets import load_japanese_vowels

from .quality.loaders import data_path, read_ts

SEEDS = range(5)
STRENGTHS: list[dict[str, float]] = [
    {},
    {"jitter": 0.1},
    {"scaling": 0.1},
    {"slicing": 0.1},
    {"jitter": 0.1, "scaling": 0.1},
]


def parts(name: str) -> tuple[object, ...]:
    """Return X and y of the training part and of the test part."""
    if name == "JapaneseVowels":
        return tuple(
            part
            for split in ("train", "test")
            for part in load_japanese_vowels(split=split, return_X_y=True)
        )
    files = [data_path("ts", f"{name}_{part}.ts") for part in ("TRAIN", "TEST")]
    return tuple(part for file in files for part in read_ts(file))


def main() -> None:
    """Print a line for each set and strength."""
    for name in ("ArrowHead", "GunPoint", "ItalyPowerDemand", "JapaneseVowels"):
        X, y, X_test, y_test = parts(name)
        for strengths in STRENGTHS:
            scores, losses = [], []
            for seed in SEEDS:
                changes = [Augmentation(**strengths)]
                model = RNNClassifier(callbacks=changes, random_state=seed).fit(X, y)
                scores.append(model.score(X_test, y_test))
                probabilities = model.predict_proba(X_test)
                losses.append(log_loss(y_test, probabilities, labels=model.classes_))
            figures = [
                f"{np.mean(values):.3f} +- {np.std(values) / np.sqrt(len(values)):.3f}"
                for values in (scores, losses)
            ]
            print(f"{name:18} {changes[0]!r:45} {'   '.join(figures)}", flush=True)


if __name__ == "__main__":
    main()
