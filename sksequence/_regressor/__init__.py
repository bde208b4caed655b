"""Numbers in, numbers out."""

from sksequence._regressor._estimator import RNNRegressor

__all__ = ["RNNRegressor"]
