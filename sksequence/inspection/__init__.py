"""Fitted estimators seen from inside: hidden states, attention weights, displays.

Displays are plotted with matplotlib: ``pip install matplotlib``.
"""

from sksequence.inspection._calibration_display import QuantileCalibrationDisplay
from sksequence.inspection._forecast_display import ForecastDisplay
from sksequence.inspection._generation_display import GenerationDisplay
from sksequence.inspection._gradient_flow import GradientFlowDisplay, gradient_flow
from sksequence.inspection._inside_networks import (
    attention_weights,
    hidden_states,
    network_inputs,
)
from sksequence.inspection._loss_curve_display import LossCurveDisplay
from sksequence.inspection._permutation import permutation_importance
from sksequence.inspection._saliency import saliency
from sksequence.inspection._saliency_display import SaliencyDisplay
from sksequence.inspection._state_display import HiddenStateDisplay
from sksequence.inspection._summary import Summary, summary
from sksequence.inspection._unfolding_display import UnfoldingDisplay

__all__ = [
    "ForecastDisplay",
    "GenerationDisplay",
    "GradientFlowDisplay",
    "HiddenStateDisplay",
    "LossCurveDisplay",
    "QuantileCalibrationDisplay",
    "SaliencyDisplay",
    "Summary",
    "UnfoldingDisplay",
    "attention_weights",
    "gradient_flow",
    "hidden_states",
    "network_inputs",
    "permutation_importance",
    "saliency",
    "summary",
]
