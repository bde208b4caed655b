"""Fitted estimators seen from inside: hidden states, attention weights, displays.

Displays are plotted with matplotlib: ``pip install matplotlib``.
"""

from sksequence.inspection._forecast_display import ForecastDisplay
from sksequence.inspection._generation_display import GenerationDisplay
from sksequence.inspection._inside_networks import (
    attention_weights,
    hidden_states,
    network_inputs,
)
from sksequence.inspection._loss_curve_display import LossCurveDisplay
from sksequence.inspection._permutation import permutation_importance
from sksequence.inspection._saliency import saliency
from sksequence.inspection._saliency_display import SaliencyDisplay

__all__ = [
    "ForecastDisplay",
    "GenerationDisplay",
    "LossCurveDisplay",
    "SaliencyDisplay",
    "attention_weights",
    "hidden_states",
    "network_inputs",
    "permutation_importance",
    "saliency",
]
