"""Sequences of Parquet files, Arrow datasets and chunks of any kind, as arrays mapped from a disk.

A folder holds `values.npy` and `offsets.npy`, the two arrays of `Sequences`, and the names of the
features, if they have names, in `feature_names.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from sksequence._batching import Sequences, offsets_of
from sksequence._input import RawInput, Reading, read_input
from sksequence._settings import check_count
from sksequence.preprocessing._parquet_batches import batches_of_dataset, batches_of_files

_VALUES, _OFFSETS, _NAMES = "values.npy", "offsets.npy", "feature_names.json"
_NUMBERS = Reading(integers_are_symbols=False)
_WRITE_AGAIN = "Delete the folder, and write the sequences again."
_Content = TypeVar("_Content")


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
    map, and the model is bit for bit that of the same data in memory. With ``shuffle="blocks"``, it
    reads a file that does not fit in memory once per epoch, in large pieces.

    Parameters
    ----------
    X : str, path, Arrow dataset or iterator
        Path of a Parquet file or a folder of them, a dataset of ``pyarrow.dataset``, or an iterator
        of chunks, each of them a form of X that ``fit`` accepts: slices of a zarr array, tables,
        lists of arrays. In a file, a row is a sequence, and each column holds lists: of numbers for
        one feature, or of equally long lists for several. The files of a folder, ``*.parquet`` and
        ``*.pq``, are read in the order of ``pyarrow.parquet.read_table``, without hidden ones.
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
        If the folder holds sequences already, or another process is writing to it.
    FileNotFoundError
        If there is no file of the path.
    ImportError
        If X is a path, and pyarrow is not installed.
    NotADirectoryError
        If `folder` is a file.
    TypeError
        If an argument is of another kind.
    ValueError
        If `folder` lies in X, `batch_size` is no positive integer, a file is not a complete one of
        Parquet, a folder has other files or links to itself, or a chunk holds symbols,
        other features than the first, or numbers that `dtype` cannot represent.

    See Also
    --------
    open_sequences : Map sequences that were written before.

    Notes
    -----
    The memory needed is that of `batch_size` rows, and of one number per sequence; datasets other
    than paths are read by row groups. Only numbers that change in time are written: read one label
    or number per sequence separately, and pass it as y. With
    ``open_sequences(folder).with_ids(ids)``, its index is compared with the ids of the rows.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sksequence.preprocessing import write_sequences
    >>> chunks = ([np.ones((n, 2)) for n in (3, 5)] for _ in range(4))
    >>> write_sequences(chunks, tempfile.mkdtemp())
    Sequences(n_sequences=8, n_steps=3..5, n_features=2)
    """
    _check_numeric(dtype)
    check_count("batch_size", batch_size)
    folder = _checked_folder(folder)
    _check_outside(folder, X)
    chunks = _read_chunks(X, _names_in(columns), batch_size)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / _OFFSETS).exists():
        raise FileExistsError(
            f"{folder} holds sequences already. Read them with open_sequences, or delete the "
            "folder, to write others."
        )
    with _created(folder / _VALUES) as file:
        lengths, names = _write_values(chunks, file, dtype)
    with _created(folder / _NAMES) as file:
        file.write(json.dumps(names).encode())
    with _created(folder / _OFFSETS) as file:  # the last one: with it, the folder is complete
        np.save(file, offsets_of(lengths))
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
    NotADirectoryError
        If `folder` is a file.
    TypeError
        If `folder` is no path.
    ValueError
        If files were cut off or replaced since.

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
    folder = _checked_folder(folder)
    if not (folder / _OFFSETS).exists():
        raise FileNotFoundError(
            f"{folder} holds no complete sequences: {_OFFSETS} is missing. Write them with "
            "write_sequences."
        )
    values = _content(folder / _VALUES, _mapped_values)
    offsets = _content(folder / _OFFSETS, _loaded_offsets)
    names = folder / _NAMES
    feature_names = _content(names, _loaded_names) if names.exists() else None
    try:
        return Sequences(values, offsets, feature_names=feature_names)
    except ValueError as error:
        raise ValueError(
            f"The files of {folder} do not belong together: {error} {_WRITE_AGAIN}"
        ) from error


def _content(path: Path, read: Callable[[Path], _Content]) -> _Content:
    """Read a file; raise a ValueError that names it if write_sequences has not written it so."""
    try:
        return read(path)
    except (EOFError, FileNotFoundError, IsADirectoryError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
        raise ValueError(
            f"{path} is not as write_sequences has written it: {reason}. {_WRITE_AGAIN}"
        ) from error


def _mapped_values(path: Path) -> NDArray[Any]:
    values: NDArray[Any] = npy.open_memmap(path, mode="r")
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise ValueError("It is no table of real numbers")
    return values


def _loaded_offsets(path: Path) -> NDArray[np.int64]:
    with path.open("rb") as file:
        offsets: NDArray[np.int64] = npy.read_array(file, allow_pickle=False)
    if offsets.dtype.kind not in "iu":
        raise ValueError("It is no array of integers")
    return offsets


def _loaded_names(path: Path) -> list[str] | None:
    names: list[str] | None = json.loads(path.read_text(encoding="utf-8"))
    if names is not None:
        is_list = isinstance(names, list)
        if not is_list or not all(isinstance(name, str | int | float) for name in names):
            raise ValueError("It is no list of names")
    return names


# --- reading --------------------------------------------------------------------------------------


def _read_chunks(X: object, columns: list[str] | None, batch_size: int) -> Iterator[RawInput]:
    """Return an iterator that reads X as chunks."""
    if isinstance(X, str | os.PathLike):
        return map(_read_columns, batches_of_files(Path(X), columns, batch_size))
    if hasattr(X, "to_batches") and hasattr(X, "get_fragments"):
        return map(_read_columns, batches_of_dataset(X, columns, batch_size))
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


def _names_in(columns: Sequence[str] | None) -> list[str] | None:
    """Return the names of columns as a list, or None for all of them."""
    if columns is None:
        return None
    if isinstance(columns, str):
        raise TypeError(f"columns is the text {columns!r}. Pass a list of names: [{columns!r}].")
    if len(columns) == 0 or len(set(columns)) < len(columns):
        raise ValueError(
            f"columns={list(columns)}, but at least one column is needed, and each of them once. "
            "Name the columns of features, or pass None for all columns."
        )
    return list(columns)


def _read_columns(batch: Any) -> RawInput:
    """Read a batch of Arrow, whose columns hold the features of the same steps."""
    names, parts = batch.schema.names, []
    for name, column in zip(names, batch.columns, strict=True):
        if not hasattr(column, "value_lengths"):  # all kinds of lists have it
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


def _check_numeric(dtype: DTypeLike | None) -> None:
    try:
        kind = np.dtype(dtype)  # that of None is float
    except TypeError:
        kind = np.dtype(object)
    if kind.kind not in "biuf":
        what = dtype if kind == object else kind
        raise TypeError(f"dtype={what} is no type of real numbers. Pass one: numpy.float32.")


def _checked_folder(folder: object) -> Path:
    """Return a folder as a path, unless it is none or a file."""
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(
            f"folder is {folder!r}; pass the path of the folder of the sequences, as a str or path."
        )
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"folder={str(path)!r} is a file. Pass the path of a folder.")
    return path


def _check_outside(folder: Path, X: object) -> None:
    """Raise a ValueError if the copy would become a part of the folder that is read."""
    if not isinstance(X, str | os.PathLike):
        return
    source = Path(X)
    if source.is_dir() and folder.resolve().is_relative_to(source.resolve()):
        raise ValueError(
            f"folder={str(folder)!r} lies in X, the folder {str(source)!r}, whose files are read. "
            "Write to a folder outside it."
        )


def _check_numbers(chunk: RawInput, place: str) -> None:
    if chunk.symbols or chunk.static:
        raise ValueError(
            f"{place} of X holds symbols or features that do not change in time, but only numbers "
            "of steps are written. Encode symbols as integers first, and read the others "
            "separately."
        )


# --- writing --------------------------------------------------------------------------------------


@contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that has its name when it is complete, and is removed otherwise."""
    part = path.with_name(f"{path.name}.part")
    try:
        file = part.open("xb")
    except FileExistsError as error:
        raise FileExistsError(
            f"{part} exists: another process writes sequences there, or was killed. Let only one "
            "process write, and the others open the folder then; if none writes, delete the folder."
        ) from error
    try:
        with file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


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
        _converted(chunk.values, kind).tofile(file)
        lengths.append(chunk.sequences.lengths)
        n_steps += len(chunk.values)
    if first is None:
        raise ValueError("X holds no sequence. Pass at least one.")
    file.seek(0)
    _write_header(file, kind, n_steps, first.n_features)
    return np.concatenate(lengths), first.names


def _write_header(file: IO[bytes], dtype: np.dtype[Any], n_steps: int, n_features: int) -> None:
    """Write the header of an array, whose size is the same for every number of steps."""
    shape = (n_steps, n_features)
    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, header)
    file.flush()  # the numbers are written past the buffer


def _converted(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert numbers to a type; raise a ValueError if it cannot hold them."""
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(values, dtype=dtype)
    if np.can_cast(values.dtype, dtype, casting="safe"):
        return converted
    if dtype.kind == "f":
        is_lost = np.isinf(converted) & np.isfinite(values)
    else:
        is_lost = converted != values
    if is_lost.any():
        raise ValueError(
            f"A chunk of X holds {values[is_lost][0]}, which {dtype} cannot represent. Pass dtype="
            f"{np.result_type(values.dtype, dtype)!s}, or scale the numbers."
        )
    return converted


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
