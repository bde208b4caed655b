"""What the estimators share."""

from sksequence._base._estimator import BaseRNN
from sksequence._base._parameters import SHARED, SUPERVISED
from sksequence._base._supervised import flat_truth, supervised_attributes

__all__ = ["SHARED", "SUPERVISED", "BaseRNN", "flat_truth", "supervised_attributes"]
