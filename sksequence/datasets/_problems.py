"""Synthetic problems that ask a network for memory, in the manner of scikit-learn's `make_*`.

Knows nothing of estimators. Shapes: X is (n_sequences, n_steps) or (n_sequences, n_steps,
n_features).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

RandomState = int | np.random.RandomState | None


def make_adding_problem(
    n_sequences: int = 1000, *, n_steps: int = 100, random_state: RandomState = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make the adding problem: the sum of two marked numbers far apart (regression).

    Each step holds a number drawn uniformly from [0, 1] and a marker. The marker is 1 at two steps,
    one in each half of the sequence, and 0 elsewhere. The target is the sum of the two marked
    numbers. Answering 1 for every sequence has a mean squared error of 1/6.

    Parameters
    ----------
    n_sequences : int, default=1000
        Number of sequences.
    n_steps : int, default=100
        Steps of each sequence, at least 2.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for reproducible output across calls.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, 2)
        The numbers and the markers.
    y : ndarray of shape (n_sequences,)
        The sums.

    Raises
    ------
    ValueError
        If there is no sequence, or no room for two markers.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber (1997). "Long short-term memory". Neural Computation 9 (8),
       1735-1780 (experiment 4).
    .. [2] Q. V. Le, N. Jaitly, G. E. Hinton (2015). "A simple way to initialize recurrent networks
       of rectified linear units". arXiv:1504.00941.

    Examples
    --------
    >>> from sksequence.datasets import make_adding_problem
    >>> X, y = make_adding_problem(5, n_steps=30, random_state=0)
    >>> X.shape, y.shape
    ((5, 30, 2), (5,))
    >>> bool(((X[..., 0] * X[..., 1]).sum(axis=1) == y).all())
    True
    """
    _check_count("n_sequences", n_sequences, 1)
    _check_count("n_steps", n_steps, 2)
    rng = check_random_state(random_state)
    X = np.zeros((n_sequences, n_steps, 2))
    X[..., 0] = rng.uniform(size=(n_sequences, n_steps))
    rows = np.arange(n_sequences)
    first = rng.randint(0, n_steps // 2, size=n_sequences)
    second = rng.randint(n_steps // 2, n_steps, size=n_sequences)
    X[rows, first, 1] = X[rows, second, 1] = 1.0
    return X, X[rows, first, 0] + X[rows, second, 0]


def make_copy_memory(
    n_sequences: int = 1000,
    *,
    n_symbols: int = 8,
    n_copied: int = 10,
    lag: int = 100,
    random_state: RandomState = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Make the copy memory problem: repeat the first symbols after a pause (a label per step).

    A sequence is `n_copied` symbols, ``lag - 1`` blanks, a marker and `n_copied` blanks. The target
    is blank until the marker has been seen, and then the first symbols in their order. A network
    without memory that answers blanks, then guesses, has a mean cross-entropy of
    ``n_copied * log(n_symbols) / n_steps``.

    Parameters
    ----------
    n_sequences : int, default=1000
        Number of sequences.
    n_symbols : int, default=8
        Number of different symbols, coded as 0 to ``n_symbols - 1``. The blank is ``n_symbols``,
        the marker ``n_symbols + 1``.
    n_copied : int, default=10
        How many symbols are to be remembered.
    lag : int, default=100
        Steps from the last symbol to the marker.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for reproducible output across calls.

    Returns
    -------
    X : ndarray of int64 of shape (n_sequences, n_steps)
        The codes; ``n_steps = lag + 2 * n_copied``. They are symbols, not quantities: give the
        estimator an `embedding_dim`.
    y : ndarray of int64 of shape (n_sequences, n_steps)
        The answer at each step.

    Raises
    ------
    ValueError
        If one of the sizes is below 1.

    References
    ----------
    .. [1] M. Arjovsky, A. Shah, Y. Bengio (2016). "Unitary evolution recurrent neural networks".
       ICML. arXiv:1511.06464.
    .. [2] S. Hochreiter, J. Schmidhuber (1997). "Long short-term memory". Neural Computation 9 (8),
       1735-1780.

    Examples
    --------
    >>> from sksequence.datasets import make_copy_memory
    >>> X, y = make_copy_memory(1, n_symbols=8, n_copied=3, lag=4, random_state=0)
    >>> X
    array([[4, 7, 5, 8, 8, 8, 9, 8, 8, 8]])
    >>> y
    array([[8, 8, 8, 8, 8, 8, 8, 4, 7, 5]])
    """
    _check_count("n_sequences", n_sequences, 1)
    _check_count("n_symbols", n_symbols, 1)
    _check_count("n_copied", n_copied, 1)
    _check_count("lag", lag, 1)
    rng = check_random_state(random_state)
    blank, marker = n_symbols, n_symbols + 1
    X = np.full((n_sequences, lag + 2 * n_copied), blank, dtype=np.int64)
    y = X.copy()
    X[:, :n_copied] = y[:, -n_copied:] = rng.randint(n_symbols, size=(n_sequences, n_copied))
    X[:, n_copied + lag - 1] = marker
    return X, y


def make_first_label(
    n_sequences: int = 1000,
    *,
    lag: int = 60,
    n_classes: int = 4,
    noise: float = 0.1,
    random_state: RandomState = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Make sequences that tell their class at the first step only (classification).

    The first step is the one-hot code of the class; the `lag` steps after it are normal noise. A
    network that sees the last `lag` steps or fewer can only guess.

    Parameters
    ----------
    n_sequences : int, default=1000
        Number of sequences.
    lag : int, default=60
        Steps from the one that shows the class to the last one.
    n_classes : int, default=4
        Number of classes, as frequent as chance makes them.
    noise : float, default=0.1
        Standard deviation of the noise.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for reproducible output across calls.

    Returns
    -------
    X : ndarray of shape (n_sequences, lag + 1, n_classes)
        The class at the first step, noise at the others.
    y : ndarray of int64 of shape (n_sequences,)
        The classes, 0 to ``n_classes - 1``.

    Raises
    ------
    ValueError
        If there is no sequence, less than two classes, or if `lag` or `noise` is negative.

    References
    ----------
    .. [1] Y. Bengio, P. Simard, P. Frasconi (1994). "Learning long-term dependencies with gradient
       descent is difficult". IEEE Transactions on Neural Networks 5 (2), 157-166 (the latching
       problem, of this kind).

    Examples
    --------
    >>> from sksequence.datasets import make_first_label
    >>> X, y = make_first_label(6, lag=20, random_state=0)
    >>> X.shape
    (6, 21, 4)
    >>> X[0, 0], y[0]
    (array([1., 0., 0., 0.]), np.int64(0))
    """
    _check_count("n_sequences", n_sequences, 1)
    _check_count("lag", lag, 0)
    _check_count("n_classes", n_classes, 2)
    _check_number("noise", noise, zero=True)
    rng = check_random_state(random_state)
    y = rng.randint(n_classes, size=n_sequences).astype(np.int64)
    X = noise * rng.standard_normal(size=(n_sequences, lag + 1, n_classes))
    X[:, 0] = np.eye(n_classes)[y]
    return X, y


def make_random_walk(
    n_series: int = 1,
    *,
    n_steps: int = 1000,
    volatility: float = 0.01,
    start: float = 100.0,
    random_state: RandomState = None,
) -> NDArray[np.float64]:
    """Make prices that follow a geometric random walk (forecasting).

    Every step multiplies the price by ``exp(volatility * z - volatility ** 2 / 2)`` with normal z,
    so that the expected next price is the present one: the last price is the honest forecast. No
    model can do better in the long run; one that seems to has seen the future.

    Parameters
    ----------
    n_series : int, default=1
        Number of independent series.
    n_steps : int, default=1000
        Steps of each series.
    volatility : float, default=0.01
        Standard deviation of a step of the logarithm of the price.
    start : float, default=100.0
        The first price.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for reproducible output across calls.

    Returns
    -------
    prices : ndarray of shape (n_series, n_steps)
        One series a row, all prices above 0.

    Raises
    ------
    ValueError
        If there is no series or no step, if `volatility` is negative, or `start` not above 0.

    References
    ----------
    .. [1] M. F. M. Osborne (1959). "Brownian motion in the stock market". Operations Research 7
       (2), 145-173.

    Examples
    --------
    >>> from sksequence.datasets import make_random_walk
    >>> prices = make_random_walk(2, n_steps=50, random_state=0)
    >>> prices.shape, prices[:, 0]
    ((2, 50), array([100., 100.]))
    """
    _check_count("n_series", n_series, 1)
    _check_count("n_steps", n_steps, 1)
    _check_number("volatility", volatility, zero=True)
    _check_number("start", start, zero=False)
    rng = check_random_state(random_state)
    steps = volatility * rng.standard_normal(size=(n_series, n_steps)) - volatility**2 / 2
    steps[:, 0] = 0.0
    return np.asarray(start * np.exp(np.cumsum(steps, axis=1)), dtype=np.float64)


def _check_count(name: str, value: Any, at_least: int) -> None:
    if not isinstance(value, int | np.integer) or value < at_least:
        raise ValueError(
            f"{name}={value!r} is not an integer of at least {at_least}; "
            "pass a whole number in that range."
        )


def _check_number(name: str, value: Any, *, zero: bool) -> None:
    number = isinstance(value, int | float | np.number) and bool(np.isfinite(value))
    if not (number and (value > 0 or (zero and value == 0))):
        expected = "of at least 0" if zero else "above 0"
        raise ValueError(f"{name}={value!r} is not a finite number {expected}; pass one that is.")
