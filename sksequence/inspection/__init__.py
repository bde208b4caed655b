"""Look at a fitted estimator: how its training went, what it expects and what surprises it."""

from sksequence.inspection._forecast import ForecastDisplay
from sksequence.inspection._generation import GenerationDisplay
from sksequence.inspection._loss_curve import LossCurveDisplay

__all__ = ["ForecastDisplay", "GenerationDisplay", "LossCurveDisplay"]
