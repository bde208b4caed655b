"""The order of the steps: validate, encode, build, train, record. Knows neither labels nor time loops."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from sksequence._base._model import Model
from sksequence._base._parameters import SHARED
from sksequence._base._rows import RowPlan, TargetRows, check_weights, plan_rows
from sksequence._base._supervised import read_supervised, supervised_model
from sksequence._batching import SequenceDataset, Sequences
from sksequence._net import (
    NetPlan,
    SequenceNet,
    Stopping,
    TrainingRecord,
    net_arrays,
    network_features,
    network_outputs,
    new_net,
    restored_net,
    train,
)
from sksequence._random import draw_seed, numpy_generator
from sksequence._targets import restore_steps
from sksequence._threads import limited_threads
from sksequence._validation import InputForm, check_sequences, forget_unused, learn_form
from sksequence._version import __version__

Fitted = dict[str, Any]


class BaseRNN(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """What the three estimators share. A subclass says what y means.

    A fit works on local values only and assigns all fitted attributes in its last line: one that fails or is
    interrupted leaves the estimator as it was.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = SHARED
    _doc_link_module = "sksequence"

    # --- what a subclass adds or replaces -------------------------------------------------------------------------

    _numeric_targets = False

    def _learn_codec(self, y: Any) -> Any:
        """Return the codec for rows of targets."""
        raise NotImplementedError

    def _read_targets(
        self, y: Any, sequences: Sequences, form: InputForm, known: Model | None, codec: Any
    ) -> tuple[Sequences, TargetRows]:
        """Return the network's input and its targets, with the codec of `known` or the one given."""
        return sequences, read_supervised(self, y, sequences, known, codec)

    def _make_model(
        self,
        form: InputForm,
        sequences: Sequences,
        targets: TargetRows,
        rows: NDArray[np.int64],
        seed: int,
    ) -> Model:
        """Learn scales and sizes from the training rows."""
        return supervised_model(self, form, sequences, targets, rows, seed)

    def _target_weights(
        self, targets: TargetRows, plan: RowPlan, sequences: Sequences
    ) -> NDArray[np.float64]:
        """Return one weight a target row, 0 where there is no target."""
        weights = plan.weights
        if targets.container is not None:
            weights = np.repeat(weights, sequences.lengths)
        return np.where(targets.labelled, weights, 0.0)

    def _public_attributes(self, model: Model) -> Fitted:
        """Return the fitted attributes that only this kind of estimator has."""
        return {}

    # --- fitting --------------------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences, of different lengths if they come as a list.
        y : array-like
            Targets: one a sequence, or one a step.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence; integer weights equal repetition, bit for bit.

        Returns
        -------
        self : object
            Fitted.
        """
        return self._fit_and_set(X, y, sample_weight)

    def _fit_and_set(self, X: Any, y: Any, sample_weight: Any) -> Self:
        known = self._known_model() if self.warm_start else None
        self._set_fitted(self._fit(X, y, sample_weight, known))
        return self

    def _known_model(self) -> Model | None:
        return getattr(self, "_model", None)

    def _fit(self, X: Any, y: Any, sample_weight: Any, known: Model | None) -> Fitted:
        self._check_together()
        seed = draw_seed(self.random_state)
        form, sequences, targets, weights = self._read(X, y, sample_weight, known)
        plan = plan_rows(
            sequences,
            targets,
            weights,
            ordered=not self.shuffle,
            validation_fraction=self.validation_fraction if self.early_stopping else 0.0,
            validation_split=self.validation_split,
            seed=seed,
        )
        model = known or self._make_model(form, sequences, targets, plan.training, seed)
        net = new_net(self._net_plan(model)) if known is None else self._net_again(model)
        record = self._train(net, model, sequences, targets, plan, (X, y))
        net.end_training()
        return self._fitted(model, net, record)

    def _read(
        self, X: Any, y: Any, sample_weight: Any, known: Model | None, codec: Any = None
    ) -> tuple[InputForm, Sequences, TargetRows, NDArray[np.float64] | None]:
        """Check everything that came in; rows of weight zero are left out before anything is learnt."""
        if known is None:
            form, sequences = learn_form(
                X, integers_are_symbols=self._integers_are_symbols, analyzer=self.analyzer
            )
        else:
            form, sequences = known.form, check_sequences(X, known.form, self)
        weights = check_weights(sample_weight, len(sequences))
        if weights is not None and not weights.all():
            kept = np.flatnonzero(weights)
            self._check_same_number(y, sequences)
            sequences, weights = sequences.take(kept), weights[kept]
            if known is None:
                form, sequences = forget_unused(form, sequences)
            y = None if y is None else _safe_indexing(y, kept)
        inputs, targets = self._read_targets(y, sequences, form, known, codec)
        return form, inputs, targets, weights

    def _check_same_number(self, y: Any, sequences: Sequences) -> None:
        if y is not None and len(y) != len(sequences):
            raise ValueError(
                f"X has {len(sequences)} sequences, y has {len(y)}: inconsistent numbers of samples. Pass one for each."
            )

    @property
    def _integers_are_symbols(self) -> bool:
        return self.embedding_dim is not None

    def _check_together(self) -> None:
        if self.tbptt_steps is not None and getattr(self, "bidirectional", False) is True:
            raise ValueError(
                "tbptt_steps carries a state forward in time, which bidirectional=True cannot do: set "
                "bidirectional=False or tbptt_steps=None."
            )

    def _net_plan(self, model: Model, *, max_epochs: int | None = None) -> NetPlan:
        return NetPlan(
            spec=model.spec,
            loss=model.loss,
            seed=model.seed,
            per_step=model.per_step,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            lr_schedule=self.lr_schedule if max_epochs is None else None,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_grad_norm,
            tbptt_steps=self.tbptt_steps,
            max_epochs=max_epochs or model.max_epochs,
            batch_size=model.batch_size,
            callbacks=tuple(self.callbacks or ()),
            device=self.device,
            verbose=int(self.verbose),
        )

    def _net_again(self, model: Model, *, max_epochs: int | None = None) -> SequenceNet:
        """Build a second net with the weights so far: the first one stays as it is until the end."""
        plan = self._net_plan(model, max_epochs=max_epochs)
        net = restored_net(plan, net_arrays(self.net_))
        return net if net.is_training_ else net.initialize_to_train()

    def _train(
        self,
        net: SequenceNet,
        model: Model,
        sequences: Sequences,
        targets: TargetRows,
        plan: RowPlan,
        given: tuple[Any, Any],
    ) -> TrainingRecord:
        weights = self._target_weights(targets, plan, sequences)
        encoded = model.codec.encode(targets.parsed)
        prepared = model.prepare(sequences)
        shuffler = numpy_generator(model.seed, "shuffle") if self.shuffle else None
        training = SequenceDataset(
            prepared, plan.training, encoded, weights, per_step=model.per_step, generator=shuffler
        )
        validation = None
        if len(plan.validation):
            validation = SequenceDataset(
                prepared, plan.validation, encoded, weights, per_step=model.per_step
            )
        return self._run(net, model, training, validation, given)

    def _run(
        self,
        net: SequenceNet,
        model: Model,
        training: SequenceDataset,
        validation: SequenceDataset | None,
        given: tuple[Any, Any],
    ) -> TrainingRecord:
        """Train inside scikit-learn's callback context and the thread policy."""
        task = {"estimator": self, "X": given[0], "y": given[1]}
        context = self._init_callback_context(max_subtasks=net.max_epochs)
        context.call_on_fit_task_begin(**task)

        def after_epoch(record: TrainingRecord) -> bool:
            epoch = context.subcontext(task_name="epoch")
            epoch.call_on_fit_task_begin(**task)
            return bool(
                epoch.call_on_fit_task_end(
                    **task, reconstruction_attributes=lambda: self._fitted(model, net, record)
                )
            )

        stopping = (
            None if validation is None else Stopping(int(self.n_iter_no_change), float(self.tol))
        )
        with limited_threads(model.batch_size, model.spec.hidden_size):
            record = train(net, training, validation, stopping, after_epoch)
        context.call_on_fit_task_end(
            **task, reconstruction_attributes=lambda: self._fitted(model, net, record)
        )
        return record

    def _fitted(self, model: Model, net: SequenceNet, record: TrainingRecord) -> Fitted:
        fitted: Fitted = {
            "_model": model,
            "net_": net,
            "n_features_in_": model.form.n_features_in,
            "n_iter_": record.n_epochs,
            "loss_curve_": record.loss_curve,
            "gradient_norm_curve_": record.gradient_norm_curve,
            "max_epochs_": model.max_epochs,
            "batch_size_": model.batch_size,
        }
        if model.form.feature_names_in is not None:
            fitted["feature_names_in_"] = model.form.feature_names_in
        if model.form.vocabularies:
            fitted["vocabulary_"] = model.form.vocabularies[0].codes
            fitted["embedding_dim_"] = model.spec.embedding_dim
        if record.validation_curve:
            fitted["validation_curve_"] = record.validation_curve
            fitted["best_loss_"] = record.best_loss
        return fitted | self._public_attributes(model)

    def _set_fitted(self, fitted: Fitted) -> None:
        """Replace all fitted attributes at once."""
        state = self.__dict__
        for name in [n for n in state if n.endswith("_") and not n.startswith("_")]:
            del state[name]
        state.update(fitted)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, codec: Any = None) -> Self:
        """Pass once over the given rows, in the given order."""
        self._check_together()
        known = self._known_model()
        _, sequences, targets, weights = parts = self._read(X, y, sample_weight, known, codec)
        plan = plan_rows(
            sequences,
            targets,
            weights,
            ordered=True,
            validation_fraction=0.0,
            validation_split="last",
            seed=0,
        )
        if known is None:
            model = self._make_model(
                parts[0], sequences, targets, plan.training, draw_seed(self.random_state)
            )
            net = new_net(self._net_plan(model, max_epochs=1))
        else:
            model, net = known, self._net_again(known, max_epochs=1)
        record = self._train_once(net, model, sequences, targets, plan, (X, y))
        self._set_fitted(self._fitted(model, net, self._continued(record)))
        return self

    def _train_once(
        self,
        net: SequenceNet,
        model: Model,
        sequences: Sequences,
        targets: TargetRows,
        plan: RowPlan,
        given: Any,
    ) -> TrainingRecord:
        weights = self._target_weights(targets, plan, sequences)
        encoded = model.codec.encode(targets.parsed)
        dataset = SequenceDataset(
            model.prepare(sequences), plan.training, encoded, weights, per_step=model.per_step
        )
        return self._run(net, model, dataset, None, given)

    def _continued(self, record: TrainingRecord) -> TrainingRecord:
        """Append one more epoch to the curves so far."""
        return TrainingRecord(
            [*getattr(self, "loss_curve_", []), *record.loss_curve],
            [*getattr(self, "gradient_norm_curve_", []), *record.gradient_norm_curve],
        )

    # --- prediction -----------------------------------------------------------------------------------------------

    def _check_input(self, X: Any) -> Sequences:
        check_is_fitted(self, "net_")
        return check_sequences(X, self._model.form, self)

    def _outputs(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the head's outputs: one row a sequence, or one a step."""
        with self._threads():
            return np.asarray(network_outputs(self.net_, self._model.prepare(sequences)))

    def _threads(self) -> AbstractContextManager[None]:
        """Limit threads as the fitted network's size asks for."""
        return limited_threads(self._model.batch_size, self._model.spec.hidden_size)

    def _decoded(self, X: Any, decode: Callable[[NDArray[Any]], NDArray[Any]]) -> Any:
        """Decode the outputs for X, per-step ones into the container that y came in."""
        sequences = self._check_input(X)
        rows = decode(self._outputs(sequences))
        return self._arranged(rows, sequences)

    def _arranged(self, rows: NDArray[Any], sequences: Sequences) -> Any:
        if not self._model.per_step:
            return rows
        return restore_steps(rows, sequences.lengths, self._model.container or "ragged")

    def transform(self, X: Any) -> Any:
        """Return the features that the last layer of the network reads: an RNN as a feature extractor.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences, in the same form as in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences, n_hidden), or one (n_steps, n_hidden) a sequence
            The pooled hidden states, float32; with per-step targets the hidden state at each step, in the container
            that y came in.
        """
        sequences = self._check_input(X)
        with self._threads():
            rows = network_features(self.net_, self._model.prepare(sequences))
        return self._arranged(rows, sequences)

    @property
    def module_(self) -> Any:
        """The fitted torch module."""
        return self.net_.module_

    # --- pickling -------------------------------------------------------------------------------------------------

    def __getstate__(self) -> Fitted:
        state = dict(super().__getstate__())
        net = state.pop("net_", None)
        if net is not None:
            state["_arrays"] = net_arrays(net)
        state["_sksequence_version"] = __version__
        return state

    def __setstate__(self, state: Fitted) -> None:
        state = dict(state)
        arrays = state.pop("_arrays", None)
        version = state.pop("_sksequence_version", None)
        if version != __version__:
            warnings.warn(
                f"this {type(self).__name__} was pickled with sksequence {version} and is loaded with {__version__}; "
                "predictions may differ. Fit again, or load with the version it was made with.",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__(state)
        if arrays is not None:
            self.net_ = restored_net(self._net_plan(self._model), arrays)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
