"""What a fitted generator makes of given sequences: their likelihoods, and what comes after them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import DensityMixin
from sklearn.utils.metaestimators import available_if

from sksequence._batching import Sequences, offsets_of
from sksequence._generator._kind import models_symbols
from sksequence._generator._labels import Labelling, log_sum
from sksequence._net import last_features, last_outputs
from sksequence._targets import (
    ConditionalCodec,
    SeriesCodec,
    SymbolCodec,
    restore_steps,
    with_labels,
)


class Judging(DensityMixin, Labelling):
    """The methods of `SequenceGenerator` that draw nothing."""

    def score_samples(self, X: Any, y: Any = None) -> NDArray[np.float64]:
        """Return the log-likelihood of each sequence, in nats.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.
        y : array-like of shape (n_sequences,), default=None
            The label of each sequence, if `conditional`: None sums over all labels, weighted by their frequencies.

        Returns
        -------
        ndarray of shape (n_sequences,)
            Sum over the steps of a sequence; the end mark is a step where several sequences were learnt. Densities of
            numbers are in the units of X.
        """
        steps, lengths = self._log_likelihoods(X, y)
        return np.add.reduceat(steps, offsets_of(lengths)[:-1])

    def score_steps(self, X: Any, y: Any = None) -> NDArray[Any]:
        """Return the log-likelihood of every step given the steps before it, in nats.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.
        y : array-like of shape (n_sequences,), default=None
            The label of each sequence, if `conditional`: None sums over all labels, weighted by their frequencies.

        Returns
        -------
        ndarray of object of shape (n_sequences,)
            One float64 array a sequence, as long as the sequence; the end mark is one more step where several
            sequences of symbols were learnt. The sums are what `score_samples` gives; ``np.exp(-steps)`` is the
            perplexity at each position.
        """
        steps, lengths = self._log_likelihoods(X, y)
        return np.asarray(restore_steps(steps, lengths, "ragged"))

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of a step, in nats: higher is better.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.
        y : array-like of shape (n_sequences,), default=None
            The label of each sequence, if `conditional`: None sums over all labels, weighted by their frequencies.

        Returns
        -------
        float
            Over all steps of all sequences.
        """
        steps, _ = self._log_likelihoods(X, y)
        return float(steps.mean())

    def perplexity(self, X: Any, y: Any = None) -> float:
        """Return the perplexity of a step: exp of minus the score.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.
        y : array-like of shape (n_sequences,), default=None
            The label of each sequence, if `conditional`: None sums over all labels, weighted by their frequencies.

        Returns
        -------
        float
            1 is certainty; the number of symbols is a blind guess.
        """
        with np.errstate(over="ignore"):  # infinity is the answer
            return float(np.exp(-self.score(X, y)))

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the next step of each sequence.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,) or (n_sequences, n_features)
            The likeliest symbol (a tokenizer's id), or the centre of the distribution of the next numbers.

        Raises
        ------
        ValueError
            If `known_columns` are set: `forecast` is told what they will be.
        """
        sequences = self._check_input(X)
        codec, outputs = self._model.codec, self._after(sequences)
        if isinstance(codec, SeriesCodec):
            decoded = codec.decode(outputs, codec.past(sequences).next())
        else:
            decoded = codec.decode(outputs)
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
        outputs = self._after(self._check_input(X))
        return np.asarray(self._model.codec.probabilities(outputs))

    def _after(self, sequences: Sequences) -> NDArray[Any]:
        """Return the head's outputs after the last step of each sequence; labels are summed out."""
        context = self._context(sequences)
        if not isinstance(self._model.codec, ConditionalCodec):
            return self._last(last_outputs, context)
        each = self._last_given_each(last_outputs, context)
        outputs = np.stack([self._model.codec.logits(of_label) for of_label in each])
        logs = outputs - np.logaddexp.reduce(outputs, axis=2, keepdims=True)
        joint = logs + self._log_shares_so_far(sequences)[:, :, None]
        return log_sum(joint)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the hidden state after the last step of each sequence.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences, n_hidden)
            Float32. If `conditional`, the mean of the states given each label, weighted by the labels' probabilities.
        """
        sequences = self._check_input(X)
        context = self._context(sequences)
        if not isinstance(self._model.codec, ConditionalCodec):
            return self._last(last_features, context)
        states = self._last_given_each(last_features, context)
        mean = (states * np.exp(self._log_shares_so_far(sequences))[:, :, None]).sum(axis=0)
        return np.asarray(mean, dtype=np.float32)

    def _context(self, sequences: Sequences) -> Sequences:
        """Return what is read before the step that nobody has seen."""
        codec: SymbolCodec | SeriesCodec = self._model.codec
        if isinstance(codec, SymbolCodec):
            return codec.context(sequences)
        if len(codec.known_columns):
            raise ValueError(
                f"this {type(self).__name__} has known_columns={self.known_columns!r}, and what they will be at the next "
                "step is not told here. Use forecast(X, 1, future=...)."
            )
        return codec.context(sequences, np.empty((len(sequences), 0)))

    def _last(self, function: Any, context: Sequences) -> NDArray[np.float32]:
        with self._model.threads():
            return np.asarray(function(self.net_, self._model.prepare(context)))

    def _last_given_each(self, function: Any, context: Sequences) -> NDArray[np.float64]:
        """Return what comes last given each label, of shape (n_classes, n_sequences, width)."""
        codes = range(1, self._model.codec.n_labels + 1)
        found = [self._last(function, with_labels(context, code)) for code in codes]
        return np.stack(found).astype(np.float64)
