"""What a fitted regressor predicts, and how good that is."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from sksequence._base import BaseRNN, flat_truth


class Predicting(RegressorMixin, BaseRNN):
    """The methods of `RNNRegressor` that train nothing."""

    def predict(self, X: Any) -> Any:
        """Predict numbers.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,) or (n_sequences, n_outputs), or one (n_steps,) a sequence
            Float64, in the units of y; per-step numbers in the container that y came in.
        """
        sequences = self._check_input(X)
        codec = self._model.codec
        rows = codec.decode(self._outputs(sequences))
        if codec.naive is not None:
            repeated = codec.naive.forecast(sequences, codec.n_outputs)
            rows = rows + (repeated[:, 0] if codec.flat else repeated)
        return self._arranged(rows, sequences)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination, over labelled steps where y has numbers per step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`.
        y : array-like
            True numbers.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence.

        Returns
        -------
        float
            R squared: 1 is perfect, 0 is as good as the mean.
        """
        check_is_fitted(self, "net_")
        if not self._model.per_step:
            return float(super().score(X, y, sample_weight))
        truth, predicted, weights = flat_truth(self, X, y, sample_weight)
        return float(r2_score(truth, predicted, sample_weight=weights))
