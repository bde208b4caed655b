"""Prediction of the next symbol: the generator's task if X holds symbols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral

from sksequence._batching import Sequences
from sksequence._blueprint import Blueprint
from sksequence._input import InputForm
from sksequence._language import Labels, LanguageModel, SymbolCodec, with_labels
from sksequence._series import SeriesCodec
from sksequence._settings import Settings
from sksequence._tasks._defaults import automatic_generator_size, resolve_embedding_dim
from sksequence._tasks._next_step import NextStepTask
from sksequence._tasks._task import Attributes, Targets, TrainingData


@dataclass(frozen=True)
class SymbolTask(NextStepTask[SymbolCodec]):
    """Prediction of the next symbol.

    Attributes
    ----------
    conditional : bool
        Whether y holds one label per sequence.
    known_columns : int, str, sequence of int or str, or None
        Must be None: symbols have no known covariates.
    residual, scale : str, int, bool or None
        Must be "auto", or None and False: symbols have no differences and no units.
    """

    conditional: bool = False
    known_columns: int | str | Sequence[int | str] | None = None
    residual: str | int | Sequence[int] | None = "auto"
    scale: str | bool = "auto"

    def read(
        self, y: object, sequences: Sequences, form: InputForm, known: Blueprint[SymbolCodec] | None
    ) -> tuple[Sequences, Targets[SymbolCodec]]:
        """Shift sequences by one step, add their labels if any, and cut long ones into streams."""
        self._check(y, form, known)
        codec = self._learn_codec(y, sequences, form) if known is None else known.codec
        inputs, targets = codec.shift(sequences)
        if codec.labels is not None:
            inputs = with_labels(inputs, codec.labels.codes(y, len(sequences)))
        inputs, sources = self.streams(inputs)
        known_targets = codec.known(targets)
        return inputs, Targets(codec, targets, known_targets, "ragged", sources=sources)

    def _check(self, y: object, form: InputForm, known: Blueprint[SymbolCodec] | None) -> None:
        self._check_no_effect(form)
        if known is not None and (known.codec.labels is not None) != self.conditional:
            raise ValueError(
                f"conditional is now {self.conditional}, but the network to continue was built "
                f"with {not self.conditional}. Set it back, or fit a new estimator."
            )
        if self.conditional and y is None:
            raise ValueError(
                f"{form.estimator_name} with conditional=True requires y to be passed, but the "
                "target y is None. Pass one label per sequence, or set conditional=False."
            )

    def _check_no_effect(self, form: InputForm) -> None:
        """Raise a ValueError for a parameter that only numbers have."""
        is_integer = all(isinstance(symbol, Integral) for symbol in form.vocabularies[0].symbols)
        advice = ""
        if is_integer and not form.is_text:
            advice = (
                " Integers are symbols: pass numbers as floats, such as "
                "[np.asarray(x, dtype=float) for x in X]."
            )
        if self.known_columns is not None:
            raise ValueError(
                f"known_columns={self.known_columns!r} names features of numbers, but X holds "
                f"symbols. Set known_columns=None.{advice}"
            )
        for name, value in (("residual", self.residual), ("scale", self.scale)):
            if value not in ("auto", None, False):
                raise ValueError(
                    f"{name}={value!r} has no effect on symbols, which are no numbers. Set "
                    f"{name}='auto'.{advice}"
                )
        if self.loss in SeriesCodec.losses:
            raise ValueError(
                f"loss={self.loss!r} is not available for symbols, only for numbers. Set "
                f"loss='auto'.{advice}"
            )

    def _learn_codec(self, y: object, sequences: Sequences, form: InputForm) -> SymbolCodec:
        self.chosen_loss(SymbolCodec.losses, "symbols")
        if len(form.vocabularies) > 1:
            raise ValueError(
                f"Each step of X has {len(form.vocabularies)} symbols; a generator of symbols "
                "learns one symbol per step. Join the columns into one symbol."
            )
        return SymbolCodec(
            form.vocabularies[0],
            has_ends=len(sequences) > 1,  # the end of a single text is arbitrary
            typical_steps=int(sequences.lengths.max()),
            n_steps=int(sequences.offsets[-1]),
            labels=Labels.learn(y) if self.conditional else None,
        )

    def settle(self, data: TrainingData[SymbolCodec], settings: Settings) -> Blueprint[SymbolCodec]:
        """Resolve every "auto"."""
        codec, network = data.targets.codec, settings.network
        hidden_size, dropout = network.hidden_size, network.dropout
        if hidden_size == "auto":
            hidden_size = automatic_generator_size(codec.n_steps)
        spec = replace(
            network,
            hidden_size=hidden_size,
            dropout=0.0 if dropout == "auto" else dropout,
            embedding_dim=resolve_embedding_dim(network.embedding_dim, (codec.n_codes,)),
        ).spec(
            n_features=0,
            n_symbols=(codec.n_codes, *codec.label_sizes),
            n_outputs=codec.n_outputs,
            tied_codes=codec.output_codes if network.tie_weights else (),
        )
        loss = self.chosen_loss(SymbolCodec.losses, "symbols")
        return self.blueprint(data, settings, None, spec, loss)

    def report(self, blueprint: Blueprint[SymbolCodec]) -> Attributes:
        """Return the kind of model, and the labels if any."""
        attributes, labels = super().report(blueprint), blueprint.codec.labels
        attributes["_model_type"] = LanguageModel
        if labels is None:
            return attributes
        return attributes | {
            "classes_": labels.classes,
            "class_log_prior_": labels.log_frequencies,
        }
