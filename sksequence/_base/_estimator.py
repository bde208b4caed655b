"""The order of the steps: validate, encode, build, train, record. Knows neither labels nor time loops."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from sksequence._base._fitting import Fitted, Task, fitted_attributes, net_plan, train_net
from sksequence._base._model import Model
from sksequence._base._parameters import SHARED, STRUCTURE
from sksequence._base._rows import RowPlan, TargetRows, check_weights, plan_rows
from sksequence._base._supervised import read_supervised, supervised_model, supervised_sizes
from sksequence._batching import Sequences
from sksequence._net import (
    check_callbacks,
    net_arrays,
    network_features,
    network_outputs,
    new_net,
    restored_net,
)
from sksequence._random import draw_seed
from sksequence._targets import restore_steps
from sksequence._validation import InputForm, check_sequences, forget_unused, learn_form
from sksequence._version import __version__


class BaseRNN(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """What the three estimators share. A subclass says what y means.

    A fit works on local values only and assigns all fitted attributes in its last line: one that fails or is
    interrupted leaves the estimator as it was.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = SHARED
    _doc_link_module = "sksequence"

    # --- what a subclass adds or replaces -------------------------------------------------------------------------

    _numeric_targets = False

    @property
    def _forecasts(self) -> bool:
        """Whether a sequence is a window of a series, and its targets what follows."""
        return False

    @property
    def _level_steps(self) -> int | None:
        """Steps at the end of a sequence whose mean is taken off before it is read."""
        return None

    def _learn_codec(self, y: Any) -> Any:
        """Return the codec for rows of targets."""
        raise NotImplementedError

    def _read_targets(
        self, y: Any, sequences: Sequences, form: InputForm, known: Model | None, codec: Any
    ) -> tuple[Sequences, TargetRows]:
        """Return the network's input and its targets, with the codec of `known` or the one given."""
        return sequences, read_supervised(self, y, sequences, known, codec)

    def _make_model(self, task: Task) -> Model:
        """Learn scales and sizes from the training rows."""
        return supervised_model(self, task)

    def _training_sizes(self, task: Task) -> tuple[int, int]:
        """Return batch_size and max_epochs as they are, or as the rules behind "auto" choose them."""
        return supervised_sizes(self, task, self._model.frames)

    def _target_weights(
        self, targets: TargetRows, plan: RowPlan, sequences: Sequences
    ) -> NDArray[np.float64]:
        """Return one weight a target row, 0 where there is no target."""
        weights = plan.weights
        if targets.container is not None:
            weights = np.repeat(weights, sequences.lengths)
        return np.where(targets.labelled, weights, 0.0)

    @property
    def _network_loss(self) -> str:
        """The name of the loss that is not left to "auto", as networks know it."""
        return str(self.loss)

    def _loss_options(self, model: Model) -> dict[str, Any]:
        """Return what the loss needs to know besides outputs and targets."""
        return {}

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
        self._check_together()
        check_callbacks(self.callbacks, self.lr_schedule)
        known = self._known_model() if self.warm_start else None
        fraction = self.validation_fraction if self.early_stopping else 0.0
        task = self._read(
            X, y, sample_weight, known, ordered=not self.shuffle, validation_fraction=fraction
        )
        fitted = self._trained(task, known, once=False)
        fitted["net_"].end_training()
        return self._set_fitted(fitted)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, codec: Any = None) -> Self:
        """Pass once over the given rows, in the given order."""
        self._check_together()
        check_callbacks(self.callbacks, lr_schedule=None)  # a single pass has no schedule
        known = self._known_model()
        if codec is not None and known is not None:
            codec.check_same(known.codec)
        task = self._read(
            X, y, sample_weight, known, ordered=True, validation_fraction=0.0, codec=codec
        )
        fitted = self._trained(task, known, once=True)
        for name in ("loss_curve_", "gradient_norm_curve_"):
            fitted[name] = [*getattr(self, name, []), *fitted[name]]
        fitted["n_iter_"] = len(fitted["loss_curve_"])
        return self._set_fitted(fitted)

    def _resized(self, known: Model, task: Task) -> Model:
        """Take over what was learnt, but train as the parameters say now."""
        batch_size, max_epochs = self._training_sizes(task)
        return replace(known, batch_size=batch_size, max_epochs=max_epochs)

    def _check_same_network(self, known: Model) -> None:
        """Refuse to go on with a network that the parameters no longer describe."""
        parameters = self.get_params(deep=False)
        for name in STRUCTURE & parameters.keys():
            built = getattr(known.spec, name)
            if built is not None and parameters[name] not in ("auto", built):
                raise ValueError(
                    f"{name} is now {parameters[name]!r}, but the network to go on with was built with {built!r}. Set "
                    "it back, or fit with warm_start=False."
                )
        if self.loss != "auto" and self._network_loss != known.loss:
            raise ValueError(
                f"loss is now {self.loss!r}, but the network to go on with was trained with {known.loss!r}. Set it back, or "
                "fit with warm_start=False."
            )

    def _known_model(self) -> Model | None:
        return getattr(self, "_model", None)

    def _trained(self, task: Task, known: Model | None, *, once: bool) -> Fitted:
        """Build a net, or a second one with the weights so far, and train it; the first one stays as it is."""
        if known is None:
            model = self._make_model(task)
            net = new_net(net_plan(self, model, once=once))
        else:
            self._check_same_network(known)
            model = known if once else self._resized(known, task)
            net = restored_net(net_plan(self, model, once=once), net_arrays(self.net_))
            net.initialize_to_train()
        record = train_net(self, net, model, task, shuffle=self.shuffle and not once)
        return fitted_attributes(self, model, net, record)

    def _read(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        known: Model | None,
        *,
        ordered: bool,
        validation_fraction: float,
        codec: Any = None,
    ) -> Task:
        """Check everything that came in; rows of weight zero are left out before anything is learnt."""
        if known is None:
            form, sequences = learn_form(
                X,
                integers_are_symbols=self._integers_are_symbols,
                analyzer=self.analyzer,
                max_features=getattr(self, "max_features", None),
            )
        else:
            form, sequences = known.form, check_sequences(X, known.form, self)
        seed = draw_seed(self.random_state)
        weights = check_weights(sample_weight, len(sequences))
        targets_of = y
        if weights is not None and not weights.all():
            kept = np.flatnonzero(weights)
            self._check_same_number(y, sequences)
            sequences, weights = sequences.take(kept), weights[kept]
            if known is None:
                form, sequences = forget_unused(form, sequences)
            targets_of = None if y is None else _safe_indexing(y, kept)
        inputs, targets = self._read_targets(targets_of, sequences, form, known, codec)
        plan = plan_rows(
            inputs,
            targets,
            weights,
            ordered=ordered,
            validation_fraction=validation_fraction,
            validation_split=self.validation_split,
            seed=seed,
        )
        return Task(form, inputs, targets, plan, seed, (X, y))

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

    def _set_fitted(self, fitted: Fitted) -> Self:
        """Replace all fitted attributes at once."""
        state = self.__dict__
        for name in [n for n in state if n.endswith("_") and not n.startswith("_")]:
            del state[name]
        state.update(fitted)
        return self

    # --- prediction -----------------------------------------------------------------------------------------------

    def _check_input(self, X: Any) -> Sequences:
        if "net_" not in vars(self):  # asking scikit-learn costs as much as checking one sequence
            check_is_fitted(self, "net_")
        return check_sequences(X, self._model.form, self, may_be_empty=self._may_be_empty)

    @property
    def _may_be_empty(self) -> bool:
        """Whether there is something to say of a sequence without steps."""
        return False

    def _outputs(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the head's outputs: one row a sequence, or one a step."""
        with self._model.threads():
            return np.asarray(network_outputs(self.net_, self._model.prepare(sequences)))

    def _decoded(self, X: Any, method: str) -> Any:
        """Let a method of the codec read the outputs for X; per-step rows go into the container of y."""
        sequences = self._check_input(X)
        rows = getattr(self._model.codec, method)(self._outputs(sequences))
        return self._arranged(rows, sequences)

    def _arranged(self, rows: NDArray[Any], sequences: Sequences) -> Any:
        if not self._model.per_step:
            return rows
        return restore_steps(rows, sequences.lengths, self._model.container or "ragged")

    def transform(self, X: Any) -> Any:
        """Return the features that the last layer of the network reads: an RNN as a feature extractor.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences, n_hidden), or one (n_steps, n_hidden) a sequence
            The pooled hidden states, float32; with per-step targets the hidden state at each step, in the container
            that y came in.
        """
        sequences = self._check_input(X)
        with self._model.threads():
            rows = network_features(self.net_, self._model.prepare(sequences))
        return self._arranged(rows, sequences)

    @property
    def _n_features_out(self) -> int:
        """Width of what `transform` returns, for the names of its columns."""
        return int(self.net_.module_.width)

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
            self.net_ = restored_net(net_plan(self, self._model, once=False), arrays)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
