"""The generator: an autoregressive model of sequences of symbols or numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import DensityMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sksequence._base import SEASONS, SHARED, BaseRNN, Decoders, StepReader, available_if, check_ids
from sksequence._batching import Sequences, offsets_of
from sksequence._blueprint import Blueprint
from sksequence._forecasts import Forecast, check_dates_after, summarise_paths
from sksequence._input import PretrainedEmbedding, check_sequences
from sksequence._language import LanguageModel, SamplingRules, SymbolReader
from sksequence._net import augmentations_in
from sksequence._random import RandomState
from sksequence._series import SeriesCodec, SeriesModel, SeriesReader, check_forecast_levels
from sksequence._settings import Splitter
from sksequence._targets import restore_steps
from sksequence._tasks import NextStepTasks, SeriesTask, SymbolTask
from sksequence._tokenizers import Tokenizer


class SequenceGenerator(DensityMixin, BaseRNN):
    """Autoregressive recurrent neural network for sequences of symbols or of numbers.

    The network reads a sequence from its start and outputs, at each step, the distribution of the
    next step [1]_. This gives the likelihood of a sequence, continuations of a text, and forecasts
    of a series with prediction intervals [2]_. Sequences of strings or integers hold symbols, and
    those of floats hold numbers.

    These eight parameters are worth tuning first:

    - Network: `cell`, `hidden_size`, `dropout` and, for large vocabularies, `tie_weights`.
    - Training: `learning_rate`, `max_epochs` and, for numbers, `loss`.
    - Data: `analyzer` for texts.

    `sksequence.model_selection.recommended_grid` returns a small grid for a search.

    Parameters
    ----------
    cell : str, cell of `sksequence.cells` or callable, default="lstm"
        Type of the recurrent layers:

        - "lstm": long short-term memory [3]_.
        - "gru": gated recurrent unit [4]_.
        - "rnn": simple recurrent network, without gates.
        - "feedforward": baseline without memory, which sees the last 3 steps only.
        - the other names of the :ref:`table of cells <cells>`, such as "lem", "lru" and "mingru".
        - an object of `sksequence.cells`, which has parameters of its own, such as
          ``LSTM(chrono_steps=200)`` [6]_.
        - an object of a class of your own that derives from `sksequence.cells.Cell`.
        - callable: ``cell(input_size, hidden_size)`` returns a torch module that is called like a
          batch-first `torch.nn.GRU`, such as this class itself or `torch.nn.GRUCell`. It continues
          from the state that it returns, or has a method ``step(x, state)``, which returns an
          output and the next state.
    hidden_size : int, tuple of int or "auto", default="auto"
        Number of units in the hidden state of each layer. A tuple has the number of each layer, as
        in ``(128, 64)``; leave `num_layers` out then. "auto" selects 128; from 500,000 training
        symbols on it selects 256, and with fewer than 20,000 training values (numbers) 64.
    num_layers : int, default=1
        Number of stacked recurrent layers.
    residual_connections : bool, default=False
        Whether each layer but the first adds its outputs to those of the layer below, which it
        reads divided by their root mean square. Gradients then reach the first layers of stacks of
        eight layers and more.
    dropout : float or "auto", default="auto"
        Fraction of the units that are dropped during training, between layers and before the
        output layer. Must be in the range [0, 1). "auto" selects 0 for symbols and 0.2 for numbers;
        with fewer than 20,000 training values it selects 0.5, and with fewer than 500, 0.8.
    recurrent_dropout : float, default=0.0
        Fraction of the units of the previous hidden state that are dropped during training, with
        the same mask at every step of a chunk of `tbptt_steps` [5]_. Must be in the range [0, 1).
    embedding_dim : int, PretrainedEmbedding or None, default=None
        Size of the embedding vector of a symbol, or a file of vectors: `PretrainedEmbedding`. None
        selects eight times the square root of the number of symbols, in the range from 8 to 64.
    tie_weights : bool, default=False
        Whether the output layer uses the embedding vectors of the symbols as its weights, instead
        of weights of its own [7]_. If `hidden_size` and `embedding_dim` differ, hidden states are
        projected first. Requires symbols.
    n_estimators : int, default=1
        Number of networks in the ensemble. They differ in their initial weights, see the same
        batches, and are trained independently. The distribution of the next step is the mean of
        theirs [8]_, and each path of a forecast follows one of the networks. Time and memory grow
        in proportion.
    loss : {"auto", "cross_entropy", "gaussian", "student_t", "quantile", "poisson", \
            "negative_binomial", "gamma"}, default="auto"
        Loss function, and with it the distribution of the next step:

        - "cross_entropy": one probability per symbol.
        - "gaussian": normal distribution of the next number.
        - "student_t": Student's t distribution of the next number, with heavier tails.
        - "quantile": distribution of any shape, given by nine quantiles at levels from 0.025 to
          0.975 that are learnt with the pinball loss [9]_.
        - "poisson" and "negative_binomial": distributions of counts, such as sales. The variance of
          the second one is learnt too, and is larger than the mean. Values are relative to the mean
          of the series so far or, with ``scale="global"``, of all series [2]_.
        - "gamma": distribution of positive numbers, likewise.

        Counts and positive numbers have no `residual`, and are passed as floats. "auto" selects
        "cross_entropy" for symbols and "student_t" for numbers.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"} or class, default="adam"
        Optimizer of the weights. "sgd" uses a Nesterov momentum of 0.9. A class is a subclass of
        `torch.optim.Optimizer` at the top level of a module, which takes ``lr`` and, unless
        `weight_decay` is 0, ``weight_decay``.
    learning_rate : float, default=1e-2
        Maximum learning rate of the schedule.
    lr_schedule : {"one_cycle", "cosine", "linear"} or None, default="one_cycle"
        Learning rate schedule. "one_cycle" increases the rate linearly in the first 5 % of the
        training and then decreases it to 0 along half a cosine, after [10]_. "cosine" and "linear"
        decrease it from the start. None keeps it constant, as `partial_fit` always does.
    weight_decay : float, default=0.0
        Strength of the weight decay (L2 penalty; decoupled with "adamw").
    max_grad_norm : float or None, default=1.0
        Maximum norm of the gradient. Larger gradients are clipped to this norm [11]_. None disables
        clipping.
    tbptt_steps : int or None, default=64
        Number of steps after which backpropagation through time is truncated [12]_. The optimizer
        takes one step per chunk of this length, and the hidden state is carried over. None takes
        one step per batch of whole sequences.
    max_epochs : int or "auto", default="auto"
        Maximum number of passes over the training data. "auto" selects as many as make about 2500
        steps of the optimizer in total, but at least 10 and at most 100; for numbers, about 300
        steps, but at least 5 and at most 30 epochs.
    batch_size : int or "auto", default="auto"
        Number of sequences, or of streams cut from them (see Notes), per batch. "auto" selects 32
        with at most 4096 training sequences and a million steps, 64 with at most four times as
        many, and 128 with more.
    shuffle : bool or "blocks", default=True
        Whether to visit the sequences in a new random order in each epoch. If True, the result
        does not depend on the order of the rows of X. "blocks" is for data larger than memory: it
        shuffles blocks of neighbouring rows of 1 MB, then the rows within 64 MB of blocks, so that
        a file is read once per epoch, in large pieces.
    early_stopping : bool, default=False
        Whether to hold out a part of the data, to stop training when its loss no longer improves,
        and to restore the best weights.
    validation_fraction : float, default=0.1
        Proportion of the sequences or streams to hold out. Only used if `early_stopping` is True.
    validation_split : {"random", "last"} or splitter of scikit-learn, default="random"
        Which sequences or streams are held out. "random" draws them. "last" takes the last ones,
        and leaves a gap before them where windows of a series overlap. A splitter, such as
        `GroupShuffleSplit` with the `groups` of `fit`, or `PredefinedSplit`, selects among the
        sequences of X by its first split, and `validation_fraction` is not used (see
        :ref:`early_stopping`). Only used if `early_stopping` is True.
    n_iter_no_change : int, default=10
        Number of epochs without improvement after which training stops. Only used if
        `early_stopping` is True.
    tol : float, default=1e-4
        Minimum decrease of the validation loss that counts as an improvement. Only used if
        `early_stopping` is True.
    scale : {"auto", "global", "sequence"} or bool, default="auto"
        How numbers are scaled, after `residual` was subtracted. "global" or True standardises each
        feature over all training steps. "sequence" first divides each value by the mean absolute
        difference of its own series so far, which makes series of different sizes look alike. False
        disables scaling. Symbols have no scale. "auto" selects "sequence" if `residual` is a
        season, or if the standard deviation of the logarithms of the series' mean absolute
        differences is above 0.5 (a factor of 1.65), and "global" otherwise.
    residual : {"auto", "last"}, int, list of int or None, default="auto"
        Baseline that is subtracted from each value: "last" for the previous value, an int for the
        value that many steps (one season) before, None for the mean (of the series so far, if
        `scale` is "sequence"). With a season, the network also reads the changes at the same place
        in all seasons so far, smoothed exponentially [13]_. A list gives several seasons, such as
        ``[24, 168]`` for the day and the week of hourly series: the baseline is the value one of
        the longest season before, and the network also reads the values one of each other season
        before, and how values differ, at the same place of the longest season, from the mean of
        the steps of each season before them. With several seasons and a scale per series, a
        linear combination of all these, learnt by ridge regression over the series, is added to
        the baseline, and positive series are read as logarithms if these are more likely (see
        Notes). Symbols have no baseline. "auto" selects the seasons by
        autocorrelation (see Notes). Without a season it selects "last", or None if the mean so far
        is closer to the next value in most series.
    known_columns : int, str, list of int or str, or None, default=None
        Features of X that are known covariates, such as calendar features, by index, or by name if
        X has names of features. They are read at every step but never predicted, and `forecast`
        requires their values in `future`. None stands for no such features.
    analyzer : {"char", "word"}, callable or tokenizer, default="char"
        How texts are split into symbols. "char" splits them into characters, and "word" into words,
        punctuation marks and white space, with a space before a word being part of it. A callable
        takes a text and returns a list of tokens, which `generate` joins with spaces. A tokenizer
        is an object with the methods ``encode(text)`` and ``decode(ids)``, such as those of Hugging
        Face and tiktoken; its ids are the symbols. Must be "char" if X holds no texts.
    max_features : int or None, default=None
        Maximum size of the vocabulary. Only the most frequent symbols are kept; all others are
        replaced by one unknown symbol, which is learnt but never generated. None keeps all symbols.
    conditional : bool, default=False
        Whether y holds one label per sequence of symbols, on which the distribution is conditioned
        [14]_. If True, the network reads the label at every step, `generate` requires a label, and
        `predict_label` classifies sequences. If False, y is ignored.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the previous call instead of initialising them.
    callbacks : list of callbacks or None, default=None
        Callbacks of the training loop: `sksequence.callbacks.Checkpoint`, which resumes killed
        fits, and those of skorch. An `LRScheduler` requires ``lr_schedule=None``. The ``scoring``
        of `EpochScoring` and `BatchScoring` must be a function ``f(net, X, y)``.
    device : str, default="auto"
        Torch device to compute on. "auto" selects the first available one of "cuda", "mps" and
        "cpu".
    random_state : int, RandomState instance or None, default=None
        Controls the initial weights, the order of the sequences, dropout and the validation split.
        Pass an int for results that are reproducible bit for bit.
    verbose : int, default=0
        Verbosity level. 1 prints one line per epoch: loss, validation loss, best epoch so far,
        seconds and learning rate, in a search with the candidate. 2 also prints one per batch.

    Attributes
    ----------
    vocabulary_ : dict
        Mapping of symbols to codes; 0 is reserved for unknown symbols. Defined only if X held
        symbols.
    input_kind_ : {"numbers", "symbols", "text"}
        How X was read: "text" if each sequence was a str, "symbols" if steps were strings or
        integers of any type, and "numbers" if they were floats or booleans.
    n_features_in_ : int
        Number of columns if X was a table, otherwise number of features per step.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only if X was a DataFrame.
    n_iter_ : int
        Number of epochs that were run.
    loss_curve_ : list of float of shape (n_iter_,)
        Mean training loss of each epoch.
    gradient_norm_curve_ : list of float of shape (n_iter_,)
        Mean norm of the gradients of each epoch, before clipping.
    validation_curve_ : list of float of shape (n_iter_,)
        Validation loss of each epoch. Defined only if `early_stopping` is True.
    best_loss_ : float
        Validation loss of the restored weights. Defined only if `early_stopping` is True.
    max_epochs_ : int
        Maximum number of epochs, "auto" resolved.
    batch_size_ : int
        Number of sequences per batch, "auto" resolved.
    embedding_dim_ : int
        Size of the embedding vectors, None resolved. Defined only if X held symbols.
    hidden_size_ : int or tuple of int
        Number of units per layer, "auto" resolved.
    dropout_ : float
        Fraction of the units that are dropped, "auto" resolved.
    n_estimators_ : int
        Number of networks.
    scale_ : {"global", "sequence"} or bool
        Scaling of numbers, "auto" resolved. Defined only if X held numbers.
    residual_ : "last", int, list of int or None
        Baseline of numbers, "auto" resolved. Defined only if X held numbers.
    seasons_ : tuple of int
        Seasons in steps, in increasing order; empty without a season. Defined only if X held
        numbers.
    classes_ : ndarray of shape (n_classes,)
        Labels in sorted order. Defined only if `conditional` is True.
    class_log_prior_ : ndarray of shape (n_classes,)
        Logarithm of the relative frequency of each label in the first fit. Defined only if
        `conditional` is True.
    auto_params_ : dict
        Values that were selected for parameters at "auto", or at None where None stands for such a
        choice, by the names of the parameters.
    net_ : skorch.NeuralNet
        Fitted network with its training loop.
    module_ : torch.nn.Module
        Fitted network.

    Raises
    ------
    ValueError
        In `fit`, if a parameter, X or y is invalid.
    FloatingPointError
        In `fit`, if the training loss is no longer finite.

    See Also
    --------
    RNNClassifier : Recurrent neural network classifier.
    RNNRegressor : Recurrent neural network regressor, also for forecasts of a fixed horizon.

    Notes
    -----
    A *step* is one symbol, or the features of one point in time. A model that is fitted to several
    sequences of symbols also learns where they end: the end mark is an additional symbol, an
    additional step of the likelihood, and the point where `generate` stops. Likelihoods and
    predictions then accept empty sequences too. A single sequence has no end.

    With `tbptt_steps`, `fit` cuts sequences of more than
    ``max(8 * tbptt_steps, n_steps / batch_size)`` steps into *streams* of equal length, where
    `n_steps` is the total over all sequences. Streams are read in parallel, so that one long text
    trains as fast as many short ones. A stream starts with an empty state, but its first input is
    the step before it. All other methods read whole sequences.

    Likelihoods are in nats. Those of numbers are densities in units of X, whatever `scale` is, so
    that a search can compare models with different scales. A symbol that did not occur among the n
    training steps has the probability 1 / (n + 1). If `max_features` excludes n rare symbols, these
    and all symbols that did not occur share the probability of the unknown symbol equally, with
    1 / (n + 1) of it each, so that a search can compare different limits. `predict_proba` and
    `top_choices` exclude the unknown symbol, which is never generated.

    ``residual="auto"`` looks for seasons of up to 400 steps, and a third of the median length. The
    first one is at the first high peak of the autocorrelation of the differences, if it is at least
    0.3. A second season is at least five times as long, at a peak of at least 0.3 of the
    autocorrelation of the seasonal differences, or at most a fifth as long, at a peak that is at
    least half as high as that of the first; the longer one is a multiple of the shorter. In smooth
    series, differences hide a season behind noise. If there is no such peak, the season is the lag
    where values come closer to earlier ones than at the lags around it, if the variance of these
    differences is at most half as large, and nearly as small after twice as many steps.

    With several seasons and a scale per series, the baseline is moved by a linear combination of
    what previous steps and seasons lead to. A ridge regression over all series [15]_ learns its
    weights, one set for each number of seasons that are known. In training, the location of the
    distribution is doubled, so that predictions keep half of the corrections of the network.
    Positive series are read as logarithms [16]_ if this makes the errors of seasonal naive
    forecasts more likely, up to their first value that is not positive.

    A series that is constant, such as that of an idle sensor, is forecast as itself, without noise:
    its past holds a single value, and for more than twice as many steps as any series of `fit` kept
    a value that it also changed. Values far outside the range of `fit` give finite predictions and
    likelihoods; a forecast whose paths grow without bounds is an error.

    References
    ----------
    .. [1] Graves (2013), Generating Sequences With Recurrent Neural Networks, arXiv:1308.0850.
    .. [2] Salinas, Flunkert, Gasthaus & Januschowski (2020), DeepAR: Probabilistic Forecasting With
       Autoregressive Recurrent Networks, International Journal of Forecasting 36(3).
    .. [3] Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8).
    .. [4] Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder, EMNLP.
    .. [5] Gal & Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent
       Neural Networks, NIPS.
    .. [6] Tallec & Ollivier (2018), Can Recurrent Neural Networks Warp Time?, ICLR.
    .. [7] Press & Wolf (2017), Using the Output Embedding to Improve Language Models,
       arXiv:1608.05859.
    .. [8] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive Uncertainty
       Estimation using Deep Ensembles, arXiv:1612.01474.
    .. [9] Gasthaus et al. (2019), Probabilistic Forecasting with Spline Quantile Function RNNs,
       AISTATS.
    .. [10] Smith & Topin (2018), Super-Convergence, arXiv:1708.07120.
    .. [11] Pascanu, Mikolov & Bengio (2013), On the Difficulty of Training Recurrent Neural
       Networks, ICML.
    .. [12] Williams & Peng (1990), An Efficient Gradient-Based Algorithm for On-Line Training of
       Recurrent Network Trajectories, Neural Computation 2(4).
    .. [13] Winters (1960), Forecasting Sales by Exponentially Weighted Moving Averages, Management
       Science 6(3).
    .. [14] Ficler & Goldberg (2017), Controlling Linguistic Style Aspects in Neural Language
       Generation, arXiv:1707.02633.
    .. [15] Montero-Manso & Hyndman (2021), Principles and Algorithms for Forecasting Groups of Time
       Series: Locality and Globality, International Journal of Forecasting 37(4).
    .. [16] Box & Cox (1964), An Analysis of Transformations, Journal of the Royal Statistical
       Society B 26(2).

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

    _blueprint: Blueprint[Any]
    _model_type: type[LanguageModel | SeriesModel]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = SHARED | {
        "loss": [StrOptions({"auto", "cross_entropy", *SeriesCodec.losses})],
        "scale": [StrOptions({"auto", "global", "sequence"}), "boolean"],
        "hidden_size": [*SHARED["hidden_size"], StrOptions({"auto"})],
        "dropout": [*SHARED["dropout"], StrOptions({"auto"})],
        "residual": [*SEASONS, StrOptions({"auto", "last"}), None],
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        "known_columns": [Integral, str, list, tuple, None],
        "tie_weights": ["boolean"],
        "conditional": ["boolean"],
    }

    def __init__(
        self,
        cell: str | Callable[..., object] = "lstm",
        hidden_size: int | tuple[int, ...] | str = "auto",
        *,
        num_layers: int = 1,
        residual_connections: bool = False,
        dropout: float | str = "auto",
        recurrent_dropout: float = 0.0,
        embedding_dim: int | PretrainedEmbedding | None = None,
        tie_weights: bool = False,
        n_estimators: int = 1,
        loss: str = "auto",
        optimizer: str | type[Any] = "adam",
        learning_rate: float = 1e-2,
        lr_schedule: str | None = "one_cycle",
        weight_decay: float = 0.0,
        max_grad_norm: float | None = 1.0,
        tbptt_steps: int | None = 64,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool | str = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: str | Splitter = "random",
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        scale: str | bool = "auto",
        residual: str | int | Sequence[int] | None = "auto",
        known_columns: int | str | Sequence[int | str] | None = None,
        analyzer: str | Callable[[str], object] | Tokenizer = "char",
        max_features: int | None = None,
        conditional: bool = False,
        warm_start: bool = False,
        callbacks: Sequence[object] | None = None,
        device: str = "auto",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.residual_connections = residual_connections
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
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

    def _task(self) -> NextStepTasks:
        if augmentations_in(self.callbacks):
            raise ValueError(
                "callbacks contains Augmentation, which changes the inputs of a network but not "
                "what it predicts, and a generator predicts its inputs. Leave it out."
            )
        training = self._settings().training
        numbers = SeriesTask(
            self.loss,
            training,
            self.residual,
            self.scale,
            self.known_columns,
            conditional=self.conditional,
            tie_weights=self.tie_weights,
        )
        symbols = SymbolTask(
            self.loss, training, self.conditional, self.known_columns, self.residual, self.scale
        )
        return NextStepTasks(symbols, numbers)

    @property
    def _model(self) -> LanguageModel | SeriesModel:
        """Fitted distribution of the next step."""
        check_is_fitted(self, "net_")
        return self._model_type(self.net_, self._blueprint)

    @property
    def _language_model(self) -> LanguageModel:
        check_is_fitted(self, "net_")
        return LanguageModel(self.net_, self._blueprint)

    @property
    def _series_model(self) -> SeriesModel:
        return SeriesModel(self.net_, self._blueprint)

    def _models_symbols(self) -> bool:
        if getattr(self, "_model_type", LanguageModel) is not LanguageModel:
            raise AttributeError(
                f"This {type(self).__name__} was fitted on numbers, for which generate, stream, "
                "top_choices and predict_proba are not available. Use forecast, sample, predict or "
                "score_samples, or fit on symbols."
            )
        return True

    def _models_numbers(self) -> bool:
        if getattr(self, "_model_type", SeriesModel) is not SeriesModel:
            raise AttributeError(
                f"This {type(self).__name__} was fitted on symbols, for which forecast is not "
                "available. Use generate, sample, predict, predict_proba or score_samples. "
                "Integers are symbols: fit on floats to forecast."
            )
        return True

    def _models_labels(self) -> bool:
        is_conditional = self.conditional
        if hasattr(self, "_blueprint"):
            is_conditional = hasattr(self, "classes_")
        if not is_conditional:
            raise AttributeError(
                f"This {type(self).__name__} has learnt no labels. Set conditional=True, and fit "
                "with one label per sequence in y."
            )
        return True

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Sized, y: Sized | None = None, groups: ArrayLike | None = None) -> Self:
        """Fit the distribution of the next step given all steps before it.

        Parameters
        ----------
        X : list of str, list of lists of tokens, array of int, list of arrays, or array of float \
                of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features)
            Training sequences. Texts, tokens and integers are symbols, and floats are numbers. A
            single long text is one sequence: pass ``[text]``.
        y : array-like of shape (n_sequences,), default=None
            Label of each sequence. Only used if `conditional` is True.
        groups : array-like of shape (n_sequences,), default=None
            Group of each sequence, for the splitter in `validation_split`.

        Returns
        -------
        self : object
            Fitted generator.
        """
        return self._fit(self._task(), X, y if self.conditional else None, None, groups)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Sized, y: Sized | None = None) -> Self:
        """Train for one epoch on a chunk of the data, in the order given.

        The state of the optimizer is kept between calls, and the learning rate is constant.

        Parameters
        ----------
        X : array-like or list of sequences
            Training sequences, as in `fit`. The vocabulary, the scale and whether sequences have an
            end are learnt in the first call.
        y : array-like of shape (n_sequences,), default=None
            Label of each sequence. Only used if `conditional` is True. The set of labels and their
            frequencies are learnt in the first call.

        Returns
        -------
        self : object
            Generator after one more epoch.
        """
        return self._partial_fit(self._task(), X, y if self.conditional else None, None)

    # --- likelihoods -----------------------------------------------------------------------------

    def score_samples(self, X: Sized, y: Sized | None = None) -> NDArray[np.float64]:
        """Compute the log-likelihood of each sequence.

        Parameters
        ----------
        X : array-like or list of sequences
            Sequences, as in `fit`.
        y : array-like of shape (n_sequences,), default=None
            Label of each sequence. Only for models with ``conditional=True``. None sums over all
            labels, weighted by their frequencies in `fit`.

        Returns
        -------
        log_likelihoods : ndarray of shape (n_sequences,)
            Log-likelihoods in nats, summed over the steps of each sequence; the end mark is a step
            too, if it was learnt. Those of numbers are log-densities in units of X.
        """
        steps, lengths = self._log_likelihoods(X, y)
        return np.add.reduceat(steps, offsets_of(lengths)[:-1])

    def score_steps(self, X: Sized, y: Sized | None = None) -> NDArray[Any]:
        """Compute the log-likelihood of each step given the steps before it.

        Parameters
        ----------
        X : array-like or list of sequences
            Sequences, as in `fit`.
        y : array-like of shape (n_sequences,), default=None
            Label of each sequence. Only for models with ``conditional=True``. None sums over all
            labels, weighted by their frequencies in `fit`.

        Returns
        -------
        log_likelihoods : ndarray of shape (n_sequences,)
            Object array with one float64 array of shape (n_steps,) per sequence, in nats; the end
            mark is one more step, if it was learnt. The sum over a sequence is its value in
            `score_samples`, and ``np.exp(-log_likelihoods[i])`` is the perplexity at each step of
            sequence i.
        """
        steps, lengths = self._log_likelihoods(X, y)
        return np.asarray(restore_steps(steps, lengths, "ragged"))

    def score(self, X: Sized, y: Sized | None = None) -> float:
        """Return the mean log-likelihood per step, over all sequences.

        Parameters
        ----------
        X : array-like or list of sequences
            Sequences, as in `fit`.
        y : array-like of shape (n_sequences,), default=None
            Label of each sequence. Only for models with ``conditional=True``. None sums over all
            labels, weighted by their frequencies in `fit`.

        Returns
        -------
        score : float
            Mean log-likelihood per step in nats. Higher is better.
        """
        steps, _ = self._log_likelihoods(X, y)
        return float(steps.mean())

    def perplexity(self, X: Sized, y: Sized | None = None) -> float:
        """Return the perplexity per step, which is the exponential of the negative score.

        Parameters
        ----------
        X : array-like or list of sequences
            Sequences, as in `fit`.
        y : array-like of shape (n_sequences,), default=None
            Label of each sequence. Only for models with ``conditional=True``. None sums over all
            labels, weighted by their frequencies in `fit`.

        Returns
        -------
        perplexity : float
            Perplexity per step. Lower is better: 1 is a certain prediction, and the number of
            symbols is that of a uniform guess.
        """
        with np.errstate(over="ignore"):  # infinity is the answer
            return float(np.exp(-self.score(X, y)))

    def _log_likelihoods(
        self, X: Sized, y: Sized | None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        check_ids(X, y=y)
        return self._model.log_likelihoods(self._check_input(X), y)

    def _check_input(self, X: Sized) -> Sequences:
        check_is_fitted(self, "net_")
        return check_sequences(X, self._blueprint.form, may_be_empty=self._model.may_be_empty)

    def _network_input(self, sequences: Sequences, y: Sized | None) -> Sequences:
        return self._blueprint.codec.network_input(sequences, y)  # type: ignore[no-any-return]

    # --- the next step ---------------------------------------------------------------------------

    def predict(self, X: Sized) -> NDArray[Any]:
        """Predict the next step of each sequence.

        Parameters
        ----------
        X : array-like or list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        y_pred : ndarray of shape (n_sequences,) or (n_sequences, n_features)
            Most probable next symbol (the id, with a tokenizer), or the centre of the distribution
            of the next numbers.

        Raises
        ------
        ValueError
            If `known_columns` is set: only `forecast` takes the future values of these features.
        """
        following = self._model.next(self._check_input(X))
        is_single = following.ndim == 2 and following.shape[1] == 1
        return np.asarray(following[:, 0] if is_single else following)

    @available_if(_models_symbols)
    def predict_proba(self, X: Sized) -> NDArray[np.float64]:
        """Predict the probability that each symbol comes next.

        Available after a fit on symbols.

        Parameters
        ----------
        X : array-like or list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_sequences, n_symbols) or (n_sequences, n_symbols + 1)
            Probabilities in the order of `vocabulary_`. If sequences have an end, the last column
            is the probability of the end mark.
        """
        return self._language_model.next_probabilities(self._check_input(X))

    def _step_reader(self, method: str, n_streams: int) -> StepReader:
        if self._model_type is SeriesModel:
            return SeriesReader(self._blueprint, n_streams)
        return SymbolReader(self._blueprint, method)

    def _stream_decoders(self) -> Decoders:
        return dict(self._blueprint.codec.stream_decoders())

    def transform(self, X: Sized) -> NDArray[np.float32]:
        """Compute the hidden state after the last step of each sequence.

        Parameters
        ----------
        X : array-like or list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        X_new : ndarray of shape (n_sequences, n_hidden)
            Hidden states as float32; those of several networks side by side. If `conditional` is
            True, the mean of the states given each label, weighted by the probabilities of the
            labels.
        """
        return self._model.features(self._check_input(X))

    @available_if(_models_labels)
    def predict_label(self, X: Sized) -> NDArray[Any]:
        """Predict the label of each sequence.

        Available if `conditional` is True.

        Parameters
        ----------
        X : list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        labels : ndarray of shape (n_sequences,)
            Most probable label of each sequence.
        """
        return np.asarray(self.classes_[self.predict_label_proba(X).argmax(axis=1)])

    @available_if(_models_labels)
    def predict_label_proba(self, X: Sized) -> NDArray[np.float64]:
        """Predict the probability of each label with Bayes' rule.

        Available if `conditional` is True. The probability of a label is proportional to the
        likelihood of the sequence given the label, times the frequency of the label in `fit`.

        Parameters
        ----------
        X : list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_sequences, n_classes)
            Probabilities in the order of `classes_`.
        """
        return self._language_model.label_probabilities(self._check_input(X))

    # --- symbols ---------------------------------------------------------------------------------

    @available_if(_models_symbols)
    def generate(
        self,
        prompt: object = None,
        *,
        max_steps: int = 100,
        n_samples: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical_p: float | None = None,
        repetition_penalty: float | None = None,
        no_repeat_ngram_size: int | None = None,
        num_beams: int | None = None,
        length_penalty: float = 0.0,
        stop: object = None,
        label: object = None,
        random_state: RandomState = None,
    ) -> Any:
        """Generate continuations of one or several prompts.

        Available after a fit on symbols.

        Parameters
        ----------
        prompt : str or list of tokens, or a list of these, default=None
            Prompts to continue. They are returned unaltered at the start of the results. None and
            an empty prompt start a new sequence. Symbols that did not occur in `fit` are read as
            unknown. Several texts may also be an array, a Series or one column of a table. If the
            analyzer is "word", a blank at the end of a prompt is the one before the next word.
        max_steps : int, default=100
            Maximum number of symbols to add.
        n_samples : int, default=None
            Number of continuations per prompt, which are returned as a list. None generates a
            single one, which is returned without a list.
        temperature : float, default=1.0
            Number by which the logits are divided. Values below 1 favour the most probable symbols,
            and values above 1 flatten the distribution. 0 always selects the most probable symbol,
            the first in the order of `vocabulary_` if there are several.
        top_k : int, default=None
            Sample from the k most probable symbols only. 1 always selects the most probable symbol.
            None keeps all symbols.
        top_p : float, default=None
            Sample from the smallest set of most probable symbols whose total probability is at
            least `top_p` [1]_, such as 0.9. None keeps all symbols.
        min_p : float, default=None
            Sample from the symbols whose probability is at least this fraction of the highest one
            [2]_, such as 0.05. None keeps all symbols.
        typical_p : float, default=None
            Sample from the smallest set of symbols whose total probability is at least `typical_p`,
            starting with those whose information content is closest to the entropy [3]_. None keeps
            all symbols.
        repetition_penalty : float, default=None
            Positive number by which the logits of symbols that occurred before, also in the prompt,
            are divided if positive and multiplied if negative [4]_. Values above 1 discourage
            repetition; 1.2 is common. None disables the penalty.
        no_repeat_ngram_size : int, default=None
            Length of the n-grams that may occur only once, prompt included [5]_. A sequence ends if
            no other symbol is possible. None allows all repetitions.
        num_beams : int, default=None
            Number of beams of a search for the most probable continuations. With `n_samples`, the
            best ones found are returned, best first. Requires a `temperature` of 0 or 1, and the
            default `top_k`, `top_p`, `min_p` and `typical_p`. None samples instead.
        length_penalty : float, default=0.0
            Exponent with which a beam search favours longer continuations [6]_. 0 searches for the
            most probable ones. Only used with `num_beams`.
        stop : str, token, or list of them, default=None
            Marks after which a continuation ends. The mark is kept. If the analyzer is "word" or a
            tokenizer, marks are searched for in the text, and may start or end within a word.
        label : label of `classes_`, default=None
            Label of the sequences to generate. Required if `conditional` is True, and not allowed
            otherwise.
        random_state : int, RandomState instance or None, default=None
            Controls the sampling. Each sample of each prompt has its own stream of random numbers:
            continuations are independent of the other prompts, and the first samples are
            independent of `n_samples`. Identical prompts get different continuations. Pass an int
            for reproducible results.

        Returns
        -------
        generated : str or list of tokens, or a list of these
            Prompt with its continuation; with `n_samples`, a list of `n_samples` of these. For a
            list of prompts, a list with one such entry per prompt.

        Raises
        ------
        ValueError
            If a parameter is out of range, a beam search is combined with a rule for sampling, a
            stop mark can never be generated, or the label is unknown, missing or not allowed.
        TypeError
            If a prompt is not of the same kind as the sequences in `fit`.

        Notes
        -----
        The rules for sampling are applied in the order `temperature`, `top_k`, `top_p`,
        `typical_p`, `min_p`.

        References
        ----------
        .. [1] Holtzman et al. (2020), The Curious Case of Neural Text Degeneration, ICLR.
        .. [2] Nguyen et al. (2024), Turning Up the Heat: Min-p Sampling for Creative and Coherent
           LLM Outputs, arXiv:2407.01082.
        .. [3] Meister et al. (2023), Locally Typical Sampling, TACL 11.
        .. [4] Keskar et al. (2019), CTRL: A Conditional Transformer Language Model for Controllable
           Generation, arXiv:1909.05858.
        .. [5] Paulus, Xiong & Socher (2018), A Deep Reinforced Model for Abstractive Summarization,
           ICLR.
        .. [6] Wu et al. (2016), Google's Neural Machine Translation System, arXiv:1609.08144.
        """
        rules = SamplingRules(
            temperature, top_k, top_p, min_p, typical_p, repetition_penalty, no_repeat_ngram_size
        )
        return self._language_model.generate(
            prompt,
            rules,
            max_steps=max_steps,
            n_samples=n_samples,
            num_beams=num_beams,
            length_penalty=length_penalty,
            stop=stop,
            label=label,
            random_state=random_state,
        )

    @available_if(_models_symbols)
    def stream(
        self,
        prompt: object = None,
        *,
        max_steps: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical_p: float | None = None,
        repetition_penalty: float | None = None,
        no_repeat_ngram_size: int | None = None,
        stop: object = None,
        label: object = None,
        random_state: RandomState = None,
    ) -> Iterator[Any]:
        """Generate a continuation of one prompt, and yield each symbol as soon as it is sampled.

        Available after a fit on symbols.

        Parameters
        ----------
        prompt : str or list of tokens, default=None
            Prompt to continue. None starts a new sequence.
        max_steps : int, default=100
            Maximum number of symbols to add.
        temperature : float, default=1.0
            See `generate`.
        top_k : int, default=None
            See `generate`.
        top_p : float, default=None
            See `generate`.
        min_p : float, default=None
            See `generate`.
        typical_p : float, default=None
            See `generate`.
        repetition_penalty : float, default=None
            See `generate`.
        no_repeat_ngram_size : int, default=None
            See `generate`.
        stop : str, token, or list of them, default=None
            See `generate`.
        label : label of `classes_`, default=None
            See `generate`.
        random_state : int, RandomState instance or None, default=None
            Controls the sampling. An int gives the same continuation as in `generate`.

        Yields
        ------
        symbol : str or token
            Next symbol, or its part up to the end of a stop mark. The prompt is not repeated. With
            a tokenizer, the text that one or several ids add, in whole characters; all pieces
            joined are the text that `generate` adds.

        Raises
        ------
        ValueError
            As in `generate`. All errors are raised before the first symbol is requested.
        TypeError
            As in `generate`, and if there are several prompts.
        """
        rules = SamplingRules(
            temperature, top_k, top_p, min_p, typical_p, repetition_penalty, no_repeat_ngram_size
        )
        return self._language_model.stream(
            prompt,
            rules,
            max_steps=max_steps,
            stop=stop,
            label=label,
            random_state=random_state,
        )

    @available_if(_models_symbols)
    def top_choices(self, prompt: object = None, k: int = 5, *, label: object = None) -> Any:
        """Return the most probable next symbols after one or several prompts.

        Available after a fit on symbols.

        Parameters
        ----------
        prompt : str or list of tokens, or a list of these, default=None
            Prompts. None and an empty prompt stand for the start of a sequence.
        k : int, default=5
            Maximum number of symbols to return.
        label : label of `classes_`, default=None
            Label of the sequence. Required if `conditional` is True, and not allowed otherwise.

        Returns
        -------
        choices : list of (symbol, float), or a list of these
            Symbols and their probabilities, most probable first. The symbol None stands for the end
            of the sequence. The ids of a tokenizer are returned as the text that they would add.
            For a list of prompts, a list with one such entry per prompt.

        Raises
        ------
        ValueError
            If k is not a positive integer, or the label is unknown, missing or not allowed.
        TypeError
            If a prompt is not of the same kind as the sequences in `fit`.
        """
        return self._language_model.top_choices(prompt, k, label)

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> Any:
        """Sample new sequences from the fitted distribution.

        If `conditional` is True, the labels of the sequences are sampled first, by their
        frequencies in `fit`.

        Parameters
        ----------
        n_samples : int, default=1
            Number of sequences.
        random_state : int, RandomState instance or None, default=None
            Controls the sampling. Pass an int for reproducible results.

        Returns
        -------
        X : list of str or of lists of tokens, or ndarray of shape (n_samples, n_steps) or \
                (n_samples, n_steps, n_features)
            Sampled sequences. Those of symbols end at an end mark, or at the length of the longest
            training sequence. Those of numbers have the median length of the training sequences.
        """
        return self._model.sample(n_samples, random_state)

    # --- numbers ---------------------------------------------------------------------------------

    @available_if(_models_numbers)
    def forecast(
        self,
        X: Sized,
        horizon: int,
        *,
        n_samples: int = 200,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        future: object = None,
        random_state: RandomState = None,
    ) -> Forecast:
        """Forecast the next values of numeric series by sampling paths.

        Available after a fit on numbers.

        Parameters
        ----------
        X : array-like or list of sequences
            Past values of the series, as in `fit`.
        horizon : int
            Number of steps to forecast.
        n_samples : int, default=200
            Number of sample paths per series.
        quantiles : sequence of float, default=(0.1, 0.5, 0.9)
            Levels of the quantiles to return, each from 0 to 1. The levels 0.1 and 0.9 bound a
            prediction interval of 80 %.
        future : array-like of shape (n_sequences, horizon, n_known), default=None
            Values of the `known_columns` at the steps to forecast: an array, in the order of
            `known_columns`, or a list of one DataFrame per sequence, or `Sequences`, with columns
            of these names and possibly others. For a single column, (n_sequences, horizon) is
            accepted too. Required if `known_columns` is set, and not allowed otherwise.
        random_state : int, RandomState instance or None, default=None
            Controls the sampling. Each series has its own stream of random numbers: its paths are
            independent of the other series, and the first paths are independent of `n_samples`.
            Pass an int for reproducible results.

        Returns
        -------
        forecast : Forecast
            Object with the attributes `mean`, `median`, `quantiles`, `levels` and `paths`, which
            are also items of a dictionary, and with the method `to_frame`, which returns a long
            table with dates. Values are in units of X; the arrays have the shapes

            - mean, median: (n_sequences, horizon);
            - quantiles: (n_quantiles, n_sequences, horizon);
            - levels: (n_quantiles,);
            - paths: (n_sequences, n_samples, horizon).

            With several features to predict, all but `levels` have the features as an additional
            last axis. With heavy tails, such as those of "student_t", a few extreme paths move the
            mean: the median is the safer point forecast.

        Raises
        ------
        ValueError
            If a parameter is out of range, or `future` is missing, not allowed or of another shape.
        """
        sequences, levels = self._check_input(X), check_forecast_levels(quantiles)
        check_ids(X, future=future)
        check_dates_after(X, future)
        paths = self._series_model.forecast(sequences, horizon, n_samples, future, random_state)
        return summarise_paths(paths, levels, X, self._series_model.feature_names)
