"""Reader of X: every accepted form becomes checked `Sequences`, or an error with advice."""

from sksequence._input._containers import Analyzer, RawInput, cut_text, read_input, texts_in
from sksequence._input._elements import is_missing
from sksequence._input._input_form import (
    InputForm,
    check_sequences,
    forget_unused,
    keep_frequent,
    learn_form,
)

__all__ = [
    "Analyzer",
    "InputForm",
    "RawInput",
    "check_sequences",
    "cut_text",
    "forget_unused",
    "is_missing",
    "keep_frequent",
    "learn_form",
    "read_input",
    "texts_in",
]
