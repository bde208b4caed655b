"""Fitted model of sequences of symbols: likelihoods, label probabilities and generation.

Outputs and symbols are numbered as in `SymbolCodec`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching import PreparedSequences, Sequences, offsets_of
from sksequence._blueprint import Blueprint
from sksequence._language._beam_search import Beams, search_beams
from sksequence._language._prompts import (
    first_outputs,
    join_to_prompt,
    output_formatter,
    prompt_sequences,
    restricted,
    split_prompts,
    stop_finder,
    stop_outputs,
)
from sksequence._language._sampling import (
    Sampler,
    StoppingCriteria,
    UniformStreams,
    stream_names,
)
from sksequence._language._sampling_rules import (
    SamplingRules,
    check_beams,
    check_rules,
    check_samples,
    check_steps,
)
from sksequence._language._steppers import JointStepper, Stepper, make_stepper
from sksequence._language._symbol_codec import Labels, SymbolCodec, with_labels
from sksequence._modules import State, select_rows
from sksequence._net import (
    SequenceNet,
    last_features,
    last_outputs,
    read_together,
    side_by_side,
    step_losses,
)
from sksequence._random import RandomState, draw_seed, numpy_generator
from sksequence._settings import check_count

Floats = NDArray[np.float64]
First = NDArray[np.bool_] | None
LastStep = Callable[[SequenceNet, PreparedSequences], NDArray[np.float32]]


class LanguageModel:
    """Fitted distribution of the next symbol given the previous ones and the label, if any.

    Parameters
    ----------
    net : SequenceNet
        Trained net.
    blueprint : Blueprint
        Everything learnt except for the weights.
    """

    def __init__(self, net: SequenceNet, blueprint: Blueprint[SymbolCodec]) -> None:
        self.net = net
        self.blueprint = blueprint
        self.codec = blueprint.codec

    # --- likelihoods -----------------------------------------------------------------------------

    @property
    def may_be_empty(self) -> bool:
        """Whether a sequence without steps has a likelihood, which is that of its end."""
        return self.codec.has_ends

    def log_likelihoods(
        self, sequences: Sequences, y: object = None
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Return log-likelihoods of steps.

        Without y, the labels are summed out.

        Returns
        -------
        log_likelihoods : ndarray of shape (sum of n_steps,)
            Those of all steps of all sequences.
        n_steps : ndarray of shape (n_sequences,)
            Number of steps of each sequence, ends included.
        """
        inputs, targets = self.codec.shift(sequences)
        labels = self.codec.labels
        if labels is None:
            return self._step_likelihoods(inputs, targets), inputs.lengths
        if y is not None:
            codes = labels.codes(y, len(sequences))
            return self._step_likelihoods(with_labels(inputs, codes), targets), inputs.lengths
        totals = _log_sum(self._joint(labels, inputs, targets))
        before = np.roll(totals, 1)
        before[inputs.offsets[:-1]] = 0.0
        return totals - before, inputs.lengths

    def _step_likelihoods(self, inputs: Sequences, targets: NDArray[np.int64]) -> Floats:
        blueprint = self.blueprint
        with blueprint.threads():
            encoded = self.codec.encode(targets)
            losses = step_losses(self.net, blueprint.prepare(inputs), encoded, blueprint.loss)
        return self.codec.log_likelihoods(losses, targets)

    def _joint(self, labels: Labels, inputs: Sequences, targets: NDArray[np.int64]) -> Floats:
        """Return the joint log-probability of each label and all symbols up to each step.

        Its shape is (n_labels, sum of n_steps).
        """
        joint = []
        for code, log_frequency in enumerate(labels.log_frequencies.tolist(), start=1):
            steps = self._step_likelihoods(with_labels(inputs, code), targets)
            joint.append(log_frequency + _cumulative_sums(steps, inputs.lengths))
        return np.stack(joint)

    # --- labels ----------------------------------------------------------------------------------

    def label_probabilities(self, sequences: Sequences) -> Floats:
        """Return the probability of each label by Bayes' rule, of shape (n_sequences, n_labels)."""
        assert self.codec.labels is not None
        return np.asarray(np.exp(self._log_posterior(self.codec.labels, sequences, n_open=0)).T)

    def _log_posterior(self, labels: Labels, sequences: Sequences, *, n_open: int) -> Floats:
        """Return log-probabilities (n_labels, n_sequences) given all but `n_open` last steps."""
        inputs, targets = self.codec.shift(sequences)
        joint = self._joint(labels, inputs, targets)[:, inputs.offsets[1:] - 1 - n_open]
        is_empty = inputs.lengths == n_open
        joint[:, is_empty] = labels.log_frequencies[:, None]
        return joint - _log_sum(joint)

    def _log_posterior_of_prefixes(self, labels: Labels, sequences: Sequences) -> Floats:
        """Return log-probabilities of labels given sequences that need not end at the last step."""
        return self._log_posterior(labels, sequences, n_open=int(self.codec.has_ends))

    def label_code(self, label: object) -> int | None:
        """Check and return the code of a label, None for a model without labels."""
        name, labels = self.blueprint.form.estimator_name, self.codec.labels
        if labels is None:
            if label is None:
                return None
            raise ValueError(
                f"label={label!r} was given, but this {name} was fitted without labels. Leave it "
                "out, or fit with conditional=True and y."
            )
        if label is None:
            raise ValueError(
                f"This {name} is conditional and needs the label of the sequence to generate: pass "
                f"label=, one of {labels.classes.tolist()}."
            )
        return labels.code(label)

    # --- the next symbol -------------------------------------------------------------------------

    def next(self, sequences: Sequences) -> NDArray[np.generic]:
        """Return the most probable next symbol of each sequence."""
        return self.codec.decode(self._next_outputs(sequences))

    def next_probabilities(self, sequences: Sequences) -> Floats:
        """Return the probability of each symbol to come next, of shape (n_sequences, n_symbols)."""
        return self.codec.probabilities(self._next_outputs(sequences))

    def features(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return hidden states after the last step, their mean weighted by label probabilities."""
        context, labels = self.codec.context(sequences), self.codec.labels
        if labels is None:
            return self._last(last_features, context)
        states = self._last_by_label(labels, last_features, context)
        posterior = np.exp(self._log_posterior_of_prefixes(labels, sequences))
        return np.asarray((states * posterior[:, :, None]).sum(axis=0), dtype=np.float32)

    def _next_outputs(self, sequences: Sequences) -> NDArray[np.floating]:
        """Return the outputs of the head after the last step, with labels summed out."""
        context, labels = self.codec.context(sequences), self.codec.labels
        if labels is None:
            return self._last(last_outputs, context)
        by_label = self._last_by_label(labels, last_outputs, context)
        logits = np.stack([self.codec.logits(outputs) for outputs in by_label])
        logs = logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)
        return _log_sum(logs + self._log_posterior_of_prefixes(labels, sequences)[:, :, None])

    def _last(self, function: LastStep, context: Sequences) -> NDArray[np.float32]:
        with self.blueprint.threads():
            return np.asarray(function(self.net, self.blueprint.prepare(context)))

    def _last_by_label(self, labels: Labels, function: LastStep, context: Sequences) -> Floats:
        """Return results given each label, of shape (n_labels, n_sequences, width)."""
        codes = range(1, len(labels) + 1)
        results = [self._last(function, with_labels(context, code)) for code in codes]
        return np.stack(results).astype(np.float64)

    # --- generation ------------------------------------------------------------------------------

    def generate(
        self,
        prompt: object,
        rules: SamplingRules,
        *,
        max_steps: int,
        n_samples: int | None,
        num_beams: int | None,
        length_penalty: float,
        stop: object,
        label: object,
        random_state: RandomState,
    ) -> object:
        """Return one continuation, or a list of `n_samples`, of each prompt."""
        check_steps(max_steps, n_samples)
        check_rules(rules)
        check_beams(num_beams, length_penalty, n_samples, rules)
        n = int(n_samples or 1)
        prompts, are_several = split_prompts(prompt, self.blueprint.form)
        code = self.label_code(label)
        read = self._read_prompts(prompts, code)
        criteria = self._criteria(max_steps, stop)
        with self.blueprint.threads():
            if num_beams is None:
                seed = draw_seed(random_state)
                drawn = self._sampler(*read, rules, criteria, n, seed, code).finish()
                rows = [drawn[i * n : (i + 1) * n] for i in range(len(prompts))]
            else:
                beams = Beams(int(num_beams), float(length_penalty))
                rows = self._search(*read, rules, criteria, beams, code)
        pairs = zip(prompts, rows, strict=True)
        results = [self._join_all(start, best[:n], stop) for start, best in pairs]
        continuations = [texts[0] if n_samples is None else texts for texts in results]
        return continuations if are_several else continuations[0]

    def _join_all(
        self, prompt: object, rows: Sequence[Sequence[int]], stop: object
    ) -> list[object]:
        """Return a prompt with each of its continuations, given as outputs."""
        form = self.blueprint.form
        formatted = output_formatter(prompt, form, stop)
        return [join_to_prompt(prompt, formatted(self.codec.symbols(row)), form) for row in rows]

    def stream(
        self,
        prompt: object,
        rules: SamplingRules,
        *,
        max_steps: int,
        stop: object,
        label: object,
        random_state: RandomState,
    ) -> Iterator[object]:
        """Return an iterator over the symbols that are added to one prompt."""
        check_steps(max_steps, None)
        check_rules(rules)
        code = self.label_code(label)
        read = self._read_prompts([prompt], code)
        criteria, seed = self._criteria(max_steps, stop), draw_seed(random_state)
        with self.blueprint.threads():
            sampler = self._sampler(*read, rules, criteria, 1, seed, code)
        return output_formatter(prompt, self.blueprint.form, stop)(self._one_by_one(sampler))

    def _one_by_one(self, sampler: Sampler) -> Iterator[object]:
        outputs = sampler.one_by_one()
        while True:
            # between two symbols, the number of threads is that of the caller
            with self.blueprint.threads():
                output = next(outputs, None)
            if output is None:
                return
            yield self.codec.symbols([output])[0]

    def top_choices(self, prompt: object, k: int, label: object) -> object:
        """Return the k most probable next symbols of each prompt, with their probabilities."""
        check_count("k", k)
        form, codec = self.blueprint.form, self.codec
        prompts, are_several = split_prompts(prompt, form)
        context, _, first = self._read_prompts(prompts, self.label_code(label))
        with self.blueprint.threads():
            outputs = last_outputs(self.net, context)
        probabilities = restricted(codec.probabilities(outputs), first)
        choices = []
        for start, p in zip(prompts, probabilities, strict=True):
            formatted = output_formatter(start, form)
            best = np.argsort(-p, kind="stable")[: int(k)].tolist()
            symbols = [
                None if i == codec.end else next(formatted(codec.symbols([i])), "") for i in best
            ]
            choices.append(list(zip(symbols, p[best].tolist(), strict=True)))
        return choices if are_several else choices[0]

    def sample(self, n_samples: int, random_state: RandomState) -> list[object]:
        """Return sampled sequences; labels, if there are any, are sampled by their frequencies."""
        check_samples(n_samples)
        n_samples, seed, labels = int(n_samples), draw_seed(random_state), self.codec.labels
        if labels is None:
            return self._sample(n_samples, None, seed)
        p = np.exp(labels.log_frequencies)
        drawn = numpy_generator(seed, "label").choice(len(labels), n_samples, p=p)
        seeds = numpy_generator(seed, "sample").integers(2**31, size=len(labels)).tolist()
        samples: list[object] = [None] * n_samples
        for i in np.unique(drawn).tolist():
            rows = np.flatnonzero(drawn == i).tolist()
            texts = self._sample(len(rows), i + 1, seeds[i])
            for row, text in zip(rows, texts, strict=True):
                samples[row] = text
        return samples

    def _sample(self, n_samples: int, label: int | None, seed: int) -> list[object]:
        """Return sampled sequences of one label code."""
        read = self._read_prompts([None], label)
        criteria = self._criteria(self.codec.typical_steps, None)
        with self.blueprint.threads():
            rows = self._sampler(*read, SamplingRules(), criteria, n_samples, seed, label).finish()
        return self._join_all(None, rows, None)

    def _read_prompts(
        self, prompts: list[object], label: int | None
    ) -> tuple[PreparedSequences, list[list[int]], First]:
        """Return prompts as the network reads them, as outputs, and what may come first."""
        form = self.blueprint.form
        sequences, outputs = prompt_sequences(prompts, form)
        context = self.codec.context(sequences)
        if label is not None:
            context = with_labels(context, label)
        return (
            self.blueprint.prepare(context),
            outputs,
            first_outputs(prompts, form, self.codec.n_drawn),
        )

    def _criteria(self, max_steps: int, stop: object) -> StoppingCriteria:
        form = self.blueprint.form
        marks = stop_outputs(stop, form), stop_finder(stop, form)
        return StoppingCriteria(int(max_steps), self.codec.end, *marks)

    def _sampler(
        self,
        context: PreparedSequences,
        prompts: Sequence[Sequence[int]],
        first: First,
        rules: SamplingRules,
        criteria: StoppingCriteria,
        n_samples: int,
        seed: int,
        label: int | None,
    ) -> Sampler:
        """Read the contexts and return a sampler of `n_samples` rows for each."""
        rows = np.repeat(np.arange(len(context)), n_samples)
        stepper = self._stepper(*read_together(self.net, context), label)
        stepper.select(rows)
        repeated = [prompts[row] for row in rows.tolist()] if rules.looks_back else []
        streams = UniformStreams(seed, stream_names(prompts, n_samples))
        allowed = None if first is None else first[rows]
        return Sampler(stepper, rules, streams, repeated, criteria, allowed)

    def _search(
        self,
        context: PreparedSequences,
        prompts: Sequence[Sequence[int]],
        first: First,
        rules: SamplingRules,
        criteria: StoppingCriteria,
        beams: Beams,
        label: int | None,
    ) -> list[list[list[int]]]:
        """Return the most probable continuations of each context, as outputs, best first."""
        outputs, state = read_together(self.net, context)
        continuations = []
        for i, prompt in enumerate(prompts):
            row = torch.tensor([i], device=outputs.device)
            stepper = self._stepper(outputs[row], select_rows(state, row), label)
            mask = None if first is None else first[i]
            continuations.append(search_beams(stepper, beams, rules, prompt, criteria, mask))
        return continuations

    def _stepper(self, outputs: Tensor, state: State, label: int | None) -> Stepper:
        """Return a stepper that starts from a state, without outputs that are never generated."""
        n_drawn = self.codec.n_drawn
        parts = side_by_side(self.net, outputs, state)
        if len(parts) == 1:
            return make_stepper(self.net.module_, outputs[:, :n_drawn], state, label)
        return JointStepper([make_stepper(*part, label) for part in parts], n_drawn)


def _cumulative_sums(steps: Floats, lengths: NDArray[np.int64]) -> Floats:
    """Return the cumulative sum within each sequence.

    Its bits do not depend on the other sequences, as those of differences of a single sum would.
    """
    return np.concatenate([np.cumsum(x) for x in np.split(steps, offsets_of(lengths)[1:-1])])


def _log_sum(joint: Floats) -> Floats:
    """Sum the labels out, in logarithms."""
    return np.asarray(np.logaddexp.reduce(joint, axis=0))
