"""Callbacks of the training loop, for the parameter ``callbacks`` of the estimators."""

from sksequence.callbacks._augmentation import Augmentation
from sksequence.callbacks._checkpoint import Checkpoint
from sksequence.callbacks._data_parallel import DataParallel

__all__ = ["Augmentation", "Checkpoint", "DataParallel"]
