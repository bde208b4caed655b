"""What a fitted generator of numbers forecasts: sample paths, their mean and their quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch
from sklearn.utils.metaestimators import available_if

from sksequence._base import BaseRNN
from sksequence._batching import Sequences
from sksequence._generator._kind import models_numbers
from sksequence._net import forecast_paths
from sksequence._random import draw_seed
from sksequence._validation import check_forecast


class Forecasting(BaseRNN):
    """The methods of `SequenceGenerator` that draw numbers."""

    @available_if(models_numbers)
    def forecast(
        self,
        X: Any,
        horizon: int,
        *,
        n_samples: int = 200,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        random_state: Any = None,
    ) -> Bunch:
        """Forecast the next values of numeric series by drawing paths.

        Parameters
        ----------
        X : array-like or list of sequences
            Series up to now, as in `fit`.
        horizon : int
            Steps to forecast.
        n_samples : int, default=200
            Paths drawn for each series.
        quantiles : sequence of float, default=(0.1, 0.5, 0.9)
            Levels of the quantiles of the paths at each step: 0.1 and 0.9 bound an 80 % interval.
        random_state : int, RandomState instance or None, default=None
            Makes the draws repeatable.

        Returns
        -------
        Bunch
            ``mean`` of shape (n_sequences, horizon), ``quantiles`` (n_quantiles, n_sequences, horizon) and ``levels``
            (n_quantiles,); with several features, one more dimension at the end. In the units of X.
        """
        sequences = self._check_input(X)
        check_forecast(horizon, n_samples, quantiles)
        paths = self._paths(sequences, int(horizon), int(n_samples), random_state)
        levels = np.asarray(quantiles, dtype=np.float64)
        return Bunch(
            mean=paths.mean(axis=1), quantiles=np.quantile(paths, levels, axis=1), levels=levels
        )

    def _paths(
        self, sequences: Sequences, n_steps: int, n_samples: int, random_state: Any
    ) -> NDArray[np.float64]:
        """Return paths of shape (n_sequences, n_samples, n_steps), or with features at the end."""
        codec = self._model.codec
        with self._model.threads():
            paths = forecast_paths(
                self.net_,
                self._model.prepare(codec.context(sequences)),
                self._model.loss,
                n_samples=n_samples,
                n_steps=n_steps,
                seed=draw_seed(random_state),
            )
        values = codec.decode(paths)
        return np.asarray(values[..., 0] if codec.n_features == 1 else values)
