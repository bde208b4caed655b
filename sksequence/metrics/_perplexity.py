"""How many equally likely next steps a model hesitates between."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def perplexity(log_likelihood: Any, *, n_steps: ArrayLike | None = None) -> float:
    """Compute the perplexity: the exponential of the mean negative log-likelihood of a step.

    A model that finds k next steps equally likely has perplexity k.

    Parameters
    ----------
    log_likelihood : array-like of any shape, or list of array-like of shape (n_steps,)
        Natural logarithms of the probability of each step; or of whole sequences, if `n_steps` is
        given.
    n_steps : array-like of int of the shape of `log_likelihood`, default=None
        How many steps each entry stands for. None means one.

    Returns
    -------
    score : float
        From 1, the best, for symbols; from 0 for densities.

    Raises
    ------
    ValueError
        If there is no step, an entry is NaN, or `n_steps` does not match.

    References
    ----------
    .. [1] F. Jelinek, R. L. Mercer, L. R. Bahl, J. K. Baker (1977). "Perplexity: a measure of the
       difficulty of speech recognition tasks". Journal of the Acoustical Society of America 62.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.metrics import perplexity
    >>> round(perplexity(np.log([[0.25, 0.25], [0.25, 0.25]])), 6)
    4.0
    >>> round(perplexity([np.log(1 / 8), np.log(1 / 2)], n_steps=[3, 1]), 6)
    2.0
    """
    flat = _flat(log_likelihood)
    if np.isnan(flat).any():
        raise ValueError("log_likelihood holds NaN; leave out the steps that were not scored.")
    total = len(flat)
    if n_steps is not None:
        steps = _flat(n_steps)
        if steps.shape != flat.shape or np.any(steps < 0):
            raise ValueError(
                f"n_steps has {len(steps)} entries, log_likelihood has {len(flat)}; expected one "
                "number of steps, 0 or more, for each."
            )
        total = int(steps.sum())
    if total == 0:
        raise ValueError("log_likelihood has no step; at least one is needed.")
    with np.errstate(over="ignore"):  # infinity is the answer
        return float(np.exp(-flat.sum() / total))


def _flat(values: Any) -> NDArray[np.float64]:
    if np.isscalar(values) or getattr(values, "dtype", object) != object:
        return np.asarray(values, dtype=np.float64).ravel()
    pieces = [np.asarray(piece, dtype=np.float64).ravel() for piece in values]
    return np.concatenate(pieces) if pieces else np.empty(0)
