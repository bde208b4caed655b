"""A callback that trains on randomly changed copies of the sequences."""

from __future__ import annotations

from sksequence._net import Augmenting


class Augmentation(Augmenting):
    """Callback that changes the sequences of each batch at random, in training only.

    Each epoch sees other versions of the sequences, which can reduce overfitting to few of them.
    Predictions and the loss of early stopping are those of unchanged sequences. Draws depend on the
    `random_state` of the estimator only. A strength of 0 switches a change off; by default all are
    off.

    Parameters
    ----------
    jitter : float, default=0.0
        Standard deviation of the normal noise that is added to each number of each step. The unit
        is that in which the network reads numbers: the standard deviation of a feature or, with
        ``scale=False``, the unit of X.
    scaling : float, default=0.0
        Standard deviation of the factors, around 1, by which the numbers of a sequence are
        multiplied, one per sequence. The factor acts on numbers as the network reads them: relative
        to the mean of a feature, unless ``scale=False``.
    slicing : float, default=0.0
        Fraction of the steps that is cut off, below 1: each sequence is replaced by a random window
        of its consecutive steps, and so are targets per step. Parts of a step are rounded at
        random. It is for sequences whose label does not depend on their first and last steps.

    See Also
    --------
    Checkpoint : Callback that stores the state of a fit.

    Notes
    -----
    Noise and factors act on numbers: symbols, missing values, times of steps and features that do
    not change in time stay as they are. Numbers that are flags, 0 or 1, are changed like any other.
    If a step of the network has several steps of X (``frame_length``), noise is drawn for each of
    its numbers, and windows consist of such steps.

    Jitter and scaling are described in [1]_, window slicing in [2]_.

    References
    ----------
    .. [1] Um et al. (2017), Data Augmentation of Wearable Sensor Data for Parkinson's Disease
       Monitoring Using Convolutional Neural Networks, ICMI.
    .. [2] Le Guennec, Malinowski & Tavenard (2016), Data Augmentation for Time Series
       Classification Using Convolutional Neural Networks, AALTD.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence import RNNClassifier
    >>> from sksequence.callbacks import Augmentation
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 2)) for n in rng.integers(5, 9, 20)]
    >>> augmentation = Augmentation(jitter=0.1, scaling=0.1, slicing=0.2)
    >>> classifier = RNNClassifier(
    ...     "gru", 8, max_epochs=2, callbacks=[augmentation], random_state=0
    ... )
    >>> classifier.fit(X, np.arange(20) % 2).predict(X).shape
    (20,)
    """

    def __init__(self, *, jitter: float = 0.0, scaling: float = 0.0, slicing: float = 0.0) -> None:
        self.jitter = jitter
        self.scaling = scaling
        self.slicing = slicing

    def __repr__(self) -> str:
        """Return the call of the constructor."""
        given = [f"{name}={value!r}" for name, value in vars(self).items() if value != 0]
        return f"Augmentation({', '.join(given)})"
