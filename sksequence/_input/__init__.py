"""Reader of X: every accepted form becomes checked `Sequences`, or an error with advice."""

from sksequence._input._containers import cut_text, read_input, refuse_groups, texts_in
from sksequence._input._encoding import check_sequences, forget_unused, keep_frequent, learn_form
from sksequence._input._foreign_containers import without_foreign
from sksequence._input._input_form import InputForm
from sksequence._input._pretrained_embedding import PretrainedEmbedding
from sksequence._input._raw_input import (
    Analyzer,
    CategoricalFeatures,
    CellColumn,
    RawInput,
    Reading,
)
from sksequence._input._stream_steps import (
    are_all_streams,
    as_rows,
    read_stream_steps,
    without_names,
)

__all__ = [
    "Analyzer",
    "CategoricalFeatures",
    "CellColumn",
    "InputForm",
    "PretrainedEmbedding",
    "RawInput",
    "Reading",
    "are_all_streams",
    "as_rows",
    "check_sequences",
    "cut_text",
    "forget_unused",
    "keep_frequent",
    "learn_form",
    "read_input",
    "read_stream_steps",
    "refuse_groups",
    "texts_in",
    "without_foreign",
    "without_names",
]
