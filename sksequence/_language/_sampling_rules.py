"""Rules by which the next symbol is chosen: checks, truncation, and the history of repetitions.

Functions take and return float64 scores (n_rows, n_codes): log-probabilities up to a constant per
row, minus infinity where a code is ruled out. Truncation keeps at least one code per row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from sksequence._net import check_memory
from sksequence._settings import check_count

Scores = NDArray[np.float64]

# a generator of random numbers and a block of them
_BYTES_PER_SAMPLE = 2048


@dataclass(frozen=True)
class SamplingRules:
    """Rules by which the next code is chosen from logits; None disables a rule.

    Attributes
    ----------
    temperature : float
        Divisor of the logits. Values below 1 favour the most probable codes, and 0 is greedy
        decoding.
    top_k : int or None
        Sample from the k most probable codes; 1 is greedy decoding.
    top_p : float or None
        Sample from the smallest set of most probable codes with at least this total probability
        [1]_.
    min_p : float or None
        Sample from the codes with at least this fraction of the highest probability [2]_.
    typical_p : float or None
        Sample from the smallest set of codes with at least this total probability, starting with
        those whose information content is closest to the entropy [3]_.
    repetition_penalty : float or None
        Divisor of the positive logits, and factor of the negative ones, of codes that have occurred
        [4]_.
    no_repeat_ngram_size : int or None
        Rule out the codes that would complete an n-gram of this size that has occurred [5]_.

    References
    ----------
    .. [1] Holtzman et al. (2020), The Curious Case of Neural Text Degeneration, ICLR.
    .. [2] Nguyen et al. (2024), Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM
       Outputs, arXiv:2407.01082.
    .. [3] Meister et al. (2023), Locally Typical Sampling, TACL 11.
    .. [4] Keskar et al. (2019), CTRL: A Conditional Transformer Language Model for Controllable
       Generation, arXiv:1909.05858.
    .. [5] Paulus, Xiong & Socher (2018), A Deep Reinforced Model for Abstractive Summarization,
       ICLR.
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
        """Whether the most probable code is chosen, without randomness."""
        return self.top_k == 1 or self.temperature == 0

    @property
    def truncates(self) -> bool:
        """Whether improbable codes are ruled out before sampling."""
        masses = (self.top_p, self.typical_p)
        has_mass = any(mass is not None and mass < 1 for mass in masses)
        return not self.is_greedy and (self.top_k is not None or has_mass or bool(self.min_p))

    @property
    def looks_back(self) -> bool:
        """Whether a rule depends on the codes that have occurred."""
        return self.no_repeat_ngram_size is not None or self.repetition_penalty not in (None, 1.0)


# logits in single precision stay finite when divided or multiplied by these
_SMALLEST_FACTOR, _LARGEST_FACTOR = 1e-30, 1e30


def clip_factor(factor: float) -> float:
    """Clip a factor of logits so that they stay finite."""
    return float(min(max(factor, _SMALLEST_FACTOR), _LARGEST_FACTOR))


def truncate(logits: NDArray[np.floating], rules: SamplingRules) -> Scores:
    """Divide logits by the temperature and rule out improbable codes, one rule after the other."""
    scores = logits.astype(np.float64)
    scores = (scores - scores.max(axis=1, keepdims=True)) / clip_factor(rules.temperature)
    if rules.top_k is not None and rules.top_k < scores.shape[1]:
        least = np.partition(scores, -rules.top_k, axis=1)[:, -rules.top_k, None]
        scores = np.where(scores < least, -np.inf, scores)
    if rules.top_p is not None and rules.top_p < 1:
        scores = _keep_mass(scores, -scores, rules.top_p)
    if rules.typical_p is not None and rules.typical_p < 1:
        scores = _keep_mass(scores, _distance_from_typical(scores), rules.typical_p)
    if rules.min_p:
        # typical_p may have ruled out the most probable code
        highest = scores.max(axis=1, keepdims=True)
        scores = np.where(scores < highest + np.log(rules.min_p), -np.inf, scores)
    return scores


def _keep_mass(scores: Scores, keys: Scores, mass: float) -> Scores:
    """Keep the smallest set of codes with the smallest keys whose total probability is `mass`."""
    order = np.argsort(keys, axis=1, kind="stable")
    p = np.take_along_axis(np.exp(log_softmax(scores)), order, axis=1)
    is_beyond = np.zeros(scores.shape, dtype=bool)
    is_beyond[:, 1:] = np.cumsum(p, axis=1)[:, :-1] >= mass  # the codes before have it already
    dropped = np.zeros_like(is_beyond)
    np.put_along_axis(dropped, order, is_beyond, axis=1)
    return np.asarray(np.where(dropped, -np.inf, scores))


def _distance_from_typical(scores: Scores) -> Scores:
    """Return the distance of information from entropy (Meister et al. 2023, equation 10)."""
    information = -log_softmax(scores)
    p = np.exp(-information)
    entropy = np.sum(p * np.where(p > 0, information, 0.0), axis=1, keepdims=True)
    return np.asarray(np.abs(information - entropy))


def log_softmax(scores: NDArray[np.floating]) -> Scores:
    """Return log-probabilities in double precision; rows without a code remain minus infinity."""
    logs = np.asarray(scores, dtype=np.float64)
    highest = logs.max(axis=1, keepdims=True)
    is_empty = np.isneginf(highest)
    logs = logs - np.where(is_empty, 0.0, highest)
    totals = np.exp(logs).sum(axis=1, keepdims=True)
    return np.asarray(logs - np.log(np.where(is_empty, 1.0, totals)))


class History:
    """Codes that have occurred in one row, prompt included, for the rules against repetition.

    Parameters
    ----------
    rules : SamplingRules
        Rules that are applied.
    codes : sequence of int
        Codes of the prompt; unknown symbols have negative codes.
    n_codes : int
        Number of codes.
    """

    def __init__(self, rules: SamplingRules, codes: Sequence[int], n_codes: int) -> None:
        self._size = rules.no_repeat_ngram_size
        penalty = rules.repetition_penalty
        self._penalty = None if penalty is None else clip_factor(penalty)
        self._seen = np.zeros(n_codes, dtype=bool)
        self._recent: tuple[int, ...] = ()
        self._following: dict[tuple[int, ...], set[int]] = defaultdict(set)
        for code in codes:
            self.append(code)

    def copy(self) -> History:
        """Return an independent copy."""
        copied = History.__new__(History)
        copied._size, copied._penalty, copied._recent = self._size, self._penalty, self._recent
        copied._seen = self._seen.copy()
        copied._following = defaultdict(set, {k: set(v) for k, v in self._following.items()})
        return copied

    def append(self, code: int) -> None:
        """Record a code."""
        if code >= 0:
            self._seen[code] = True
        if self._size is not None:
            if len(self._recent) == self._size - 1:
                self._following[self._recent].add(code)
            self._recent = (*self._recent, code)[1 - self._size :] if self._size > 1 else ()

    def adjust(self, logits: NDArray[np.float32], end: int | None) -> Scores:
        """Apply both rules to logits (n_codes,); the end of a row is never ruled out."""
        scores = logits.astype(np.float64)
        if self._penalty is not None:
            # Keskar et al. (2019), section 4.1; dividing negative logits would favour them
            penalised = np.where(scores > 0, scores / self._penalty, scores * self._penalty)
            scores = np.where(self._seen, penalised, scores)
        if self._size is not None and len(self._recent) == self._size - 1:
            banned = [code for code in self._following.get(self._recent, ()) if 0 <= code != end]
            scores[banned] = -np.inf
        return scores


# values of the sampling rules that do not contradict a beam search
_NEUTRAL: dict[str, tuple[float | None, ...]] = {
    "temperature": (0, 1, None),
    "top_k": (1, None),
    "top_p": (1, None),
    "min_p": (0, None),
    "typical_p": (1, None),
}


def check_steps(max_steps: object, n_samples: object) -> None:
    """Check the number of steps and of samples."""
    check_count("max_steps", max_steps)
    if n_samples is not None:
        check_samples(n_samples)


def check_samples(n_samples: object) -> None:
    """Check the number of samples, whose random numbers alone need memory."""
    check_count("n_samples", n_samples)
    n_bytes = _BYTES_PER_SAMPLE * int(cast("int", n_samples))
    check_memory(n_bytes, f"n_samples={n_samples}. Generate fewer samples at a time.")


def check_rules(rules: SamplingRules) -> None:
    """Check the ranges of the rules."""
    temperature: object = rules.temperature
    min_p, penalty = rules.min_p, rules.repetition_penalty
    for name in ("top_k", "no_repeat_ngram_size"):
        if getattr(rules, name) is not None:
            check_count(name, getattr(rules, name))
    if not _is_real(temperature) or not 0 <= temperature < np.inf:
        raise ValueError(
            f"temperature must be a number of at least 0; got {temperature!r}. 0 selects the most "
            "probable symbol at each step, and 1 leaves the distribution unchanged."
        )
    for name, mass in [("top_p", rules.top_p), ("typical_p", rules.typical_p)]:
        if mass is not None and not (_is_real(mass) and 0 < mass <= 1):
            raise ValueError(
                f"{name} must be a probability above 0 and at most 1; got {mass!r}. 1 keeps all "
                "symbols; for the most probable one only, use top_k=1."
            )
    if min_p is not None and not (_is_real(min_p) and 0 <= min_p <= 1):
        raise ValueError(
            f"min_p must be a fraction from 0 to 1; got {min_p!r}. 0 keeps all symbols."
        )
    if penalty is not None and not (_is_real(penalty) and 0 < penalty < np.inf):
        raise ValueError(
            f"repetition_penalty must be a number above 0; got {penalty!r}. 1 has no effect, and "
            "1.2 is common."
        )


def check_beams(
    num_beams: int | None, length_penalty: float, n_samples: int | None, rules: SamplingRules
) -> None:
    """Check the options of a beam search, and that no rule for sampling contradicts it."""
    if not _is_real(length_penalty) or not abs(length_penalty) <= _LARGEST_FACTOR:
        raise ValueError(f"length_penalty must be a finite number; got {length_penalty!r:.60}.")
    if num_beams is None:
        if float(length_penalty) != 0:
            raise ValueError(
                f"length_penalty={length_penalty!r} has no meaning without a search; set "
                "num_beams, for example to 5."
            )
        return
    check_count("num_beams", num_beams)
    for name, neutral in _NEUTRAL.items():
        value = getattr(rules, name)
        if value not in neutral:
            raise ValueError(
                f"num_beams={num_beams} searches for the most probable continuation, but "
                f"{name}={value!r} is for drawing at random. Leave one of them out."
            )
    if n_samples is not None and int(n_samples) > int(num_beams):
        raise ValueError(
            f"n_samples={n_samples} is more than the {num_beams} continuations that "
            f"num_beams={num_beams} finds. Increase num_beams or reduce n_samples."
        )


def _is_real(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)
