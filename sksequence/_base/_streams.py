"""Streams: predictions for sequences that arrive step by step, with their state kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from sksequence._base._pipelines import StepwiseTransformer, split_pipeline, stepwise
from sksequence._batching import Frames
from sksequence._blueprint import Blueprint, Codec
from sksequence._input import are_all_streams, read_stream_steps
from sksequence._modules import (
    Ensemble,
    SequenceNetwork,
    hooked_module,
    network_stepper,
    select_rows,
)
from sksequence._settings import check_count

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Inputs = tuple[NDArray[np.float32] | None, NDArray[np.int64] | None]
Outputs = NDArray[np.float32]
_FIRST = np.zeros(1, dtype=np.int64)
Decoders = dict[str, Callable[[Outputs], NDArray[Any]]]  # by the names of methods


class StepReader(Protocol):
    """What streams of one model read, and what they predict."""

    def start(self, n_rows: int) -> Inputs | None:
        """Return what the network reads before the first step, None if nothing."""

    def read(self, steps: object, rows: Index, *, are_several: bool) -> Inputs:
        """Check one step of each of the streams `rows`, and return the network's input."""

    def predict(self, outputs: Outputs, rows: Index) -> NDArray[Any]:
        """Return the predictions after these steps, one per row."""

    def reset(self, rows: Index) -> None:
        """Forget the steps of streams."""


class StreamedModel(Protocol):
    """Fitted model that makes its reader."""

    _blueprint: Blueprint[Codec]

    @property
    def module_(self) -> SequenceNetwork | Ensemble:
        """Fitted network."""

    def _step_reader(self, method: str, n_streams: int) -> StepReader:
        """Return a reader whose predictions are those of a method."""

    def _stream_decoders(self) -> Decoders:
        """Return the functions from outputs to predictions, one per row."""


class Stream:
    """Predictions for sequences that arrive step by step.

    The method `start` of a fitted estimator creates streams. Each step takes the same time, however
    long the sequence is, and a prediction has the bits of one for the whole sequence so far. A
    stream has its own state: different streams can be used in different threads, and can be
    pickled, which includes the estimator. The estimator may be fitted again meanwhile; a stream
    goes on with the weights with which it was started.

    Parameters
    ----------
    model : fitted estimator
        Model of the predictions.
    method : str
        Method of the estimator whose results `push` returns.
    n_streams : int or None
        Number of streams that are read together; None for a single one.
    transformers : sequence of transformers, default=()
        Fitted transformers of single steps, which are applied in this order before the model.

    Attributes
    ----------
    n_steps : int or ndarray of int of shape (n_streams,)
        Number of steps that each stream has read.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence import RNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 20, 2)), np.arange(40) % 2
    >>> classifier = RNNClassifier("gru", 8, bidirectional=False, max_epochs=2, random_state=0)
    >>> stream = classifier.fit(X, y).start(method="predict_proba")
    >>> for step in X[0]:
    ...     probabilities = stream.push(step)
    >>> bool(np.all(probabilities == classifier.predict_proba(X[:1])[0]))
    True
    >>> many = classifier.start(n_streams=40)
    >>> many.push(X[:, 0]).shape
    (40,)
    """

    def __init__(
        self,
        model: StreamedModel,
        method: str,
        n_streams: int | None,
        transformers: Sequence[StepwiseTransformer] = (),
    ) -> None:
        check_is_fitted(model, "net_")
        _check_can_stream(model, method)
        if n_streams is not None:
            check_count("n_streams", n_streams)
        # what is fitted now, also after a later fit
        self._model = type(model).__new__(type(model))
        vars(self._model).update(vars(model))
        self._method, self._n_streams = method, n_streams
        self._n = n = 1 if n_streams is None else int(n_streams)
        self._rows, self._ages = np.arange(n), np.zeros(n, dtype=np.int64)
        self._reader = self._model._step_reader(method, n)
        if transformers:
            self._reader = TransformedReader(self._reader, deepcopy(list(transformers)))
        self._states = _States(model._blueprint.frames, n)
        self._prepare(self._model.module_)

    @classmethod
    def from_estimator(
        cls, model: object, n_streams: int | None = None, *, method: str = "predict"
    ) -> Self:
        """Start one or several streams of an estimator, a pipeline or a search.

        Steps are pushed as they come, and pass through the transformers of the pipeline.

        Parameters
        ----------
        model : estimator object
            A fitted estimator of this library, a pipeline that ends in one, after transformers of
            single steps such as ``StepTransformer(StandardScaler())``, or a search for these.
        n_streams : int, default=None
            Number of streams that are read together, with one step each per call. None starts a
            single stream.
        method : str, default="predict"
            Method of the estimator whose results the stream returns, such as "predict_proba".

        Returns
        -------
        stream : Stream
            Object whose method ``push(step)`` reads the next step and returns the prediction.

        Raises
        ------
        TypeError
            If there is no estimator of this library at the end, or if a transformer looks at whole
            sequences.
        ValueError
            If predictions need the whole sequence, as in the method `start` of estimators.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from sksequence import RNNClassifier, Stream
        >>> from sksequence.preprocessing import StepTransformer
        >>> rng = np.random.default_rng(0)
        >>> X, y = rng.normal(size=(40, 20, 2)), np.arange(40) % 2
        >>> pipeline = make_pipeline(
        ...     StepTransformer(StandardScaler()),
        ...     RNNClassifier("gru", 8, bidirectional=False, max_epochs=2, random_state=0),
        ... ).fit(X, y)
        >>> stream = Stream.from_estimator(pipeline, method="predict_proba")
        >>> for step in X[0]:
        ...     probabilities = stream.push(step)
        >>> bool(np.all(probabilities == pipeline.predict_proba(X[:1])[0]))
        True
        """
        transformers, last = split_pipeline(model, f"{cls.__name__}.from_estimator")
        return cls(last, method, n_streams, stepwise(transformers))

    def _prepare(self, network: SequenceNetwork | Ensemble) -> None:
        self._stepper = network_stepper(network)
        self._threads = self._model._blueprint.thread_limits()

    @property
    def n_steps(self) -> int | Index:
        """Number of steps that each stream has read."""
        return int(self._ages[0]) if self._n_streams is None else self._ages.copy()

    def push(self, step: object, *, rows: ArrayLike | None = None) -> Any:
        """Read the next step, and return the prediction for the sequence so far.

        Parameters
        ----------
        step : array-like of shape (n_features,), mapping, symbol, or several of these
            Next step, in the form of the steps in `fit`; with a single feature also a number.
            Mappings and rows of pandas have their features by name. Several streams need one step
            each: an array of shape (n_streams, n_features), a list, or a table with a row each.
        rows : array-like of int, default=None
            Positions of the streams that `step` has steps of, without repetition, if not all
            streams go on at the same time. None stands for all.

        Returns
        -------
        prediction : object or ndarray of shape (n_streams, ...)
            Result of the method, such as a label, for the steps so far: for a single stream, that
            of one sequence or, with per-step targets, of its last step.

        Raises
        ------
        ValueError
            If the step is not of the form seen in `fit`, or if `rows` are not positions of streams.
        """
        which = self._rows if rows is None else self._checked(rows)
        inputs = self._reader.read(step, which, are_several=self._n_streams is not None)
        with self._threads():
            outputs = self._states.advance(self._stepper, self._reader, inputs, which, self._ages)
        if rows is None:
            self._ages += 1
        else:
            self._ages[which] += 1
        predicted = self._reader.predict(outputs, which)
        return predicted[0] if self._n_streams is None else predicted

    def reset(self, rows: ArrayLike | None = None) -> Self:
        """Forget all steps, so that new sequences begin.

        Parameters
        ----------
        rows : array-like of int, default=None
            Positions of the streams to reset. None stands for all.

        Returns
        -------
        self : Stream
            The stream.
        """
        which = self._rows if rows is None else self._checked(rows)
        self._ages[which] = 0
        self._reader.reset(which)
        return self

    def _checked(self, rows: ArrayLike) -> Index:
        which = np.atleast_1d(np.asarray(rows))
        is_index = which.dtype.kind in "iu" and which.ndim == 1
        if (
            not is_index
            or len(which) == 0
            or len(np.unique(which)) < len(which)
            or not np.isin(which, self._rows).all()
        ):
            raise ValueError(
                f"rows must hold different positions of streams, from 0 to {self._n - 1}; got "
                f"{rows!r:.60}."
            )
        return which.astype(np.int64)

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but weights in the layout of single steps."""
        state = {k: v for k, v in vars(self).items() if k not in ("_stepper", "_threads")}
        if network_stepper(self._model.module_) is not self._stepper:
            state["_network"] = self._stepper.network  # that of the start, not that of now
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Lay out the weights again."""
        network = state.pop("_network", None)
        vars(self).update(state)
        self._prepare(self._model.module_ if network is None else network)

    def __repr__(self) -> str:
        """Return the model, the method and the number of steps."""
        name = type(self._model).__name__
        steps = (
            self.n_steps if self._n_streams is None else f"{self._ages.min()}..{self._ages.max()}"
        )
        return f"Stream({name}.{self._method}, n_streams={self._n}, n_steps={steps})"


class _States:
    """States of the network, and the last steps where they are gathered into frames.

    A sequence has a frame at its end and at every `step` steps before. Each step may be the end, so
    that there is one state for each remainder of the number of steps.

    Parameters
    ----------
    frames : Frames
        Length and step of the frames.
    n_rows : int
        Number of streams.
    """

    def __init__(self, frames: Frames, n_rows: int) -> None:
        self._frames, self._n = frames, n_rows
        self._of_phases: list[Any] = [None] * frames.step
        self._window: list[NDArray[Any] | None] = [None, None]

    def advance(
        self,
        stepper: Callable[..., tuple[Outputs, Any]],
        reader: StepReader,
        inputs: Inputs,
        rows: Index,
        ages: Index,
    ) -> Outputs:
        """Read one step of the streams `rows`, which have read `ages` steps; return outputs."""
        ages = ages[rows]
        if self._frames.length > 1:
            inputs = self._framed(inputs, rows, ages)
        groups = self._groups(ages)
        if len(groups) == 1 and are_all_streams(rows, self._n):
            ((phase, begins),) = groups
            before = self._of_phases[phase]
            state = _started(stepper, reader, len(rows)) if begins else before
            outputs, self._of_phases[phase] = stepper(*inputs, state)
            return outputs
        outputs = np.empty((len(rows), 0), np.float32)
        for (phase, begins), some in groups.items():
            before, own = self._of_phases[phase], rows[some]
            state = _started(stepper, reader, len(own)) if begins else select_rows(before, own)
            part, after = stepper(*(_taken(block, some) for block in inputs), state)
            if outputs.shape[1] == 0:
                outputs = np.empty((len(rows), part.shape[1]), np.float32)
            outputs[some] = part
            self._of_phases[phase] = _stored(before, after, own, self._n)
        return outputs

    def _groups(self, ages: Index) -> dict[tuple[int, bool], Index]:
        """Return positions of the streams whose next frames belong to one state.

        Keys are the remainder of the age, and whether a frame is the first one.
        """
        length, n_phases = self._frames.length, self._frames.step
        if len(ages) == 1:
            age = int(ages[0])
            return {(age % n_phases, age < length): _FIRST}
        phases, begins = ages % n_phases, ages < length
        kinds, kind_of = np.unique(2 * phases + begins, return_inverse=True)
        return {
            (int(kind) // 2, bool(kind % 2)): np.flatnonzero(kind_of == i)
            for i, kind in enumerate(kinds)
        }

    def _framed(self, inputs: Inputs, rows: Index, ages: Index) -> Inputs:
        """Append steps to the last ones of their streams; return the frames that end with them."""
        values, codes = inputs
        return self._window_of(0, values, rows, ages), self._window_of(1, codes, rows, ages)

    def _window_of(self, i: int, block: NDArray[Any] | None, rows: Index, ages: Index) -> Any:
        if block is None:
            return None
        window = self._window[i]
        if window is None:
            shape = self._n, self._frames.length, block.shape[1]
            window = self._window[i] = np.empty(shape, block.dtype)
        begins = ages == 0
        window[rows[begins]] = block[begins, None]  # the first step is repeated before the start
        window[rows, :-1] = window[rows, 1:]
        window[rows, -1] = block
        return window[rows].reshape(len(rows), -1)


def _started(stepper: Callable[..., Any], reader: StepReader, n_rows: int) -> Any:
    """Return the state before the first step."""
    before = reader.start(n_rows)
    return None if before is None else stepper(*before, None)[1]


def _taken(block: NDArray[Any] | None, rows: Index) -> NDArray[Any] | None:
    return None if block is None else block[rows]


def _stored(states: Any, after: Any, rows: Index, n_rows: int) -> Any:
    """Return the states of all rows with some of them replaced."""
    if isinstance(after, tuple):
        parts = states or [None] * len(after)
        pairs = zip(parts, after, strict=True)
        return tuple(_stored(part, new, rows, n_rows) for part, new in pairs)
    if states is None:
        index = np.zeros(n_rows, dtype=np.int64)
        states = after[index]  # a copy in the shape of all states
    with torch.inference_mode():
        states[rows] = after
    return states


# --- readers --------------------------------------------------------------------------------------


class SequenceReader:
    """Steps as the network of a classifier or regressor reads them.

    Parameters
    ----------
    blueprint : Blueprint
        Fitted form and scaler.
    decode : callable
        Function from outputs of the network to predictions, one per row.
    """

    def __init__(
        self, blueprint: Blueprint[Codec], decode: Callable[[Outputs], NDArray[Any]]
    ) -> None:
        self._form, self._scaler, self._decode = blueprint.form, blueprint.scaler, decode

    def start(self, n_rows: int) -> None:
        """Return None: nothing comes before the first step."""

    def read(self, steps: object, rows: Index, *, are_several: bool) -> Inputs:
        """Check one step of each of the streams `rows`, and return the network's input."""
        values, codes = read_stream_steps(steps, self._form, len(rows), are_several=are_several)
        return None if values is None or self._scaler is None else self._scaler.scale_steps(
            values
        ), codes

    def predict(self, outputs: Outputs, rows: Index) -> NDArray[Any]:
        """Return the predictions after these steps, one per row."""
        return self._decode(outputs)

    def reset(self, rows: Index) -> None:
        """Forget nothing: steps are read alike."""


class TransformedReader:
    """Steps that are transformed before the model reads them.

    Parameters
    ----------
    reader : StepReader
        Reader of the model.
    transformers : list of transformers
        Fitted transformers of single steps.
    """

    def __init__(self, reader: StepReader, transformers: Sequence[StepwiseTransformer]) -> None:
        self._reader, self._transformers = reader, transformers
        self.start, self.predict, self.reset = reader.start, reader.predict, reader.reset

    def read(self, steps: object, rows: Index, *, are_several: bool) -> Inputs:
        """Transform one step of each of the streams `rows`, and return the network's input."""
        for transformer in self._transformers:
            steps = transformer.__sksequence_steps__(steps, len(rows), are_several=are_several)
            are_several = True  # a table has a row per stream
        return self._reader.read(steps, rows, are_several=are_several)


def _check_can_stream(model: StreamedModel, method: str) -> None:
    """Raise an error if a method has no streams, or if its predictions need whole sequences."""
    methods = sorted(model._stream_decoders())
    if method not in methods:
        raise ValueError(f"method={method!r} has no streams; choose one of {methods}.")
    getattr(model, method)  # raises an error if the fit does not have it
    blueprint, network = model._blueprint, model.module_
    if (hooked := hooked_module(network)) is not None:
        raise ValueError(
            f"This {blueprint.form.estimator_name} cannot read a sequence step by step, because "
            f"{hooked!r} in its module_ has forward hooks, which single steps do not call. Remove "
            "them with the method remove of what register_forward_hook returned."
        )
    spec, scaler = blueprint.spec, blueprint.scaler
    if spec.bidirectional:
        reason, remedy = "bidirectional=True reads it from its end too", "bidirectional=False"
    elif not network.can_step:
        reason, remedy = f"the cell {spec.cell!r} cannot continue from a state", "another cell"
    elif spec.pooling == "attention":
        reason, remedy = "pooling='attention' weighs all steps anew", "pooling='last' or 'mean'"
    elif spec.static is not None:
        reason, remedy = "it has features that do not change in time", "columns of sequences only"
    elif blueprint.baseline is not None or (scaler is not None and scaler.level_steps is not None):
        reason, remedy = "residual subtracts its last values", "residual=None"
    elif scaler is not None and not scaler.is_stepwise:
        reason, remedy = "scale='sequence' scales it as a whole", "scale='global'"
    elif spec.has_gaps:
        reason, remedy = "time_column makes it depend on times between steps", "time_column=None"
    elif spec.missing != "error":
        reason, remedy = f"missing={spec.missing!r} reads missing values", "missing='error'"
    else:
        return
    raise ValueError(
        f"This {blueprint.form.estimator_name} cannot read a sequence step by step, because "
        f"{reason}. Fit with {remedy}."
    )
