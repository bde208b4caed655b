"""The only door for X: every accepted form becomes checked `Sequences`, or an error that diagnoses."""

from sksequence._validation._door import check_sequences, learn_form
from sksequence._validation._forms import InputForm, cut_text

__all__ = ["InputForm", "check_sequences", "cut_text", "learn_form"]
