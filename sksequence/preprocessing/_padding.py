"""From sequences of different lengths to one padded array, and back.

Estimators do not accept padded arrays: convert them with `unpad` or `from_nan_padded` first.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._elements import NUMBERS
from sksequence.preprocessing._layout import Values
from sksequence.preprocessing._steps import as_numbers, read_steps


def pad(
    sequences: object, *, value: complex | str | np.generic = 0.0
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Convert sequences of different lengths to one array, padded at the end.

    Parameters
    ----------
    sequences : list of arrays of shape (n_steps, n_features) or (n_steps,), or Sequences
        The sequences.
    value : scalar, default=0.0
        Value of the steps after the end of each sequence.

    Returns
    -------
    array : ndarray of shape (n_sequences, max_steps, n_features) or (n_sequences, max_steps)
        The padded sequences, without an axis of features if the sequences have none. The dtype is
        one that can represent both the steps and `value`.
    lengths : ndarray of int64 of shape (n_sequences,)
        Number of steps of each sequence, without padding.

    Raises
    ------
    ValueError
        If there are no sequences, or if their features differ.

    See Also
    --------
    unpad : Inverse of this function.
    to_nan_padded : Padding with NaN, which needs no lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import pad
    >>> array, lengths = pad([np.array([1.0, 2.0, 3.0]), np.array([4.0])])
    >>> array
    array([[1., 2., 3.],
           [4., 0., 0.]])
    >>> lengths
    array([3, 1])
    """
    if np.ndim(value) != 0:
        raise ValueError(
            f"value has shape {np.shape(value)}; expected one number for all steps after the end "
            "of a sequence. Pass a scalar."
        )
    steps = read_steps(sequences, "sequences")
    values, lengths = steps.values, steps.lengths
    if len(lengths) == 0:
        raise ValueError("sequences holds no sequence; pass at least one.")
    shape = (len(lengths), lengths.max(), *values.shape[1:])
    array = np.full(shape, value, dtype=_common_type(values, value))
    array[_is_step(lengths, shape[1])] = values
    return array, lengths


def _common_type(values: Values, value: complex | str | np.generic) -> np.dtype[Any]:
    if (values.dtype.kind in "UST") is isinstance(value, str) or values.dtype == object:
        with suppress(TypeError):  # dates and numbers have no common type
            return np.result_type(values, np.min_scalar_type(value))
    raise ValueError(
        f"The sequences hold values of dtype {values.dtype}, which {value!r} cannot pad. Pass a "
        "value of their type, or convert them to numbers."
    )


def unpad(array: ArrayLike, lengths: ArrayLike) -> list[NDArray[Any]]:
    """Remove the padding from an array, given the length of each sequence.

    Parameters
    ----------
    array : array-like of shape (n_sequences, max_steps, n_features) or (n_sequences, max_steps)
        Sequences padded at the end.
    lengths : array-like of int of shape (n_sequences,)
        Number of steps of each sequence, without padding.

    Returns
    -------
    sequences : list of ndarray of shape (n_steps, n_features) or (n_steps,)
        Views of the array.

    Raises
    ------
    ValueError
        If the lengths do not match the array.

    See Also
    --------
    pad : Inverse of this function.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import unpad
    >>> unpad(np.array([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]]), [3, 1])
    [array([1., 2., 3.]), array([4.])]
    """
    array = _padded(array)
    lengths = np.asarray(lengths)
    if lengths.shape != array.shape[:1]:
        raise ValueError(
            f"lengths has shape {lengths.shape}; expected ({len(array)},), one length per sequence."
        )
    if lengths.dtype.kind not in "iu" or np.any((lengths < 0) | (lengths > array.shape[1])):
        raise ValueError(
            f"lengths must be integers from 0 to {array.shape[1]}, the padded length; "
            f"got {lengths.tolist()}."
        )
    return [row[:length] for row, length in zip(array, lengths, strict=True)]


def to_nan_padded(sequences: object) -> NDArray[Any]:
    """Convert sequences of different lengths to one array, padded with NaN at the end.

    Parameters
    ----------
    sequences : list of arrays of shape (n_steps, n_features) or (n_steps,), or Sequences
        The sequences. Integers are converted to floats, which can be NaN.

    Returns
    -------
    array : ndarray of shape (n_sequences, max_steps, n_features) or (n_sequences, max_steps)
        The padded sequences.

    Raises
    ------
    ValueError
        If there are no sequences, if their features differ, or if a sequence ends with a step that
        is NaN in all features, which could not be distinguished from padding.

    See Also
    --------
    from_nan_padded : Inverse of this function.
    pad : Padding with any value, which returns the lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import to_nan_padded
    >>> to_nan_padded([np.array([1, 2, 3]), np.array([4])])
    array([[ 1.,  2.,  3.],
           [ 4., nan, nan]])
    """
    array, lengths = pad(sequences, value=np.nan)
    lost = np.flatnonzero(_true_lengths(array) != lengths)
    if len(lost):
        raise ValueError(
            f"Sequence {lost[0]} ends with a step that is NaN in all features, which could not be "
            "distinguished from padding; use pad, which returns the lengths."
        )
    return array


def from_nan_padded(array: ArrayLike) -> list[NDArray[Any]]:
    """Remove the NaN padding after the end of each sequence.

    Parameters
    ----------
    array : array-like of shape (n_sequences, max_steps, n_features) or (n_sequences, max_steps)
        Sequences padded at the end with steps that are NaN in all features. All other NaN are
        missing values and are kept.

    Returns
    -------
    sequences : list of ndarray of shape (n_steps, n_features) or (n_steps,)
        Views of the array.

    Raises
    ------
    ValueError
        If the array is neither 2-D nor 3-D, or if all steps of a sequence are NaN.

    See Also
    --------
    to_nan_padded : Inverse of this function.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import from_nan_padded
    >>> from_nan_padded([[1.0, np.nan, 3.0], [4.0, np.nan, np.nan]])
    [array([ 1., nan,  3.]), array([4.])]
    """
    array = _padded(array)
    lengths = _true_lengths(array)
    if np.any(lengths == 0):
        raise ValueError(
            f"Sequence {np.argmin(lengths)} is NaN at every step, so it has no steps; leave it out."
        )
    return unpad(array, lengths)


def _padded(array: ArrayLike) -> NDArray[Any]:
    array = as_numbers(array, "array")
    if array.ndim not in (2, 3):
        raise ValueError(
            f"array has shape {array.shape}; expected (n_sequences, max_steps, n_features) or "
            "(n_sequences, max_steps)."
        )
    return array


def _is_step(lengths: NDArray[np.int64], max_steps: int) -> NDArray[np.bool_]:
    return np.asarray(np.arange(max_steps) < lengths[:, None])


def _true_lengths(array: Values) -> NDArray[np.int64]:
    """Return the number of steps of each sequence, up to the last one that has a value."""
    if array.dtype.kind not in f"{NUMBERS}mM":
        raise ValueError(
            f"The sequences hold values of dtype {array.dtype}; expected numbers, as NaN is one. "
            "Use pad and unpad for other values."
        )
    filled = np.asarray(~np.isnan(array))
    if filled.ndim == 3:
        filled = np.asarray(filled.any(axis=2))
    last = np.max(filled * np.arange(1, array.shape[1] + 1), axis=1, initial=0)
    return np.asarray(last, dtype=np.int64)
