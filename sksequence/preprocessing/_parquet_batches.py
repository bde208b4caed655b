"""Rows of Parquet files and of Arrow datasets, a batch at a time, in the order of Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_SUFFIXES = (".parquet", ".pq")
_BUFFER = 1 << 20  # bytes of a file that are read at a time


def batches_of_files(path: Path, columns: list[str] | None, batch_size: int) -> Iterator[Any]:
    """Yield batches of rows of a file, or of the files of a folder by their names."""
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ImportError(
            "Parquet files are read with pyarrow. Install it with `pip install pyarrow`."
        ) from error
    for file in _files_in(path):
        try:
            # pages are decoded one after the other: row groups may be larger than the memory
            opened = ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        except ValueError as error:
            raise ValueError(
                f"{file} is not a complete Parquet file: {error} Pass a path of Parquet files; "
                "read other kinds with pyarrow.dataset, or as an iterator of chunks."
            ) from error
        with opened as rows:
            names = rows.schema_arrow.names if columns is None else columns
            _check_columns(rows.schema_arrow.names, columns, file)
            for batch in rows.iter_batches(batch_size, columns=names, use_threads=False):
                yield batch.select(names)  # files keep their own order


def batches_of_dataset(dataset: Any, columns: list[str] | None, batch_size: int) -> Iterator[Any]:
    """Return batches of rows in their order, of which few are read ahead."""
    _check_columns(dataset.schema.names, columns, "the dataset")
    ahead = {"batch_readahead": 1, "fragment_readahead": 1, "use_threads": False}
    batches = dataset.to_batches(columns=columns, batch_size=batch_size, **ahead)
    return (batch for batch in batches if batch.num_rows)


def _check_columns(present: Sequence[str], columns: list[str] | None, place: object) -> None:
    """Raise a ValueError if the columns to read are not there, or have one name together."""
    absent = [name for name in columns or () if name not in present]
    if absent and f"/{absent[0]}=" in str(place):
        raise ValueError(
            f"columns has {absent[0]!r}, which {place} holds in the name of a folder: one value "
            "per row, no list. Leave it out, and read it separately, for example as y."
        )
    if absent:
        raise ValueError(
            f"columns has {absent}, but {place} has the columns {list(present)}. Name columns of "
            "the file."
        )
    twice = [name for name in columns or present if list(present).count(name) > 1]
    if twice:
        raise ValueError(
            f"{place} has more than one column {twice[0]!r}. Rename them, or leave them out with "
            "columns=[...]."
        )


def _files_in(path: Path) -> list[Path]:
    """Return the files of a path in Arrow's order, which is that of the y read with it."""
    if not path.exists():
        raise FileNotFoundError(
            f"There is no file or folder {path}. Pass the path of a Parquet file or of a folder of "
            "them; for other places, such as S3, pass pyarrow.dataset.dataset(address)."
        )
    if not path.is_dir():
        return [path]
    shown = list(_shown_files(path))
    names = {file: file.relative_to(path).as_posix() for file in shown}
    if not shown:
        raise FileNotFoundError(f"The folder {path} has no files *.parquet. Pass another path.")
    others = [names[file] for file in shown if file.suffix.lower() not in _SUFFIXES]
    if others:
        raise ValueError(
            f"The folder {path} has {others[0]!r}, which pyarrow would read as a file of Parquet, "
            f"but whose name does not end with {' or '.join(_SUFFIXES)}. Rename it if it is one, "
            "or move it to another folder."
        )
    return sorted(shown, key=names.__getitem__)


def _shown_files(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the files that Arrow reads: none hidden, those behind links to folders as well."""
    real = folder.resolve()
    if real in above:
        raise ValueError(
            f"{folder} links to a folder that it lies in. Remove the link, or pass another path."
        )
    for entry in folder.iterdir():
        if entry.name[0] in "._":
            continue
        if entry.is_dir():
            yield from _shown_files(entry, (*above, real))
        elif entry.is_file():
            yield entry
