"""Sampling loops: logits and states in, codes or numbers out. They know neither vocabularies nor estimators."""

from sksequence._decoding._numbers import roll_out
from sksequence._decoding._states import repeat_rows, select_rows
from sksequence._decoding._symbols import Choice, choose, generate_codes

__all__ = ["Choice", "choose", "generate_codes", "repeat_rows", "roll_out", "select_rows"]
