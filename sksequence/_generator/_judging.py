"""What a fitted generator makes of given sequences: their likelihoods, and what comes after them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import DensityMixin
from sklearn.utils.metaestimators import available_if

from sksequence._base import BaseRNN
from sksequence._batching import offsets_of
from sksequence._generator._kind import models_symbols
from sksequence._net import last_features, last_outputs, step_losses
from sksequence._targets import restore_steps


class Judging(DensityMixin, BaseRNN):
    """The methods of `SequenceGenerator` that draw nothing."""

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Return the log-likelihood of each sequence, in nats.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,)
            Sum over the steps of a sequence; the end mark is a step where several sequences were learnt. Densities of
            numbers are in the units of X.
        """
        steps, lengths = self._log_likelihoods(X)
        return np.add.reduceat(steps, offsets_of(lengths)[:-1])

    def score_steps(self, X: Any) -> NDArray[Any]:
        """Return the log-likelihood of every step given the steps before it, in nats.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of object of shape (n_sequences,)
            One float64 array a sequence, as long as the sequence; the end mark is one more step where several
            sequences of symbols were learnt. The sums are what `score_samples` gives; ``np.exp(-steps)`` is the
            perplexity at each position.
        """
        steps, lengths = self._log_likelihoods(X)
        return np.asarray(restore_steps(steps, lengths, "ragged"))

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of a step, in nats: higher is better.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.
        y : None
            Ignored, there by convention.

        Returns
        -------
        float
            Over all steps of all sequences.
        """
        steps, _ = self._log_likelihoods(X)
        return float(steps.mean())

    def perplexity(self, X: Any) -> float:
        """Return the perplexity of a step: exp of minus the score.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.

        Returns
        -------
        float
            1 is certainty; the number of symbols is a blind guess.
        """
        return float(np.exp(-self.score(X)))

    def _log_likelihoods(self, X: Any) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the log-likelihoods of all steps as one flat run, and the number of each sequence's."""
        sequences = self._check_input(X)
        inputs, targets = self._model.codec.shift(sequences)
        with self._model.threads():
            losses = step_losses(
                self.net_, self._model.prepare(inputs), self._model.codec.encode(targets)
            )
        steps = self._model.codec.log_likelihoods(losses, targets)
        return steps, inputs.lengths

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the next step of each sequence.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,) or (n_sequences, n_features)
            The likeliest symbol, or the centre of the distribution of the next numbers.
        """
        outputs = self._after(X)
        decoded = self._model.codec.decode(outputs)
        is_flat = decoded.ndim == 2 and decoded.shape[1] == 1
        return np.asarray(decoded[:, 0] if is_flat else decoded)

    @available_if(models_symbols)
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Predict the probability of each symbol to come next.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`; symbols only.

        Returns
        -------
        ndarray of shape (n_sequences, n_symbols) or (n_sequences, n_symbols + 1)
            Columns in the order of `vocabulary_`; the last one is the end mark, where several sequences were learnt.
        """
        outputs = self._after(X)
        return np.asarray(self._model.codec.probabilities(outputs))

    def _after(self, X: Any) -> NDArray[np.float32]:
        """Return the head's outputs after the last step of each sequence."""
        sequences = self._check_input(X)
        context = self._model.prepare(self._model.codec.context(sequences))
        with self._model.threads():
            return last_outputs(self.net_, context)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the hidden state after the last step of each sequence.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences, n_hidden)
            Float32.
        """
        context = self._model.prepare(self._model.codec.context(self._check_input(X)))
        with self._model.threads():
            return last_features(self.net_, context)
