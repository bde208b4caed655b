"""A text as a generator reads it: each symbol with its surprise."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sksequence._generator import SequenceGenerator
from sksequence._tokenizers import Tokenizer, spelled
from sksequence._validation import InputForm, read_input
from sksequence.inspection._checks import check_generator
from sksequence.inspection._html import colour_html, legend_html
from sksequence.inspection._terminal import colour_text, legend_text, mark_text
from sksequence.inspection._visible import END


class GenerationDisplay:
    """Texts coloured by surprise: where a generator of symbols did not expect what came.

    Make one with `from_estimator`. A notebook shows it by itself; a terminal shows ``print(display.text())``.

    Parameters
    ----------
    symbols : sequence of sequences
        The symbols of each sequence.
    log_likelihoods : sequence of array-like of shape (n_steps,)
        The log-likelihood of each symbol given those before it, in nats, and of the end as one more step where a
        sequence has one.
    max_surprise : float
        Nats of the strongest colour; whatever is more surprising has it as well.
    separator : str, default=""
        What is written between two symbols.

    Attributes
    ----------
    perplexities : ndarray of shape (n_sequences,)
        Exponential of the mean surprise of each sequence.
    perplexity_by_position : ndarray of shape (longest,)
        Exponential of the mean surprise at each position, over the sequences that are long enough.

    Raises
    ------
    ValueError
        If symbols and log-likelihoods do not match, or `max_surprise` is not positive.

    See Also
    --------
    sksequence.SequenceGenerator.score_steps : The numbers behind the colours.
    sksequence.metrics.perplexity : Of all steps together.

    Notes
    -----
    The surprise of a symbol is minus its log-probability given all symbols before it [1]_: 0 for what was certain.

    References
    ----------
    .. [1] Shannon (1951), Prediction and Entropy of Printed English, Bell System Technical Journal 30(1).

    Examples
    --------
    >>> from sksequence import SequenceGenerator
    >>> from sksequence.inspection import GenerationDisplay
    >>> texts = ["to be or not to be", "to be or to have"] * 20
    >>> generator = SequenceGenerator(hidden_size=16, max_epochs=10, random_state=0).fit(texts)
    >>> display = GenerationDisplay.from_estimator(generator, ["to be or not to bee"])
    >>> "".join(display.symbols[0])
    'to be or not to bee'
    >>> display.perplexities.shape
    (1,)
    >>> page = display.html()
    >>> print(display.text(color=False))  # doctest: +SKIP
    """

    def __init__(
        self,
        symbols: Sequence[Sequence[Any]],
        log_likelihoods: Sequence[Any] | NDArray[Any],
        *,
        max_surprise: float,
        separator: str = "",
    ) -> None:
        self.symbols = symbols
        self.log_likelihoods = log_likelihoods
        self.max_surprise = max_surprise
        self.separator = separator
        self._check()

    def _check(self) -> None:
        if not self.max_surprise > 0:
            raise ValueError(
                f"max_surprise must be a positive number of nats; got {self.max_surprise!r}."
            )
        if len(self.symbols) != len(self.log_likelihoods):
            raise ValueError(
                f"there are symbols of {len(self.symbols)} sequences and log-likelihoods of "
                f"{len(self.log_likelihoods)}; pass one of each for each sequence."
            )
        for i, (symbols, steps) in enumerate(zip(self.symbols, self.log_likelihoods, strict=True)):
            if len(steps) - len(symbols) not in (0, 1):
                raise ValueError(
                    f"sequence {i} has {len(symbols)} symbols and {len(steps)} log-likelihoods; pass one for each "
                    "symbol, and at most one more for the end."
                )

    @classmethod
    def from_estimator(
        cls,
        estimator: SequenceGenerator,
        X: Any,
        y: Any = None,
        *,
        max_surprise: float | None = None,
    ) -> Self:
        """Let a fitted generator read sequences of symbols.

        Parameters
        ----------
        estimator : SequenceGenerator
            Fitted on symbols.
        X : list of str, list of lists of tokens or array of int
            Sequences as in its `fit`. Each symbol becomes an element of the page: pass what you want to look at.
        y : array-like of shape (n_sequences,), default=None
            The label of each sequence, if the estimator is `conditional`, as in its `score_steps`.
        max_surprise : float, default=None
            Nats of the strongest colour. None: the surprise of a blind guess among all that can come next.

        Returns
        -------
        GenerationDisplay
            It holds symbols and numbers only, not the estimator.

        Raises
        ------
        TypeError
            If the estimator is no `SequenceGenerator`.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ValueError
            If it was fitted on numbers, or X is not as in `fit`.
        """
        check_generator(estimator, cls.__name__, symbols=True)
        steps = estimator.score_steps(X, y)
        if max_surprise is None:
            max_surprise = float(np.log(max(estimator._model.codec.n_outputs, 2)))
        form = estimator._model.form
        return cls(
            _symbols(X, form),
            steps,
            max_surprise=max_surprise,
            separator="" if form.joins_exactly else " ",
        )

    @property
    def perplexities(self) -> NDArray[np.float64]:
        """The perplexity of each sequence."""
        with np.errstate(over="ignore"):  # infinity is the answer
            return np.array([np.exp(-np.mean(steps)) for steps in self.log_likelihoods])

    @property
    def perplexity_by_position(self) -> NDArray[np.float64]:
        """The perplexity at each position, over the sequences that reach it."""
        positions = np.concatenate([np.arange(len(steps)) for steps in self.log_likelihoods])
        surprise = -np.concatenate([np.asarray(steps) for steps in self.log_likelihoods])
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(np.bincount(positions, surprise) / np.bincount(positions)))

    def html(self) -> str:
        """Return the sequences as HTML; the nats of a symbol appear under the pointer.

        Returns
        -------
        str
            One element, escaped, with inline styles and without scripts.
        """
        blocks = (
            f"<p>{caption}</p>{colour_html(steps, self.max_surprise, self.separator)}"
            for caption, steps in self._documents()
        )
        return f"<div>{legend_html(self.max_surprise)}{''.join(blocks)}</div>"

    def _repr_html_(self) -> str:
        return self.html()

    def text(self, *, color: bool = True) -> str:
        """Return the sequences for a terminal.

        Parameters
        ----------
        color : bool, default=True
            Whether surprise is a background, by ANSI escape sequences. False puts a line of digits below each line.

        Returns
        -------
        str
            Line breaks follow a sign of their own, and control characters are replaced by their pictures.
        """
        render = colour_text if color else mark_text
        blocks = (
            f"{caption}\n{render(steps, self.max_surprise, self.separator)}"
            for caption, steps in self._documents()
        )
        return "\n\n".join([legend_text(self.max_surprise, color=color), *blocks])

    def _documents(self) -> list[tuple[str, list[tuple[str, float]]]]:
        """Return a caption for each sequence, and its symbols with their surprises, the end included."""
        documents = []
        perplexities = self.perplexities
        for i, (symbols, steps) in enumerate(zip(self.symbols, self.log_likelihoods, strict=True)):
            shown = [*map(str, symbols), END][: len(steps)]
            surprises = (0.0 - np.asarray(steps, dtype=np.float64)).tolist()  # never -0.0
            caption = f"Sequence {i}: {len(steps)} steps, perplexity {perplexities[i]:.3g}"
            documents.append((caption, list(zip(shown, surprises, strict=True))))
        return documents


def _symbols(X: Any, form: InputForm) -> list[list[Any]]:
    """Cut X into symbols as the estimator did."""
    sequences = read_input(X, integers_are_symbols=True, analyzer=form.analyzer).sequences
    assert sequences.values is not None
    flat = sequences.values.ravel().tolist()
    rows = [flat[start:stop] for start, stop in pairwise(sequences.offsets.tolist())]
    return rows if form.tokenizer is None else [_spelled(row, form.tokenizer) for row in rows]


def _spelled(ids: list[int], tokenizer: Tokenizer) -> list[str]:
    """Return what each id adds to the text; the last one with what was held back."""
    if not ids:
        return []
    *pieces, last, rest = spelled(tokenizer, ids)
    return [*pieces, last + rest]
