"""Callbacks of the training loop, for the parameter ``callbacks`` of the estimators."""

from sksequence.callbacks._checkpoint import Checkpoint

__all__ = ["Checkpoint"]
