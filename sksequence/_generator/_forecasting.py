"""What a fitted generator of numbers forecasts: sample paths, their mean and their quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch
from sklearn.utils.metaestimators import available_if

from sksequence._base import BaseRNN
from sksequence._batching import Sequences, content_digests
from sksequence._decoding import SeriesUniforms
from sksequence._generator._kind import models_numbers
from sksequence._net import forecast_paths
from sksequence._random import draw_seed
from sksequence._targets import Continuation
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
        future: Any = None,
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
        future : array-like of shape (n_sequences, horizon, n_known), default=None
            The features of `known_columns` at the steps to come; of one feature also (n_sequences, horizon).
        random_state : int, RandomState instance or None, default=None
            Makes the draws repeatable. A series has a stream of random numbers of its own: its paths are the same in
            any company, and the first ones are the same however many are drawn.

        Returns
        -------
        Bunch
            ``mean`` of shape (n_sequences, horizon), ``quantiles`` (n_quantiles, n_sequences, horizon), ``levels``
            (n_quantiles,) and ``paths`` (n_sequences, n_samples, horizon); with several features to predict, one more
            dimension at the end. In the units of X.

        Raises
        ------
        ValueError
            If an argument is out of its range, or future missing, out of place or of another shape.
        """
        sequences = self._check_input(X)
        check_forecast(horizon, n_samples, quantiles)
        known = self._known_future(future, len(sequences), int(horizon))
        paths = self._paths(sequences, known, int(horizon), int(n_samples), random_state)
        levels = np.asarray(quantiles, dtype=np.float64)
        return Bunch(
            mean=paths.mean(axis=1),
            quantiles=np.quantile(paths, levels, axis=1),
            levels=levels,
            paths=paths,
        )

    def _known_future(self, future: Any, n_sequences: int, horizon: int) -> NDArray[np.float64]:
        """Return the features known beforehand, of shape (n_sequences, horizon, n_known)."""
        n_known = len(self._model.codec.known_columns)
        shape = (n_sequences, horizon, n_known)
        if future is None and not n_known:
            return np.empty(shape)
        if future is None:
            raise ValueError(
                f"known_columns={self.known_columns!r} are read beside every step, those to come among them. Pass "
                f"future of shape {shape}."
            )
        if not n_known:
            raise ValueError(
                "future was given, but known_columns is None: no features are known beforehand. Leave it out, or fit "
                "with known_columns."
            )
        known = np.asarray(future, dtype=np.float64)
        if known.ndim == 2 and n_known == 1:
            known = known[:, :, None]
        if known.shape != shape:
            raise ValueError(
                f"future must have the shape (n_sequences, horizon, n_known), here {shape}; got {known.shape}."
            )
        if not np.isfinite(known).all():
            raise ValueError("future holds NaN or infinity; pass finite numbers only.")
        return known

    def _paths(
        self,
        sequences: Sequences,
        known: NDArray[np.float64],
        n_steps: int,
        n_samples: int,
        random_state: Any,
    ) -> NDArray[np.float64]:
        """Return paths of shape (n_sequences, n_samples, n_steps), or with features at the end."""
        codec, scaler = self._model.codec, self._model.scaler
        names = content_digests(sequences, np.zeros((len(sequences), 1)), None)
        uniforms = SeriesUniforms(draw_seed(random_state), names, 2 * codec.n_features)
        series = Continuation(codec, codec.past(sequences), known, scaler.rows)
        with self._model.threads():
            paths = forecast_paths(
                self.net_,
                self._model.prepare(codec.context(sequences, known[:, 0])),
                series,
                uniforms,
                self._model.loss,
                n_samples=n_samples,
                n_steps=n_steps,
            )
        return np.asarray(paths[..., 0] if codec.n_features == 1 else paths)
