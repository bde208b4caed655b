"""What a display may be made from."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from sksequence._generator import SequenceGenerator
from sksequence._targets import SymbolCodec


def check_generator(estimator: Any, display: str, *, symbols: bool) -> None:
    """Raise unless the estimator is a generator that was fitted on symbols, or on numbers."""
    if not isinstance(estimator, SequenceGenerator):
        raise TypeError(
            f"{display} shows a fitted SequenceGenerator; got {type(estimator).__name__}. Of a search pass "
            "best_estimator_, of a pipeline its last step."
        )
    check_is_fitted(estimator)
    if isinstance(estimator._model.codec, SymbolCodec) != symbols:
        kinds = {True: "symbols (texts or tokens)", False: "numbers"}
        raise ValueError(
            f"{display} is for {kinds[symbols]}; this SequenceGenerator was fitted on {kinds[not symbols]}. Fit one on "
            f"{kinds[symbols]}, or look at score_steps."
        )
