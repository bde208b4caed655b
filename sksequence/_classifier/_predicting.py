"""What a fitted classifier predicts, and how good that is."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from sksequence._base import BaseRNN, flat_truth


class Predicting(ClassifierMixin, BaseRNN):
    """The methods of `RNNClassifier` that train nothing."""

    def predict(self, X: Any) -> Any:
        """Predict the likeliest label.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,) or (n_sequences, n_labels), or one (n_steps,) a sequence
            Labels as they were in y; per-step labels in the container that y came in.
        """
        return self._decoded(X, "decode")

    def predict_proba(self, X: Any) -> Any:
        """Predict the probability of each label.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences, n_classes), or one (n_steps, n_classes) a sequence
            Float64, columns as in `classes_`. With several labels a target, the probability of each being there.
        """
        return self._decoded(X, "probabilities")

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithm of the probability of each label.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences, n_classes), or one (n_steps, n_classes) a sequence
            Float64, columns as in `classes_`.
        """
        return self._decoded(X, "log_probabilities")

    def decision_function(self, X: Any) -> Any:
        """Return the network's scores before they become probabilities.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,) or (n_sequences, n_classes), or one such array a sequence
            With two classes, the score of the second one against the first.
        """
        return self._decoded(X, "scores")

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy, over labelled steps where y has one label a step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`.
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
