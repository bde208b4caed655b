"""Look at a fitted estimator: how its training went, what it finds surprising."""

from sksequence.inspection._generation import GenerationDisplay
from sksequence.inspection._loss_curve import LossCurveDisplay

__all__ = ["GenerationDisplay", "LossCurveDisplay"]
