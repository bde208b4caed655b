"""Features and windows of time exchanged between the sequences of any container.

A step of one sequence is replaced by that of another sequence at the same relative time, so that
sequences of different lengths can be exchanged. The container is that of X.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, object_array
from sksequence._tables import (
    Table,
    as_table,
    column_names,
    holds_sequences,
    is_table,
    read_columns,
    tables_in,
    with_column_from,
)

Rows = NDArray[np.int64]

_WORD = re.compile(r"\S+")


class Exchange(ABC):
    """Sequences whose features and windows can be exchanged.

    Attributes
    ----------
    n_sequences : int
        Number of sequences.
    names : list
        Names of the features, their numbers if they have none.
    """

    n_sequences: int
    names: list[Hashable]

    @abstractmethod
    def exchanged(self, order: Rows, feature: int | None, window: tuple[int, int] | None) -> Any:
        """Return X, in which each sequence has a part of that at its position in `order`.

        The part is a feature, None for all, in a window i of n of equal length, None for all steps.
        """


class FlatExchange(Exchange):
    """Sequences as one array or table of steps.

    Parameters
    ----------
    flat : ndarray of shape (sum of n_steps, n_features) or table
        All steps.
    offsets : ndarray of int64 of shape (n_sequences + 1,)
        Start of each sequence, and the number of all steps.
    rebuild : callable
        Function from such steps to the container of X.
    names : list, default=None
        Names of the features of an array.
    """

    def __init__(
        self,
        flat: NDArray[Any] | Table,
        offsets: Rows,
        rebuild: Callable[[Any], Any],
        names: Sequence[Hashable] | None = None,
    ) -> None:
        self.flat, self.offsets, self.rebuild = flat, offsets, rebuild
        if not isinstance(flat, np.ndarray):
            names = column_names(flat)
        elif names is None:
            names = range(flat.shape[1])
        self.names = list(names)
        self.n_sequences = len(offsets) - 1

    def exchanged(self, order: Rows, feature: int | None, window: tuple[int, int] | None) -> Any:
        """Return X with a part of the sequences exchanged."""
        sources = self._sources(order, window)
        features = range(len(self.names)) if feature is None else [feature]
        if isinstance(self.flat, np.ndarray):
            flat = self.flat.copy()
            flat[:, features] = self.flat[sources][:, features]
            return self.rebuild(flat)
        table = self.flat
        for i in features:
            table = with_column_from(table, self.names[i], sources)
        return self.rebuild(table)

    def _sources(self, order: Rows, window: tuple[int, int] | None) -> Rows:
        """Return the step by which each step is replaced: its own one outside of the window."""
        lengths = np.diff(self.offsets)
        own = np.arange(int(self.offsets[-1]))
        of_step = np.repeat(np.arange(self.n_sequences), lengths)
        position = own - self.offsets[of_step]
        donor = order[of_step]
        sources = self.offsets[donor] + position * lengths[donor] // lengths[of_step]
        i, n_windows = (0, 1) if window is None else window
        is_inside = position * n_windows // lengths[of_step] == i
        return np.where(is_inside & (lengths[donor] > 0), sources, own)


class CellExchange(Exchange):
    """Table whose cells are the sequences of a feature, or features that do not change in time."""

    def __init__(self, X: NDArray[Any] | Table) -> None:
        self.X = X
        self.names = list(range(X.shape[1])) if isinstance(X, np.ndarray) else column_names(X)
        self.n_sequences = len(X)

    def exchanged(self, order: Rows, feature: int | None, window: tuple[int, int] | None) -> Any:
        """Return X with the cells of a feature exchanged."""
        if window is not None or feature is None:
            raise ValueError(
                "X is a table whose cells are sequences, of which features can be permuted, but "
                "no windows. Set by='features', or pass a list of sequences."
            )
        if isinstance(self.X, np.ndarray):
            X = self.X.copy()
            X[:, feature] = _exchanged_cells(self.X[:, feature], order)
            return X
        name, table = self.names[feature], cast("Any", self.X)
        if hasattr(table, "iloc") and table[name].dtype == object:
            changed = table.copy()
            changed[name] = _exchanged_cells(table[name].to_numpy(), order)
            return changed
        return with_column_from(self.X, name, order)


def _exchanged_cells(cells: NDArray[np.object_], order: Rows) -> NDArray[np.object_]:
    """Return the cells at `order`, with the steps at the same relative times as in the own ones.

    The other cells of a row have as many steps as its own one.
    """
    return object_array(
        [
            _stretched(donor, len(own)) if hasattr(own, "__len__") else donor
            for own, donor in zip(cells, cells[order], strict=True)
        ]
    )


def _stretched(cell: Any, n_steps: int) -> Any:
    if isinstance(cell, str) or len(cell) == n_steps or len(cell) == 0:
        return cell
    places = np.arange(n_steps) * len(cell) // n_steps
    if hasattr(cell, "iloc"):  # a Series, whose index may be dates
        return cell.iloc[places]
    return cell[places] if isinstance(cell, np.ndarray) else [cell[i] for i in places]


class ColumnExchange(Exchange):
    """Table with a column per step."""

    def __init__(self, X: Table) -> None:
        self.X, self.steps = X, column_names(X)
        self.names = [0]
        self.n_sequences = len(X)

    def exchanged(self, order: Rows, feature: int | None, window: tuple[int, int] | None) -> Any:
        """Return X with the steps of a window exchanged."""
        table, n_steps = self.X, len(self.steps)
        for i, name in enumerate(self.steps):
            if window is None or i * window[1] // n_steps == window[0]:
                table = with_column_from(table, name, order)
        return table


def exchange_of(X: Any) -> Exchange:
    """Return the sequences of any container, ready to be exchanged."""
    if isinstance(X, Sequences):
        return _of_buffer(X)
    if is_table(X):
        X = as_table(X)
        has_cells = any(column.kind == "sequences" for column in read_columns(X))
        return CellExchange(X) if has_cells else ColumnExchange(X)
    if isinstance(X, np.ndarray) and holds_sequences(X):
        return CellExchange(X)
    if isinstance(X, np.ndarray) and X.ndim > 1:
        n_sequences, n_steps = X.shape[:2]
        flat = X.reshape(n_sequences * n_steps, -1)
        offsets = np.arange(n_sequences + 1) * n_steps
        return FlatExchange(flat, offsets, lambda steps: steps.reshape(X.shape))
    items = list(X)
    rebuild = object_array if isinstance(X, np.ndarray) else list
    return _of_items(items, lambda pieces: rebuild(pieces))


def _of_buffer(X: Sequences) -> FlatExchange:
    if X.table is not None:
        return FlatExchange(X.table, X.offsets, lambda steps: Sequences(steps, X.offsets))
    if X.values is None:
        raise ValueError("X is a Sequences without values; pass the sequences as in fit.")
    shape, names = X.values.shape, X.feature_names

    def rebuild(steps: NDArray[Any]) -> Sequences:
        return Sequences(steps.reshape(shape), X.offsets, feature_names=names)

    return FlatExchange(X.values.reshape(len(X.values), -1), X.offsets, rebuild, names)


def _of_items(items: list[Any], collect: Callable[[list[Any]], Any]) -> FlatExchange:
    """Return the sequences of a list."""
    tables: list[Any] = list(tables_in(items))
    if tables:
        buffer = Sequences.from_arrays(tables)

        def cut(steps: Table) -> Any:
            return collect(list(Sequences(steps, buffer.offsets)))

        assert buffer.table is not None
        return FlatExchange(buffer.table, buffer.offsets, cut)
    if all(isinstance(item, str) for item in items):
        return _of_texts(items, collect)
    if all(isinstance(item, list | tuple) for item in items):
        # objects keep the type of each element
        arrays = [np.asarray(item, dtype=object) for item in items]
        return _of_arrays(arrays, lambda pieces: collect([piece.tolist() for piece in pieces]))
    return _of_arrays([np.asarray(item) for item in items], collect)


def _of_texts(texts: list[str], collect: Callable[[list[Any]], Any]) -> FlatExchange:
    """Return the words of texts; the blanks between them stay where they are."""

    def restore(pieces: list[NDArray[Any]]) -> Any:
        words = [iter(piece.tolist()) for piece in pieces]
        return collect([_with_words(text, own) for text, own in zip(texts, words, strict=True)])

    return _of_arrays([object_array(_WORD.findall(text)) for text in texts], restore)


def _with_words(text: str, words: Iterator[str]) -> str:
    """Replace the words of a text."""
    return _WORD.sub(lambda _: next(words), text)


def _of_arrays(
    arrays: list[NDArray[Any]], restore: Callable[[list[NDArray[Any]]], Any]
) -> FlatExchange:
    """Return sequences of numbers or symbols; `restore` makes X of their steps."""
    buffer = Sequences.from_arrays(arrays)
    assert buffer.values is not None
    shape, bounds = buffer.values.shape, buffer.offsets[1:-1]

    def rebuild(steps: NDArray[Any]) -> Any:
        return restore(np.split(steps.reshape(shape), bounds))

    return FlatExchange(buffer.values.reshape(shape[0], -1), buffer.offsets, rebuild)
