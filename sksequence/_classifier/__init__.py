"""Labels in, labels out."""

from sksequence._classifier._estimator import RNNClassifier

__all__ = ["RNNClassifier"]
