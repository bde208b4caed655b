"""How a generator, or a distribution, is asked: numbers in their ranges, and rules that go together."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from sksequence._decoding import Choice

# what changes nothing in a search
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "temperature": (1, None),
    "top_k": (1, None),
    "top_p": (1, None),
    "min_p": (0, None),
    "typical_p": (1, None),
}


def check_steps(max_steps: Any, n_samples: Any) -> None:
    """Check how much is to be generated."""
    check_count("max_steps", max_steps)
    if n_samples is not None:
        check_count("n_samples", n_samples)


def check_choice(choice: Choice) -> None:
    """Check how the next symbol is chosen."""
    temperature: Any = choice.temperature
    min_p, penalty = choice.min_p, choice.repetition_penalty
    for name in ("top_k", "no_repeat_ngram_size"):
        if getattr(choice, name) is not None:
            check_count(name, getattr(choice, name))
    if not _is_real(temperature) or not 0 < float(temperature) < np.inf:
        raise ValueError(
            f"temperature must be a number above 0; got {temperature!r}. For the likeliest symbol at each step, "
            "use top_k=1."
        )
    for name, share in [("top_p", choice.top_p), ("typical_p", choice.typical_p)]:
        if share is not None and not (_is_real(share) and 0 < float(share) <= 1):
            raise ValueError(
                f"{name} must be a probability above 0 and at most 1; got {share!r}. 1 leaves all symbols in; for the "
                "likeliest one alone use top_k=1."
            )
    if min_p is not None and not (_is_real(min_p) and 0 <= float(min_p) <= 1):
        raise ValueError(
            f"min_p must be a share from 0 to 1; got {min_p!r}. 0 leaves all symbols in."
        )
    if penalty is not None and not (_is_real(penalty) and 0 < float(penalty) < np.inf):
        raise ValueError(
            f"repetition_penalty must be a number above 0; got {penalty!r}. 1 penalises nothing, 1.2 is common."
        )


def check_beams(num_beams: Any, length_penalty: Any, n_samples: Any, choice: Choice) -> None:
    """Check a search: it draws nothing, and finds as many continuations as it has beams."""
    if not _is_real(length_penalty) or not np.isfinite(float(length_penalty)):
        raise ValueError(f"length_penalty must be a finite number; got {length_penalty!r}.")
    if num_beams is None:
        if float(length_penalty) != 0:
            raise ValueError(
                f"length_penalty={length_penalty!r} has no meaning without a search; set num_beams, to 5 say."
            )
        return
    check_count("num_beams", num_beams)
    for name, neutral in _NEUTRAL.items():
        value = getattr(choice, name)
        if value not in neutral:
            raise ValueError(
                f"num_beams={num_beams} searches for the likeliest continuation, {name}={value!r} is for drawing at "
                "random. Leave one of them out."
            )
    if n_samples is not None and int(n_samples) > int(num_beams):
        raise ValueError(
            f"n_samples={n_samples} is more than the {num_beams} continuations that num_beams={num_beams} finds. "
            "Raise num_beams or ask for fewer."
        )


def check_forecast(horizon: Any, n_samples: Any, quantiles: Sequence[float]) -> None:
    """Check the arguments of `forecast`."""
    check_count("horizon", horizon)
    check_count("n_samples", n_samples)
    levels = np.asarray(quantiles, dtype=np.float64)
    if levels.ndim != 1 or not np.all((levels >= 0) & (levels <= 1)):
        raise ValueError(f"quantiles must be a list of levels between 0 and 1; got {quantiles!r}.")


def check_levels(quantiles: Any) -> tuple[float, ...]:
    """Check and return levels of quantiles that a network learns, or is asked for."""
    levels = np.asarray(quantiles, dtype=np.float64)
    inside = levels.ndim == 1 and np.all((levels > 0) & (levels < 1))
    if not inside or not len(levels) or not np.all(np.diff(levels) > 0):
        raise ValueError(
            f"quantiles must be one or more levels above 0 and below 1, each larger than the one before; got "
            f"{quantiles!r}. (0.1, 0.5, 0.9) is the median and an interval of 80 %."
        )
    return tuple(levels.tolist())


def check_count(name: str, value: Any) -> None:
    """Check that something can be counted."""
    if not _is_whole(value) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}.")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
