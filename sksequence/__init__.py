"""Recurrent neural networks as ordinary scikit-learn estimators."""

from sksequence._batching import Sequences
from sksequence._version import __version__

__all__ = ["Sequences", "__version__"]
