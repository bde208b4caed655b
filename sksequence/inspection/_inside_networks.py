"""What a fitted network reads and computes: its input, hidden states and attention weights."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from sksequence._batching import object_array, offsets_of
from sksequence._net import NetworkReading
from sksequence.inspection._fitted_networks import read_network


def network_inputs(estimator: BaseEstimator, X: Sized, y: Sized | None = None) -> dict[str, Any]:
    """Return the scaled and framed input that the network of an estimator reads for X.

    ``estimator.module_(**network_inputs(estimator, X))`` are the outputs of the network, so that
    libraries for networks of torch, such as captum and SHAP, can be applied to `module_`. The
    network is put into evaluation mode, as for a prediction.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor, SequenceGenerator, pipeline or search
        Fitted estimator. The steps of a pipeline before the estimator are applied to X.
    X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
        Sequences, as in `fit`. All of them become one padded batch: pass as many as fit in memory.
    y : array-like of shape (n_sequences,), default=None
        Labels, which a `SequenceGenerator` with ``conditional=True`` reads.

    Returns
    -------
    inputs : dict of str to torch.Tensor
        Arguments of `module_` by their names:

        lengths : int64 tensor of shape (n_sequences,) or None
            Number of steps of each sequence, None if they are all equal.
        values : float32 tensor of shape (n_sequences, max_steps, n_values)
            Scaled numbers, 0 at padded steps. With frames, a step of the network is a frame, and
            its values are those of its first step, then those of its second, and so on. With
            ``scale="sequence"``, the scaled logs of the standard deviations of the sequence follow.
        codes : int64 tensor of shape (n_sequences, max_steps, n_columns)
            Codes of symbols and categories, numbered from 1; 0 stands for unknown ones.
        static : float32 tensor of shape (n_sequences, n_numbers)
            Scaled numbers that do not change in time.
        static_codes : int64 tensor of shape (n_sequences, n_columns)
            Codes of categories that do not change in time.

        Those that X does not have are left out, except for `lengths`.

    Raises
    ------
    TypeError
        If the estimator is not one of this library, nor a pipeline or search that ends in one.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If X is not in the form seen in `fit`.

    See Also
    --------
    saliency : Gradients and integrated gradients, without another library.

    Examples
    --------
    The gradient of the score of a class with respect to each step and feature:

    >>> import numpy as np
    >>> from sksequence import RNNClassifier
    >>> from sksequence.inspection import network_inputs
    >>> X, y = np.random.default_rng(0).normal(size=(20, 6, 2)), np.arange(20) % 2
    >>> classifier = RNNClassifier(hidden_size=8, max_epochs=1, random_state=0).fit(X, y)
    >>> inputs = network_inputs(classifier, X[:3])
    >>> values = inputs["values"].requires_grad_()
    >>> logits = classifier.module_(**inputs)
    >>> logits[:, 1].sum().backward()
    >>> values.grad.shape
    torch.Size([3, 6, 2])

    captum expects the input first, here after ``pip install captum``:

    >>> from captum.attr import IntegratedGradients  # doctest: +SKIP
    >>> explainer = IntegratedGradients(
    ...     lambda values, lengths: classifier.module_(lengths, values)
    ... )  # doctest: +SKIP
    >>> attributions = explainer.attribute(
    ...     inputs["values"], additional_forward_args=inputs["lengths"], target=1
    ... )  # doctest: +SKIP
    """
    return read_network(estimator, X, y, "network_inputs").inputs()


def hidden_states(
    estimator: BaseEstimator, X: Sized, y: Sized | None = None, *, layer: int = -1
) -> NDArray[np.object_]:
    """Return the hidden states of a recurrent layer at each step.

    `transform` returns what the output layer reads, one vector per sequence after the pooling.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor, SequenceGenerator, pipeline or search
        Fitted estimator. The steps of a pipeline before the estimator are applied to X.
    X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
        Sequences, as in `fit`.
    y : array-like of shape (n_sequences,), default=None
        Labels, which a `SequenceGenerator` with ``conditional=True`` reads.
    layer : int, default=-1
        Layer from 0, the first one, to ``num_layers - 1``; -1 is the last one.

    Returns
    -------
    states : ndarray of shape (n_sequences,)
        Object array with one float32 array of shape (n_steps, width) per sequence. The outputs of
        two directions are merged as `merge_mode` states, and those of several networks are side by
        side. With frames, there is one row per frame, the last of which ends with the sequence. A
        `SequenceGenerator` has, as in its `score_steps`, one row per predicted step: the state
        before that step is read.

    Raises
    ------
    TypeError
        If the estimator is not one of this library, nor a pipeline or search that ends in one.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If the network does not have the layer, or if X is not in the form seen in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence import RNNClassifier
    >>> from sksequence.inspection import hidden_states
    >>> X = [np.arange(3.0), np.arange(5.0), -np.arange(4.0), -np.arange(6.0)]
    >>> y = ["up", "up", "down", "down"]
    >>> classifier = RNNClassifier(hidden_size=8, bidirectional=False, max_epochs=1).fit(X, y)
    >>> [states.shape for states in hidden_states(classifier, X)]
    [(3, 8), (5, 8), (4, 8), (6, 8)]
    """
    reading = read_network(estimator, X, y, "hidden_states")
    return _by_sequence(reading.hidden_states(check_layer(layer, reading)), reading)


def attention_weights(estimator: BaseEstimator, X: Sized) -> NDArray[np.object_]:
    """Return the weight of each step in the attention pooling.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor, pipeline or search
        Estimator fitted with ``pooling="attention"``. The steps of a pipeline before the estimator
        are applied to X.
    X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
        Sequences, as in `fit`.

    Returns
    -------
    weights : ndarray of shape (n_sequences,)
        Object array with one float32 array of shape (n_steps,) per sequence, which sums to 1. With
        frames, there is one weight per frame, the last of which ends with the sequence. Several
        networks have their mean weights.

    Raises
    ------
    TypeError
        If the estimator is not one of this library, nor a pipeline or search that ends in one.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If the network has another pooling, or if X is not in the form seen in `fit`.

    Notes
    -----
    A weight belongs to a hidden state, which contains what the network has read before, and after
    if it is bidirectional. To find the steps of X on which a prediction depends, use `saliency`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence import RNNClassifier
    >>> from sksequence.inspection import attention_weights
    >>> X, y = np.random.default_rng(0).normal(size=(20, 6, 2)), np.arange(20) % 2
    >>> classifier = RNNClassifier(hidden_size=8, pooling="attention", max_epochs=1).fit(X, y)
    >>> weights = attention_weights(classifier, X[:3])
    >>> weights[0].shape, bool(np.isclose(weights[0].sum(), 1))
    ((6,), True)
    """
    reading = read_network(estimator, X, None, "attention_weights")
    check_attention(reading, "attention_weights")
    return _by_sequence(reading.attention_weights(), reading)


def check_layer(layer: int, reading: NetworkReading) -> int:
    """Return the position of a layer from the first one, or raise a ValueError."""
    n_layers = reading.network.spec.num_layers
    if not -n_layers <= layer < n_layers:
        raise ValueError(
            f"layer={layer} is not a layer of this network, which has num_layers={n_layers}. "
            f"Choose from {-n_layers} to {n_layers - 1}."
        )
    return layer % n_layers


def check_stepwise(reading: NetworkReading, caller: str) -> None:
    """Raise a ValueError unless the layers of the network can continue from a state."""
    if not all(layer.can_step for layer in reading.members[0].stack.forwards):
        raise ValueError(
            f"{caller} runs a layer step by step, but the cell {reading.network.spec.cell!r} has "
            "no method step(x, state). Add one, or use hidden_states or saliency."
        )


def check_attention(reading: NetworkReading, caller: str) -> None:
    """Raise a ValueError unless the network has an attention pooling."""
    pooling = reading.network.spec.pooling
    if pooling != "attention":
        has = "per-step targets and no pooling" if pooling is None else f"pooling={pooling!r}"
        raise ValueError(
            f"{caller} needs a network with attention pooling; this one has {has}. Fit with "
            "pooling='attention', or use saliency with method='integrated_gradients', which works "
            "with every network."
        )


def _by_sequence(rows: NDArray[np.float32], reading: NetworkReading) -> NDArray[np.object_]:
    """Cut rows per step into one array per sequence."""
    offsets = offsets_of(reading.prepared.lengths)
    return object_array(np.split(rows, offsets[1:-1]))
