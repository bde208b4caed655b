"""Which methods a generator has depends on what it was fitted on."""

from __future__ import annotations

from typing import Any

from sksequence._targets import ConditionalCodec, SeriesCodec, SymbolCodec


def models_symbols(estimator: Any) -> bool:
    """Tell that an estimator has the methods for symbols: so it does until it is fitted on numbers."""
    if _has_codec(estimator, SeriesCodec):
        raise AttributeError(
            f"this {type(estimator).__name__} was fitted on numbers, where generate and predict_proba have no "
            "meaning. For numbers there are forecast, sample, predict and score_samples."
        )
    return True


def models_numbers(estimator: Any) -> bool:
    """Tell that an estimator has the methods for numbers: so it does until it is fitted on symbols."""
    if _has_codec(estimator, SymbolCodec):
        raise AttributeError(
            f"this {type(estimator).__name__} was fitted on symbols, where forecast has no meaning. For symbols "
            "there are generate, sample, predict, predict_proba and score_samples. Integers are symbols: fit on floats "
            "to forecast."
        )
    return True


def _has_codec(estimator: Any, kind: type) -> bool:
    return hasattr(estimator, "_model") and isinstance(estimator._model.codec, kind)


def models_labels(estimator: Any) -> bool:
    """Tell that an estimator has the methods for labels: it was, or will be, fitted with them."""
    fitted = hasattr(estimator, "_model")
    if not (_has_codec(estimator, ConditionalCodec) if fitted else estimator.conditional):
        raise AttributeError(
            f"this {type(estimator).__name__} knows no labels to predict. Fit with conditional=True and y, one label "
            "for each sequence."
        )
    return True
