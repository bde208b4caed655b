"""Scores of step-wise predictions, of spans, of forecasts and of language models."""

from sksequence.metrics._forecasting import mean_absolute_scaled_error
from sksequence.metrics._perplexity import perplexity
from sksequence.metrics._scorers import (
    neg_step_mean_absolute_error_scorer,
    neg_step_mean_squared_error_scorer,
    span_f1_scorer,
    step_accuracy_scorer,
    step_f1_scorer,
)
from sksequence.metrics._spans import span_f1_score
from sksequence.metrics._steps import (
    step_accuracy_score,
    step_f1_score,
    step_mean_absolute_error,
    step_mean_squared_error,
    stepwise,
)

__all__ = [
    "mean_absolute_scaled_error",
    "neg_step_mean_absolute_error_scorer",
    "neg_step_mean_squared_error_scorer",
    "perplexity",
    "span_f1_score",
    "span_f1_scorer",
    "step_accuracy_score",
    "step_accuracy_scorer",
    "step_f1_score",
    "step_f1_scorer",
    "step_mean_absolute_error",
    "step_mean_squared_error",
    "stepwise",
]
