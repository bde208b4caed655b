"""Sequences of symbols: the distribution of the next symbol, its codec, and text generation."""

from sksequence._language._language_model import LanguageModel
from sksequence._language._sampling_rules import SamplingRules
from sksequence._language._symbol_codec import Labels, SymbolCodec, with_labels
from sksequence._language._symbol_steps import SymbolReader

__all__ = [
    "Labels",
    "LanguageModel",
    "SamplingRules",
    "SymbolCodec",
    "SymbolReader",
    "with_labels",
]
