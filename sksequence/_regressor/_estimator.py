"""The estimator of numbers: its parameters, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from sksequence._base import SHARED, SUPERVISED, Task, supervised_attributes
from sksequence._batching import Sequences
from sksequence._regressor._predicting import Predicting
from sksequence._regressor._residual import compare_with_naive, less_naive
from sksequence._targets import Naive, NumberCodec, Reading, reading_of
from sksequence._tokenizers import Tokenizer
from sksequence._validation import check_levels


class RNNRegressor(Predicting):
    """Predict numbers for sequences, or for the steps of sequences, with a recurrent network.

    Steps enter one or more recurrent layers, the states are pooled to one a sequence unless each step has a target,
    and a linear layer gives the numbers: one or several, a property of the sequence or a forecast of what follows.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn", "feedforward"} or callable, default="lstm"
        Long short-term memory [1]_, gated recurrent unit [2]_, simple recurrent network, or fixed-context baseline. A
        callable ``(input_size, hidden_size)`` returns a batch-first torch module called as `torch.nn.GRU` is.
    hidden_size : int, default=64
        Width of the state of each layer and direction.
    num_layers : int, default=1
        Number of layers on top of each other.
    bidirectional : bool or "auto", default="auto"
        Whether a step may see later steps. "auto": True with one target a sequence and no `tbptt_steps`.
    merge_mode : {"concat", "sum", "mean", "mul"}, default="concat"
        How the two directions become one, in each layer.
    activation : {"tanh", "relu", "sigmoid"}, default="tanh"
        Nonlinearity of the cells "rnn" and "feedforward".
    context_size : int, default=3
        Steps that the cell "feedforward" sees, the present one included.
    pooling : {"last", "mean", "max", "attention"}, default="last"
        How the states at all steps become one; not used with one target a step.
    dropout : float, default=0.0
        Share of units dropped in training between layers and before the output layer.
    recurrent_dropout : float, default=0.0
        Share of units of the previous state dropped in training, the same ones at every step of a sequence [3]_.
    chrono_steps : int, default=None
        The longest dependency to expect, in steps: the gates of "lstm" and "gru" then begin with memories of all
        lengths up to it [12]_. None: they begin half open.
    embedding_dim : int, default=None
        Width of the vector of a symbol; if set, integers are symbols. None: 8 sqrt(n_symbols), from 8 to 64.
    frame_length : int or "auto", default="auto"
        Number of consecutive numeric steps gathered into one step of the network. "auto": 1 up to a median length
        of 12, then a quarter of it, from 12 to 48, or with more than 4096 sequences and no `residual` a twelfth, from 8 to 48.
        Always 1 for symbols and with one target a step.
    frame_step : int, default=None
        Steps from one frame to the next. None: a quarter of the frame length, at least 1; with `residual` the frame
        length.
    loss : {"auto", "squared_error", "absolute_error", "huber", "quantile", "gaussian", "student_t"}, default="auto"
        "auto" is the squared error, with `residual` "huber": quadratic up to an error of 1, in deviations of y if it
        is scaled. "quantile" learns the `quantiles` of y with the pinball loss [8]_, and `predict` gives the one that
        is nearest to the median. "gaussian" learns mean and deviation of y by likelihood [9]_, "student_t" the same
        with tails as heavy as needed: for these there is `predict_std`.
    quantiles : array-like of float of shape (n_quantiles,), default=(0.1, 0.5, 0.9)
        Levels, rising, between 0 and 1: what "quantile" learns, and what `predict_quantiles` returns unless it is
        asked for others.
    n_estimators : int, default=1
        Networks with weights of their own, trained at once on the same batches, each as if it were alone. Their mean
        is predicted, or a distribution with mean and variance of their mixture [11]_. They cost time and memory.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
        "sgd" has a Nesterov momentum of 0.9.
    learning_rate : float, default=3e-3
        The highest rate of the schedule.
    lr_schedule : {"one_cycle", "cosine", "linear"} or None, default="one_cycle"
        "one_cycle" rises for a twentieth of the training and falls to 0 along half a cosine, after [4]_; the
        others only fall. None keeps the rate, and so does `partial_fit`.
    weight_decay : float, default=0.0
        Strength of the pull of all weights towards 0.
    max_grad_norm : float or None, default=1.0
        Longer gradients are shortened to this norm [5]_. None leaves them.
    tbptt_steps : int or None, default=None
        Backpropagation through time [6]_ is cut every so many steps of a sequence. None never cuts.
    max_epochs : int or "auto", default="auto"
        Passes over the data. "auto": as many as make 2500 steps of the optimizer, from 10 to 100; with `residual` 500
        steps, from 3 to 10.
    batch_size : int or "auto", default="auto"
        Sequences a step of the optimizer. "auto": 32 (64 above 4096 sequences, 128 above 16384), or 32768 steps if
        fewer; with one target a step at most 4 sequences or 512 steps.
    shuffle : bool, default=True
        Whether each epoch has an order of its own. Then the given order does not matter.
    early_stopping : bool, default=False
        Whether to hold data out, to stop when their loss no longer falls, and to restore the best weights.
    validation_fraction : float, default=0.1
        Share of the sequences that `early_stopping` holds out.
    validation_split : {"random", "last"}, default="random"
        Which ones: random ones, or the last ones with a gap where windows overlap.
    n_iter_no_change : int, default=10
        Epochs without improvement after which `early_stopping` ends.
    tol : float, default=1e-4
        How much lower a loss is to be an improvement.
    scale : {"global", "sequence"} or bool, default="global"
        "global" (True) standardises each feature over all sequences, "sequence" over each sequence by itself, adding
        the log of its deviation as a feature. False takes numbers as they are. Unless it is False, y is scaled too.
    residual : "last", int or None, default=None
        What a forecast is added to: the last step, or the last season of so many steps, repeated over the horizon.
        y is then (n_sequences, horizon * n_features), all features of a step beside each other, and the network sees
        each sequence less its last step, or less the mean of its last season: a series that is shifted by a constant
        has its forecast shifted by it.
    target_columns : int, list of int or None, default=None
        Which features of X a y with `residual` continues, as in `sksequence.preprocessing.make_windows`; y is then
        (n_sequences, horizon * n_targets). None: all of them.
    target : {"auto", "sequence", "steps"}, default="auto"
        What y has one of. "auto": a list of arrays is a target a step, anything else one a sequence.
    analyzer : {"char", "word"}, callable or tokenizer, default="char"
        How a text becomes tokens; "word" gives words, punctuation marks and white space. A tokenizer is an object with
        the methods ``encode(text)`` and ``decode(ids)``, as those of Hugging Face and tiktoken are.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights there are.
    callbacks : list of skorch.callbacks.Callback or None, default=None
        Called in training. An LRScheduler needs `lr_schedule` None; scores are functions of (net, X, y).
    device : str, default="auto"
        A device of torch. "auto": "cuda", else "mps", else "cpu".
    random_state : int, RandomState instance or None, default=None
        Fixes first weights, order, dropout and validation part: the same integer, the same bits.
    verbose : int, default=0
        If above 0, prints a line an epoch.

    Attributes
    ----------
    n_features_in_ : int
        Columns of a table, features a step of any other X.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names, if X was a DataFrame.
    n_outputs_ : int
        Numbers of a target.
    n_iter_ : int
        Epochs that were run.
    loss_curve_ : list of float of shape (n_iter_,)
        Mean training loss of each epoch.
    gradient_norm_curve_ : list of float of shape (n_iter_,)
        Mean norm of the gradients of each epoch, before they are clipped.
    validation_curve_ : list of float of shape (n_iter_,)
        Loss of the part held out, if `early_stopping`.
    best_loss_ : float
        The lowest of these, that of the weights kept.
    naive_error_ : float
        With `residual`, mean absolute error of the forecast that is corrected, in units of y, over all its columns:
        that on the part held out, or without `early_stopping` on the training windows, of at most 1024 of them.
    forecast_error_ : float
        The same of the network's forecast.
    max_epochs_ : int
        The value of `max_epochs` used.
    batch_size_ : int
        The value of `batch_size` used.
    frame_length_ : int
        The value of `frame_length` used.
    frame_step_ : int
        The value of `frame_step` used.
    bidirectional_ : bool
        The value of `bidirectional` used.
    vocabulary_ : dict
        Code of each symbol, 0 being left for unknown ones, if X held symbols.
    embedding_dim_ : int
        Width of their vectors.
    net_ : skorch.NeuralNet
        The network with its training loop.
    module_ : torch.nn.Module
        The network alone.

    Raises
    ------
    ValueError
        In `fit`, if a parameter, X or y is not as described.
    FloatingPointError
        In `fit`, if the training loss is no longer finite.

    Warns
    -----
    UserWarning
        In `fit` with `residual`, if the network does not beat what it corrects. With `early_stopping`, if its
        `forecast_error_` is not two standard errors [10]_ below `naive_error_`; this is the test that counts, with
        ``validation_split="last"`` where windows overlap. Without, if it is not below it at all. A network learns
        training windows by heart, those of a random walk too: then the absence of a warning proves nothing.

    See Also
    --------
    RNNClassifier : Labels instead of numbers.
    SequenceGenerator : Forecasts step by step, with intervals.
    sksequence.preprocessing.make_windows : Cut a series into X and y.

    Notes
    -----
    Recurrent matrices start orthogonal [7]_, all others Glorot-uniform, forget and update gates open.

    References
    ----------
    .. [1] Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8).
    .. [2] Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder, EMNLP.
    .. [3] Gal & Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, NIPS.
    .. [4] Smith & Topin (2018), Super-Convergence, arXiv:1708.07120.
    .. [5] Pascanu, Mikolov & Bengio (2013), On the Difficulty of Training Recurrent Neural Networks, ICML.
    .. [6] Werbos (1990), Backpropagation Through Time, Proceedings of the IEEE 78(10).
    .. [7] Saxe et al. (2014), Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural Networks.
    .. [8] Koenker & Bassett (1978), Regression Quantiles, Econometrica 46(1).
    .. [9] Nix & Weigend (1994), Estimating the Mean and Variance of the Target Probability Distribution, ICNN.
    .. [10] Diebold & Mariano (1995), Comparing Predictive Accuracy, J. of Business & Economic Statistics 13(3).
    .. [11] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive Uncertainty Estimation using Deep
       Ensembles, arXiv:1612.01474.
    .. [12] Tallec & Ollivier (2018), Can Recurrent Neural Networks Warp Time?, ICLR.

    Examples
    --------
    >>> from sksequence import RNNRegressor
    >>> from sksequence.datasets import make_adding_problem
    >>> X, y = make_adding_problem(300, n_steps=10, random_state=0)
    >>> regressor = RNNRegressor(hidden_size=16, max_epochs=40, random_state=0).fit(X[:200], y[:200])
    >>> regressor.predict(X[200:]).shape
    (100,)
    >>> regressor.score(X[200:], y[200:]) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = (
        SHARED
        | SUPERVISED
        | {
            "loss": [StrOptions({"auto", *NumberCodec.losses})],
            "quantiles": ["array-like"],
            "residual": [StrOptions({"last"}), Interval(Integral, 1, None, closed="left"), None],
            "target_columns": [Integral, list, tuple, None],
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
        chrono_steps: int | None = None,
        embedding_dim: int | None = None,
        frame_length: int | str = "auto",
        frame_step: int | None = None,
        loss: str = "auto",
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        n_estimators: int = 1,
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
        target_columns: int | list[int] | tuple[int, ...] | None = None,
        target: str = "auto",
        analyzer: str | Callable[[str], Any] | Tokenizer = "char",
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
        self.chrono_steps = chrono_steps
        self.embedding_dim = embedding_dim
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.loss = loss
        self.quantiles = quantiles
        self.n_estimators = n_estimators
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
        self.target_columns = target_columns
        self.target = target
        self.analyzer = analyzer
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _learn_codec(self, y: Any) -> NumberCodec:
        return NumberCodec.learn(
            y, scale=self.scale is not False, naive=self._naive(), reading=self._reading()
        )

    def _reading(self) -> Reading:
        return reading_of(self.loss, check_levels(self.quantiles))

    def _loss_options(self, model: Any) -> dict[str, Any]:
        options: dict[str, Any] = model.codec.reading.loss_options
        return options

    def _check_same_network(self, known: Any) -> None:
        if self._reading() != known.codec.reading:
            raise ValueError(
                f"loss={self.loss!r} with quantiles={self.quantiles!r} needs other outputs than the network to go on "
                "with. Set them back, or fit with warm_start=False."
            )
        super()._check_same_network(known)

    def _naive(self) -> Naive | None:
        return None if self.residual is None else Naive.of(self.residual, self.target_columns)

    @property
    def _forecasts(self) -> bool:
        return self.residual is not None

    @property
    def _level_steps(self) -> int | None:
        naive = self._naive()
        return None if naive is None else naive.season

    def _read_targets(self, y: Any, sequences: Sequences, form: Any, known: Any, codec: Any) -> Any:
        inputs, targets = super()._read_targets(y, sequences, form, known, codec)
        return inputs, less_naive(targets, sequences)

    def _trained(self, task: Task, known: Any, *, once: bool) -> dict[str, Any]:
        fitted = super()._trained(task, known, once=once)
        if once or self.residual is None:
            return fitted
        return fitted | compare_with_naive(self, fitted["net_"], fitted["_model"], task)

    def _public_attributes(self, model: Any) -> dict[str, Any]:
        return supervised_attributes(model) | {"n_outputs_": model.codec.n_numbers}

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Pass once over the given sequences, in the given order, keeping the optimizer's state.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`; scales and vocabularies are learnt in the first call.
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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
