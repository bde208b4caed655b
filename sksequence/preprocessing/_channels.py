"""From and to the axes of aeon and sktime, which put features (channels) before time.

Knows nothing of estimators.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def from_channels_first(X: Any) -> Any:
    """Put time before features: from aeon's and sktime's axes to ours.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_features, n_steps), or list of arrays of shape \
(n_features, n_steps)
        Sequences whose features come before time.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, n_features), or list of arrays of shape \
(n_steps, n_features)
        Views of the same memory, time before features.

    Raises
    ------
    ValueError
        If X is not 3-D, or an array of the list not 2-D.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import from_channels_first
    >>> from_channels_first(np.zeros((10, 3, 50))).shape
    (10, 50, 3)
    """
    return _swapped(X, "(n_features, n_steps)")


def to_channels_first(X: Any) -> Any:
    """Put features before time: from our axes to those of aeon and sktime.

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
        If X is not 3-D, or an array of the list not 2-D.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import to_channels_first
    >>> to_channels_first(np.zeros((10, 50, 3))).shape
    (10, 3, 50)
    """
    return _swapped(X, "(n_steps, n_features)")


def _swapped(X: Any, expected: str) -> Any:
    if isinstance(X, list | tuple) or getattr(X, "ndim", 0) == 1:
        pieces = [np.asarray(x) for x in X]
        for i, piece in enumerate(pieces):
            if piece.ndim != 2:
                raise ValueError(
                    f"Sequence {i} has shape {piece.shape}; expected {expected}. Give a sequence "
                    "of one feature a second axis."
                )
        return [piece.T for piece in pieces]
    array = np.asarray(X)
    if array.ndim != 3:
        raise ValueError(
            f"X has shape {array.shape}; expected (n_sequences, {expected[1:]}. Give sequences of "
            "one feature a third axis."
        )
    return array.swapaxes(1, 2)
