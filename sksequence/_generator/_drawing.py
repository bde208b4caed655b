"""What a fitted generator writes: continuations of prompts, the likeliest next symbols, and samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sksequence._batching import PreparedSequences, Sequences
from sksequence._decoding import Beams, Choice, Drawer, Ends
from sksequence._generator._forecasting import Forecasting
from sksequence._generator._kind import models_symbols
from sksequence._generator._labels import Labelling
from sksequence._net import continuations, draw_from, last_outputs, likeliest_continuations
from sksequence._random import draw_seed, numpy_generator
from sksequence._targets import ConditionalCodec, SymbolCodec, with_labels
from sksequence._validation import (
    check_beams,
    check_choice,
    check_count,
    check_steps,
    continued,
    prompt_sequences,
    split_prompts,
    stop_finder,
    stop_outputs,
    teller,
)


class Drawing(Forecasting, Labelling):
    """The methods of `SequenceGenerator` that write."""

    @available_if(models_symbols)
    def generate(
        self,
        prompt: Any = None,
        *,
        max_steps: int = 100,
        n_samples: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical_p: float | None = None,
        repetition_penalty: float | None = None,
        no_repeat_ngram_size: int | None = None,
        num_beams: int | None = None,
        length_penalty: float = 0.0,
        stop: Any = None,
        label: Any = None,
        random_state: Any = None,
    ) -> Any:
        """Continue a prompt, or several, symbol by symbol.

        Parameters
        ----------
        prompt : str or list of tokens, or a list of these, default=None
            What to continue: it comes back unaltered at the front. None, like an empty one, begins a new sequence.
            Symbols that `fit` never saw are read as unknown; they are never written. Several texts may be an array.
        max_steps : int, default=100
            The most symbols to add.
        n_samples : int, default=None
            How many continuations of each prompt, as a list. None gives one and returns it as such.
        temperature : float, default=1.0
            Divides the logits: below 1 is more careful, above 1 bolder.
        top_k : int, default=None
            Draw among the k likeliest symbols only; 1 always takes the likeliest one.
        top_p : float, default=None
            Draw among the fewest symbols that together have this probability, 0.9 say [1]_.
        min_p : float, default=None
            Draw among symbols with at least this share of the likeliest one's probability, 0.05 say [2]_.
        typical_p : float, default=None
            Draw among the fewest symbols that together have this probability, those first whose surprise is nearest
            to the expected one [3]_.
        repetition_penalty : float, default=None
            Divides the positive logits, and multiplies the negative ones, of symbols that have occurred, prompt
            included; 1.2 is common [4]_.
        no_repeat_ngram_size : int, default=None
            Never write a run of so many symbols twice, prompt included [5]_. A sequence ends where nothing else is
            left.
        num_beams : int, default=None
            Search for the likeliest continuations instead of drawing them, with so many prefixes kept; several samples
            are the best ones found, best first. It needs `temperature` and all rules for drawing at their defaults.
        length_penalty : float, default=0.0
            In a search, the exponent by which longer continuations gain [6]_; 0 looks for the likeliest.
        stop : str, token, or list of them, default=None
            End after the first of these that is generated, kept at the end. Where the analyzer is "word" or a tokenizer,
            they are looked for in the text: one may begin or end within a word.
        label : label of `classes_`, default=None
            What kind of sequence to write. It must be given if `conditional`, and only then.
        random_state : int, RandomState instance or None, default=None
            Makes the draws repeatable. Each sample of each prompt has a stream of random numbers of its own: a prompt is
            continued alike in any company, and the first samples are the same however many are drawn. A prompt that
            comes twice is continued in two ways.

        Returns
        -------
        str or list of tokens, or a list of `n_samples` of them
            Prompt and continuation. For a list of prompts, a list with one of these for each.

        Raises
        ------
        ValueError
            If an argument is out of its range, a search is to draw, a stop can never be generated, or the label is
            unknown, missing or out of place.
        TypeError
            If a prompt is of another kind than the sequences of `fit`.

        References
        ----------
        .. [1] Holtzman et al. (2020), The Curious Case of Neural Text Degeneration, ICLR.
        .. [2] Nguyen et al. (2024), Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs,
           arXiv:2407.01082.
        .. [3] Meister et al. (2023), Locally Typical Sampling, TACL 11.
        .. [4] Keskar et al. (2019), CTRL: A Conditional Transformer Language Model for Controllable Generation,
           arXiv:1909.05858.
        .. [5] Paulus, Xiong & Socher (2018), A Deep Reinforced Model for Abstractive Summarization, ICLR.
        .. [6] Wu et al. (2016), Google's Neural Machine Translation System, arXiv:1609.08144.
        """
        choice = Choice(
            temperature, top_k, top_p, min_p, typical_p, repetition_penalty, no_repeat_ngram_size
        )
        check_is_fitted(self, "net_")
        check_steps(max_steps, n_samples)
        check_choice(choice)
        check_beams(num_beams, length_penalty, n_samples, choice)
        prompts, several = split_prompts(prompt, self._model.form)
        code = self._label_code(label)
        asked = (*self._read_prompts(prompts, code), choice, self._ends(max_steps, stop))
        n_wanted, n_drawn = int(n_samples or 1), self._model.codec.n_drawn
        with self._model.threads():
            if num_beams is None:
                seed = draw_seed(random_state)
                rows = continuations(
                    self.net_,
                    *asked,
                    n_drawn=n_drawn,
                    n_samples=n_wanted,
                    seed=seed,
                    label=code,
                )
            else:
                beams = Beams(int(num_beams), float(length_penalty))
                rows = likeliest_continuations(
                    self.net_, *asked, beams, n_drawn=n_drawn, label=code
                )
        texts = [
            self._continued(begun, found[:n_wanted], stop)
            for begun, found in zip(prompts, rows, strict=True)
        ]
        results = [found[0] if n_samples is None else found for found in texts]
        return results if several else results[0]

    @available_if(models_symbols)
    def stream(
        self,
        prompt: Any = None,
        *,
        max_steps: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical_p: float | None = None,
        repetition_penalty: float | None = None,
        no_repeat_ngram_size: int | None = None,
        stop: Any = None,
        label: Any = None,
        random_state: Any = None,
    ) -> Iterator[Any]:
        """Continue one prompt and yield each symbol, or the text that a tokenizer's ids add, as soon as it is drawn.

        Parameters
        ----------
        prompt, max_steps, temperature, top_k, top_p, min_p, typical_p, repetition_penalty, no_repeat_ngram_size
            As for `generate`.
        stop, label
            As for `generate`.
        random_state : int, RandomState instance or None, default=None
            Makes the draws repeatable: they are those of `generate`.

        Yields
        ------
        str or token
            The next symbol, or its part up to a stop; the prompt is not repeated. Of a tokenizer's ids, one or several,
            what they add to the text, in whole characters: joined it is what `generate` adds.

        Raises
        ------
        ValueError, TypeError
            As `generate`, and for several prompts; before the first symbol is asked for.
        """
        choice = Choice(
            temperature, top_k, top_p, min_p, typical_p, repetition_penalty, no_repeat_ngram_size
        )
        check_is_fitted(self, "net_")
        check_steps(max_steps, None)
        check_choice(choice)
        code = self._label_code(label)
        context, codes = self._read_prompts([prompt], code)
        ends, seed = self._ends(max_steps, stop), draw_seed(random_state)
        with self._model.threads():
            drawer = draw_from(
                self.net_,
                context,
                codes,
                choice,
                ends,
                n_drawn=self._model.codec.n_drawn,
                n_samples=1,
                seed=seed,
                label=code,
            )
        return teller(prompt, self._model.form, stop)(self._drawn_one_by_one(drawer))

    def _drawn_one_by_one(self, drawer: Drawer) -> Iterator[Any]:
        codes = drawer.one_by_one()
        while True:
            # between two symbols the caller has its own number of threads
            with self._model.threads():
                code = next(codes, None)
            if code is None:
                return
            yield self._model.codec.symbols([code])[0]

    @available_if(models_symbols)
    def top_choices(self, prompt: Any = None, k: int = 5, *, label: Any = None) -> Any:
        """Return the likeliest symbols after a prompt, with their probabilities.

        Parameters
        ----------
        prompt : str or list of tokens, or a list of these, default=None
            As for `generate`.
        k : int, default=5
            How many; fewer come where there are no more.
        label : label of `classes_`, default=None
            As for `generate`.

        Returns
        -------
        list of (symbol, float), or a list of these
            Likeliest first. The symbol None stands for the end of the sequence, where ends are learnt; a tokenizer's ids
            come as what they would add to the text. For a list of prompts, a list with one of these for each.

        Raises
        ------
        ValueError, TypeError
            If k is no count, the prompt of another kind than the sequences of `fit`, or the label as for `generate`.
        """
        check_is_fitted(self, "net_")
        check_count("k", k)
        prompts, several = split_prompts(prompt, self._model.form)
        codec = self._model.codec
        context, _ = self._read_prompts(prompts, self._label_code(label))
        with self._model.threads():
            outputs = last_outputs(self.net_, context)
        choices = []
        for begun, p in zip(prompts, codec.probabilities(outputs), strict=True):
            tell = teller(begun, self._model.form)
            likeliest = np.argsort(-p, kind="stable")[: int(k)].tolist()
            names = [
                None if code == codec.end else next(tell(codec.symbols([code])), "")
                for code in likeliest
            ]
            choices.append(list(zip(names, p[likeliest].tolist(), strict=True)))
        return choices if several else choices[0]

    def _read_prompts(
        self, prompts: list[Any], label: int | None = None
    ) -> tuple[PreparedSequences, list[list[int]]]:
        """Return prompts as the network reads them, and as outputs; unknown symbols are below 0 there."""
        sequences, outputs = prompt_sequences(prompts, self._model.form, self)
        context = self._model.codec.context(sequences)
        if label is not None:
            context = with_labels(context, label)
        return self._model.prepare(context), outputs

    def _ends(self, max_steps: int, stop: Any) -> Ends:
        form = self._model.form
        marks = stop_outputs(stop, form), stop_finder(stop, form)
        return Ends(int(max_steps), self._model.codec.end, *marks)

    def _continued(self, prompt: Any, rows: list[list[int]], stop: Any) -> list[Any]:
        form, codec = self._model.form, self._model.codec
        tell = teller(prompt, form, stop)
        return [continued(prompt, tell(codec.symbols(codes)), form) for codes in rows]

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Any:
        """Draw whole sequences from the learnt distribution; if `conditional`, each after a label of its own.

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
        check_count("n_samples", n_samples)
        codec = self._model.codec
        if isinstance(codec, ConditionalCodec):
            return self._sample_by_label(codec, int(n_samples), draw_seed(random_state))
        if isinstance(codec, SymbolCodec):
            return self.generate(
                max_steps=codec.typical_steps, n_samples=n_samples, random_state=random_state
            )
        n_steps = codec.typical_steps
        if len(codec.known_columns):
            raise ValueError(
                f"sample draws series without knowing known_columns={self.known_columns!r}; use forecast with "
                "future=... to go on from a series."
            )
        known = np.empty((1, n_steps, 0))
        nothing = Sequences(np.empty((0, codec.n_features)), [0, 0])
        return self._paths(nothing, known, n_steps, int(n_samples), random_state)[0]

    def _sample_by_label(self, codec: ConditionalCodec, n_samples: int, seed: int) -> list[Any]:
        """Draw labels by their frequencies, and a sequence for each."""
        shares = np.exp(codec.log_frequencies)
        drawn = numpy_generator(seed, "label").choice(codec.n_labels, n_samples, p=shares)
        seeds = numpy_generator(seed, "sample").integers(2**31, size=codec.n_labels).tolist()
        found: list[Any] = [None] * n_samples
        for i in np.unique(drawn).tolist():
            rows = np.flatnonzero(drawn == i).tolist()
            texts = self.generate(
                max_steps=codec.typical_steps,
                n_samples=len(rows),
                label=codec.classes[i],
                random_state=seeds[i],
            )
            for row, text in zip(rows, texts, strict=True):
                found[row] = text
        return found
