"""How the next code is chosen: what is ruled out of a distribution before one draws from it.

All functions take and give float64 scores (n_rows, n_codes): log-probabilities up to a constant, minus infinity where a
code is ruled out. At least the likeliest code of a row always stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """How the next code is drawn from logits; None leaves a rule out.

    Attributes
    ----------
    temperature : float
        Divides the logits: below 1 likely codes become likelier.
    top_k : int or None
        Draw among the k likeliest codes only; 1 is greedy.
    top_p : float or None
        Draw among the fewest codes that together have this probability [1]_.
    min_p : float or None
        Draw among codes with at least this share of the likeliest one's probability [2]_.
    typical_p : float or None
        Draw among the codes whose surprise is nearest to the expected one, the fewest that together have this
        probability [3]_.
    repetition_penalty : float or None
        Divides the positive logits, and multiplies the negative ones, of codes that have occurred [4]_.
    no_repeat_ngram_size : int or None
        Rule out what would complete a run of so many codes that has occurred [5]_.

    References
    ----------
    .. [1] Holtzman et al. (2020), The Curious Case of Neural Text Degeneration, ICLR.
    .. [2] Nguyen et al. (2024), Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs,
       arXiv:2407.01082.
    .. [3] Meister et al. (2023), Locally Typical Sampling, TACL 11.
    .. [4] Keskar et al. (2019), CTRL: A Conditional Transformer Language Model for Controllable Generation,
       arXiv:1909.05858.
    .. [5] Paulus, Xiong & Socher (2018), A Deep Reinforced Model for Abstractive Summarization, ICLR.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float | None = None
    no_repeat_ngram_size: int | None = None

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest code is taken, without a draw."""
        return self.top_k == 1

    @property
    def truncates(self) -> bool:
        """Whether unlikely codes are ruled out before a draw."""
        shares = (self.top_p, self.typical_p)
        truncated = any(share is not None and share < 1 for share in shares) or bool(self.min_p)
        return not self.is_greedy and (self.top_k is not None or truncated)

    @property
    def looks_back(self) -> bool:
        """Whether codes that have occurred matter, besides through the state."""
        return self.no_repeat_ngram_size is not None or self.repetition_penalty not in (None, 1.0)


# float32 still holds a logit divided or multiplied by these
_SMALLEST, _LARGEST = 1e-30, 1e30


def within(factor: float) -> float:
    """Return what comes nearest to a factor and leaves logits finite."""
    return min(max(factor, _SMALLEST), _LARGEST)


def truncate(logits: NDArray[Any], choice: Choice) -> Scores:
    """Divide logits by the temperature and rule the unlikely codes out, one rule after the other."""
    scores = logits.astype(np.float64)
    scores = (scores - scores.max(axis=1, keepdims=True)) / within(choice.temperature)
    if choice.top_k is not None and choice.top_k < scores.shape[1]:
        least = np.partition(scores, -choice.top_k, axis=1)[:, -choice.top_k, None]
        scores = np.where(scores < least, -np.inf, scores)
    if choice.top_p is not None and choice.top_p < 1:
        scores = _keep_mass(scores, -scores, choice.top_p)
    if choice.typical_p is not None and choice.typical_p < 1:
        scores = _keep_mass(scores, _distance_from_typical(scores), choice.typical_p)
    if choice.min_p:
        # the likeliest may have gone as untypical
        highest = scores.max(axis=1, keepdims=True)
        scores = np.where(scores < highest + np.log(choice.min_p), -np.inf, scores)
    return scores


def _keep_mass(scores: Scores, keys: Scores, mass: float) -> Scores:
    """Keep the codes of the smallest keys, the fewest that together have a probability."""
    order = np.argsort(keys, axis=1, kind="stable")
    p = np.take_along_axis(np.exp(log_softmax(scores)), order, axis=1)
    goes = np.zeros(scores.shape, dtype=bool)
    goes[:, 1:] = np.cumsum(p, axis=1)[:, :-1] >= mass  # those before have it already
    dropped = np.zeros_like(goes)
    np.put_along_axis(dropped, order, goes, axis=1)
    return np.asarray(np.where(dropped, -np.inf, scores))


def _distance_from_typical(scores: Scores) -> Scores:
    """Return how far each code's surprise is from the entropy (Meister et al. 2023, equation 10)."""
    surprise = -log_softmax(scores)
    p = np.exp(-surprise)
    entropy = np.sum(p * np.where(p > 0, surprise, 0.0), axis=1, keepdims=True)
    return np.asarray(np.abs(surprise - entropy))


def log_softmax(scores: NDArray[Any]) -> Scores:
    """Return log-probabilities in double precision; a row where all is ruled out stays as it is."""
    below = np.asarray(scores, dtype=np.float64)
    highest = below.max(axis=1, keepdims=True)
    dead = np.isneginf(highest)
    below = below - np.where(dead, 0.0, highest)
    totals = np.exp(below).sum(axis=1, keepdims=True)
    return np.asarray(below - np.log(np.where(dead, 1.0, totals)))
