"""Labels in, labels out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted

from sksequence._base import SHARED, SUPERVISED, BaseRNN, flat_truth, supervised_attributes
from sksequence._targets import IndicatorCodec, LabelCodec, classification_codec


class RNNClassifier(ClassifierMixin, BaseRNN):
    """TODO."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = (
        SHARED
        | SUPERVISED
        | {
            "loss": [StrOptions({"auto", "cross_entropy", "binary_cross_entropy"})],
            "class_weight": [StrOptions({"balanced"}), dict, None],
        }
    )

    def __init__(
        self,
        cell: str | Callable[..., Any] = "lstm",
        hidden_size: int = 64,
        *,
        num_layers: int = 1,
        bidirectional: bool | str = "auto",
        merge_mode: str = "concat",
        activation: str = "tanh",
        context_size: int = 3,
        pooling: str = "max",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        embedding_dim: int | None = None,
        frame_length: int | str = "auto",
        frame_step: int | None = None,
        loss: str = "auto",
        optimizer: str = "adam",
        learning_rate: float = 3e-3,
        lr_schedule: str | None = "one_cycle",
        weight_decay: float = 0.0,
        max_grad_norm: float | None = 1.0,
        tbptt_steps: int | None = None,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool = True,
        class_weight: dict[Any, float] | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: str = "random",
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        scale: str | bool = "global",
        target: str = "auto",
        analyzer: str | Callable[[str], Any] = "char",
        warm_start: bool = False,
        callbacks: list[Any] | tuple[Any, ...] | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.merge_mode = merge_mode
        self.activation = activation
        self.context_size = context_size
        self.pooling = pooling
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.embedding_dim = embedding_dim
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.lr_schedule = lr_schedule
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.tbptt_steps = tbptt_steps
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scale = scale
        self.target = target
        self.analyzer = analyzer
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _learn_codec(self, y: Any) -> LabelCodec | IndicatorCodec:
        return classification_codec(y)

    def _target_weights(self, targets: Any, plan: Any, sequences: Any) -> NDArray[np.float64]:
        weights = super()._target_weights(targets, plan, sequences)
        if self.class_weight is None:
            return weights
        if isinstance(targets.codec, IndicatorCodec):
            raise ValueError(
                "class_weight needs one label per target; y is a binary indicator of several labels. "
                "Set class_weight=None."
            )
        codes = targets.take(plan.training, sequences.offsets)
        classes = targets.codec.classes
        of_class = _class_weights(self.class_weight, classes, classes[codes])
        return np.asarray(weights * of_class[targets.parsed])

    def _public_attributes(self, model: Any) -> dict[str, Any]:
        several = isinstance(model.codec, IndicatorCodec)
        return supervised_attributes(model) | {
            "classes_": model.codec.classes,
            "n_outputs_": model.codec.n_outputs if several else 1,
        }

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Pass once over the given sequences, in the given order, keeping the optimizer's state.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences. Scales and vocabularies are learnt in the first call.
        y : array-like
            Labels: one a sequence, or one a step.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; only the first call needs it, if its y does not hold them all.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence.

        Returns
        -------
        self : object
            Trained by one more pass.
        """
        codec = None if classes is None else LabelCodec.learn(classes)
        return self._partial_fit(X, y, sample_weight, codec)

    def predict(self, X: Any) -> Any:
        """Predict the likeliest label.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences, in the same form as in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,) or (n_sequences, n_labels), or one (n_steps,) a sequence
            Labels as they were in y; per-step labels in the container that y came in.
        """
        check_is_fitted(self, "net_")
        return self._decoded(X, self._model.codec.decode)

    def predict_proba(self, X: Any) -> Any:
        """Predict the probability of each label.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences, in the same form as in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences, n_classes), or one (n_steps, n_classes) a sequence
            Float64, columns as in `classes_`. With several labels a target, the probability of each being there.
        """
        check_is_fitted(self, "net_")
        return self._decoded(X, self._model.codec.probabilities)

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithm of the probability of each label.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences, in the same form as in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences, n_classes), or one (n_steps, n_classes) a sequence
            Float64, columns as in `classes_`.
        """
        check_is_fitted(self, "net_")
        return self._decoded(X, self._model.codec.log_probabilities)

    def decision_function(self, X: Any) -> Any:
        """Return the network's scores before they become probabilities.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences, in the same form as in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,) or (n_sequences, n_classes), or one such array a sequence
            With two classes, the score of the second one against the first.
        """
        check_is_fitted(self, "net_")
        return self._decoded(X, self._model.codec.scores)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy, over labelled steps where y has one label a step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences, in the same form as in `fit`.
        y : array-like
            True labels.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence.

        Returns
        -------
        float
            Share of labels that are right.
        """
        check_is_fitted(self, "net_")
        if not self._model.per_step:
            return float(super().score(X, y, sample_weight))
        truth, predicted, weights = flat_truth(self, X, y, sample_weight)
        return float(accuracy_score(truth, predicted, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _class_weights(
    class_weight: Any, classes: NDArray[Any], y: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the weight of each class; classes without training rows do not matter."""
    present = np.unique(y)
    weights = np.ones(len(classes))
    if isinstance(class_weight, dict):
        class_weight = {label: class_weight.get(label, 1.0) for label in present.tolist()}
    weights[np.searchsorted(classes, present)] = compute_class_weight(
        class_weight, classes=present, y=y
    )
    return weights
