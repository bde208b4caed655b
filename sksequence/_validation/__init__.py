"""The only door for X: every accepted form becomes checked `Sequences`, or an error that diagnoses."""

from sksequence._validation._door import check_sequences, forget_unused, learn_form
from sksequence._validation._forms import InputForm, cut_text
from sksequence._validation._prompts import (
    check_choice,
    check_forecast,
    check_sample,
    continued,
    prompt_sequences,
    stop_outputs,
)

__all__ = [
    "InputForm",
    "check_choice",
    "check_forecast",
    "check_sample",
    "check_sequences",
    "continued",
    "cut_text",
    "forget_unused",
    "learn_form",
    "prompt_sequences",
    "stop_outputs",
]
