"""Converters from and to the axes of aeon and sktime, which put features (channels) before time."""

from __future__ import annotations

from typing import Any

from sksequence.preprocessing._steps import as_numbers, check_no_mapping


def from_channels_first(X: object) -> Any:
    """Move time before features, from the axes of aeon and sktime.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_features, n_steps), or list of arrays of shape \
(n_features, n_steps)
        Sequences, features before time.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, n_features), or list of arrays of shape \
(n_steps, n_features)
        Views of the same memory, time before features.

    Raises
    ------
    ValueError
        If X is an array that is not 3-D, or a list of arrays that are not all 2-D.

    See Also
    --------
    to_channels_first : Inverse of this function.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import from_channels_first
    >>> from_channels_first(np.zeros((10, 3, 50))).shape
    (10, 50, 3)
    """
    return _swapped(X, "(n_features, n_steps)")


def to_channels_first(X: object) -> Any:
    """Move features before time, to the axes of aeon and sktime.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_features), or list of arrays of shape \
(n_steps, n_features)
        Sequences, time before features.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_features, n_steps), or list of arrays of shape \
(n_features, n_steps)
        Views of the same memory, features before time.

    Raises
    ------
    ValueError
        If X is an array that is not 3-D, or a list of arrays that are not all 2-D.

    See Also
    --------
    from_channels_first : Inverse of this function.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import to_channels_first
    >>> to_channels_first(np.zeros((10, 50, 3))).shape
    (10, 3, 50)
    """
    return _swapped(X, "(n_steps, n_features)")


def _swapped(X: object, expected: str) -> Any:
    check_no_mapping(X, "X")
    if isinstance(X, list | tuple) or getattr(X, "ndim", 0) == 1:
        sequences: Any = X
        pieces = [as_numbers(x, "X") for x in sequences]
        for i, piece in enumerate(pieces):
            if piece.ndim != 2:
                raise ValueError(
                    f"Sequence {i} has shape {piece.shape}; expected {expected}. Add a second axis "
                    "to sequences of one feature."
                )
        return [piece.T for piece in pieces]
    array = as_numbers(X, "X")
    if array.ndim != 3:
        raise ValueError(
            f"X has shape {array.shape}; expected (n_sequences, {expected[1:]}. Add a third axis "
            "to sequences of one feature."
        )
    return array.swapaxes(1, 2)
