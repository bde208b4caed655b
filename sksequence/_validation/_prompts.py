"""What a generator is asked for: prompts and stop marks as codes, numbers in their ranges, continuations as X was."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sksequence._batching import Sequences
from sksequence._validation._door import check_sequences
from sksequence._validation._forms import InputForm, cut_text


def prompt_sequences(prompt: Any, form: InputForm, estimator: BaseEstimator) -> Sequences:
    """Read a prompt; None and empty ones are a sequence without steps."""
    if prompt is None:
        prompt = "" if form.is_text else []
    _check_prompt(prompt, form)
    if not list(cut_text(prompt, form.analyzer) if form.is_text else prompt):
        return Sequences(None, [0, 0], np.empty((0, 1), dtype=np.int32))
    # a prompt has any length, even where fit saw a table
    form = replace(form, layout="sequences", n_features_in=1)
    return check_sequences([prompt if form.is_text else list(prompt)], form, estimator)


def _check_prompt(prompt: Any, form: InputForm) -> None:
    if form.is_text:
        fits, wanted = isinstance(prompt, str), "a str, as the texts of fit"
    else:
        fits = isinstance(prompt, list | tuple | np.ndarray) and not any(map(_is_list, prompt))
        wanted = "a list of tokens, as those of fit"
    if not fits:
        raise TypeError(
            f"prompt must be {wanted}, or None to begin a new sequence; got {prompt!r:.60}. "
            "Prompts are continued one at a time."
        )


def _is_list(step: Any) -> bool:
    return isinstance(step, list | tuple | np.ndarray)


def stop_outputs(stop: Any, form: InputForm) -> list[list[int]]:
    """Return what the network has to put out for each stop mark: output i is code i + 1."""
    if stop is None:
        return []
    stops = list(stop) if isinstance(stop, list | tuple | set | np.ndarray) else [stop]
    codes = form.vocabularies[0].codes
    marks = [_cut_stop(mark, form) for mark in stops]
    for mark, symbols in zip(stops, marks, strict=True):
        unknown = [s for s in symbols if not isinstance(s, Hashable) or s not in codes]
        if unknown or not symbols:
            raise ValueError(
                f"stop={mark!r} can never be generated: {unknown or 'it is empty'!s} is not in the vocabulary. "
                "Choose a mark made of symbols that fit has seen."
            )
    return [[codes[symbol] - 1 for symbol in symbols] for symbols in marks]


def _cut_stop(mark: Any, form: InputForm) -> list[Any]:
    if not form.is_text:
        return [mark]
    if not isinstance(mark, str):
        raise TypeError(f"stop must be a str or a list of str, as the texts of fit; got {mark!r}.")
    return list(cut_text(mark, form.analyzer))


def continued(prompt: Any, symbols: list[Any], form: InputForm) -> Any:
    """Put a prompt and its continuation together, as the sequences of `fit` were.

    Pieces of a callable analyzer are joined with blanks: how it cut is not known.
    """
    if not form.is_text:
        return [*(() if prompt is None else prompt), *symbols]
    joint = "" if isinstance(form.analyzer, str) else " "
    return joint.join([*([prompt] if prompt else []), *map(str, symbols)])


def check_choice(*, max_steps: Any, n_samples: Any, temperature: Any, top_k: Any) -> None:
    """Check the arguments of `generate`."""
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


def check_sample(n_samples: Any) -> None:
    """Check the argument of `sample`."""
    _check_count("n_samples", n_samples)


def check_forecast(horizon: Any, n_samples: Any, quantiles: Sequence[float]) -> None:
    """Check the arguments of `forecast`."""
    _check_count("horizon", horizon)
    _check_count("n_samples", n_samples)
    levels = np.asarray(quantiles, dtype=np.float64)
    if levels.ndim != 1 or not np.all((levels >= 0) & (levels <= 1)):
        raise ValueError(f"quantiles must be a list of levels between 0 and 1; got {quantiles!r}.")


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, Integral) or int(value) < 1:
        raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}.")
