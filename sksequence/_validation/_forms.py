"""What X looked like in `fit`: learnt once, asked again at every later call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sksequence._vocabulary import ANALYZERS, Vocabulary

Layout = Literal["table", "lists", "sequences"]


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
    analyzer : {"char", "word"} or callable
        How a text is cut into symbols.
    """

    layout: Layout
    n_features_in: int
    feature_names_in: NDArray[np.object_] | None = None
    vocabularies: tuple[Vocabulary, ...] = ()
    is_text: bool = False
    analyzer: str | Callable[[str], Any] = "char"

    @property
    def n_step_features(self) -> int:
        """Features of one step: a table's columns are steps of one feature."""
        return self.n_features_in if self.layout == "sequences" else 1


def cut_text(text: str, analyzer: str | Callable[[str], Any]) -> Any:
    """Cut a text with a named or user-given analyzer."""
    return ANALYZERS[analyzer](text) if isinstance(analyzer, str) else analyzer(text)
