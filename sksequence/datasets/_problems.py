"""Synthetic problems that require memory, in the style of scikit-learn's `make_*`.

X has shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from sksequence._settings import check_count

RandomState = int | np.random.RandomState | None


def make_adding_problem(
    n_sequences: int = 1000, *, n_steps: int = 100, random_state: RandomState = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Generate the adding problem: the sum of two marked numbers far apart (regression).

    Each step has a number drawn uniformly from [0, 1] and a marker [1]_, [2]_. The marker is 1 at
    two steps, one in each half of the sequence, and 0 elsewhere. The target is the sum of the two
    marked numbers. Predicting 1 for every sequence gives a mean squared error of 1/6.

    Parameters
    ----------
    n_sequences : int, default=1000
        Number of sequences.
    n_steps : int, default=100
        Number of steps per sequence, at least 2.
    random_state : int, RandomState instance or None, default=None
        Determines random number generation. Pass an int for reproducible output across calls.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, 2)
        The numbers and the markers.
    y : ndarray of shape (n_sequences,)
        The sums.

    Raises
    ------
    ValueError
        If `n_sequences` is below 1, or if `n_steps` is below 2.

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
    check_count("n_sequences", n_sequences)
    check_count("n_steps", n_steps, at_least=2)
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
    """Generate the copy memory problem: repeat the first symbols after a pause (labels per step).

    A sequence consists of `n_copied` symbols, ``lag - 1`` blanks, a marker and `n_copied` blanks
    [1]_, [2]_. The target is blank up to the marker, followed by the first symbols in their order.
    A network without memory, which predicts blanks and then guesses, has a mean cross-entropy of
    ``n_copied * log(n_symbols) / n_steps``.

    Parameters
    ----------
    n_sequences : int, default=1000
        Number of sequences.
    n_symbols : int, default=8
        Number of different symbols, coded as 0 to ``n_symbols - 1``. The blank is ``n_symbols``,
        the marker ``n_symbols + 1``.
    n_copied : int, default=10
        Number of symbols to remember.
    lag : int, default=100
        Number of steps from the last symbol to the marker.
    random_state : int, RandomState instance or None, default=None
        Determines random number generation. Pass an int for reproducible output across calls.

    Returns
    -------
    X : ndarray of int64 of shape (n_sequences, n_steps)
        The codes, with ``n_steps = lag + 2 * n_copied``. They are symbols, not quantities: set
        `embedding_dim` in the estimator.
    y : ndarray of int64 of shape (n_sequences, n_steps)
        The target code of each step.

    Raises
    ------
    ValueError
        If a size is below 1.

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
    check_count("n_sequences", n_sequences)
    check_count("n_symbols", n_symbols)
    check_count("n_copied", n_copied)
    check_count("lag", lag)
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
    """Generate sequences that show their class at the first step only (classification).

    The first step is the one-hot code of the class, and the `lag` steps after it are Gaussian
    noise, similar to the latching problem of [1]_. A network whose memory is limited to the last
    `lag` steps can only guess.

    Parameters
    ----------
    n_sequences : int, default=1000
        Number of sequences.
    lag : int, default=60
        Number of steps after the one that shows the class.
    n_classes : int, default=4
        Number of classes, which are equally likely.
    noise : float, default=0.1
        Standard deviation of the noise.
    random_state : int, RandomState instance or None, default=None
        Determines random number generation. Pass an int for reproducible output across calls.

    Returns
    -------
    X : ndarray of shape (n_sequences, lag + 1, n_classes)
        The code of the class at the first step, noise at the others.
    y : ndarray of int64 of shape (n_sequences,)
        The classes, 0 to ``n_classes - 1``.

    Raises
    ------
    ValueError
        If `n_sequences` is below 1, if `n_classes` is below 2, or if `lag` or `noise` is negative.

    References
    ----------
    .. [1] Y. Bengio, P. Simard, P. Frasconi (1994). "Learning long-term dependencies with gradient
       descent is difficult". IEEE Transactions on Neural Networks 5 (2), 157-166.

    Examples
    --------
    >>> from sksequence.datasets import make_first_label
    >>> X, y = make_first_label(6, lag=20, random_state=0)
    >>> X.shape
    (6, 21, 4)
    >>> X[0, 0], y[0]
    (array([1., 0., 0., 0.]), np.int64(0))
    """
    check_count("n_sequences", n_sequences)
    check_count("lag", lag, at_least=0)
    check_count("n_classes", n_classes, at_least=2)
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
    """Generate prices that follow a geometric random walk (forecasting).

    Each step multiplies the price by ``exp(volatility * z - volatility ** 2 / 2)`` with standard
    normal z, so that the expected next price equals the current one [1]_. No forecast has a lower
    expected squared error than the last price: a model that seems better has seen the future.

    Parameters
    ----------
    n_series : int, default=1
        Number of independent series.
    n_steps : int, default=1000
        Number of steps per series.
    volatility : float, default=0.01
        Standard deviation of the steps of the logarithm of the price.
    start : float, default=100.0
        The first price.
    random_state : int, RandomState instance or None, default=None
        Determines random number generation. Pass an int for reproducible output across calls.

    Returns
    -------
    prices : ndarray of shape (n_series, n_steps)
        One series per row, with positive prices.

    Raises
    ------
    ValueError
        If `n_series` or `n_steps` is below 1, if `volatility` is negative, or if `start` is not
        positive.

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
    check_count("n_series", n_series)
    check_count("n_steps", n_steps)
    _check_number("volatility", volatility, zero=True)
    _check_number("start", start, zero=False)
    rng = check_random_state(random_state)
    steps = volatility * rng.standard_normal(size=(n_series, n_steps)) - volatility**2 / 2
    steps[:, 0] = 0.0
    return np.asarray(start * np.exp(np.cumsum(steps, axis=1)), dtype=np.float64)


def _check_number(name: str, value: object, *, zero: bool) -> None:
    number = float(value) if isinstance(value, int | float | np.integer | np.floating) else np.nan
    if not (0 < number < np.inf or (zero and number == 0)):
        expected = "of at least 0" if zero else "above 0"
        raise ValueError(f"{name} must be a finite number {expected}; got {value!r}.")
