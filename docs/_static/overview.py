"""Draw the figure of the front page: ``python docs/_static/overview.py``."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sksequence import RNNClassifier, SequenceGenerator
from sksequence.datasets import load_air_passengers, load_japanese_vowels

BEGINNINGS = range(2, 30)
N_HELD_OUT = 36


def draw_beginnings(ax, X, y, X_test, y_test):
    """Draw the accuracy after the first steps of each recording."""
    classifier = RNNClassifier(random_state=0).fit(X, y)
    scores = [classifier.score([x[:n] for x in X_test], y_test) for n in BEGINNINGS]
    ax.plot(BEGINNINGS, scores, marker=".")
    ax.set(title="A label for each sequence", xlabel="steps heard", ylim=(0, 1.03))
    ax.set_ylabel("test accuracy, nine speakers")


def conversations(X, y, n_turns, n_conversations, seed):
    """Return chains of recordings, and the speaker of each step."""
    rng = np.random.default_rng(seed)
    turns = [rng.choice(len(X), n_turns, replace=False) for _ in range(n_conversations)]
    labels = [np.repeat([y[i] for i in chain], [len(X[i]) for i in chain]) for chain in turns]
    return [np.concatenate([X[i] for i in chain]) for chain in turns], labels


def draw_steps(ax, X, y, X_test, y_test):
    """Draw the probabilities of the speakers of a conversation, and who spoke."""
    tagger = RNNClassifier("gru", max_epochs=40, random_state=0)
    tagger.fit(*conversations(X, y, 4, 200, seed=0))
    (heard,), (speakers,) = conversations(X_test, y_test, 4, 1, seed=4)
    probabilities = tagger.predict_proba([heard])[0]
    starts = np.flatnonzero(np.r_[True, speakers[1:] != speakers[:-1]])
    for start, stop in zip(starts, [*starts[1:], len(speakers)], strict=True):
        (line,) = ax.plot(
            probabilities[:, list(tagger.classes_).index(speakers[start])],
            label=f"speaker {speakers[start]}",
        )
        ax.axvspan(start - 0.5, stop - 0.5, color=line.get_color(), alpha=0.15, linewidth=0)
    ax.set(title="A label for each step", xlabel="step", ylabel="probability", ylim=(0, 1.03))
    ax.margins(x=0)
    ax.legend(title="shaded: who spoke", loc="center right")


def draw_forecast(ax):
    """Draw a forecast with its interval."""
    passengers = load_air_passengers().data
    years = 1949 + np.arange(len(passengers)) / 12
    known, future = slice(-N_HELD_OUT - 60, -N_HELD_OUT), slice(-N_HELD_OUT, None)
    generator = SequenceGenerator(random_state=0).fit([passengers[:-N_HELD_OUT]])
    forecast = generator.forecast([passengers[:-N_HELD_OUT]], horizon=N_HELD_OUT, random_state=0)
    low, middle, high = forecast.quantiles[:, 0]
    ax.plot(years[known], passengers[known], color="C0", label="known")
    ax.plot(years[future], passengers[future], color="black", linewidth=1, label="true values")
    ax.fill_between(years[future], low, high, color="C1", alpha=0.35, label="80 % interval")
    ax.plot(years[future], middle, color="C1", label="forecast")
    ax.set(title="A forecast with its interval", ylabel="thousands of passengers")
    ax.legend(loc="upper left")


def main():
    """Draw the three panels, and write the file."""
    data = [
        *load_japanese_vowels(split="train", return_X_y=True),
        *load_japanese_vowels(split="test", return_X_y=True),
    ]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13.2, 3.6), layout="constrained")
    draw_beginnings(left, *data)
    draw_steps(middle, *data)
    draw_forecast(right)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)


if __name__ == "__main__":
    main()
