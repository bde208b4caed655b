"""p(next step | all steps so far): one estimator for symbols and for numbers."""

from sksequence._generator._estimator import SequenceGenerator

__all__ = ["SequenceGenerator"]
