"""Specification of the network of a supervised task, with every "auto" of the network resolved."""

from __future__ import annotations

from dataclasses import replace

from sksequence._batching import Frames, Scaler
from sksequence._blueprint import AnyCodec
from sksequence._cells import is_causal
from sksequence._input import InputForm
from sksequence._settings import NetworkSpec, Settings, StaticSpec
from sksequence._tasks._defaults import (
    automatic_bidirectional,
    automatic_cell,
    automatic_dropout,
    automatic_hidden_size,
    automatic_n_estimators,
    category_dims,
    n_step_features,
    resolve_embedding_dim,
    unknown_rate,
)
from sksequence._tasks._task import TrainingData


def network_spec(
    settings: Settings,
    data: TrainingData[AnyCodec],
    scaler: Scaler | None,
    frames: Frames,
    labelled_symbols: bool,
) -> NetworkSpec:
    network, per_step = settings.network, data.targets.per_step
    hidden_size, dropout = network.hidden_size, network.dropout
    cell, bidirectional = network.cell, network.bidirectional
    if cell == "auto":
        cell = automatic_cell(n_step_features(data.sequences), per_step=per_step)
    if hidden_size == "auto":
        hidden_size = automatic_hidden_size(per_step=per_step)
    if dropout == "auto":
        dropout = automatic_dropout(per_step=per_step, labelled_symbols=labelled_symbols)
    if bidirectional == "auto":
        tbptt_steps = settings.training.tbptt_steps
        bidirectional = is_causal(cell) and automatic_bidirectional(
            per_step=per_step, tbptt_steps=tbptt_steps
        )
    n_symbols = tuple(len(vocabulary) for vocabulary in data.form.vocabularies)
    is_mixed = scaler is not None and len(n_symbols) > 0
    n_features = 0
    if scaler is not None:
        n_numbers = data.form.n_step_features - data.form.has_times
        n_features = n_numbers * frames.length + scaler.n_extra
    return replace(
        network,
        cell=cell,
        hidden_size=hidden_size,
        dropout=dropout,
        n_estimators=_n_estimators(settings, data, labelled_symbols),
        bidirectional=bidirectional,
        pooling=None if per_step else network.pooling,
        embedding_dim=resolve_embedding_dim(network.embedding_dim, n_symbols),
    ).spec(
        n_features=n_features,
        n_symbols=n_symbols,
        n_outputs=data.targets.codec.n_outputs,
        embedding_dims=category_dims(network.embedding_dim, n_symbols) if is_mixed else None,
        frame_length=frames.length if is_mixed else 1,
        static=_static_spec(data.form, network.category_dim),
        unknown_rate=unknown_rate(float(dropout)) if labelled_symbols else 0.0,
        frame_step=frames.step,
        has_gaps=data.form.has_times,
    )


def _n_estimators(
    settings: Settings, data: TrainingData[AnyCodec], labelled_symbols: bool
) -> int | str:
    if settings.network.n_estimators != "auto":
        return settings.network.n_estimators
    # the first chunk of several says nothing about how many sequences there are
    is_whole = not settings.training.is_single_pass
    rows = data.split.training
    return automatic_n_estimators(len(rows), labelled_symbols=labelled_symbols and is_whole)


def _static_spec(form: InputForm, embedding_dim: int | None) -> StaticSpec | None:
    n_symbols = tuple(len(vocabulary) for vocabulary in form.static_vocabularies)
    if not n_symbols and not form.n_static_numbers:
        return None
    return StaticSpec(form.n_static_numbers, n_symbols, category_dims(embedding_dim, n_symbols))
