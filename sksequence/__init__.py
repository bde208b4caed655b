"""Recurrent neural networks as ordinary scikit-learn estimators."""

from sksequence._base import Stream
from sksequence._batching import Sequences
from sksequence._classifier import RNNClassifier
from sksequence._forecasts import Forecast
from sksequence._generator import SequenceGenerator
from sksequence._input import PretrainedEmbedding
from sksequence._regressor import RNNRegressor
from sksequence._version import __version__

__all__ = [
    "Forecast",
    "PretrainedEmbedding",
    "RNNClassifier",
    "RNNRegressor",
    "SequenceGenerator",
    "Sequences",
    "Stream",
    "__version__",
]
