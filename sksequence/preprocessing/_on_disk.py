"""Sequences of Parquet files, Arrow datasets and chunks of any kind, as arrays mapped from a disk.

A folder holds `values.npy` and `offsets.npy`, the two arrays of `Sequences`, and the names of the
features, if they have names, in `feature_names.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from sksequence._batching import Sequences, offsets_of
from sksequence._input import RawInput, Reading, read_input

_VALUES, _OFFSETS, _NAMES = "values.npy", "offsets.npy", "feature_names.json"
_BUFFER = 1 << 20  # bytes of a file that are read at a time
_NUMBERS = Reading(integers_are_symbols=False)


def write_sequences(
    X: object,
    folder: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    batch_size: int = 1024,
    dtype: DTypeLike | None = None,
) -> Sequences:
    """Write sequences of numbers to a folder, a few at a time, and map them from there.

    Data larger than memory are copied once, as plain numbers. ``fit`` then reads batches from the
    map, and the model is bit for bit that of the same data in memory.

    Parameters
    ----------
    X : str, path, Arrow dataset or iterator
        Path of a Parquet file or a folder of them, a dataset of ``pyarrow.dataset``, or an iterator
        of chunks, each of them a form of X that ``fit`` accepts: slices of a zarr array, tables,
        lists of arrays. In a file, a row is a sequence, and each column holds lists: of numbers for
        one feature, or of equally long lists for several.
    folder : str or path
        Folder to write, which must not hold sequences yet. It is created if it does not exist.
    columns : list of str, default=None
        Columns of a file or dataset that are features, in this order. None takes all of them.
    batch_size : int, default=1024
        Number of rows of a file or dataset that are read at a time.
    dtype : dtype, default=None
        Type of the numbers. None takes that of the first chunk.

    Returns
    -------
    sequences : Sequences
        The sequences, whose `values` are a memory map.

    Raises
    ------
    FileExistsError
        If the folder holds sequences already.
    ImportError
        If X is a path, and pyarrow is not installed.
    TypeError
        If X is of another kind.
    ValueError
        If a chunk holds symbols, other features than the first, or numbers that `dtype` cannot
        represent.

    See Also
    --------
    open_sequences : Map sequences that were written before.

    Notes
    -----
    The memory needed is that of `batch_size` rows, and of one number per sequence; datasets other
    than paths are read by row groups. Only numbers that change in time are written: read one label
    or number per sequence separately, and pass it as y.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sksequence.preprocessing import write_sequences
    >>> chunks = ([np.ones((n, 2)) for n in (3, 5)] for _ in range(4))
    >>> write_sequences(chunks, tempfile.mkdtemp())
    Sequences(n_sequences=8, n_steps=3..5, n_features=2)
    """
    chunks = _read_chunks(X, None if columns is None else list(columns), batch_size)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / _OFFSETS).exists():
        raise FileExistsError(
            f"{folder} holds sequences already. Read them with open_sequences, or delete the "
            "folder, to write others."
        )
    part = folder / f"{_VALUES}.part"
    try:
        with part.open("wb") as file:
            lengths, names = _write_values(chunks, file, dtype)
        part.replace(folder / _VALUES)
    finally:
        part.unlink(missing_ok=True)
    if names is not None:
        (folder / _NAMES).write_text(json.dumps(names), encoding="utf-8")
    np.save(folder / _OFFSETS, offsets_of(lengths))
    return open_sequences(folder)


def open_sequences(folder: str | os.PathLike[str]) -> Sequences:
    """Map sequences that `write_sequences` has written.

    Parameters
    ----------
    folder : str or path
        Their folder.

    Returns
    -------
    sequences : Sequences
        The sequences, whose `values` are a memory map that cannot be written to.

    Raises
    ------
    FileNotFoundError
        If the folder holds no complete sequences.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sksequence.preprocessing import open_sequences, write_sequences
    >>> folder = tempfile.mkdtemp()
    >>> sequences = write_sequences(iter([np.zeros((10, 4, 2))]), folder)
    >>> len(open_sequences(folder))
    10
    """
    folder = Path(folder)
    if not (folder / _OFFSETS).exists():
        raise FileNotFoundError(
            f"{folder} holds no complete sequences: {_OFFSETS} is missing. Write them with "
            "write_sequences."
        )
    values = np.load(folder / _VALUES, mmap_mode="r")
    names = folder / _NAMES
    return Sequences(
        values,
        np.load(folder / _OFFSETS),
        feature_names=json.loads(names.read_text(encoding="utf-8")) if names.exists() else None,
    )


# --- reading --------------------------------------------------------------------------------------


def _read_chunks(X: object, columns: list[str] | None, batch_size: int) -> Iterator[RawInput]:
    """Return an iterator that reads X as chunks."""
    if isinstance(X, str | os.PathLike):
        return map(_read_columns, _batches_of_files(Path(X), columns, batch_size))
    if hasattr(X, "to_batches") and hasattr(X, "get_fragments"):
        return map(_read_columns, _batches_of_dataset(X, columns, batch_size))
    if not isinstance(X, Iterator):
        raise TypeError(
            f"X is a {type(X).__name__}; pass the path of a Parquet file, an Arrow dataset, or an "
            "iterator of chunks: iter([X]) for a single one."
        )
    if columns is not None:
        raise ValueError(
            f"columns={columns} names columns of a file, but X is an iterator of chunks. Let the "
            "chunks have these features only."
        )
    return (read_input(chunk, _NUMBERS) for chunk in X)


def _batches_of_files(path: Path, columns: list[str] | None, batch_size: int) -> Iterator[Any]:
    """Yield batches of rows of a file, or of the files of a folder by their names."""
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ImportError(
            "Parquet files are read with pyarrow. Install it with `pip install pyarrow`."
        ) from error
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"The folder {path} has no files *.parquet. Pass another path.")
    for file in files:
        # pages are decoded one after the other: row groups may be larger than the memory
        with ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as rows:
            names = rows.schema_arrow.names if columns is None else columns
            absent = [name for name in names if name not in rows.schema_arrow.names]
            if absent:
                raise ValueError(
                    f"columns has {absent}, but {file} has the columns {rows.schema_arrow.names}. "
                    "Name columns of the file."
                )
            for batch in rows.iter_batches(batch_size, columns=names, use_threads=False):
                yield batch.select(names)  # files keep their own order


def _batches_of_dataset(dataset: Any, columns: list[str] | None, batch_size: int) -> Iterator[Any]:
    """Return batches of rows in their order, of which few are read ahead."""
    batches = dataset.to_batches(
        columns=columns,
        batch_size=batch_size,
        batch_readahead=1,
        fragment_readahead=1,
        use_threads=False,
    )
    return (batch for batch in batches if batch.num_rows)


def _read_columns(batch: Any) -> RawInput:
    """Read a batch of Arrow, whose columns hold the features of the same steps."""
    names, parts = batch.schema.names, []
    for name, column in zip(names, batch.columns, strict=True):
        if not hasattr(column, "flatten"):
            raise ValueError(
                f"Column {name!r} holds {column.type}, not lists of numbers. Name the columns of "
                "features with columns=[...]; read the others separately, for example as y."
            )
        parts.append(read_input(column, _NUMBERS))
    first = parts[0]
    for name, part in zip(names, parts, strict=True):
        _check_numbers(part, f"Column {name!r}")
        differing = part.sequences.lengths != first.sequences.lengths
        if differing.any():
            i = int(np.argmax(differing))
            raise ValueError(
                f"A row has {first.sequences.lengths[i]} steps in column {names[0]!r} and "
                f"{part.sequences.lengths[i]} in column {name!r}; the columns hold features of the "
                "same steps. Pass equal lengths."
            )
    values = np.column_stack([part.values for part in parts])
    are_single = len(parts) == values.shape[1]
    sequences = Sequences(values, first.sequences.offsets)
    return RawInput("sequences", sequences, False, names=tuple(names) if are_single else None)


def _check_numbers(chunk: RawInput, place: str) -> None:
    if chunk.symbols or chunk.static:
        raise ValueError(
            f"{place} of X holds symbols or features that do not change in time, but only numbers "
            "of steps are written. Encode symbols as integers first, and read the others "
            "separately."
        )


# --- writing --------------------------------------------------------------------------------------


def _write_values(
    chunks: Iterable[RawInput], file: IO[bytes], dtype: DTypeLike | None
) -> tuple[NDArray[np.int64], Sequence[object] | None]:
    """Write an array of numpy without knowing its length; return lengths and names of features."""
    lengths: list[NDArray[np.int64]] = []
    first: RawInput | None = None
    kind, n_steps = np.dtype(dtype), 0
    for chunk in chunks:
        _check_numbers(chunk, "A chunk")
        if first is None:
            first, kind = chunk, np.dtype(chunk.values.dtype if dtype is None else dtype)
            _write_header(file, kind, 0, chunk.n_features)
        _check_same(chunk, first, kind)
        np.ascontiguousarray(chunk.values, dtype=kind).tofile(file)
        lengths.append(chunk.sequences.lengths)
        n_steps += len(chunk.values)
    if first is None:
        raise ValueError("X holds no sequence. Pass at least one.")
    file.seek(0)
    _write_header(file, kind, n_steps, first.n_features)
    return np.concatenate(lengths), first.names


def _write_header(file: IO[bytes], dtype: np.dtype[Any], n_steps: int, n_features: int) -> None:
    """Write the header of an array, whose size is the same for every number of steps."""
    header = {
        "descr": npy.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (n_steps, n_features),
    }
    npy.write_array_header_1_0(file, header)
    file.flush()  # the numbers are written past the buffer


def _check_same(chunk: RawInput, first: RawInput, dtype: np.dtype[Any]) -> None:
    if chunk.n_features != first.n_features or chunk.names != first.names:
        raise ValueError(
            f"A chunk of X has {chunk.n_features} features with the names {chunk.names}, the first "
            f"one {first.n_features} with the names {first.names}. Pass the same features in every "
            "chunk."
        )
    if not np.can_cast(chunk.values.dtype, dtype, casting="same_kind"):
        raise ValueError(
            f"A chunk of X holds {chunk.values.dtype}, but {dtype} is written. Pass dtype="
            f"{np.result_type(chunk.values.dtype, dtype)!s:.20}, which holds all chunks."
        )
