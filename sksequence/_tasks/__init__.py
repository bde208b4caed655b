"""The meaning of y: how it is read, what network it requires, and the rules behind "auto"."""

from sksequence._tasks._classification import ClassificationTask
from sksequence._tasks._combined_forecast import CombinedForecast
from sksequence._tasks._defaults import automatic_batch_steps, automatic_cell
from sksequence._tasks._naive_forecast import NaiveForecast
from sksequence._tasks._next_symbol import SymbolTask
from sksequence._tasks._next_values import NextStepTasks, SeriesTask
from sksequence._tasks._regression import RegressionTask
from sksequence._tasks._shrunken_values import (
    shrunken_centres,
    shrunken_quantiles,
    shrunken_stds,
    simple_centres,
    simple_quantiles,
)
from sksequence._tasks._task import Attributes, Rows, Split, Targets, Task, TaskChoice, TrainingData

__all__ = [
    "Attributes",
    "ClassificationTask",
    "CombinedForecast",
    "NaiveForecast",
    "NextStepTasks",
    "RegressionTask",
    "Rows",
    "SeriesTask",
    "Split",
    "SymbolTask",
    "Targets",
    "Task",
    "TaskChoice",
    "TrainingData",
    "automatic_batch_steps",
    "automatic_cell",
    "shrunken_centres",
    "shrunken_quantiles",
    "shrunken_stds",
    "simple_centres",
    "simple_quantiles",
]
