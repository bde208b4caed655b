"""Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sksequence._base import SHARED, SUPERVISED, BaseRNN, flat_truth, supervised_attributes
from sksequence._batching import Sequences
from sksequence._targets import NumberCodec, repeat_forecast


class RNNRegressor(RegressorMixin, BaseRNN):
    """TODO."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = (
        SHARED
        | SUPERVISED
        | {
            "loss": [StrOptions({"auto", "squared_error", "absolute_error", "huber"})],
            "residual": [StrOptions({"last"}), Interval(Integral, 1, None, closed="left"), None],
        }
    )
    _numeric_targets = True

    def __init__(
        self,
        cell: str | Callable[..., Any] = "lstm",
        hidden_size: int = 64,
        *,
        num_layers: int = 1,
        bidirectional: bool | str = "auto",
        merge_mode: str = "concat",
        activation: str = "tanh",
        context_size: int = 3,
        pooling: str = "last",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        embedding_dim: int | None = None,
        frame_length: int | str = "auto",
        frame_step: int | None = None,
        loss: str = "auto",
        optimizer: str = "adam",
        learning_rate: float = 3e-3,
        lr_schedule: str | None = "one_cycle",
        weight_decay: float = 0.0,
        max_grad_norm: float | None = 1.0,
        tbptt_steps: int | None = None,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: str = "random",
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        scale: str | bool = "global",
        residual: str | int | None = None,
        target: str = "auto",
        analyzer: str | Callable[[str], Any] = "char",
        warm_start: bool = False,
        callbacks: list[Any] | tuple[Any, ...] | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.merge_mode = merge_mode
        self.activation = activation
        self.context_size = context_size
        self.pooling = pooling
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.embedding_dim = embedding_dim
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.lr_schedule = lr_schedule
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.tbptt_steps = tbptt_steps
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scale = scale
        self.residual = residual
        self.target = target
        self.analyzer = analyzer
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _learn_codec(self, y: Any) -> NumberCodec:
        return NumberCodec.learn(y, scale=self.scale is not False)

    def _read_targets(self, y: Any, sequences: Sequences, form: Any, known: Any, codec: Any) -> Any:
        inputs, targets = super()._read_targets(y, sequences, form, known, codec)
        if self.residual is None:
            return inputs, targets
        if targets.container is not None:
            raise ValueError(
                f"residual={self.residual!r} forecasts what follows a sequence; it does not go with one target a step. "
                "Set residual=None."
            )
        naive = repeat_forecast(sequences, self.residual, targets.parsed.shape[1])
        return inputs, replace(targets, parsed=targets.parsed - naive)

    def _public_attributes(self, model: Any) -> dict[str, Any]:
        return supervised_attributes(model) | {"n_outputs_": model.codec.n_outputs}

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Pass once over the given sequences, in the given order, keeping the optimizer's state.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences. Scales and vocabularies are learnt in the first call.
        y : array-like
            Numbers: one or several a sequence, or a step.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence.

        Returns
        -------
        self : object
            Trained by one more pass.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Any:
        """Predict numbers.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences, in the same form as in `fit`.

        Returns
        -------
        ndarray of shape (n_sequences,) or (n_sequences, n_outputs), or one (n_steps,) a sequence
            Float64, in the units of y; per-step numbers in the container that y came in.
        """
        sequences = self._check_input(X)
        codec = self._model.codec
        rows = codec.decode(self._outputs(sequences))
        if self.residual is not None:
            naive = repeat_forecast(sequences, self.residual, codec.n_outputs)
            rows = rows + (naive[:, 0] if codec.flat else naive)
        return self._arranged(rows, sequences)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination, over labelled steps where y has numbers per step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), list of arrays, \
            Sequences, or list of str or of tokens
            Sequences, in the same form as in `fit`.
        y : array-like
            True numbers.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence.

        Returns
        -------
        float
            R squared: 1 is perfect, 0 is as good as the mean.
        """
        check_is_fitted(self, "net_")
        if not self._model.per_step:
            return float(super().score(X, y, sample_weight))
        truth, predicted, weights = flat_truth(self, X, y, sample_weight)
        return float(r2_score(truth, predicted, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
