"""The only door for X: every accepted form becomes checked `Sequences`, or an error that diagnoses."""

from sksequence._validation._choices import (
    check_beams,
    check_choice,
    check_count,
    check_forecast,
    check_levels,
    check_steps,
)
from sksequence._validation._door import check_sequences, forget_unused, learn_form
from sksequence._validation._forms import InputForm, cut_text
from sksequence._validation._prompts import (
    continued,
    prompt_sequences,
    split_prompts,
    stop_finder,
    stop_outputs,
    teller,
)
from sksequence._validation._reading import read_input

__all__ = [
    "InputForm",
    "check_beams",
    "check_choice",
    "check_count",
    "check_forecast",
    "check_levels",
    "check_sequences",
    "check_steps",
    "continued",
    "cut_text",
    "forget_unused",
    "learn_form",
    "prompt_sequences",
    "read_input",
    "split_prompts",
    "stop_finder",
    "stop_outputs",
    "teller",
]
