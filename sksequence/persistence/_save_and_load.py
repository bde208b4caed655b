"""The two functions of the package."""

from __future__ import annotations

import os
from pathlib import Path

from sksequence._version import __version__
from sksequence.persistence._atomic_files import read_whole, write_whole
from sksequence.persistence._file_format import file_parts, read_parts
from sksequence.persistence._tree_reading import TreeReader
from sksequence.persistence._tree_writing import TreeWriter


def save(estimator: object, path: str | os.PathLike[str]) -> None:
    """Save an estimator in one file that contains no code.

    The file is one of safetensors: parameters and fitted attributes as JSON, weights and other
    arrays as bytes, and a checksum of everything. It is written as a whole or not at all: if
    anything fails, an old file at `path` stays as it was.

    Parameters
    ----------
    estimator : estimator object
        `RNNClassifier`, `RNNRegressor` or `SequenceGenerator`, fitted or not, or a transformer or a
        linear model of scikit-learn without code of yours, or a ``Pipeline``,
        ``ColumnTransformer`` or `StepTransformer` of these.
    path : str or path-like
        Path of the file. An existing file is replaced and keeps its permissions.

    Raises
    ------
    ValueError
        If the estimator contains anything that is not plain data, for example a function as
        `loss`, callbacks, a tokenizer as `analyzer` or an estimator of another kind, or if `fit`
        would refuse a parameter. The message names its place.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Load an estimator from such a file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sksequence import SequenceGenerator
    >>> from sksequence.persistence import load, save
    >>> generator = SequenceGenerator(hidden_size=8, max_epochs=2, random_state=0)
    >>> generator = generator.fit(["hello", "hell", "help"])
    >>> path = Path(tempfile.mkdtemp()) / "generator.sksequence"
    >>> save(generator, path)
    >>> load(path).score(["hello"]) == generator.score(["hello"])
    True
    """
    writer = TreeWriter()
    try:
        tree = writer.encode_root(estimator)
    except RecursionError as error:
        raise ValueError(
            f"{type(estimator).__name__} contains itself, or is nested too deeply to be saved."
        ) from error
    write_whole(Path(path), file_parts(tree, writer.arrays, __version__))


def load(path: str | os.PathLike[str]) -> object:
    """Load an estimator from a file that `save` wrote.

    Loading runs no code from the file. Everything in it is checked before it is used: the checksum
    of the file, the types of all objects, the sizes of all arrays and of the network, and that its
    weights are finite.

    Parameters
    ----------
    path : str or path-like
        Path of the file.

    Returns
    -------
    estimator : estimator object
        The estimator as it was saved: it predicts the same and continues training as it would have.
        A network that was trained on a device that is not available here is loaded on the CPU.

    Raises
    ------
    ValueError
        If the file is damaged, incomplete, of another format, or contains anything unknown.
    OSError
        If the file cannot be read.

    See Also
    --------
    save : Save an estimator.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sksequence import RNNClassifier
    >>> from sksequence.persistence import load, save
    >>> path = Path(tempfile.mkdtemp()) / "classifier.sksequence"
    >>> save(RNNClassifier(hidden_size=8), path)
    >>> load(path)
    RNNClassifier(hidden_size=8)
    """
    path = Path(path)
    try:
        tree, arrays = read_parts(read_whole(path))
        return TreeReader(arrays).decode_root(tree)
    except (OSError, Warning):
        raise
    except RecursionError:
        raise ValueError(f"{path} cannot be loaded: it is nested too deeply.") from None
    except ValueError as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error
    except Exception as error:
        raise ValueError(
            f"{path} cannot be loaded: its parts do not fit together ({error!r:.200}). Load "
            "another copy of it, or save the estimator again."
        ) from error
