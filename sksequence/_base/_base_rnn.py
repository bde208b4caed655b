"""The base of the three estimators: the fit on one page, transform and pickling."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sized
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags, estimator_html_repr
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from sksequence._base._fitting import Fit
from sksequence._base._hold_out import check_weights
from sksequence._base._html_repr import LINK, LINKED_PACKAGE, without_features
from sksequence._base._ids import check_ids
from sksequence._base._origin import check_resumable, described_parameters
from sksequence._base._parameter_constraints import SHARED
from sksequence._base._parameter_hints import check_integers, name_hint, suggest_values
from sksequence._base._pickles import check_arrays, checksum_of, register_former_modules
from sksequence._base._samples import read_samples, read_targets
from sksequence._base._streams import Decoders, SequenceReader, StepReader, Stream
from sksequence._batching import Sequences
from sksequence._blueprint import Blueprint, Codec
from sksequence._input import check_sequences
from sksequence._modules import Ensemble, SequenceNetwork
from sksequence._net import (
    NetworkReading,
    State,
    TrainingRecord,
    check_callbacks,
    checkpoint_in,
    net_arrays,
    network_features,
    network_outputs,
    refuse_callbacks_of_training,
    restored_net,
)
from sksequence._random import draw_seed
from sksequence._settings import Settings
from sksequence._targets import (
    NoTargetError,
    like_targets,
    plain_container,
    read_steps,
    restore_steps,
)
from sksequence._tasks import Attributes, TaskChoice
from sksequence._version import __version__

register_former_modules()


class BaseRNN(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Common part of the three estimators, which pass their tasks to `_fit` and `_partial_fit`.

    A fit works on local values, and assigns all fitted attributes in its last line: if it fails or
    is interrupted, the estimator is left as it was.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = SHARED
    _task: Callable[..., TaskChoice]
    _doc_link_module, _doc_link_template = LINKED_PACKAGE, LINK
    _stream_decoders: Callable[..., Decoders]

    # --- parameters ------------------------------------------------------------------------------

    def set_params(self, **params: object) -> Self:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Values by the names of the parameters.

        Returns
        -------
        self : object
            The estimator.
        """
        names = self._get_param_names()
        for key in params:
            name, delimiter, nested = key.partition("__")
            if delimiter and name in names and not hasattr(getattr(self, name), "set_params"):
                raise ValueError(
                    f"Invalid parameter {key!r} for estimator {self}: {name} has no parameters of "
                    f"its own.{name_hint(nested, names)}"
                )
        try:
            super().set_params(**params)
        except ValueError as error:
            unknown = [key for key in params if key.partition("__")[0] not in names]
            if not unknown:
                raise
            raise ValueError(f"{error}{name_hint(unknown[0], names)}") from None
        return self

    def set_callbacks(self, *callbacks: object) -> Self:
        """Set callbacks of scikit-learn; those of training go to the parameter `callbacks`.

        Parameters
        ----------
        *callbacks : object
            Callbacks of scikit-learn, such as `sklearn.callback.ProgressBar()`.

        Returns
        -------
        self : object
            The estimator.
        """
        refuse_callbacks_of_training(callbacks)
        super().set_callbacks(*callbacks)
        return self

    def _validate_params(self) -> None:
        name, params = type(self).__name__, self.get_params(deep=False)
        check_integers(params, name)
        try:
            super()._validate_params()
        except InvalidParameterError:
            suggest_values(self._parameter_constraints, params, name)
            raise

    # --- fitting ---------------------------------------------------------------------------------

    def _fit(
        self,
        tasks: TaskChoice,
        X: Sized,
        y: Sized | None,
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None,
    ) -> Self:
        """Train a new network or, with `warm_start`, continue the previous fit."""
        known = self._known if self.warm_start else None
        fit = self._prepare(tasks, self._settings(), known, X, y, sample_weight, groups)
        with fit.ranks.together():
            record = self._train(fit, X, y)
            fitted = fit.attributes(record) | fit.evaluation()
        fit.net.end_training()
        return self._set_fitted(fitted)

    def _partial_fit(
        self, tasks: TaskChoice, X: Sized, y: Sized | None, sample_weight: ArrayLike | None
    ) -> Self:
        """Train for one epoch on the sequences in the order given, and append to the curves.

        After the first call, a chunk in which every target is missing changes nothing.
        """
        settings = self._settings().single_pass()
        try:
            fit = self._prepare(tasks, settings, self._known, X, y, sample_weight)
        except NoTargetError:
            if self._known is None:
                raise
            return self
        with fit.ranks.together():
            record = self._train(fit, X, y)
        new = {
            "loss_curve_": record.loss_curve,
            "gradient_norm_curve_": record.gradient_norm_curve,
        }
        curves = {name: [*getattr(self, name, []), *values] for name, values in new.items()}
        n_iter = len(curves["loss_curve_"])
        return self._set_fitted(fit.attributes(record) | curves | {"n_iter_": n_iter})

    def _prepare(
        self,
        tasks: TaskChoice,
        settings: Settings,
        known: Blueprint[Codec] | None,
        X: Sized,
        y: Sized | None,
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None = None,
    ) -> Fit[Codec]:
        """Read the data, and begin a fit or resume that of `known`."""
        settings.check()
        check_callbacks(settings.training.callbacks, settings.training.lr_schedule)
        if checkpoint_in(settings.training.callbacks) is not None:
            check_resumable(self.random_state, is_single_pass=settings.training.is_single_pass)
        samples = read_samples(
            X, y, sample_weight, groups, settings.data, type(self).__name__, known
        )
        task = tasks.of(samples.form)
        data = read_targets(task, samples, settings.training, draw_seed(self.random_state), known)
        if known is None:
            return Fit.begin(task, data, settings)
        return Fit.resume(task, data, settings, known, self.net_)

    def _train(self, fit: Fit[Codec], X: Sized, y: Sized | None) -> TrainingRecord:
        """Train the net, and call the callbacks of scikit-learn."""
        arguments = {"estimator": self, "X": X, "y": y}
        context = self._init_callback_context(max_subtasks=fit.net.max_epochs)
        context.call_on_fit_task_begin(**arguments)
        fit.name_in_search(context, self)

        def after_epoch(record: TrainingRecord) -> bool:
            epoch = context.subcontext(task_name="epoch")
            epoch.call_on_fit_task_begin(**arguments)
            attributes = partial(fit.attributes, record)
            return bool(
                epoch.call_on_fit_task_end(**arguments, reconstruction_attributes=attributes)
            )

        checkpoint, state = checkpoint_in(fit.training.callbacks), None
        if checkpoint is not None or fit.ranks.size > 1:
            origin = {"the class": type(self).__name__, "the version of sksequence": __version__}
            origin |= described_parameters(self.get_params(deep=False)) | fit.origin()
            fit.ranks.check_same(origin)
            build = self._model_of(fit.so_far())
            state = None if checkpoint is None else checkpoint.begin(origin, build)
        record = fit.train(after_epoch, checkpoint, state)
        attributes = partial(fit.attributes, record)
        context.call_on_fit_task_end(**arguments, reconstruction_attributes=attributes)
        return record

    def _model_of(self, so_far: Callable[[State], Attributes]) -> Callable[[State], BaseRNN]:
        """Return a function from a state of training to an estimator with these parameters."""
        params = {name: value for name, value in vars(self).items() if not name.endswith("_")}

        def build(state: State) -> BaseRNN:
            model = type(self).__new__(type(self))
            model.__dict__.update(params)
            return model._set_fitted(so_far(state))

        return build

    def _settings(self) -> Settings:
        # attributes: a subclass may set parameters that its own constructor does not take
        return Settings.from_params(
            vars(self) | {"integers_are_symbols": self._integers_are_symbols}
        )

    def __sksequence_untrained__(self, X: Sized, y: Sized | None) -> Self:
        """Return a copy with the fitted attributes of X and y, and a network without training."""
        model: Self = clone(self).set_params(callbacks=None)
        model._validate_params()
        fit = model._prepare(model._task(), model._settings().on_all_rows(), None, X, y, None)
        return model._set_fitted(fit.attributes(TrainingRecord()))

    @property
    def _integers_are_symbols(self) -> bool:
        return self.embedding_dim is not None

    @property
    def _known(self) -> Blueprint[Codec] | None:
        """Blueprint of the previous fit, or None before the first one."""
        return getattr(self, "_blueprint", None)

    def _set_fitted(self, fitted: Attributes) -> Self:
        """Replace all fitted attributes at once."""
        state = self.__dict__
        for name in [n for n in state if n.endswith("_") and not n.startswith("_")]:
            del state[name]
        state.update(fitted)
        self.auto_params_ = self._resolved(fitted)
        return self

    def _resolved(self, fitted: Attributes) -> dict[str, object]:
        """Return the values selected for parameters that are "auto" or None, by their names."""
        selected = fitted | {"loss_": self._blueprint.loss}
        return {
            name: selected[f"{name}_"]
            for name, value in self.get_params(deep=False).items()
            if f"{name}_" in selected
            and (value is None or (isinstance(value, str) and value == "auto"))
        }

    # --- prediction ------------------------------------------------------------------------------

    def __sksequence_reading__(self, X: Sized, y: Sized | None = None) -> NetworkReading:
        """Return the fitted network together with the input that it reads for X."""
        read = self._network_input(self._check_input(X), y)
        return NetworkReading(self.module_, self._blueprint, self._blueprint.prepare(read))

    def _network_input(self, sequences: Sequences, y: Sized | None) -> Sequences:
        """Return the sequences that the network reads."""
        return sequences

    def _check_input(self, X: Sized) -> Sequences:
        if "net_" not in vars(self):  # faster than scikit-learn's check
            check_is_fitted(self, "net_")
        return check_sequences(X, self._blueprint.form)

    def _outputs(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the outputs of the head: one row per sequence, or one row per step."""
        with self._blueprint.threads():
            return network_outputs(self.net_, self._blueprint.prepare(sequences))

    def _arranged(
        self, rows: NDArray[np.generic], sequences: Sequences
    ) -> NDArray[Any] | Sequences:
        """Return rows per sequence as they are, and rows per step in the container of y."""
        if not self._blueprint.per_step:
            return rows
        return restore_steps(rows, sequences.lengths, self._blueprint.container or "ragged")

    def _arranged_targets(
        self, rows: NDArray[np.generic], sequences: Sequences
    ) -> NDArray[Any] | Sequences:
        """Return predicted targets like `_arranged`, in the type of the elements of y."""
        arranged = self._arranged(rows, sequences)
        container = self._blueprint.container
        if container is None or isinstance(arranged, Sequences):
            return arranged
        return like_targets(arranged, container)

    def transform(self, X: Sized) -> NDArray[Any] | Sequences:
        """Compute the hidden states that the output layer reads, as features for other estimators.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        X_new : ndarray of shape (n_sequences, n_hidden)
            Pooled hidden states as float32; those of several networks side by side. With per-step
            targets, the hidden states of all steps, one array of shape (n_steps, n_hidden) per
            sequence: in a 1-D object array, or the container that y came in.
        """
        sequences = self._check_input(X)
        with self._blueprint.threads():
            rows = network_features(self.net_, self._blueprint.prepare(sequences))
        return self._arranged(rows, sequences)

    @property
    def _n_features_out(self) -> int:
        """Number of columns of `transform`, for `get_feature_names_out`."""
        return int(self.net_.module_.width)

    @property
    def module_(self) -> SequenceNetwork | Ensemble:
        """Fitted network."""
        return self.net_.module_  # type: ignore[no-any-return]

    def _flat_steps(
        self, X: Sized, y: Sized, sample_weight: ArrayLike | None, *, numeric: bool
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Return targets, predictions and weights of all labelled steps as flat arrays."""
        check_ids(X, y=y, sample_weight=sample_weight)
        sequences, blueprint = self._check_input(X), self._blueprint
        lengths, names = sequences.lengths, blueprint.target_names
        weights, advice = check_weights(sample_weight, len(lengths)), blueprint.form.steps_of_text
        given = plain_container(y)
        steps = read_steps(given, lengths, numeric=numeric, names=names, advice=advice)
        predicted = self._decoded(self._outputs(sequences))
        if weights is not None:
            weights = np.repeat(weights, lengths)[steps.labelled]
        return steps.flat, predicted[steps.labelled], weights

    def _decoded(self, outputs: NDArray[np.float32]) -> NDArray[Any]:
        """Return the predictions that the outputs of the network stand for."""
        return np.asarray(self._blueprint.codec.decode(outputs))

    # --- streams ---------------------------------------------------------------------------------

    def start(self, n_streams: int | None = None, *, method: str = "predict") -> Stream:
        """Start one or several streams: predictions for sequences that arrive step by step.

        A stream keeps the state of the network, so that each step takes the same time, however long
        the sequence is. Its predictions have the bits of those for the whole sequence so far.

        Parameters
        ----------
        n_streams : int, default=None
            Number of streams that are read together, with one step each per call. None starts a
            single stream.
        method : str, default="predict"
            Method of the estimator whose results the stream returns, such as "predict_proba" or
            "predict_quantiles".

        Returns
        -------
        stream : Stream
            Object whose method ``push(step)`` reads the next step and returns the prediction.

        Raises
        ------
        ValueError
            If predictions need the whole sequence: with ``bidirectional=True``,
            ``pooling="attention"``, ``scale="sequence"``, `residual`, or features that do not
            change in time; or if there are no streams for this method.
        """
        return Stream(self, method, n_streams)

    def _step_reader(self, method: str, n_streams: int) -> StepReader:
        return SequenceReader(self._blueprint, self._stream_decoders()[method])

    def _html_repr(self) -> str:
        page: str = estimator_html_repr(self)
        return (
            without_features(page, self.get_feature_names_out()) if "net_" in vars(self) else page
        )

    # --- pickling --------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        net = state.pop("net_", None)
        if net is not None:
            state["_arrays"] = arrays = net_arrays(net)
            state["_checksum"] = checksum_of(arrays)
        state["_sksequence_version"] = __version__
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Check what is loaded before it is used: weights, their checksum and their sizes."""
        state = dict(state)
        arrays, checksum = state.pop("_arrays", None), state.pop("_checksum", None)
        version = state.pop("_sksequence_version", None)
        name = type(self).__name__
        if version != __version__:
            warnings.warn(
                f"This {name} was pickled with sksequence {version} and is loaded "
                f"with {__version__}; predictions may differ. Fit again, or load it with the "
                "version that it was pickled with.",
                UserWarning,
                stacklevel=2,
            )
        elif arrays is not None and checksum is None:
            raise ValueError(
                f"This {name} has weights without a checksum, so that it is not known whether they "
                "have changed since they were stored. Load another copy of the file, or fit again."
            )
        if arrays is not None:
            check_arrays(name, arrays, checksum)
        super().__setstate__(state)
        if arrays is not None:
            self._blueprint.check_sizes()
            self.net_ = restored_net(self._blueprint, self._settings().training, arrays)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
