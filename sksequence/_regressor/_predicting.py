"""What a fitted regressor predicts, and how good that is."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sksequence._base import BaseRNN, flat_truth
from sksequence._batching import Sequences
from sksequence._regressor._kind import has_densities, has_quantiles
from sksequence._validation import check_levels


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
            Float64, in the units of y; per-step numbers in the container that y came in. With ``loss="quantile"`` the
            quantile whose level is nearest to 0.5, the lower one of two; with "gaussian" and "student_t" the middle of
            the distribution.
        """
        sequences = self._check_input(X)
        rows = self._model.codec.decode(self._outputs(sequences))
        return self._arranged(self._completed(rows, sequences), sequences)

    @available_if(has_quantiles)
    def predict_quantiles(self, X: Any, quantiles: Any = None) -> Any:
        """Predict quantiles: numbers that y is below with given probabilities.

        They never cross: those that the network has learnt are sorted along their levels [1]_, the others belong to
        one distribution.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`.
        quantiles : array-like of float of shape (n_quantiles,), default=None
            Rising levels between 0 and 1; with ``loss="quantile"`` only those that were learnt. None: those of the
            parameter `quantiles` in the fit.

        Returns
        -------
        ndarray of shape (n_quantiles, n_sequences) or (n_quantiles, n_sequences, n_outputs)
            Float64, in the units of y. For per-step numbers the containers that y came in, one a quantile: an array
            whose first axis is that of quantiles, or a list of `Sequences`.

        Raises
        ------
        ValueError
            If levels are not as described.

        References
        ----------
        .. [1] Chernozhukov, Fernandez-Val & Galichon (2010), Quantile and Probability Curves Without Crossing,
           Econometrica 78(3).

        Examples
        --------
        >>> import numpy as np
        >>> from sksequence import RNNRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 8))
        >>> y = X[:, -1] + rng.exponential(size=200)
        >>> regressor = RNNRegressor(loss="quantile", max_epochs=5, random_state=0).fit(X, y)
        >>> low, median, high = regressor.predict_quantiles(X[:3])
        >>> low.shape, bool(np.all(low <= median) and np.all(median <= high))
        ((3,), True)
        """
        levels = None if quantiles is None else check_levels(quantiles)
        sequences = self._check_input(X)
        rows = self._model.codec.quantiles(self._outputs(sequences), levels)
        parts = [self._arranged(part, sequences) for part in self._completed(rows, sequences)]
        return np.stack(parts) if isinstance(parts[0], np.ndarray) else parts

    @available_if(has_densities)
    def predict_std(self, X: Any) -> Any:
        """Predict the standard deviation of y around `predict`.

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
        return self._arranged(self._model.codec.deviations(self._outputs(sequences)), sequences)

    def _completed(self, rows: Any, sequences: Sequences) -> Any:
        """Add the naive forecast that rows of shape (..., n_sequences[, n_outputs]) are the residual of."""
        codec = self._model.codec
        if codec.naive is None:
            return rows
        repeated = codec.naive.forecast(sequences, codec.n_numbers)
        return rows + (repeated[:, 0] if codec.flat else repeated)

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
