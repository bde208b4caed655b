"""What X looked like in `fit`: learnt once, asked again at every later call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sksequence._tokenizers import Tokenizer, is_tokenizer, token_ids
from sksequence._vocabulary import ANALYZERS, Vocabulary

Layout = Literal["table", "lists", "sequences"]
Analyzer = str | Callable[[str], Any] | Tokenizer


@dataclass(frozen=True)
class InputForm:
    """The kind of X that an estimator was fitted on.

    Attributes
    ----------
    layout : {"table", "lists", "sequences"}
        "table": a 2-D array whose columns are time steps; the width is fixed. "lists": equally long lists of
        numbers; a list may have another length later, an array may not. "sequences": any length.
    n_features_in : int
        Columns of a table, features per step otherwise.
    feature_names_in : ndarray of str or None
        Column names of a DataFrame.
    vocabularies : tuple of Vocabulary
        One for each column of symbols; empty for numbers.
    is_text : bool
        Whether sequences were single str, to be cut by `analyzer`.
    analyzer : {"char", "word"}, callable or tokenizer
        How a text is cut into symbols.
    """

    layout: Layout
    n_features_in: int
    feature_names_in: NDArray[np.object_] | None = None
    vocabularies: tuple[Vocabulary, ...] = ()
    is_text: bool = False
    analyzer: Analyzer = "char"

    @property
    def n_step_features(self) -> int:
        """Features of one step: a table's columns are steps of one feature."""
        return self.n_features_in if self.layout == "sequences" else 1

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What puts symbols together to a text, if symbols are ids."""
        return self.analyzer if self.is_text and is_tokenizer(self.analyzer) else None

    @property
    def joins_exactly(self) -> bool:
        """Whether the pieces of a text joined are the text; how a callable cut it is not known."""
        return self.is_text and (isinstance(self.analyzer, str) or is_tokenizer(self.analyzer))


def cut_text(text: str, analyzer: Analyzer) -> Any:
    """Cut a text with a named or user-given analyzer."""
    if isinstance(analyzer, str):
        return ANALYZERS[analyzer](text)
    if is_tokenizer(analyzer):
        return token_ids(analyzer, text)
    function: Any = analyzer
    pieces = function(text)
    if not isinstance(pieces, Iterable):
        raise TypeError(
            f"the analyzer returned {pieces!r:.60} for the text {text!r:.60}; expected its pieces, a list of str."
        )
    return pieces
