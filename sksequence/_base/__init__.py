"""What the estimators share."""

from sksequence._base._estimator import BaseRNN
from sksequence._base._fitting import Task
from sksequence._base._parameters import SHARED, SUPERVISED
from sksequence._base._supervised import flat_truth, supervised_attributes
from sksequence._base._unsupervised import generator_model, generator_sizes, read_unsupervised

__all__ = [
    "SHARED",
    "SUPERVISED",
    "BaseRNN",
    "Task",
    "flat_truth",
    "generator_model",
    "generator_sizes",
    "read_unsupervised",
    "supervised_attributes",
]
