"""The estimator of p(next step | all steps so far): its parameters, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar, Self

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from sksequence._base import SHARED, Task, generator_model, generator_sizes, read_unsupervised
from sksequence._batching import Sequences
from sksequence._generator._drawing import Drawing
from sksequence._generator._judging import Judging
from sksequence._targets import ConditionalCodec, SeriesCodec
from sksequence._tokenizers import Tokenizer


class SequenceGenerator(Drawing, Judging):
    """Learn which step comes next: a distribution over sequences of symbols or of numbers.

    The network reads a sequence from its start and gives, at each step, the distribution of the next one [1]_. From
    that follow the likelihood of a sequence, continuations of a text, and forecasts of a series with intervals [2]_.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn", "feedforward"} or callable, default="lstm"
        Long short-term memory, gated recurrent unit, simple recurrent network, or fixed-context baseline. A callable
        ``(input_size, hidden_size)`` returns a batch-first torch module called as `torch.nn.GRU` is; it needs a
        method ``step(x, state)``.
    hidden_size : int or "auto", default="auto"
        Width of the state of each layer. "auto": 128, but 256 from half a million symbols on, and 64 for fewer than
        20,000 numbers.
    num_layers : int, default=1
        Number of layers on top of each other.
    activation : {"tanh", "relu", "sigmoid"}, default="tanh"
        Nonlinearity of the cells "rnn" and "feedforward".
    context_size : int, default=3
        Steps that the cell "feedforward" sees, the present one included.
    dropout : float or "auto", default="auto"
        Share of units dropped in training between layers and before the output layer. "auto": none for symbols, a
        fifth for numbers, half for fewer than 20,000 of them, and four fifths for fewer than 500.
    recurrent_dropout : float, default=0.0
        Share of units of the previous state dropped in training, the same ones at every step between two cuts.
    chrono_steps : int, default=None
        The longest dependency to expect, in steps: the gates of "lstm" and "gru" then begin with memories of all
        lengths up to it [7]_. None: they begin half open.
    embedding_dim : int, default=None
        Width of the vector of a symbol. None: 8 sqrt(n_symbols), from 8 to 64.
    tie_weights : bool, default=False
        Whether the output layer has the vectors of the symbols as its weights, where X holds symbols, instead of
        weights of its own [6]_. Where `hidden_size` is not `embedding_dim`, states are projected first.
    n_estimators : int, default=1
        Networks with weights of their own, trained at once on the same batches, each as if it were alone. The next step
        has the mean of their distributions [8]_; each path of a forecast follows one of them. They cost time and
        memory.
    loss : {"auto", "cross_entropy", "gaussian", "student_t", "quantile"}, default="auto"
        Cross-entropy is the one for symbols; a next number is normal or, with heavier tails, Student's t, or of any
        shape, given by nine quantiles from .025 to .975 [5]_. "auto": Student's t for numbers.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
        "sgd" has a Nesterov momentum of 0.9.
    learning_rate : float, default=1e-2
        The highest rate of the schedule.
    lr_schedule : {"one_cycle", "cosine", "linear"} or None, default="one_cycle"
        "one_cycle" rises for a twentieth of the training and falls to 0 along half a cosine; the others only fall.
        None keeps the rate, and so does `partial_fit`.
    weight_decay : float, default=0.0
        Strength of the pull of all weights towards 0.
    max_grad_norm : float or None, default=1.0
        Longer gradients are shortened to this norm. None leaves them.
    tbptt_steps : int or None, default=64
        The optimizer takes a step every so many steps of a sequence; the state goes on, its gradient does not [3]_.
        None takes one a batch of whole sequences.
    max_epochs : int or "auto", default="auto"
        Passes over the data. "auto": as many as make 2500 steps of the optimizer, from 10 to 100; with numbers 300,
        from 5 to 30.
    batch_size : int or "auto", default="auto"
        Sequences, or streams cut from them (see Notes), that are read side by side. "auto": 32 up to a million steps
        and 4096 sequences, 64 up to four times that, 128 beyond.
    shuffle : bool, default=True
        Whether each epoch has an order of its own. Then the given order does not matter.
    early_stopping : bool, default=False
        Whether to hold streams out, to stop when their loss no longer falls, and to restore the best weights.
    validation_fraction : float, default=0.1
        Share of the streams that `early_stopping` holds out.
    validation_split : {"random", "last"}, default="random"
        Which ones.
    n_iter_no_change : int, default=10
        Epochs without improvement after which `early_stopping` ends.
    tol : float, default=1e-4
        How much lower a loss is to be an improvement.
    scale : {"auto", "global", "sequence"} or bool, default="auto"
        "global" (True) standardises each feature of numbers over all sequences. "sequence" does so too, after each
        value was divided by how much its own sequence has varied so far: series of very different size look alike.
        "auto": the latter where `residual` is a season, or where the sizes of differences deviate from series to
        series by a factor of more than 1.65 (the exponential of a standard deviation of logarithms of 0.5). False
        takes numbers as they are.
    residual : {"auto", "last"}, int or None, default="auto"
        What a number is learnt as a difference to: the last value, the value of the season before, an int being its
        length in steps, or, if None, the mean. "auto": the season where differences repeat themselves, that is at the
        first high peak of their autocorrelation, 0.3 at least, up to a third of the median length and 400 steps;
        without one the last value, or the mean where that is nearer. With a season, the changes of all seasons so far
        are read too, exponentially smoothed [9]_.
    known_columns : int, list of int or None, default=None
        Features of X that are known beforehand, calendar features say: they are read beside every step and never
        predicted; `forecast` asks for them as `future`.
    analyzer : {"char", "word"}, callable or tokenizer, default="char"
        How a text becomes symbols; "word" gives words, punctuation marks and white space; a word takes the blank before
        it along. A tokenizer is an object with the methods ``encode(text)`` and ``decode(ids)``, as those of Hugging
        Face and tiktoken are: its ids are the symbols. `generate` gives the exact text again, but pieces of a callable
        are joined with blanks.
    max_features : int or None, default=None
        The most symbols to tell apart, the most frequent ones, where X holds symbols. All rarer ones become one
        unknown symbol, which is learnt but never generated. None keeps all.
    conditional : bool, default=False
        Whether y holds a label for each sequence of symbols, which the network reads beside every step [4]_. Then
        `generate` writes what is asked for by a label, and `predict_label` classifies. False ignores y.
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
    vocabulary_ : dict
        Code of each symbol, 0 being left for unknown ones, if X held symbols.
    n_features_in_ : int
        Columns of a table, features a step of any other X.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names, if X was a DataFrame.
    n_iter_ : int
        Epochs that were run.
    loss_curve_ : list of float of length n_iter_
        Mean training loss of each epoch.
    gradient_norm_curve_ : list of float of length n_iter_
        Mean norm of the gradients of each epoch, before they are clipped.
    validation_curve_ : list of float of length n_iter_
        Loss of the part held out, if `early_stopping`.
    best_loss_ : float
        The lowest of these, that of the weights kept.
    max_epochs_ : int
        The value of `max_epochs` used.
    batch_size_ : int
        The value of `batch_size` used.
    embedding_dim_ : int
        The value of `embedding_dim` used, if X held symbols.
    hidden_size_ : int
        The value of `hidden_size` used.
    dropout_ : float
        The value of `dropout` used.
    scale_ : {"global", "sequence"} or bool
        The value of `scale` used, if X held numbers.
    residual_ : "last", int or None
        The value of `residual` used, if X held numbers.
    classes_ : ndarray of shape (n_classes,)
        The labels, in sorted order, if `conditional`.
    class_log_prior_ : ndarray of shape (n_classes,)
        Log of the share of each label among the sequences of the first fit, if `conditional`.
    net_ : skorch.NeuralNet
        The network with its training loop.
    module_ : torch.nn.Module
        The network alone.

    Raises
    ------
    ValueError
        In `fit`, if a parameter or X is not as described.
    FloatingPointError
        In `fit`, if the training loss is no longer finite.

    See Also
    --------
    RNNClassifier : Labels of sequences or steps.
    RNNRegressor : Numbers for sequences or steps, a forecast of fixed length among them.

    Notes
    -----
    A *step* is one symbol, or the features of one moment. What is fitted on several sequences of symbols learns their
    ends: the end mark is one more symbol, one more step of the likelihood, and where `generate` ends. A single
    sequence has no end. Where ends are learnt, likelihoods and predictions read empty sequences too. Integers are
    symbols; numbers are floats.

    With `tbptt_steps`, `fit` cuts sequences of more than ``max(8 * tbptt_steps, n_steps / batch_size)`` steps into
    *streams* of equal length, which are read side by side: one long text trains as fast as many short ones. A
    stream begins without memory, but after the symbol before it. Whatever comes after `fit` reads whole sequences.

    Likelihoods are natural logarithms. Those of numbers are densities in the units of X, whatever `scale` is: in a
    grid, models with and without it are compared fairly. A symbol that is not among the n steps of `fit` has the
    probability 1 / (n + 1). Where `max_features` leaves n rare symbols out, they and all that were never seen share the
    learnt probability of the unknown symbol alike, each having 1 / (n + 1) of it: models with different limits are
    compared fairly. `predict_proba` and `top_choices` tell what may be generated, given that it is not the unknown one.

    References
    ----------
    .. [1] Graves (2013), Generating Sequences With Recurrent Neural Networks, arXiv:1308.0850.
    .. [2] Salinas, Flunkert, Gasthaus & Januschowski (2020), DeepAR: Probabilistic Forecasting With Autoregressive
       Recurrent Networks, International Journal of Forecasting 36(3).
    .. [3] Williams & Peng (1990), An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network
       Trajectories, Neural Computation 2(4).
    .. [4] Ficler & Goldberg (2017), Controlling Linguistic Style Aspects in Neural Language Generation,
       arXiv:1707.02633.
    .. [5] Gasthaus et al. (2019), Probabilistic Forecasting with Spline Quantile Function RNNs, AISTATS.
    .. [6] Press & Wolf (2017), Using the Output Embedding to Improve Language Models, arXiv:1608.05859.
    .. [7] Tallec & Ollivier (2018), Can Recurrent Neural Networks Warp Time?, ICLR.
    .. [8] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive Uncertainty Estimation using Deep
       Ensembles, arXiv:1612.01474.
    .. [9] Winters (1960), Forecasting Sales by Exponentially Weighted Moving Averages, Management Science 6(3).

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence import SequenceGenerator
    >>> text = "to be or not to be, " * 40
    >>> generator = SequenceGenerator(hidden_size=32, max_epochs=40, random_state=0).fit([text])
    >>> generator.generate("to be", max_steps=13, top_k=1)
    'to be or not to be'
    >>> generator.perplexity([text]) < 1.2
    True

    Series of numbers, here of one feature:

    >>> series = np.sin(np.arange(60) / 2 + np.arange(40)[:, None])
    >>> generator = SequenceGenerator(hidden_size=16, max_epochs=40, random_state=0).fit(series)
    >>> forecast = generator.forecast(series, horizon=5, random_state=0)
    >>> forecast["mean"].shape
    (40, 5)
    >>> low, middle, high = forecast["quantiles"]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = SHARED | {
        "loss": [StrOptions({"auto", "cross_entropy", "gaussian", "student_t", "quantile"})],
        "scale": [StrOptions({"auto", "global", "sequence"}), "boolean"],
        "hidden_size": [*SHARED["hidden_size"], StrOptions({"auto"})],
        "dropout": [*SHARED["dropout"], StrOptions({"auto"})],
        "residual": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto", "last"}),
            None,
        ],
        "known_columns": [Integral, list, tuple, None],
        "tie_weights": ["boolean"],
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        "conditional": ["boolean"],
    }

    def __init__(
        self,
        cell: str | Callable[..., Any] = "lstm",
        hidden_size: int | str = "auto",
        *,
        num_layers: int = 1,
        activation: str = "tanh",
        context_size: int = 3,
        dropout: float | str = "auto",
        recurrent_dropout: float = 0.0,
        chrono_steps: int | None = None,
        embedding_dim: int | None = None,
        tie_weights: bool = False,
        n_estimators: int = 1,
        loss: str = "auto",
        optimizer: str = "adam",
        learning_rate: float = 1e-2,
        lr_schedule: str | None = "one_cycle",
        weight_decay: float = 0.0,
        max_grad_norm: float | None = 1.0,
        tbptt_steps: int | None = 64,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: str = "random",
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        scale: str | bool = "auto",
        residual: str | int | None = "auto",
        known_columns: int | list[int] | tuple[int, ...] | None = None,
        analyzer: str | Callable[[str], Any] | Tokenizer = "char",
        max_features: int | None = None,
        conditional: bool = False,
        warm_start: bool = False,
        callbacks: list[Any] | tuple[Any, ...] | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.activation = activation
        self.context_size = context_size
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.chrono_steps = chrono_steps
        self.embedding_dim = embedding_dim
        self.tie_weights = tie_weights
        self.n_estimators = n_estimators
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
        self.known_columns = known_columns
        self.analyzer = analyzer
        self.max_features = max_features
        self.conditional = conditional
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    _integers_are_symbols = True

    def _read_targets(self, y: Any, sequences: Sequences, form: Any, known: Any, codec: Any) -> Any:
        return read_unsupervised(self, y, sequences, form, known)

    def _make_model(self, task: Task) -> Any:
        return generator_model(self, task)

    def _training_sizes(self, task: Task) -> tuple[int, int]:
        return generator_sizes(self, task.sequences)

    @property
    def _network_loss(self) -> str:
        # with any levels it is a loss of the regressor; here the levels are those of a whole distribution
        return "quantile_function" if self.loss == "quantile" else str(self.loss)

    def _public_attributes(self, model: Any) -> dict[str, Any]:
        found: dict[str, Any] = {
            "hidden_size_": model.spec.hidden_size,
            "dropout_": model.spec.dropout,
        }
        if isinstance(model.codec, SeriesCodec):
            reference = model.codec.reference
            found["residual_"] = "last" if reference.lag == 1 else reference.lag
            found["scale_"] = "sequence" if reference.own_scale else self.scale and "global"
        if not isinstance(model.codec, ConditionalCodec):
            return found
        return found | {
            "classes_": model.codec.classes,
            "class_log_prior_": model.codec.log_frequencies,
        }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the distribution of the next step given all steps before it.

        Parameters
        ----------
        X : list of str, list of lists of tokens, array of int, list of arrays, \
            or array of float of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features)
            Sequences: texts, tokens and integers are symbols, floats are numbers. A long text is one sequence: pass
            ``[text]``.
        y : array-like of shape (n_sequences,), default=None
            One label for each sequence, if `conditional`; ignored otherwise.

        Returns
        -------
        self : object
            Fitted.
        """
        return self._fit_and_set(X, y if self.conditional else None, None)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Pass once over the given sequences, in the given order, keeping the optimizer's state.

        Parameters
        ----------
        X : array-like or list of sequences
            As in `fit`; vocabulary, scale and whether sequences have ends are learnt in the first call.
        y : array-like of shape (n_sequences,), default=None
            As in `fit`; which labels there are, and how frequent each is, is learnt in the first call.

        Returns
        -------
        self : object
            Trained by one more pass.
        """
        return self._partial_fit(X, y if self.conditional else None, None)
