"""Ready-made scorers: what `scoring=` of scikit-learn takes, for ragged targets."""

from sklearn.metrics import make_scorer

from sksequence.metrics._spans import span_f1_score
from sksequence.metrics._steps import (
    step_accuracy_score,
    step_f1_score,
    step_mean_absolute_error,
    step_mean_squared_error,
)

step_accuracy_scorer = make_scorer(step_accuracy_score)
step_f1_scorer = make_scorer(step_f1_score)
span_f1_scorer = make_scorer(span_f1_score)
neg_step_mean_squared_error_scorer = make_scorer(step_mean_squared_error, greater_is_better=False)
neg_step_mean_absolute_error_scorer = make_scorer(step_mean_absolute_error, greater_is_better=False)
