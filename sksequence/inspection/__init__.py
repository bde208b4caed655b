"""Displays of fitted estimators: loss curves, forecasts, and the surprise at each symbol."""

from sksequence.inspection._forecast_display import ForecastDisplay
from sksequence.inspection._generation_display import GenerationDisplay
from sksequence.inspection._loss_curve_display import LossCurveDisplay

__all__ = ["ForecastDisplay", "GenerationDisplay", "LossCurveDisplay"]
