"""Metrics for predictions per step, spans, quantiles, forecasts and language models; scorers."""

from sksequence.metrics._next_step_metrics import mean_absolute_scaled_error, perplexity
from sksequence.metrics._probabilistic_metrics import (
    continuous_ranked_probability_score,
    interval_coverage,
    interval_score,
    pinball_loss,
)
from sksequence.metrics._scorers import SCORERS
from sksequence.metrics._step_metrics import (
    neg_step_mean_absolute_error_scorer,
    neg_step_mean_squared_error_scorer,
    span_f1_score,
    span_f1_scorer,
    step_accuracy_score,
    step_accuracy_scorer,
    step_f1_score,
    step_f1_scorer,
    step_mean_absolute_error,
    step_mean_squared_error,
)
from sksequence.metrics._stepwise import stepwise

__all__ = [
    "SCORERS",
    "continuous_ranked_probability_score",
    "interval_coverage",
    "interval_score",
    "mean_absolute_scaled_error",
    "neg_step_mean_absolute_error_scorer",
    "neg_step_mean_squared_error_scorer",
    "perplexity",
    "pinball_loss",
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
