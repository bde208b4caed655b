"""What a conditional generator knows of labels: it reads beside one, and tells which one a sequence has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if

from sksequence._base import BaseRNN
from sksequence._batching import Sequences, offsets_of
from sksequence._generator._kind import models_labels
from sksequence._net import step_losses
from sksequence._targets import ConditionalCodec, SymbolCodec, with_labels


class Labelling(BaseRNN):
    """The methods of `SequenceGenerator` that find labels, and what other methods need for them."""

    @property
    def _may_be_empty(self) -> bool:
        """Whether a sequence without steps has its end."""
        codec = self._model.codec
        return isinstance(codec, SymbolCodec) and codec.has_ends

    @available_if(models_labels)
    def predict_label(self, X: Any) -> NDArray[Any]:
        """Predict the label of each sequence, if `conditional`.

        Parameters
        ----------
        X : list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,)
            The likeliest label.
        """
        likeliest = self.predict_label_proba(X).argmax(axis=1)
        return np.asarray(self._model.codec.classes[likeliest])

    @available_if(models_labels)
    def predict_label_proba(self, X: Any) -> NDArray[np.float64]:
        """Predict the probability of each label by Bayes' rule, if `conditional`.

        Parameters
        ----------
        X : list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences, n_classes)
            Columns in the order of `classes_`: proportional to the likelihood of the sequence given the label, times
            the label's frequency.
        """
        return np.asarray(np.exp(self._log_shares(self._check_input(X), n_open=0)).T)

    def _log_shares(self, sequences: Sequences, *, n_open: int) -> NDArray[np.float64]:
        """Return the log-probability of each label, of shape (n_classes, n_sequences), but for the last steps."""
        inputs, targets = self._model.codec.shift(sequences)
        joint = self._joint(inputs, targets)[:, inputs.offsets[1:] - 1 - n_open]
        unread = inputs.lengths == n_open
        joint[:, unread] = self._model.codec.log_frequencies[:, None]
        return joint - log_sum(joint)

    def _log_shares_so_far(self, sequences: Sequences) -> NDArray[np.float64]:
        """Return the same for sequences that go on: whether they end there says nothing yet."""
        return self._log_shares(sequences, n_open=int(self._model.codec.has_ends))

    def _label_code(self, label: Any) -> int | None:
        """Return the code of a label; None where there are no labels."""
        codec = self._model.codec
        if not isinstance(codec, ConditionalCodec):
            if label is None:
                return None
            raise ValueError(
                f"label={label!r} was given, but this {type(self).__name__} was fitted without labels. Leave it out, "
                "or fit with conditional=True and y."
            )
        if label is None:
            raise ValueError(
                f"this {type(self).__name__} is conditional and needs to know what to write: pass label=, one of "
                f"{codec.classes.tolist()}."
            )
        return codec.label_code(label)

    def _log_likelihoods(
        self, X: Any, y: Any = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the log-likelihoods of all steps as one flat run, and the number of each sequence's."""
        sequences = self._check_input(X)
        codec = self._model.codec
        inputs, targets = codec.shift(sequences)
        if not isinstance(codec, ConditionalCodec):
            return self._steps(inputs, targets), inputs.lengths
        if y is not None:
            codes = codec.label_codes(y, len(sequences))
            return self._steps(with_labels(inputs, codes), targets), inputs.lengths
        so_far = log_sum(self._joint(inputs, targets))
        before = np.roll(so_far, 1)
        before[inputs.offsets[:-1]] = 0.0
        return so_far - before, inputs.lengths

    def _steps(self, inputs: Sequences, targets: NDArray[Any]) -> NDArray[np.float64]:
        codec = self._model.codec
        with self._model.threads():
            encoded = codec.encode(targets)
            losses = step_losses(self.net_, self._model.prepare(inputs), encoded, self._model.loss)
        return np.asarray(codec.log_likelihoods(losses, targets))

    def _joint(self, inputs: Sequences, targets: NDArray[Any]) -> NDArray[np.float64]:
        """Return the log-probability of each label together with a sequence up to each step, (n_classes, n_steps)."""
        codec = self._model.codec
        joint = []
        for code, log_frequency in enumerate(codec.log_frequencies.tolist(), start=1):
            steps = self._steps(with_labels(inputs, code), targets)
            joint.append(log_frequency + _sums_so_far(steps, inputs.lengths))
        return np.stack(joint)


def _sums_so_far(steps: NDArray[np.float64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum of each sequence's steps up to each of them; summed alone, so that company leaves no trace."""
    pieces = np.split(steps, offsets_of(lengths)[1:-1])
    return np.concatenate([np.cumsum(piece) for piece in pieces])


def log_sum(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the labels out."""
    return np.asarray(np.logaddexp.reduce(joint, axis=0))
