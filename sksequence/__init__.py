"""Recurrent neural networks as ordinary scikit-learn estimators."""

from sksequence._batching import Sequences
from sksequence._classifier import RNNClassifier
from sksequence._generator import SequenceGenerator
from sksequence._regressor import RNNRegressor
from sksequence._version import __version__

__all__ = ["RNNClassifier", "RNNRegressor", "SequenceGenerator", "Sequences", "__version__"]
