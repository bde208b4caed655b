"""Display of texts as a generator of symbols reads them: each symbol with its surprise.

Surprise is the negative log-likelihood in nats.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sksequence._base import BaseRNN
from sksequence._batching import offsets_of
from sksequence._generator import SequenceGenerator
from sksequence._input import Reading, read_input
from sksequence._net import NetworkReading
from sksequence._tokenizers import Tokenizer, decode_incrementally, is_tokenizer
from sksequence.inspection._surprise import (
    END,
    colour_html,
    colour_text,
    legend_html,
    legend_text,
    mark_text,
    most_surprising,
)

# rows of outputs that are sorted at a time
_ROWS = 1 << 12

Choices = list[tuple[str, float]]
LogLikelihoods = Sequence[Sequence[float] | NDArray[np.float64]] | NDArray[np.object_]


class GenerationDisplay:
    """Texts coloured by surprise, to find where a generator of symbols did not expect the next one.

    Create one with `from_estimator`. A notebook displays it as HTML; in a
    terminal, ``print(display.text())`` is coloured, and the display itself has digits below the
    symbols. All parameters are stored as attributes.

    Parameters
    ----------
    symbols : sequence of sequences of length n_symbols
        The symbols of each sequence.
    log_likelihoods : sequence of array-like of shape (n_symbols,) or (n_symbols + 1,)
        The log-likelihood of each symbol given all symbols before it, in nats. One more value per
        sequence is the log-likelihood of its end.
    max_surprise : float
        Surprise in nats that has the strongest colour, as has all surprise above it.
    separator : str, default=""
        Text between two symbols.
    expected : sequence of sequences of lists of (symbol, float), default=None
        The most probable symbols at each step with their probabilities, most probable first. They
        are part of the tooltips, and those of the most surprising steps of the text.

    Attributes
    ----------
    perplexities : ndarray of shape (n_sequences,)
        Exponential of the mean surprise of each sequence.
    perplexity_by_position : ndarray of shape (max_steps,)
        Exponential of the mean surprise at each position, over the sequences that are long enough.

    Raises
    ------
    ValueError
        If `symbols` and `log_likelihoods` do not match, or if `max_surprise` is not positive.

    See Also
    --------
    sksequence.SequenceGenerator.score_steps : Log-likelihood of each step.
    sksequence.metrics.perplexity : Perplexity over all steps together.

    Notes
    -----
    The surprise of a symbol is its negative log-probability given all symbols before it [1]_: it is
    0 for a symbol that was certain.

    References
    ----------
    .. [1] C. E. Shannon (1951). "Prediction and entropy of printed English". Bell System Technical
       Journal 30 (1), 50-64.

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
        symbols: Sequence[Sequence[object]],
        log_likelihoods: LogLikelihoods,
        *,
        max_surprise: float,
        separator: str = "",
        expected: Sequence[Sequence[Choices]] | None = None,
    ) -> None:
        self.symbols = symbols
        self.log_likelihoods = log_likelihoods
        self.max_surprise = max_surprise
        self.separator = separator
        self.expected = expected
        self._check()

    def _check(self) -> None:
        if not self.max_surprise > 0:
            raise ValueError(
                f"max_surprise must be a positive number of nats; got {self.max_surprise!r}."
            )
        if len(self.symbols) != len(self.log_likelihoods):
            raise ValueError(
                f"symbols has {len(self.symbols)} sequences, log_likelihoods has "
                f"{len(self.log_likelihoods)}; pass the same sequences in both."
            )
        for i, (symbols, steps) in enumerate(zip(self.symbols, self.log_likelihoods, strict=True)):
            if len(steps) - len(symbols) not in (0, 1):
                raise ValueError(
                    f"Sequence {i} has {len(symbols)} symbols and {len(steps)} log-likelihoods; "
                    "pass one per symbol, and at most one more for the end."
                )

    @classmethod
    def from_estimator(
        cls,
        estimator: SequenceGenerator,
        X: Sized,
        y: Sized | None = None,
        *,
        max_surprise: float | None = None,
        n_expected: int = 3,
    ) -> Self:
        """Create a display of sequences of symbols and their likelihoods under a fitted generator.

        Parameters
        ----------
        estimator : SequenceGenerator
            Generator fitted on symbols.
        X : list of str, list of lists of tokens or array of int of shape (n_sequences, n_steps)
            Sequences of the kind seen in `fit`. All of them are displayed, symbol by symbol.
        y : array-like of shape (n_sequences,), default=None
            The label of each sequence if the estimator is `conditional`, as in its `score_steps`.
        max_surprise : float, default=None
            Surprise in nats that has the strongest colour. None uses that of a uniform guess among
            all symbols.
        n_expected : int, default=3
            Number of most probable symbols to keep for each step; 0 for none. Those of a
            `conditional` estimator depend on the label, and are left out without y.

        Returns
        -------
        display : GenerationDisplay
            The display. It keeps the symbols and their log-likelihoods, but not the estimator.

        Raises
        ------
        TypeError
            If the estimator is not a `SequenceGenerator`.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator was fitted on numbers, or if X is not of the kind seen in `fit`.
        """
        check_generator(estimator, cls.__name__, symbols=True)
        steps = estimator.score_steps(X, y)
        if max_surprise is None:
            max_surprise = float(np.log(max(estimator.module_.spec.n_outputs, 2)))
        symbols, separator = read_symbols(X, estimator)
        expected = None
        if n_expected and not (estimator.conditional and y is None):
            reading = estimator.__sksequence_reading__(X, y)
            expected = expected_symbols(reading, n_expected, estimator.analyzer)
        return cls(
            symbols, steps, max_surprise=max_surprise, separator=separator, expected=expected
        )

    @property
    def perplexities(self) -> NDArray[np.float64]:
        """The perplexity of each sequence."""
        with np.errstate(over="ignore"):  # infinity is the correct result
            return np.array([np.exp(-np.mean(steps)) for steps in self.log_likelihoods])

    @property
    def perplexity_by_position(self) -> NDArray[np.float64]:
        """The perplexity at each position, over the sequences that are long enough."""
        positions = np.concatenate([np.arange(len(steps)) for steps in self.log_likelihoods])
        surprise = -np.concatenate([np.asarray(steps) for steps in self.log_likelihoods])
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(np.bincount(positions, surprise) / np.bincount(positions)))

    def html(self) -> str:
        """Return the sequences as HTML, with the surprise of each symbol as its tooltip.

        Returns
        -------
        html : str
            One escaped element, with inline styles and without scripts.
        """
        blocks = (
            f"<p>{caption}</p>"
            f"{colour_html(steps, self.max_surprise, self.separator, self._expected_at(i))}"
            for i, (caption, steps) in enumerate(self._documents())
        )
        return f"<div>{legend_html(self.max_surprise)}{''.join(blocks)}</div>"

    def _repr_html_(self) -> str:
        return self.html()

    def text(self, *, color: bool = True) -> str:
        """Return the sequences as text for a terminal.

        Parameters
        ----------
        color : bool, default=True
            Whether to show surprise as a background colour, with ANSI escape sequences. False puts
            a line of digits below each line.

        Returns
        -------
        text : str
            Line breaks are marked, and control characters are replaced by visible ones. The most
            surprising symbols of each sequence follow, with those that were expected instead.
        """
        render = colour_text if color else mark_text
        blocks = (
            f"{caption}\n{render(steps, self.max_surprise, self.separator)}"
            f"{most_surprising(steps, self._expected_at(i))}"
            for i, (caption, steps) in enumerate(self._documents())
        )
        return "\n\n".join([legend_text(self.max_surprise, color=color), *blocks])

    def __repr__(self) -> str:
        """Return the text with digits below the symbols."""
        return self.text(color=False)

    def _expected_at(self, i: int) -> Sequence[Choices]:
        """Return the most probable symbols at each step of a sequence, none if not known."""
        return [] if self.expected is None else self.expected[i]

    def _documents(self) -> list[tuple[str, list[tuple[str, float]]]]:
        """Return a caption per sequence, and its symbols with their surprise, the end included."""
        documents = []
        perplexities = self.perplexities
        for i, (symbols, steps) in enumerate(zip(self.symbols, self.log_likelihoods, strict=True)):
            shown = [*map(str, symbols), END][: len(steps)]
            surprises = (0.0 - np.asarray(steps, dtype=np.float64)).tolist()  # never -0.0
            caption = f"Sequence {i}: {len(steps)} steps, perplexity {perplexities[i]:.3g}"
            documents.append((caption, list(zip(shown, surprises, strict=True))))
        return documents


def expected_symbols(
    reading: NetworkReading, n_expected: int, analyzer: object
) -> list[list[Choices]]:
    """Return the most probable symbols at each step of each sequence, with their probabilities."""
    codec: Any = reading.blueprint.codec
    names = [*map(str, codec.vocabulary.symbols), END]
    if is_tokenizer(analyzer):
        names = [*(str(analyzer.decode([token])) for token in codec.vocabulary.symbols), END]
    steps: list[Choices] = []
    for outputs in reading.outputs_of_steps(_ROWS):
        probabilities = codec.probabilities(outputs)
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :n_expected]
        found = np.take_along_axis(probabilities, best, axis=1).tolist()
        steps += [
            [(names[code], p) for code, p in zip(codes, row, strict=True)]
            for codes, row in zip(best.tolist(), found, strict=True)
        ]
    offsets = offsets_of(reading.prepared.lengths).tolist()
    return [steps[start:stop] for start, stop in pairwise(offsets)]


def check_generator(estimator: object, display: str, *, symbols: bool) -> None:
    """Raise if the estimator is not a generator fitted on symbols, or on numbers."""
    if not isinstance(estimator, SequenceGenerator):
        raise TypeError(
            f"{display} needs a fitted SequenceGenerator; got {type(estimator).__name__}. From a "
            "search, pass best_estimator_; from a pipeline, its last step."
        )
    check_is_fitted(estimator)
    if not hasattr(estimator, "generate" if symbols else "forecast"):
        kinds = {True: "symbols (texts or tokens)", False: "numbers"}
        raise ValueError(
            f"{display} is for {kinds[symbols]}; this SequenceGenerator was fitted on "
            f"{kinds[not symbols]}. Fit one on {kinds[symbols]}, or use score_steps."
        )


def read_symbols(X: object, estimator: BaseRNN) -> tuple[list[list[object]], str]:
    """Return the symbols of each sequence as the estimator reads them, and the text between two.

    The symbols of a text joined are the text, unless a callable made them: it may drop characters.
    """
    analyzer = estimator.get_params()["analyzer"]
    may_be_texts = estimator.input_kind_ == "text"
    reading = Reading(integers_are_symbols=True, analyzer=analyzer, may_be_texts=may_be_texts)
    raw = read_input(X, reading)
    values, offsets = raw.sequences.values, raw.sequences.offsets
    assert values is not None
    flat = values.ravel().tolist()
    rows = [flat[start:stop] for start, stop in pairwise(offsets.tolist())]
    if raw.is_text and is_tokenizer(analyzer):
        return [_decoded(row, analyzer) for row in rows], ""
    return rows, "" if raw.is_text and isinstance(analyzer, str) else " "


def _decoded(ids: list[int], tokenizer: Tokenizer) -> list[object]:
    """Return the text that each id adds; the last one includes the text held back until the end."""
    if not ids:
        return []
    *pieces, last, rest = decode_incrementally(tokenizer, ids)
    return [*pieces, last + rest]
