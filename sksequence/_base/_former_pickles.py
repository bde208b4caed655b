"""An error with advice for pickles of versions in which each estimator was a package of its own.

A pickle names the module of a class. The modules of those versions no longer exist, and Python's
error would not explain it.
"""

from __future__ import annotations

import sys
from types import ModuleType

_ESTIMATORS = {
    "_classifier": "RNNClassifier",
    "_regressor": "RNNRegressor",
    "_generator": "SequenceGenerator",
}


class FormerModule(ModuleType):
    """Module of a former version, which refuses to return its estimator."""

    def __getattr__(self, name: str) -> object:
        """Raise an ImportError for an estimator, and an AttributeError for any other name."""
        if name not in _ESTIMATORS.values():
            raise AttributeError(name)
        raise ImportError(
            f"This {name} was pickled with an earlier version of sksequence, whose models cannot "
            "be loaded by this one. Fit again, or load it with the version that it was pickled "
            "with."
        )


def register_former_modules() -> None:
    """Let the imports of pickles find the modules that no longer exist."""
    for estimator in _ESTIMATORS:
        name = f"sksequence.{estimator}._estimator"
        sys.modules[name] = FormerModule(name)
