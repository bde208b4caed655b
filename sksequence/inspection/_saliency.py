"""Attributions of predictions to the steps and features of sequences."""

from __future__ import annotations

from collections.abc import Hashable, Sized
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import Bunch

from sksequence._base import BaseRNN
from sksequence._batching import object_array
from sksequence._generator import SequenceGenerator
from sksequence._net import NetworkReading, attributions
from sksequence._settings import check_count
from sksequence._targets import QuantilePrediction
from sksequence._tasks import simple_centres
from sksequence.inspection._fitted_networks import find_network
from sksequence.inspection._inside_networks import check_attention

# targets, weights of the outputs that are explained, and what is added to their sum
Explained = tuple[NDArray[Any], NDArray[np.float64], float]
SaliencyMethod = Literal["integrated_gradients", "gradients", "occlusion", "attention"]
_METHODS = ("integrated_gradients", "gradients", "occlusion", "attention")


def saliency(
    estimator: BaseEstimator,
    X: Sized,
    *,
    method: SaliencyMethod = "integrated_gradients",
    target: object = None,
    window: int = 1,
) -> Bunch:
    """Attribute predictions to the steps and features of the sequences.

    What is explained is one output of the network for each sequence: the logit of a class (of two
    classes, the difference to the other logit, as in `decision_function`), or a predicted number;
    with per-step targets, that of the last step. The reference, with which a
    sequence is compared, has the mean of the training steps at each step, and symbols that are
    unknown.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor, pipeline or search
        Fitted estimator. The steps of a pipeline before the estimator are applied to X, and the
        features are those that the estimator reads.
    X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
        Sequences, as in `fit`.
    method : {"integrated_gradients", "gradients", "occlusion", "attention"}, \
default="integrated_gradients"
        - "integrated_gradients": contributions that add up to the difference between the output and
          that of the reference [1]_. Positive ones speak for the target, negative ones against it.
        - "gradients": by how much the output changes with a small change of each feature at each
          step, in standard deviations of the feature [2]_. Symbols have the norm of the gradient
          with respect to their embedding.
        - "occlusion": by how much the output falls when a feature is replaced by that of the
          reference in `window` steps [3]_. It needs no gradients, but one prediction for each
          window and feature.
        - "attention": the weights of ``pooling="attention"``, one per step. Those of a frame are
          divided among its steps.
    target : label, array-like of shape (n_sequences,) or int, default=None
        Label to explain, the same for all sequences or one for each, or, for a regressor, the
        position of the number to explain. None is the predicted label, and the first number. Not
        used by "attention".
    window : int, default=1
        Number of steps that are occluded at a time. Larger windows are faster, and find what
        several similar steps say together.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        attributions : ndarray of shape (n_sequences,)
            Object array with one float64 array of shape (n_steps, n_features) per sequence; with
            "attention", (n_steps, 1).
        feature_names : list
            Names of the features, or their numbers.
        targets : ndarray of shape (n_sequences,)
            The labels or the positions of the numbers that are explained.
        outputs : ndarray of shape (n_sequences,)
            Outputs that are explained: logits, or predictions in units of y, without the naive
            forecast of `residual`. Those of the losses of counts and of positive numbers are
            logarithms.
        reference_outputs : ndarray of shape (n_sequences,)
            Outputs for the reference.

    Raises
    ------
    TypeError
        If the estimator is not a classifier or regressor of this library.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If a parameter is out of its range, or if X is not in the form seen in `fit`.

    See Also
    --------
    SaliencyDisplay : Plots, and coloured texts.
    permutation_importance : Importance of features and windows for the score on many sequences.

    Notes
    -----
    A column of times has the attribution of the gaps; steps of the reference are regular. Features
    that do not change in time, and the size of a sequence with ``scale="sequence"``, are
    the same in the reference. Networks that are trained together have their mean outputs and
    attributions. Integrated gradients use as many points as the sum requires to be complete to
    1 % (of 2 % of their sizes, where they cancel), up to 2048.

    References
    ----------
    .. [1] Sundararajan, Taly & Yan (2017), Axiomatic Attribution for Deep Networks, ICML.
    .. [2] Simonyan, Vedaldi & Zisserman (2014), Deep Inside Convolutional Networks: Visualising
       Image Classification Models and Saliency Maps, ICLR Workshop.
    .. [3] Zeiler & Fergus (2014), Visualizing and Understanding Convolutional Networks, ECCV.

    Examples
    --------
    The label is that of the second feature at the third step:

    >>> import numpy as np
    >>> from sksequence import RNNClassifier
    >>> from sksequence.inspection import saliency
    >>> random = np.random.default_rng(0)
    >>> X, y = random.normal(size=(200, 8, 3)), random.integers(2, size=200)
    >>> X[:, 2, 1] += 6 * y - 3
    >>> classifier = RNNClassifier(hidden_size=16, max_epochs=20, random_state=0).fit(X, y)
    >>> result = saliency(classifier, X[:5])
    >>> np.unravel_index(result.attributions[0].argmax(), (8, 3))
    (np.int64(2), np.int64(1))
    """
    if method not in _METHODS:
        raise ValueError(f"method must be one of {list(_METHODS)}; got {method!r}.")
    check_count("window", window)
    found, X = find_network(estimator, X, "saliency")
    if isinstance(found, SequenceGenerator):
        raise TypeError(
            "saliency explains classifiers and regressors; got a SequenceGenerator. Its surprise "
            "at each step is shown by GenerationDisplay, and its hidden states by hidden_states."
        )
    reading = found.__sksequence_reading__(X)
    if method == "attention":
        return _attention(reading)
    targets, weights, shift = explained_outputs(found, reading, target)
    results = list(attributions(reading, weights, method, int(window)))
    order = _feature_order(reading)
    return Bunch(
        attributions=object_array(result.values[:, order] for result in results),
        feature_names=_feature_names(reading, len(order)),
        targets=targets,
        outputs=np.array([shift + result.output for result in results]),
        reference_outputs=np.array([shift + result.reference for result in results]),
    )


def _attention(reading: NetworkReading) -> Bunch:
    """Return the attention weight of each step; those of a frame are divided among its steps."""
    check_attention(reading, 'saliency with method="attention"')
    lengths = reading.prepared.step_lengths
    weights = np.split(reading.attention_weights(), np.cumsum(reading.prepared.lengths)[:-1])
    found = []
    for i, (own, n_steps) in enumerate(zip(weights, lengths, strict=True)):
        within = reading.steps_of_frames(i)
        of_steps = np.repeat(own / within.shape[1], within.shape[1])
        found.append(np.bincount(within.ravel(), of_steps, minlength=n_steps)[:, None])
    n_sequences = len(lengths)
    return Bunch(
        attributions=object_array(found),
        feature_names=["attention"],
        targets=np.full(n_sequences, None),
        outputs=np.full(n_sequences, np.nan),
        reference_outputs=np.full(n_sequences, np.nan),
    )


def explained_outputs(estimator: BaseRNN, reading: NetworkReading, target: object) -> Explained:
    """Return the targets to explain, and the weights of their outputs."""
    if isinstance(estimator, SequenceGenerator):
        best = _last_outputs(reading).argmax(axis=1)
        symbols = hasattr(estimator, "vocabulary_")
        codes = best if symbols else np.zeros_like(best)
        return codes, np.eye(reading.network.spec.n_outputs)[codes], 0.0
    explained = _explained_labels if is_classifier(estimator) else _explained_numbers
    return explained(estimator, reading, target)


def _last_outputs(reading: NetworkReading) -> NDArray[np.float32]:
    """Return the mean outputs of the networks, those of the last step if there is one per step."""
    outputs = reading.outputs()
    if reading.blueprint.per_step:
        outputs = outputs[np.cumsum(reading.prepared.lengths) - 1]
    members = outputs.reshape(len(outputs), -1, reading.network.spec.n_outputs)
    return np.asarray(members.mean(axis=1))


def _explained_labels(classifier: BaseRNN, reading: NetworkReading, target: Any) -> Explained:
    """Return labels, and weights of their logits; of two classes, those of the difference."""
    classes = np.asarray(classifier.classes_)
    n_sequences = len(reading.prepared)
    if target is None:
        codes = _last_outputs(reading).argmax(axis=1)
    else:
        codes = _codes(target, classes.tolist(), n_sequences)
    codec: Any = reading.blueprint.codec
    weights = np.eye(len(classes))[codes]
    is_binary = len(classes) == 2 and not codec.is_indicator
    return classes[codes], weights - weights[:, ::-1] if is_binary else weights, 0.0


def _codes(target: Any, classes: list[object], n_sequences: int) -> NDArray[np.int64]:
    """Return the position of one label among the classes, or that of the label of each sequence."""
    labels = [target] * n_sequences if np.ndim(target) == 0 else np.asarray(target).tolist()
    if len(labels) != n_sequences or not all(label in classes for label in labels):
        raise ValueError(
            f"target must be one of the labels {classes}, or one for each of the {n_sequences} "
            f"sequences; got {target!r:.80}."
        )
    return np.array([classes.index(label) for label in labels])


def _explained_numbers(regressor: BaseRNN, reading: NetworkReading, target: object) -> Explained:
    """Return positions of numbers, and weights of the outputs that are their centres."""
    codec: Any = reading.blueprint.codec
    number = 0 if target is None else target
    if not isinstance(number, int | np.integer) or not 0 <= number < codec.n_numbers:
        raise ValueError(
            f"target must be the position of a predicted number, from 0 to {codec.n_numbers - 1}; "
            f"got {target!r:.80}."
        )
    targets = np.full(len(reading.prepared), int(number))
    # predictions are moved to the naive forecast or the mean of y by a fraction
    moved = float(np.resize(reading.blueprint.shrinkage, codec.n_numbers)[number])
    blueprint: Any = reading.blueprint
    kept, simple = 1.0 - moved, float(simple_centres(blueprint)[number])
    mean, std = float(codec.mean[number]), float(codec.std[number])
    weights = np.zeros((len(targets), codec.n_outputs))
    weights[np.arange(len(targets)), _centre_columns(reading, int(number))] = kept * std
    return targets, weights, kept * mean + moved * simple


def _centre_columns(reading: NetworkReading, number: int) -> NDArray[np.int64]:
    """Return the output with the centre of a number in each row: quantiles may have crossed."""
    codec: Any = reading.blueprint.codec
    if not isinstance(codec.distribution, QuantilePrediction):
        return np.full(len(reading.prepared), codec.centre_output(number))
    of_levels = _last_outputs(reading)[:, number :: codec.n_numbers]
    middle = of_levels.argsort(axis=1, kind="stable")[:, codec.distribution.middle]
    return np.asarray(middle * codec.n_numbers + number)


def _feature_order(reading: NetworkReading) -> NDArray[np.int64]:
    """Return the position of each feature of a step among its numbers, its codes and its time."""
    form = reading.blueprint.form
    n_features = len(form.is_categorical) or max(form.n_step_features, len(form.vocabularies))
    flags = np.array(form.is_categorical or (False,) * n_features)
    order = np.where(flags, (~flags).sum() + np.cumsum(flags) - 1, np.cumsum(~flags) - 1)
    if form.time_column is not None:
        is_time = order == form.time_column
        order = np.where(is_time, n_features - 1, order - (order > form.time_column))
    return order


def _feature_names(reading: NetworkReading, n_features: int) -> list[Hashable]:
    """Return the names of the features of a step, or their numbers."""
    names = reading.blueprint.form.step_names
    if names is None or len(names) != n_features:
        return list(range(n_features))
    return list(names)
