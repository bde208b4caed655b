"""Reader of X: every accepted form becomes checked `Sequences`, or an error with advice."""

from sksequence._input._containers import Analyzer, RawInput, cut_text, read_input
from sksequence._input._input_form import InputForm, check_sequences, forget_unused, learn_form

__all__ = [
    "Analyzer",
    "InputForm",
    "RawInput",
    "check_sequences",
    "cut_text",
    "forget_unused",
    "learn_form",
    "read_input",
]
