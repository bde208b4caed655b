"""What a generator is asked for: prompts and stop marks as codes, numbers in their ranges, continuations as X was."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sksequence._batching import Sequences
from sksequence._validation._door import check_sequences
from sksequence._validation._forms import InputForm, cut_text
from sksequence._vocabulary import UNKNOWN


def prompt_sequences(prompt: Any, form: InputForm, estimator: BaseEstimator) -> Sequences:
    """Read a prompt; None and empty ones are a sequence without steps."""
    if prompt is None:
        prompt = "" if form.is_text else []
    if isinstance(prompt, str) != form.is_text or np.ndim(prompt) > 1:
        wanted = (
            "a str, as the texts of fit" if form.is_text else "a list of tokens, as those of fit"
        )
        raise TypeError(
            f"prompt must be {wanted}, or None to begin a new sequence; got {type(prompt).__name__}."
        )
    if len(prompt) == 0:
        return Sequences(None, [0, 0], np.empty((0, 1), dtype=np.int32))
    return check_sequences([prompt if form.is_text else list(prompt)], form, estimator)


def stop_codes(stop: Any, form: InputForm) -> list[list[int]]:
    """Return the codes of each stop mark."""
    if stop is None:
        return []
    stops = list(stop) if isinstance(stop, list | tuple | set) else [stop]
    codes = form.vocabularies[0].codes
    marks = [list(cut_text(mark, form.analyzer)) if form.is_text else [mark] for mark in stops]
    for mark, symbols in zip(stops, marks, strict=True):
        unknown = [symbol for symbol in symbols if symbol not in codes]
        if unknown or not symbols:
            raise ValueError(
                f"stop={mark!r} can never be generated: {unknown or 'it is empty'!s} is not in the vocabulary. "
                "Choose a mark made of symbols that fit has seen."
            )
    return [[codes.get(symbol, UNKNOWN) for symbol in symbols] for symbols in marks]


def continued(prompt: Any, symbols: list[Any], form: InputForm) -> Any:
    """Put a prompt and its continuation together, as the sequences of `fit` were."""
    if not form.is_text:
        return [*(() if prompt is None else prompt), *symbols]
    joint = "" if isinstance(form.analyzer, str) else " "
    return joint.join([*([prompt] if prompt else []), *symbols])


def check_choice(
    *,
    max_steps: Any = 1,
    n_samples: Any = None,
    temperature: Any = 1.0,
    top_k: Any = None,
) -> None:
    """Check the arguments of a draw."""
    _check_count("max_steps", max_steps)
    if n_samples is not None:
        _check_count("n_samples", n_samples)
    if top_k is not None:
        _check_count("top_k", top_k)
    if not isinstance(temperature, Real) or not 0 < float(temperature) < np.inf:
        raise ValueError(
            f"temperature must be a number above 0; got {temperature!r}. For the likeliest symbol at each step, "
            "use top_k=1."
        )


def check_forecast(horizon: Any, n_samples: Any, quantiles: Sequence[float]) -> None:
    """Check the arguments of a forecast."""
    _check_count("horizon", horizon)
    _check_count("n_samples", n_samples)
    levels = np.asarray(quantiles, dtype=np.float64)
    if levels.ndim != 1 or not np.all((levels >= 0) & (levels <= 1)):
        raise ValueError(f"quantiles must be a list of levels between 0 and 1; got {quantiles!r}.")


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, Integral) or int(value) < 1:
        raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}.")
