"""Decoding: logits and states in, codes or numbers out. It knows neither vocabularies nor estimators."""

from sksequence._decoding._beams import Beams, search_beams
from sksequence._decoding._choice import Choice
from sksequence._decoding._ends import Ends
from sksequence._decoding._numbers import roll_out
from sksequence._decoding._states import select_rows
from sksequence._decoding._stepper import CompiledStepper, Stepper
from sksequence._decoding._symbols import Drawer, choose
from sksequence._decoding._uniforms import SeriesUniforms, Uniforms, stream_names

__all__ = [
    "Beams",
    "Choice",
    "CompiledStepper",
    "Drawer",
    "Ends",
    "SeriesUniforms",
    "Stepper",
    "Uniforms",
    "choose",
    "roll_out",
    "search_beams",
    "select_rows",
    "stream_names",
]
