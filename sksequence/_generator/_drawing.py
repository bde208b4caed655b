"""What a fitted generator draws: continuations of a prompt, and samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sksequence._batching import Sequences
from sksequence._decoding import Choice
from sksequence._generator._forecasting import Forecasting
from sksequence._generator._kind import models_symbols
from sksequence._net import continuations
from sksequence._random import draw_seed
from sksequence._targets import SymbolCodec
from sksequence._validation import (
    check_choice,
    check_sample,
    continued,
    prompt_sequences,
    stop_outputs,
)


class Drawing(Forecasting):
    """The methods of `SequenceGenerator` that draw at random."""

    @available_if(models_symbols)
    def generate(
        self,
        prompt: Any = None,
        *,
        max_steps: int = 100,
        n_samples: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        stop: Any = None,
        random_state: Any = None,
    ) -> Any:
        """Continue a prompt, symbol by symbol.

        Parameters
        ----------
        prompt : str or list of tokens, default=None
            What to continue: it comes back unaltered at the front. None, like an empty one, begins a new sequence.
            Symbols that `fit` never saw are read as unknown.
        max_steps : int, default=100
            The most symbols to add.
        n_samples : int, default=None
            How many continuations to draw, as a list. None draws one and returns it as such.
        temperature : float, default=1.0
            Divides the logits: below 1 is more careful, above 1 bolder.
        top_k : int, default=None
            Draw among the k likeliest symbols only; 1 always takes the likeliest one.
        stop : str, token, or list of them, default=None
            End after the first of these that is generated, kept at the end.
        random_state : int, RandomState instance or None, default=None
            Makes the draws repeatable.

        Returns
        -------
        str or list of tokens, or a list of `n_samples` of them
            Prompt and continuation.
        """
        check_is_fitted(self, "net_")
        check_choice(max_steps=max_steps, n_samples=n_samples, temperature=temperature, top_k=top_k)
        form, codec = self._model.form, self._model.codec
        start = codec.context(prompt_sequences(prompt, form, self))
        with self._model.threads():
            drawn = continuations(
                self.net_,
                self._model.prepare(start),
                Choice(float(temperature), None if top_k is None else int(top_k)),
                n_samples=1 if n_samples is None else int(n_samples),
                max_steps=int(max_steps),
                end=codec.end,
                stops=stop_outputs(stop, form),
                seed=draw_seed(random_state),
            )
        texts = [continued(prompt, codec.symbols(new), form) for new in drawn]
        return texts[0] if n_samples is None else texts

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Any:
        """Draw whole sequences from the learnt distribution.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState instance or None, default=None
            Makes the draws repeatable.

        Returns
        -------
        list of str or of tokens, or ndarray of shape (n_samples, n_steps) or (n_samples, n_steps, n_features)
            Symbols end at an end mark, at the latest at the length of the longest training sequence; numbers are as
            long as the median training sequence.
        """
        check_is_fitted(self, "net_")
        check_sample(n_samples)
        codec = self._model.codec
        if isinstance(codec, SymbolCodec):
            return self.generate(
                max_steps=codec.typical_steps, n_samples=n_samples, random_state=random_state
            )
        nothing = Sequences(np.empty((0, codec.n_features)), [0, 0])
        return self._paths(nothing, codec.typical_steps, int(n_samples), random_state)[0]
