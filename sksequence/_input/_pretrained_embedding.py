"""Pre-trained embedding vectors in files: the rows of a vocabulary, and no others, are read."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Hashable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from sksequence._settings import EmbeddingVectors

Matrix = NDArray[Any]  # a memory map of shape (n_rows, n_dims)
_TEXT = (".txt", ".vec")
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_SHOWN = 5  # words in an error


class PretrainedEmbedding(BaseEstimator):
    r"""Embedding vectors from a file, as the value of `embedding_dim` of an estimator.

    `fit` reads the vectors of the symbols of X and sets the size of the embedding to theirs. Other
    symbols have random vectors of the same length, as without a file. The network reads all vectors
    divided by the root mean square of those found, so that inputs have unit variance.

    A fitted estimator holds the vectors of its own symbols, so that predictions, pickles and saved
    models do not need the file. A clone holds the path only.

    Parameters
    ----------
    path : str
        File of vectors, whose suffix is its format:

        - ".npy": one matrix of shape (n_rows, n_dims).
        - ".safetensors": a matrix among others, see `tensor`.
        - ".txt" or ".vec": text of word2vec, fastText or GloVe: each line has a word and its
          numbers, separated by blanks. A first line of two integers is a header.
    words : str or None, default=None
        UTF-8 text with the word of each row of a matrix, one per line. With None, the rows of a
        matrix are counted from 0 and the symbols must be integers, such as those of a tokenizer. A
        text file of vectors has its own words, and needs None.
    tensor : str or None, default=None
        Name of the matrix in a safetensors file. None is enough if the file has one matrix only.
    lowercase : bool, default=False
        Whether symbols are looked up in lower case.
    trainable : bool, default=False
        Whether the vectors are trained. Otherwise all of them stay as they are, those of symbols
        without a vector in the file too.

    Notes
    -----
    A symbol is looked up as it is. A word of ``analyzer="word"`` with a blank before it is then
    looked up without the blank. If a file has a word several times, the first vector counts.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sksequence import PretrainedEmbedding, RNNClassifier
    >>> path = Path(tempfile.mkdtemp()) / "vectors.txt"
    >>> _ = path.write_text("good 0.9 0.1\nbad -0.8 0.2\nfilm 0.0 1.0\n")
    >>> embedding = PretrainedEmbedding(str(path), lowercase=True)
    >>> classifier = RNNClassifier(
    ...     analyzer="word", embedding_dim=embedding, hidden_size=4, max_epochs=1, random_state=0
    ... )
    >>> classifier.fit(["Good film", "bad film"], ["yes", "no"]).embedding_dim_
    2
    """

    def __init__(
        self,
        path: str,
        *,
        words: str | None = None,
        tensor: str | None = None,
        lowercase: bool = False,
        trainable: bool = False,
    ) -> None:
        self.path = path
        self.words = words
        self.tensor = tensor
        self.lowercase = lowercase
        self.trainable = trainable

    def __sksequence_vectors__(self, symbols: Sequence[Hashable]) -> EmbeddingVectors:
        """Return the vectors of the symbols that the file has; symbol i has code i + 1."""
        self._check_params()
        lookups = [self._lookups(symbol) for symbol in symbols]
        wanted = {word for words in lookups for word in words}
        found = self._read_text(wanted) if self._is_text else self._read_matrix(wanted)
        places = [next((word for word in words if word in found), None) for words in lookups]
        codes = [i + 1 for i, word in enumerate(places) if word is not None]
        if not codes:
            raise ValueError(self._no_overlap(symbols))
        vectors = np.array([found[word] for word in places if word is not None], np.float32)
        if not np.isfinite(vectors).all():
            raise ValueError(f"{self._shown}: some vectors are not finite, or beyond float32.")
        size = math.sqrt(np.square(vectors, dtype=np.float64).mean())
        return EmbeddingVectors(np.array(codes), vectors, 1.0 / size if size else 1.0)

    @property
    def _shown(self) -> str:
        return " ".join(repr(self).split())

    @property
    def _is_text(self) -> bool:
        return Path(self.path).suffix in _TEXT

    def _check_params(self) -> None:
        """Raise an error for parameters of a wrong type, or that exclude each other."""
        for name in ("path", "words", "tensor"):
            value = getattr(self, name)
            if not isinstance(value, str) and (name == "path" or value is not None):
                raise TypeError(f"{name} of PretrainedEmbedding must be a str; got {value!r:.80}.")
        for name in ("lowercase", "trainable"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise TypeError(
                    f"{name} of PretrainedEmbedding must be True or False; got "
                    f"{getattr(self, name)!r:.80}."
                )
        suffix = Path(self.path).suffix
        if suffix not in (".npy", ".safetensors", *_TEXT):
            raise ValueError(
                f"{self._shown}: files with the suffix {suffix!r} are not read. Convert the "
                "vectors to '.npy', '.safetensors', or the text of word2vec ('.txt' or '.vec')."
            )
        if self._is_text and self.words is not None:
            raise ValueError(f"{self._shown}: a text file has its own words. Set words=None.")
        if suffix != ".safetensors" and self.tensor is not None:
            raise ValueError(f"{self._shown}: only safetensors files have names. Set tensor=None.")
        for path in (self.path, self.words):
            if path is not None and not Path(path).is_file():
                raise FileNotFoundError(
                    f"{self._shown}: there is no file {str(Path(path).absolute())!r}."
                )

    def _lookups(self, symbol: Hashable) -> list[Hashable]:
        """Return the words under which a symbol is looked up, the first one first."""
        if not self._is_text and self.words is None:
            return [int(symbol)] if type(symbol) is int or isinstance(symbol, np.integer) else []
        if not isinstance(symbol, str):
            return []
        word = symbol.lower() if self.lowercase else symbol
        return [word, word[1:]] if word[:1] == " " and len(word) > 1 else [word]

    # --- matrices ------------------------------------------------------------------------------

    def _read_matrix(self, wanted: Collection[Hashable]) -> dict[Hashable, NDArray[Any]]:
        """Return the vectors of the wanted words of a matrix."""
        matrix = self._matrix()
        if self.words is None:
            rows = {n: n for n in wanted if isinstance(n, int) and 0 <= n < len(matrix)}
        else:
            rows = self._rows_of_words(wanted, len(matrix))
        return {word: _as_floats(matrix[row]) for word, row in rows.items()}

    def _rows_of_words(self, wanted: Collection[Hashable], n_rows: int) -> dict[Any, int]:
        rows: dict[Any, int] = {}
        n_words = 0
        for n_words, word in enumerate(_lines(str(self.words)), start=1):
            if word in wanted:
                rows.setdefault(word, n_words - 1)
        if n_words != n_rows:
            raise ValueError(
                f"{self._shown}: there are {n_words} words for {n_rows} vectors. Pass one line "
                "per row."
            )
        return rows

    def _matrix(self) -> Matrix:
        suffix = Path(self.path).suffix
        try:
            matrix = _read_npy(self.path) if suffix == ".npy" else self._read_safetensors()
        except (ValueError, EOFError, KeyError, TypeError) as error:
            raise ValueError(f"{self._shown}: the file cannot be read: {error}") from error
        if matrix.ndim != 2 or (suffix == ".npy" and matrix.dtype.kind != "f") or not matrix.size:
            raise ValueError(
                f"{self._shown}: expected a matrix of floats, one row per word; got shape "
                f"{matrix.shape} and dtype {matrix.dtype}."
            )
        return matrix

    def _read_safetensors(self) -> Matrix:
        entries, start = _safetensors_header(self.path)
        names = sorted(name for name, entry in entries.items() if len(entry["shape"]) == 2)
        name = self.tensor
        if name is None and len(names) == 1:
            name = names[0]
        if name not in names:
            raise ValueError(
                f"tensor={self.tensor!r} is not one of its matrices {names}. Set tensor to the one "
                "with the vectors."
            )
        entry = entries[name]
        if entry["dtype"] not in _DTYPES:
            raise ValueError(f"{name!r} has the type {entry['dtype']}, not one of {[*_DTYPES]}.")
        offset, shape = start + entry["data_offsets"][0], tuple(entry["shape"])
        return np.memmap(self.path, _DTYPES[entry["dtype"]], "r", offset, shape)

    # --- text ----------------------------------------------------------------------------------

    def _read_text(self, wanted: Collection[Hashable]) -> dict[Hashable, NDArray[Any]]:
        """Return the vectors of the wanted words of a text file."""
        found: dict[Hashable, NDArray[Any]] = {}
        firsts = {str(word).split(" ", 1)[0] for word in wanted}
        width, numbered = self._text_width()
        for number, line in numbered:
            if line.split(" ", 1)[0] not in firsts:
                continue
            parts = line.split(" ")
            word = " ".join(parts[:-width])
            if len(parts) <= width or any(map(_is_number, parts[1:-width])):
                n_numbers = sum(map(_is_number, parts[1:]))
                raise ValueError(
                    f"{self._shown}: line {number} has {n_numbers} numbers after "
                    f"{parts[0]!r:.40}, but the first line has {width}."
                )
            if word in wanted and word not in found:
                found[word] = self._numbers(parts[-width:], number)
        return found

    def _numbers(self, parts: Sequence[str], number: int) -> NDArray[Any]:
        try:
            return np.array(parts, np.float64)
        except ValueError as error:
            raise ValueError(
                f"{self._shown}: line {number} does not end with numbers: {error}"
            ) from error

    def _text_width(self) -> tuple[int, Iterator[tuple[int, str]]]:
        """Return the width of the vectors, and the numbered lines without the header."""
        lines = enumerate(_lines(self.path), start=1)
        first = next(lines, None)
        parts = [] if first is None else first[1].split(" ")
        if first is None or len(parts) < 2 or not _is_number(parts[-1]):
            raise ValueError(
                f"{self._shown}: the first line should be a word and its numbers, or the number of "
                "words and that of dimensions."
            )
        if len(parts) == 2 and all(part.isdecimal() for part in parts):
            return int(parts[1]), lines
        return len(parts) - 1, chain([first], lines)

    def _no_overlap(self, symbols: Sequence[Hashable]) -> str:
        """Describe that the file has none of the symbols."""
        shown = ", ".join(f"{symbol!r:.40}" for symbol in symbols[:_SHOWN])
        if not self._is_text and self.words is None:
            advice = (
                "Without words, symbols are the numbers of rows: set words to a file with one word "
                "per row."
            )
        else:
            lines = _lines(self.path if self._is_text else str(self.words))
            known = ", ".join(f"{line.split(' ', 1)[0]!r:.40}" for line in islice(lines, _SHOWN))
            advice = (
                f"The file begins with {known}. Set lowercase=True if its words are in lower case, "
                "and analyzer='word' if X holds texts."
            )
        none = f"the file has none of the {len(symbols)} symbols of X ({shown})"
        return f"{self._shown}: {none}. {advice}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _lines(path: str) -> Iterator[str]:
    """Yield the lines of a text without their ends; blanks before a word are part of it."""
    with Path(path).open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for line in file:
            yield line.rstrip()


def _read_npy(path: str) -> Matrix:
    matrix: Matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    return matrix


def _safetensors_header(path: str) -> tuple[dict[str, Any], int]:
    """Return the entries of a safetensors file, and where its data begin."""
    with Path(path).open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > Path(path).stat().st_size:
            raise ValueError("it is not a safetensors file, or incomplete.")
        entries = json.loads(file.read(size))
    entries.pop("__metadata__", None)
    return entries, 8 + size


def _as_floats(row: Matrix) -> NDArray[np.float32]:
    """Return a row as float32; bfloat16, which numpy does not know, is the upper half of it."""
    if row.dtype.kind == "u":
        return (row.astype(np.uint32) << 16).view(np.float32)
    return row.astype(np.float32)
