"""Targets and sizes of an estimator that learns what comes next: the target is X, one step later."""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._base._automatic import (
    automatic_batch_size,
    automatic_generator_size,
    automatic_max_epochs,
    automatic_series_dropout,
    automatic_series_epochs,
    automatic_series_size,
)
from sksequence._base._fitting import Task
from sksequence._base._model import Model
from sksequence._base._rows import TargetRows
from sksequence._base._supervised import embedding_width, learn_scaler
from sksequence._batching import Frames, Scaler, Sequences, offsets_of
from sksequence._losses import OUTPUTS_PER_VALUE
from sksequence._modules import NetworkSpec, build_network
from sksequence._targets import (
    ConditionalCodec,
    Reference,
    SeriesCodec,
    SymbolCodec,
    automatic_lag,
    automatic_own_scale,
    positions,
    with_labels,
)
from sksequence._validation import InputForm

# A stream is at least this many truncation lengths long: a state that is cut off at once is not carried
_CHUNKS_IN_A_STREAM = 8

# what can be asked for symbols alone, and what it would do
_FOR_SYMBOLS = {
    "conditional": "gives symbols a label",
    "tie_weights": "lets the output layer share the vectors of symbols",
}


def read_unsupervised(
    estimator: Any, y: Any, sequences: Sequences, form: InputForm, known: Model | None
) -> tuple[Sequences, TargetRows]:
    """Shift sequences by one step, beside their labels if there are any, and cut long ones into parallel streams."""
    _check_kind(estimator, form)
    _check_labels(estimator, y, known)
    codec: Any = _new_codec(estimator, sequences, form) if known is None else known.codec
    if estimator.conditional and known is None:
        codec = ConditionalCodec(codec, y)
    inputs, targets = codec.shift(sequences)
    if estimator.conditional:
        inputs = with_labels(inputs, codec.label_codes(y, len(sequences)))
    n_whole = len(inputs)
    if estimator.tbptt_steps is not None:
        inputs = _cut_into_streams(
            inputs, _batch_size(estimator, inputs), int(estimator.tbptt_steps)
        )
    is_whole = len(inputs) == n_whole
    return inputs, TargetRows(codec, targets, codec.known(targets), "ragged", may_overlap=is_whole)


def _check_kind(estimator: Any, form: InputForm) -> None:
    for name, effect in _FOR_SYMBOLS.items():
        if getattr(estimator, name) and not form.vocabularies:
            raise ValueError(
                f"{name}=True {effect}, and X holds numbers. Set {name}=False, or pass texts, tokens or integers."
            )
    if estimator.known_columns is not None and form.vocabularies:
        raise ValueError(
            f"known_columns={estimator.known_columns!r} names features of numbers, and X holds symbols. Integers are "
            "symbols: pass numbers as floats, X.astype(float) say, or set known_columns=None."
        )


def _check_labels(estimator: Any, y: Any, known: Model | None) -> None:
    if known is not None and isinstance(known.codec, ConditionalCodec) != estimator.conditional:
        raise ValueError(
            f"conditional is now {estimator.conditional}, but the network to go on with was built with "
            f"{not estimator.conditional}. Set it back, or begin with a new estimator."
        )
    if estimator.conditional and y is None:
        raise ValueError(
            f"{type(estimator).__name__} with conditional=True requires y to be passed, but the target y is None. "
            "Pass one label for each sequence, or set conditional=False."
        )


def _new_codec(estimator: Any, sequences: Sequences, form: InputForm) -> SymbolCodec | SeriesCodec:
    loss = _loss(estimator, form)
    if not form.vocabularies:
        return _series_codec(estimator, sequences, OUTPUTS_PER_VALUE[loss])
    if len(form.vocabularies) > 1:
        raise ValueError(
            f"each step of X has {len(form.vocabularies)} symbols; a generator of symbols learns one symbol a step. "
            "Join the columns into one symbol."
        )
    # one text alone has no end that could be learnt
    has_ends = len(sequences) > 1
    longest = int(sequences.lengths.max())
    return SymbolCodec(
        form.vocabularies[0],
        has_ends=has_ends,
        typical_steps=longest,
        n_steps=int(sequences.offsets[-1]),
    )


def _series_codec(estimator: Any, sequences: Sequences, outputs_per_value: int) -> SeriesCodec:
    assert sequences.values is not None
    targets, known = _columns(estimator.known_columns, sequences.values.shape[1])
    values = np.asarray(sequences.values, dtype=np.float64)[:, targets]
    lag = _lag(estimator.residual, sequences, values)
    own_scale = estimator.scale == "sequence"
    if estimator.scale == "auto":
        own_scale = automatic_own_scale(sequences, values, lag)
    reference = Reference.learn(sequences, values, lag, own_scale=own_scale)
    typical = int(np.median(sequences.lengths))
    return SeriesCodec(reference, targets, known, outputs_per_value, typical)


def _lag(residual: Any, sequences: Sequences, values: Any) -> int | None:
    if residual == "auto":
        return automatic_lag(sequences, values)
    return {"last": 1, None: None}.get(residual, residual)


def _columns(known_columns: Any, width: int) -> tuple[Any, Any]:
    """Return the features to learn, and those known beforehand."""
    everything = np.arange(width)
    if known_columns is None:
        return everything, everything[:0]
    named = positions("known_columns", known_columns)
    if not all(-width <= i < width for i in named):
        raise ValueError(
            f"known_columns names a feature that is not there: X has {width}, counted from 0, and known_columns is "
            f"{known_columns!r}. Choose from those."
        )
    known = everything[list(named)]
    targets = np.setdiff1d(everything, known)
    if not len(targets):
        raise ValueError(
            f"known_columns={known_columns!r} names all {width} features of X: nothing is left to learn. Leave out those "
            "that are not known beforehand."
        )
    return targets, known


def _loss(estimator: Any, form: InputForm) -> str:
    losses = SymbolCodec.losses if form.vocabularies else SeriesCodec.losses
    if estimator.loss == "auto":
        return losses[0]
    if estimator.loss not in losses:
        kind = "symbols" if form.vocabularies else "numbers"
        raise ValueError(
            f"loss={estimator.loss!r} does not go with {kind}; choose from {list(losses)}, or 'auto'."
        )
    return str(estimator._network_loss)


def _batch_size(estimator: Any, inputs: Sequences) -> int:
    """Choose as for that many sequences; long ones count once for every 256 steps."""
    if estimator.batch_size != "auto":
        return int(estimator.batch_size)
    return automatic_batch_size(max(len(inputs), int(inputs.offsets[-1]) // 256))


def _cut_into_streams(inputs: Sequences, batch_size: int, tbptt_steps: int) -> Sequences:
    """Cut long sequences into pieces, so that a batch of them is read in parallel, each with its own state."""
    n_steps = int(inputs.offsets[-1])
    longest = max(_CHUNKS_IN_A_STREAM * tbptt_steps, -(-n_steps // batch_size))
    lengths = inputs.lengths
    n_pieces = -(-lengths // longest)
    if n_pieces.max() == 1:
        return inputs
    pieces = [
        np.diff(np.linspace(0, length, n + 1).astype(np.int64))
        for length, n in zip(lengths.tolist(), n_pieces.tolist(), strict=True)
    ]
    return Sequences(inputs.values, offsets_of(np.concatenate(pieces)), inputs.codes)


def generator_model(estimator: Any, task: Task) -> Model:
    """Learn the scale of numbers from the training rows and choose every size that is "auto"."""
    codec = task.targets.codec
    scaler = None
    if isinstance(codec, SeriesCodec):
        scaler = _scaler(estimator, codec, task)
    batch_size, max_epochs = generator_sizes(estimator, task.sequences)
    spec = _spec(estimator, codec, n_steps=int(task.sequences.offsets[-1]))
    _check_steps(spec)
    return Model(
        form=task.form,
        scaler=scaler,
        frames=Frames(),
        codec=codec,
        container=task.targets.container,
        spec=spec,
        loss=_loss(estimator, task.form),
        seed=task.seed,
        batch_size=batch_size,
        max_epochs=max_epochs,
    )


def _check_steps(spec: NetworkSpec) -> None:
    """Refuse a user's cell that cannot go on from a state before it is trained: nothing could be asked of it."""
    if callable(spec.cell) and not build_network(spec, seed=0).can_step:
        raise ValueError(
            f"a generator goes on step by step, and the cell {spec.cell!r} has no method step(x, state) that returns "
            "an output and the next state. Add one, or choose a cell by name; torch's own layers have none."
        )


def generator_sizes(estimator: Any, inputs: Sequences) -> tuple[int, int]:
    """Return the batch size and the number of epochs.

    Optimizer steps are what counts: one a batch, or one a chunk where sequences are long.
    """
    batch_size, max_epochs = _batch_size(estimator, inputs), estimator.max_epochs
    if max_epochs == "auto":
        rule = automatic_max_epochs if inputs.values is None else automatic_series_epochs
        n_steps = int(inputs.offsets[-1])
        n_chunks = n_steps // (estimator.tbptt_steps or n_steps)
        max_epochs = rule(max(len(inputs), n_chunks), batch_size)
    return batch_size, int(max_epochs)


def _scaler(estimator: Any, codec: SeriesCodec, task: Task) -> Scaler:
    """Scale relative targets, and inputs but for the marks of the beginning, which stay 0 or 1."""
    rows = task.plan.training
    kind = "global" if estimator.scale else False
    values = Sequences(codec.relative(task.targets.parsed), task.sequences.offsets)
    of_targets, scaler = (
        learn_scaler(kind, sequences, rows) for sequences in (values, task.sequences)
    )
    assert of_targets is not None
    assert scaler is not None
    codec.fit(of_targets.mean, of_targets.deviation)
    marks = slice(codec.n_inputs - codec.reference.n_marks, None)
    scaler.mean[marks], scaler.deviation[marks] = 0.0, 1.0
    return scaler


def _spec(estimator: Any, codec: SymbolCodec | SeriesCodec, n_steps: int) -> NetworkSpec:
    n_symbols = (codec.n_codes,) if isinstance(codec, SymbolCodec) else ()
    if isinstance(codec, SymbolCodec):
        size, share = automatic_generator_size(codec.n_steps), 0.0
    else:
        n_numbers = n_steps * codec.n_features
        size, share = automatic_series_size(n_numbers), automatic_series_dropout(n_numbers)
    hidden_size = size if estimator.hidden_size == "auto" else estimator.hidden_size
    dropout = share if estimator.dropout == "auto" else estimator.dropout
    n_labels = (codec.n_labels + 1,) if isinstance(codec, ConditionalCodec) else ()
    is_tied = estimator.tie_weights
    tied_codes = codec.output_codes if is_tied and isinstance(codec, SymbolCodec) else ()
    return NetworkSpec(
        n_features=codec.n_inputs if isinstance(codec, SeriesCodec) else 0,
        n_symbols=n_symbols + n_labels,
        n_outputs=codec.n_outputs,
        cell=estimator.cell,
        hidden_size=hidden_size,
        num_layers=estimator.num_layers,
        bidirectional=False,
        merge_mode="concat",
        activation=estimator.activation,
        context_size=estimator.context_size,
        pooling=None,
        dropout=dropout,
        recurrent_dropout=estimator.recurrent_dropout,
        chrono_steps=estimator.chrono_steps,
        embedding_dim=embedding_width(estimator, n_symbols),
        n_estimators=estimator.n_estimators,
        tied_codes=tied_codes,
    )
