"""The form of X that is learnt in `fit`. An estimator is known by its name only, for messages."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._input._raw_input import Analyzer, CellColumn, Layout, Reading
from sksequence._tokenizers import Tokenizer, is_tokenizer
from sksequence._vocabulary import Vocabulary

# what the named analyzers cut a text into
_PIECES = {
    "char": "its characters (analyzer='char')",
    "word": "its words, punctuation marks and further white space (analyzer='word')",
}


@dataclass(frozen=True)
class InputForm:
    """The form of X that an estimator was fitted on.

    Attributes
    ----------
    layout : {"table", "lists", "sequences", "cells"}
        "table": a 2-D array whose columns are time steps; the width is fixed. "lists": equally long
        lists of numbers; a list may have another length later, an array may not. "sequences": any
        length. "cells": a table whose cells are sequences of any length.
    n_features_in : int
        Columns of a table, features per step otherwise.
    estimator_name : str
        Class of the estimator, for error messages.
    n_step_features : int
        Numbers per step.
    feature_names_in : ndarray of str or None
        Names of the columns of tables, if all are strings.
    step_names : tuple or None
        Names of the features of a step, of any type.
    vocabularies : tuple of Vocabulary
        One for each column of symbols; empty for numbers.
    is_categorical : tuple of bool
        Whether each feature of a step is a category; empty if none or all are.
    categorical : tuple of int
        Positions of the columns to read as categories in later X; empty if types suffice.
    static_names : tuple
        Names of the columns that do not change in time and are categories.
    columns : tuple of CellColumn
        Columns of a table whose cells are sequences.
    static_vocabularies : tuple of Vocabulary
        Vocabularies of these columns.
    n_static_numbers : int
        Number of columns of numbers that do not change in time.
    is_text : bool
        Whether each sequence was a single str, which `analyzer` cuts.
    analyzer : {"char", "word"}, callable or tokenizer
        How a text is cut into symbols.
    missing : str or None
        How missing numbers are read; "error" refuses them, and so does None, for estimators without
        this parameter.
    time_column : int or None
        Position of the times among the numbers of a step; None if there are none.
    may_end_missing : bool
        Whether arrays of one feature were missing values elsewhere than at their ends in `fit`, so
        that those at the ends are no padding.
    """

    layout: Layout
    n_features_in: int
    estimator_name: str
    n_step_features: int = 1
    feature_names_in: NDArray[np.object_] | None = None
    step_names: tuple[Hashable, ...] | None = None
    vocabularies: tuple[Vocabulary, ...] = ()
    is_categorical: tuple[bool, ...] = ()
    categorical: tuple[int, ...] = ()
    static_names: tuple[Hashable, ...] = ()
    columns: tuple[CellColumn, ...] = ()
    static_vocabularies: tuple[Vocabulary, ...] = ()
    n_static_numbers: int = 0
    is_text: bool = False
    analyzer: Analyzer = "char"
    missing: str | None = None
    time_column: int | None = None
    may_end_missing: bool = False

    @property
    def may_be_missing(self) -> bool:
        """Whether numbers of a step may be NaN."""
        return self.missing not in (None, "error")

    @property
    def has_plain_numbers(self) -> bool:
        """Whether sequences of any length hold numbers without names, gaps and times."""
        return (
            self.layout == "sequences"
            and not self.vocabularies
            and self.step_names is None
            and not self.may_be_missing
            and self.time_column is None
        )

    @property
    def has_times(self) -> bool:
        """Whether one feature of a step is its time."""
        return self.time_column is not None

    @property
    def kind(self) -> str:
        """Kind of the steps of X: "text", "symbols", "mixed" or "numbers"."""
        if self.is_text:
            return "text"
        if self.is_categorical:
            return "mixed"
        return "symbols" if self.holds_symbols else "numbers"

    @property
    def holds_symbols(self) -> bool:
        """Whether all features of a step are symbols: characters, words, items, categories."""
        return bool(self.vocabularies) and not self.is_categorical

    @property
    def static_columns(self) -> tuple[int, ...]:
        """Positions of the columns of a table that do not change in time."""
        return tuple(j for j, column in enumerate(self.columns) if column.is_static)

    @property
    def names(self) -> tuple[Hashable, ...] | None:
        """Names that the features of later X are matched with."""
        return self.step_names if self.layout == "sequences" else None

    @property
    def names_of_step_features(self) -> list[str]:
        """Names of the features of a step; empty where columns are steps or have no names."""
        names = self.feature_names_in
        if self.layout == "table" or names is None or len(names) != self.n_step_features:
            return []
        return [str(name) for name in names]

    @property
    def categories(self) -> dict[Hashable, list[Any]]:
        """The categories of each column of them, by the names or positions of the columns.

        Plain symbols, one unnamed column of them, are left out.
        """
        flags = self.is_categorical or (True,) * len(self.vocabularies)
        names = range(len(flags)) if self.step_names is None else self.step_names
        of_steps = [n for n, flag in zip(names, flags, strict=False) if flag]
        if self.step_names is None and len(flags) == 1:  # plain symbols
            of_steps = []
        columns = zip(of_steps, self.vocabularies, strict=False)
        static = zip(self.static_names, self.static_vocabularies, strict=True)
        return {name: vocabulary.symbols for name, vocabulary in (*columns, *static)}

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer that turns ids back into text, None where symbols are not ids."""
        return self.analyzer if self.is_text and is_tokenizer(self.analyzer) else None

    @property
    def steps_of_text(self) -> str:
        """A sentence about the steps of a text, and how to choose others; empty without texts."""
        if not self.is_text:
            return ""
        pieces = _PIECES.get(str(self.analyzer), "the pieces that the analyzer returns")
        return (
            f" The steps of a text are {pieces}. For one target per word, pass lists of words as "
            "X: [text.split() for text in X]."
        )

    @property
    def joins_exactly(self) -> bool:
        """Whether joining the pieces restores the text; unknown, so False, for a callable."""
        return self.is_text and (isinstance(self.analyzer, str) or is_tokenizer(self.analyzer))

    @property
    def reading(self) -> Reading:
        """Rules by which later X are read."""
        return Reading(
            integers_are_symbols=self.holds_symbols,
            analyzer=self.analyzer,
            may_be_texts=self.is_text,
            names=self.names,
            categorical=self.categorical or None,
            names_in_cells=tuple(column.names for column in self.columns),
        )
