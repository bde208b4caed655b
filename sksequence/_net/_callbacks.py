"""skorch's callbacks that cannot do here what they do there: errors that say what does.

Knows nothing of estimators but the names of their parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skorch.callbacks import BatchScoring, EpochScoring, InputShapeSetter, LRScheduler


def check_callbacks(callbacks: Sequence[Any] | None, lr_schedule: str | None) -> None:
    """Raise a ValueError for callbacks that would be without effect, or fail in the first epoch."""
    for callback in callbacks or ():
        named = callback[1] if isinstance(callback, tuple) else callback
        if _is_a(named, LRScheduler) and lr_schedule is not None:
            raise ValueError(
                f"lr_schedule={lr_schedule!r} sets the learning rate of each step, so the LRScheduler in callbacks "
                "would have no effect. Set lr_schedule=None to use the callback, or leave the callback out."
            )
        if _is_a(named, EpochScoring | BatchScoring) and not _is_own_function(
            scoring := getattr(named, "scoring", None)
        ):
            raise ValueError(
                f"{type(named).__name__}({_name(scoring)}) would score the net, which gives numbers that are "
                "not decoded and knows targets as codes. early_stopping=True holds a part out and keeps its loss in "
                "validation_curve_; scikit-learn's scorers work on the estimator (cross_validate, GridSearchCV). For "
                "a score in each epoch give a function of your own: scoring=f with f(net, X, y), where "
                "net.predict(X) are outputs and y codes."
            )
        if _is_a(named, InputShapeSetter):
            raise ValueError(
                "InputShapeSetter has nothing to set: fit reads the number of features from X. Leave it out of "
                "callbacks; n_features_in_ tells the number."
            )


def _is_a(callback: Any, kind: Any) -> bool:
    """Tell whether a callback, or a class of callbacks, is of a kind."""
    return isinstance(callback, kind) or (isinstance(callback, type) and issubclass(callback, kind))


def _is_own_function(scoring: Any) -> bool:
    """Tell whether scoring is a function of the user's: no name, and none of scikit-learn's metrics and scorers."""
    module = getattr(scoring, "__module__", None) or ""
    return callable(scoring) and not module.startswith("sklearn.")


def _name(scoring: Any) -> str:
    return getattr(scoring, "__name__", None) or repr(scoring)
