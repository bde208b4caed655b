"""Fitted model of series of numbers: likelihoods, samples and forecasts."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._batching import Sequences, content_digests, select_features
from sksequence._blueprint import Blueprint
from sksequence._losses import loss_of
from sksequence._net import SequenceNet, check_memory, last_features, last_outputs, step_losses
from sksequence._random import RandomState, draw_seed
from sksequence._series._roll_out import Continuation, SeriesStreams, sample_paths
from sksequence._series._series_codec import SeriesCodec, check_finite
from sksequence._settings import as_floats, check_count

Floats = NDArray[np.float64]

# bounds on standardised values and on their losses, so that densities of values far outside the
# range of the fit are finite
_FARTHEST, _LEAST_PROBABLE = 1e14, float(np.finfo(np.float32).max)


# paths, and their copy for quantiles
_BYTES_PER_VALUE = 16


class SeriesModel:
    """Fitted distribution of the next values of a series given the previous ones.

    Parameters
    ----------
    net : SequenceNet
        Trained net.
    blueprint : Blueprint
        Everything learnt except for the weights.
    """

    may_be_empty = False

    def __init__(self, net: SequenceNet, blueprint: Blueprint[SeriesCodec]) -> None:
        self.net = net
        self.blueprint = blueprint
        self.codec = blueprint.codec

    def log_likelihoods(
        self, sequences: Sequences, y: object = None
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Return log-densities of steps in the units of X.

        Returns
        -------
        log_likelihoods : ndarray of shape (sum of n_steps,)
            Those of all steps of all sequences.
        n_steps : ndarray of shape (n_sequences,)
            Number of steps of each sequence.
        """
        blueprint = self.blueprint
        inputs, targets = self.codec.shift(sequences)
        with blueprint.threads():
            encoded = np.clip(self.codec.encode(targets), -_FARTHEST, _FARTHEST)
            losses = step_losses(self.net, blueprint.prepare(inputs), encoded, blueprint.loss)
        losses = np.minimum(losses, _LEAST_PROBABLE)
        return self.codec.log_likelihoods(losses, targets), inputs.lengths

    def next(self, sequences: Sequences) -> Floats:
        """Return the location of the distribution of the next values, (n_sequences, n_features)."""
        context = self.blueprint.prepare(self._context(sequences))
        with self.blueprint.threads():
            outputs = last_outputs(self.net, context)
        return check_finite(self.codec.decode(outputs, self.codec.past(sequences).next()))

    def features(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the hidden state after the last step of each sequence."""
        context = self.blueprint.prepare(self._context(sequences))
        with self.blueprint.threads():
            return last_features(self.net, context)

    @property
    def feature_names(self) -> list[Hashable] | None:
        """Names of the features that are predicted, None if X had none."""
        names: list[Hashable] = list(self.blueprint.form.names_of_step_features)
        return [names[i] for i in self.codec.targets] if names else None

    def _context(self, sequences: Sequences) -> Sequences:
        """Return the inputs up to the next step, or raise if they require known features there."""
        if len(self.codec.known_columns):
            raise ValueError(
                f"This {self.blueprint.form.estimator_name} has {self._known}, whose values at the "
                "next step are missing here. Use forecast(X, 1, future=...)."
            )
        return self.codec.context(sequences, np.empty((len(sequences), 0)))

    @property
    def _known(self) -> str:
        return f"known_columns={self.codec.known_columns.tolist()}"

    def sample(self, n_samples: int, random_state: RandomState) -> Floats:
        """Return series of typical length, of shape (n_samples, n_steps[, n_features])."""
        check_count("n_samples", n_samples)
        if len(self.codec.known_columns):
            raise ValueError(
                f"sample draws series without the features {self._known}; use forecast with "
                "future=... to continue a series."
            )
        n_steps = self.codec.typical_steps
        start = Sequences(np.empty((0, self.codec.n_features)), [0, 0])
        future = np.empty((1, n_steps, 0))
        return np.asarray(self._paths(start, future, int(n_samples), random_state)[0])

    def forecast(
        self,
        sequences: Sequences,
        horizon: int,
        n_samples: int,
        future: object,
        random_state: RandomState,
    ) -> Floats:
        """Return sample paths of shape (n_sequences, n_samples, horizon[, n_features])."""
        check_count("horizon", horizon)
        check_count("n_samples", n_samples)
        known = self._known_future(future, len(sequences), int(horizon))
        return self._paths(sequences, known, int(n_samples), random_state)

    def _paths(
        self, sequences: Sequences, future: Floats, n_samples: int, random_state: RandomState
    ) -> Floats:
        """Return paths of shape (n_sequences, n_samples, n_steps[, n_features]).

        `future` (n_sequences, n_steps, n_known) holds the known features of their steps.
        """
        codec, blueprint = self.codec, self.blueprint
        n_steps = future.shape[1]
        n_values = len(sequences) * n_samples * n_steps * codec.n_features
        check_memory(
            _BYTES_PER_VALUE * n_values,
            f"{len(sequences)} series x {n_samples} paths x {n_steps} steps. Pass fewer series at "
            "a time, or set n_samples or horizon lower.",
        )
        draw, scaler = loss_of(blueprint.loss).draw, blueprint.scaler
        assert draw is not None
        assert scaler is not None
        names = content_digests(sequences, np.zeros((len(sequences), 1)), None)
        streams = SeriesStreams(draw_seed(random_state), names, 2 * codec.n_features)
        series = Continuation(codec, codec.past(sequences), future, scaler.transform_steps)
        # paths that grow without bounds are refused as a whole
        with blueprint.threads(), np.errstate(over="ignore", invalid="ignore"):
            context = blueprint.prepare(codec.context(sequences, future[:, 0]))
            paths = sample_paths(
                self.net,
                context,
                series,
                streams,
                draw,
                n_samples=n_samples,
                n_steps=n_steps,
            )
        check_finite(paths)
        return np.asarray(paths[..., 0] if codec.n_features == 1 else paths)

    def _known_future(self, future: object, n_sequences: int, horizon: int) -> Floats:
        """Check and return the known features at future steps, (n_sequences, horizon, n_known)."""
        n_known = len(self.codec.known_columns)
        shape = (n_sequences, horizon, n_known)
        if future is None and not n_known:
            return np.empty(shape)
        if future is None:
            raise ValueError(
                f"The features {self._known} are read at every step, also at those to forecast. "
                f"Pass future of shape {shape}."
            )
        if not n_known:
            raise ValueError(
                "future was given, but known_columns is None: no features are known beforehand. "
                "Leave it out, or fit with known_columns."
            )
        names = self.blueprint.form.names_of_step_features
        if names:
            names = [names[i] for i in self.codec.known_columns]
            future = select_features(future, names, "future")
        known = as_floats("future", list(future) if isinstance(future, Sequences) else future)
        if known.ndim == 2 and n_known == 1:
            known = known[:, :, None]
        if known.shape != shape:
            raise ValueError(
                f"future must have the shape (n_sequences, horizon, n_known), here {shape}; got "
                f"{known.shape}."
            )
        if not np.isfinite(known).all():
            raise ValueError("future holds NaN or infinity; pass finite numbers only.")
        return known


def check_forecast_levels(quantiles: ArrayLike) -> Floats:
    """Check and return the levels of the quantiles of sample paths."""
    levels = as_floats("quantiles", quantiles)
    if levels.ndim != 1 or not levels.size or not np.all((levels >= 0) & (levels <= 1)):
        raise ValueError(f"quantiles must be a list of levels between 0 and 1; got {quantiles!r}.")
    return levels
