"""The regressor of sequences and of their steps, also for forecasts of a fixed horizon."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence, Sized
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sksequence._base import (
    SEASONS,
    SHARED,
    SUPERVISED,
    BaseRNN,
    Decoders,
    LossFunction,
    available_if,
    check_ids,
    check_weights,
)
from sksequence._batching import Sequences, find_step
from sksequence._blueprint import Blueprint
from sksequence._input import PretrainedEmbedding
from sksequence._random import RandomState
from sksequence._settings import Splitter
from sksequence._targets import (
    NumberCodec,
    PredictiveDistribution,
    as_numbers,
    check_levels,
    plain_container,
    predictive_distribution,
)
from sksequence._tasks import (
    NaiveForecast,
    RegressionTask,
    shrunken_centres,
    shrunken_quantiles,
    shrunken_stds,
)
from sksequence._tokenizers import Tokenizer


class RNNRegressor(RegressorMixin, BaseRNN):
    """Recurrent neural network regressor for sequences, or for the steps of sequences.

    One or more recurrent layers read the steps of a sequence. With one target per sequence, the
    hidden states of all steps are pooled into one vector; with one target per step, each hidden
    state is used as it is. A linear layer then computes one or several numbers: a property of the
    sequence, or a forecast of the values after it.

    These eight parameters are worth tuning first:

    - Network: `cell`, `pooling`, `dropout`.
    - Training: `loss`, `learning_rate`, `n_estimators`.
    - Data: `scale` and, for forecasts, `residual`.

    `sksequence.model_selection.recommended_grid` returns a small grid for a search.

    Parameters
    ----------
    cell : str, cell of `sksequence.cells` or callable, default="auto"
        Type of the recurrent layers:

        - "auto": "gru" for numeric sequences of several features with one target each, and "lstm"
          otherwise.
        - "lstm": long short-term memory [1]_.
        - "gru": gated recurrent unit [2]_.
        - "rnn": simple recurrent network, without gates.
        - "feedforward": baseline without memory, which sees the last 3 steps only, as
          "auto" selects no frames for it.
        - the other names of the :ref:`table of cells <cells>`, such as "lem", "lru" and "mingru".
        - an object of `sksequence.cells`, which has parameters of its own, such as
          ``LSTM(chrono_steps=200)`` [4]_.
        - an object of a class of your own that derives from `sksequence.cells.Cell`.
        - callable: ``cell(input_size, hidden_size)`` returns a torch module that is called like a
          batch-first `torch.nn.GRU`, such as this class itself or `torch.nn.GRUCell`. A layer that
          looks ahead, such as a convolution, declares ``is_causal = False`` in its class.
    hidden_size : int or tuple of int, default=64
        Number of units in the hidden state of each layer and direction. A tuple has the number of
        each layer, as in ``(128, 64)``; leave `num_layers` out then.
    num_layers : int, default=1
        Number of stacked recurrent layers.
    residual_connections : bool, default=False
        Whether each layer but the first adds its outputs to those of the layer below, which it
        reads divided by their root mean square. Gradients then reach the first layers of stacks of
        eight layers and more.
    bidirectional : bool or "auto", default="auto"
        Whether to read sequences in both directions, so that each hidden state also depends on
        later steps. "auto" selects True with one target per sequence and ``tbptt_steps=None``, and
        False otherwise.
    merge_mode : {"concat", "sum", "mean", "mul"}, default="concat"
        How the outputs of the two directions are combined in each layer: concatenation, sum, mean
        or product. Ignored if there is one direction only.
    pooling : {"last", "mean", "max", "attention"}, default="last"
        How the hidden states of all steps are reduced to one vector: the final state of each
        direction, the mean, the maximum of each unit, or a mean with learnt weights. Ignored with
        per-step targets.
    dropout : float, default=0.0
        Fraction of the units that are dropped during training, between layers and before the
        output layer. Must be in the range [0, 1).
    recurrent_dropout : float, default=0.0
        Fraction of the units of the previous hidden state that are dropped during training, with
        the same mask at every step of a sequence [3]_. Must be in the range [0, 1).
    embedding_dim : int, PretrainedEmbedding or None, default=None
        Size of the embedding vector of a symbol, or a file of vectors: `PretrainedEmbedding`. If
        not None, integers in X are symbols rather than numbers, unless there are columns of another
        kind. None selects eight times the square root of the number of symbols, in the range from 8
        to 64; for a category alongside numbers, or one that does not change in time, the square
        root of the number of categories, at most 32.
    categorical_features : array-like of bool, int or str, str, or None, default=None
        Columns of numbers that are categories: a mask, positions, or names of columns. Columns of
        strings and of a categorical type are always categories, so that None or "from_dtype"
        suffices for them.
        Categories have embeddings of their own, and those not seen in `fit` are all read as one
        unknown category. See :ref:`numbers_and_categories`.
    frame_length : int or "auto", default="auto"
        Number of consecutive steps of X that form one step of the network. Frames are aligned to
        the end of a sequence. They are available for numeric sequences with one target each; with
        symbols or per-step targets the length is always 1. With several features per step and
        ``residual=None``, "auto" selects 1 up to a median length of 1000, and frames that make
        about 1000 steps beyond. Otherwise, or with more than 4096 training sequences, it selects 1
        up to a median length of 12, and a quarter of it beyond, in the range from 12 to 48; with
        more than 4096 sequences and ``residual=None``, a twelfth, in the range from 8 to 48.
    frame_step : int or None, default=None
        Number of steps of X from one frame to the next, at most `frame_length`. None selects a
        quarter of `frame_length`, but at least 1; with `residual`, it selects `frame_length`, and
        if "auto" has selected frames of several features, half of it.
    loss : {"auto", "squared_error", "absolute_error", "huber", "quantile", "gaussian", \
            "student_t", "poisson", "negative_binomial", "gamma"} or callable, default="auto"
        Loss function, on standardised targets unless `scale` is False:

        - "squared_error" and "absolute_error": squared and absolute errors.
        - "huber": squared up to an absolute error of 1, and linear beyond.
        - "quantile": pinball loss [5]_ of the `quantiles` of y. `predict` returns the quantile
          whose level is closest to 0.5, and `predict_quantiles` returns all of them.
        - "gaussian": negative log-likelihood of a normal distribution [6]_, whose mean and
          standard deviation are learnt. Enables `predict_quantiles` and `predict_std`.
        - "student_t": the same with Student's t distribution, whose degrees of freedom are learnt
          too, for targets with heavy tails.
        - "poisson" and "negative_binomial": the same with distributions of counts, whole numbers of
          at least 0. The variance of the second one is learnt too, and is larger than the mean
          [13]_. Counts are not standardised: the network learns logarithms relative to that of
          their mean. Not available with `residual`.
        - "gamma": the same with a distribution of positive numbers.
        - callable: a function at the top level of a module. ``loss(outputs, targets)`` returns a
          tensor with one loss per row; both arguments have the shape (n_rows, n_outputs).

        "auto" selects "squared_error", or "huber" with `residual`.
    quantiles : array-like of float of shape (n_quantiles,), default=(0.1, 0.5, 0.9)
        Levels of the quantiles in increasing order, each above 0 and below 1. They are learnt with
        ``loss="quantile"``, and are the default of `predict_quantiles`. Ignored with losses that
        have no quantiles.
    n_estimators : int, default=1
        Number of networks in the ensemble. They differ in their initial weights, see the same
        batches, and are trained independently. `predict` returns the mean of their predictions;
        with the loss of a distribution, the ensemble predicts one distribution with the mean and
        the variance of their mixture [7]_. Time and memory grow in proportion.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"} or class, default="adam"
        Optimizer of the weights. "sgd" uses a Nesterov momentum of 0.9. A class is a subclass of
        `torch.optim.Optimizer` at the top level of a module, which takes ``lr`` and, unless
        `weight_decay` is 0, ``weight_decay``.
    learning_rate : float, default=3e-3
        Maximum learning rate of the schedule.
    lr_schedule : {"one_cycle", "cosine", "linear"} or None, default="one_cycle"
        Learning rate schedule. "one_cycle" increases the rate linearly in the first 5 % of the
        training and then decreases it to 0 along half a cosine, after [8]_. "cosine" and "linear"
        decrease it from the start. None keeps it constant, as `partial_fit` always does.
    weight_decay : float, default=0.0
        Strength of the weight decay (L2 penalty; decoupled with "adamw").
    max_grad_norm : float or None, default=1.0
        Maximum norm of the gradient. Larger gradients are clipped to this norm [9]_. None disables
        clipping.
    tbptt_steps : int or None, default=None
        Number of steps of X after which backpropagation through time [10]_ is truncated. The
        hidden state is carried over. With per-step targets the optimizer takes one step per chunk,
        and otherwise one step per batch. Requires a single direction. None disables truncation.
    max_epochs : int or "auto", default="auto"
        Maximum number of passes over the training data. "auto" selects as many as make
        about 2500 steps of the optimizer in total, but at least 10 and at most 100 epochs, or at
        most 50 if the network reads more than 64 steps of several features with one target. With
        `residual`, it selects about 500 steps of the optimizer, but at least 3 and at most 10
        epochs.
    batch_size : int or "auto", default="auto"
        Number of sequences per batch. "auto" selects 32 with at most 4096 training sequences, 64
        with at most 16,384, and 128 with more. It selects less if the average batch would exceed
        32,768 steps of the network or about 4 million input values. With per-step targets, it
        selects at most as many sequences as hold 256 targets, or one long sequence, two with more
        than 200 sequences, three with more than 400, and four with more than 600.
    shuffle : bool or "blocks", default=True
        Whether to visit the sequences in a new random order in each epoch. If True, the result
        does not depend on the order of the rows of X. "blocks" is for data larger than memory: it
        shuffles blocks of neighbouring rows of 1 MB, then the rows within 64 MB of blocks, so that
        a file is read once per epoch, in large pieces.
    early_stopping : bool, default=False
        Whether to hold out a part of the data, to stop training when its loss no longer improves,
        and to restore the best weights.
    validation_fraction : float, default=0.1
        Proportion of the sequences to hold out. Only used if `early_stopping` is True or, as the
        least proportion, if `residual` is set (see the notes).
    validation_split : {"random", "last"} or splitter of scikit-learn, default="random"
        Which sequences are held out. "random" draws them. "last" takes the last ones, and leaves a
        gap before them where windows of a series overlap. A splitter, such as `GroupShuffleSplit`
        with the `groups` of `fit`, or `PredefinedSplit`, selects them by its first split, and
        `validation_fraction` is not used (see :ref:`early_stopping`). Without `early_stopping`,
        "random" and "last" are not used, and a splitter selects the sequences that show how much of
        the network to keep (`shrinkage_`, see the notes).
    n_iter_no_change : int, default=10
        Number of epochs without improvement after which training stops. Only used if
        `early_stopping` is True.
    tol : float, default=1e-4
        Minimum decrease of the validation loss that counts as an improvement. Only used if
        `early_stopping` is True.
    scale : {"global", "sequence"} or bool, default="global"
        How numeric features are standardised. "global" or True uses the mean and the standard
        deviation of each feature over all training steps. "sequence" uses those of each sequence,
        and adds the logarithm of the standard deviation as a feature. False disables scaling.
        Unless it is False, the targets are standardised for training too: over all training
        sequences or, with "sequence" and `residual`, by the standard deviation of each window, so
        that small series are forecast as well as large ones.
    residual : "last", "auto", int, list of int or None, default=None
        Baseline of a forecast, to which the output of the network is added: "last" repeats the last
        step of the sequence over the horizon, and an int repeats the last season of that many
        steps. A list holds one or several seasons, such as ``[24, 168]`` for the day and the week
        of hourly series. Their baseline is a weighted mean of simple forecasts, with weights for
        each step of the horizon that `fit` learns by least squares [15]_: the last step and, of
        each season, the last one, its mean, and the mean of all that are in a window. "auto" finds
        up to two seasons, as in `SequenceGenerator`: windows that overlap, in the order of time,
        show those of the whole series, and windows must be as long as a season. Without a season it
        selects "last".
        y is of shape (n_sequences, horizon * n_features), with the features of each step next to
        each other. The network reads each sequence minus its last step, or minus the mean of its
        last season, the shortest one, so that a constant added to a series is added to its
        forecast. The newest windows show whether the network is better than the baseline, see the
        notes: rows should be in the order of time, or a splitter in `validation_split` selects
        other windows. None disables the baseline.
    target_columns : int, str, list of int or str, or None, default=None
        Features of X that y continues, for a forecast with `residual`, as in
        `sksequence.preprocessing.make_windows`: indices among all features of a step, categories
        included, or names if they have names. "all" stands for all numbers, unless X has columns of
        `known_columns`. y is of shape (n_sequences, horizon * n_targets). None is for X of one
        feature.
    missing : {"error", "indicator", "decay"}, default="error"
        How numbers that are missing within sequences (NaN, None) are read. "error" refuses them.
        "indicator" reads the mean, and one more input per feature that is 1 where it is present.
        "decay" reads the last value observed, which decays to the mean at learnt rates [14]_, and
        the same inputs. Categories, and what does not change in time, must be present. See
        :ref:`missing_values`.
    time_column : int or str or None, default=None
        Position or name of the feature that holds the times of the steps, which must not decrease.
        It is replaced by the time since the previous step, in units of `time_unit_`, which is 1 for
        the first step. The cells "cfc" and "gru_d" compute with it, and others read its logarithm
        as a feature. See :ref:`irregular_times`.
    target : {"auto", "sequence", "steps"}, default="auto"
        Whether y holds one target per sequence or one target per step. "auto" selects "steps" if y
        is a list or a column of arrays or lists that are as long as their sequences, or a
        `Sequences`, and "sequence" otherwise.
    analyzer : {"char", "word"}, callable or tokenizer, default="char"
        How texts are split into symbols. "char" splits them into characters, and "word" into words,
        punctuation marks and white space. A callable takes a text and returns a list of tokens. A
        tokenizer is an object with the methods ``encode(text)`` and ``decode(ids)``, such as those
        of Hugging Face and tiktoken; its ids are the symbols. Must be "char" if X holds no texts.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the previous call instead of initialising them.
        The networks that judge predictions (`shrinkage_`) are new ones, and trained for
        `max_epochs` only: to add a few epochs per call, use `partial_fit`, which judges nothing.
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
    input_kind_ : {"numbers", "symbols", "mixed", "text"}
        How X was read: "text" if each sequence was a str, "symbols" if steps were strings, or
        integers with `embedding_dim` set, "mixed" if they were numbers and categories, and
        "numbers" otherwise.
    n_features_in_ : int
        Number of columns if X was a table, otherwise number of features per step.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only if X was a DataFrame.
    n_outputs_ : int
        Number of values per target.
    target_ : {"sequence", "steps"}
        Whether y was read as one target per sequence or per step, "auto" resolved.
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
    naive_error_ : float
        Mean absolute error of the baseline in units of y, over all columns of y. It is measured on
        at most 1024 windows of the validation part or, without `early_stopping`, on those that the
        splitter in `validation_split` holds out, by default the newest windows of each series.
        Defined only if `residual` is set and there are enough windows to hold some out: 8 for a
        horizon of one step, and more for longer ones.
    forecast_error_ : float
        Mean absolute error of forecasts of the same windows, by a network that was not trained on
        them. Defined only if `naive_error_` is.
    residual_ : "last", int or list of int
        Baseline of a forecast, "auto" resolved. Defined only if `residual` is set.
    seasons_ : tuple of int
        Seasons of the baseline, in increasing order; empty if it is the last value. Defined only if
        `residual` is set.
    shrinkage_ : float or ndarray of shape (n_targets,)
        Fraction by which predictions are moved to the baseline or, without `residual`, to the mean
        of y: 0 leaves those of the network, and 1 those of the baseline or the mean. With several
        columns of y or, with `residual`, several targets, each has its own. See the notes.
    max_epochs_ : int
        Maximum number of epochs, "auto" resolved.
    batch_size_ : int
        Number of sequences per batch, "auto" resolved.
    cell_ : str or callable
        Type of the recurrent layers, "auto" resolved.
    frame_length_ : int
        Number of steps per frame, "auto" resolved.
    frame_step_ : int
        Number of steps from one frame to the next, None resolved.
    bidirectional_ : bool
        Whether sequences are read in both directions, "auto" resolved.
    hidden_size_ : int or tuple of int
        Number of units per layer and direction.
    dropout_ : float
        Fraction of the units that are dropped.
    n_estimators_ : int
        Number of networks.
    vocabulary_ : dict
        Mapping of symbols to codes; 0 is reserved for unknown symbols. Defined only if steps were
        single symbols.
    embedding_dim_ : int
        Size of the embedding vectors, None resolved. Defined only if X held symbols.
    categories_ : dict
        Categories of each column of them, in the order of their codes, by the name or position of
        the column. Defined only if X had such columns: categories alongside numbers, several
        categories per step, or named columns of them.
    time_unit_ : float
        Median time between two steps, in the unit of `time_column`. Defined only if that is set.
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
        In `fit`, if a parameter, X or y is invalid. With `residual`, if X has several features and
        `target_columns` is not set: y may then hold all of them, or more steps of one.
    FloatingPointError
        In `fit`, if the training loss is no longer finite.

    Warns
    -----
    UserWarning
        In `fit`, if the network does not beat the baseline or, without `residual`, the mean of y on
        sequences that it was not trained on. `shrinkage_` is then 1, and predictions are those of
        the baseline, or all equal to the mean. Of several columns or targets, the warning names
        those for which this is so.

    See Also
    --------
    RNNClassifier : Recurrent neural network classifier.
    SequenceGenerator : Step-by-step forecasts with prediction intervals.
    sksequence.preprocessing.make_windows : Cut a series into windows X and their targets y.

    Notes
    -----
    Recurrent weights are initialised with orthogonal matrices [12]_, and all other weights with
    the Glorot uniform distribution. The forget gates of "lstm" and the update gates of "gru" have
    an initial bias of 1, unless ``chrono_steps`` of the cell is set.

    A network overfits noise, and is then worse than the mean of y or than the baseline of a
    forecast. `fit` learns from rows that were not trained on how much of the network to keep: all
    of it, if its gain is at least three standard errors, and less, the less certain the gain is;
    nothing below one standard error, or two [11]_ in forecasts, whose windows overlap. Several
    steps ahead, a gain of half of the error is enough, and one of less than 30 % is not, if there
    are too few windows for small standard errors. Quantiles and standard deviations move as far, to
    those of y or of the errors of the baseline; with "absolute_error" and "quantile", the median or
    another quantile of y takes the place of the mean. These rows are the validation part of
    `early_stopping`. Without it, further networks are trained: with the same `LRScheduler` and
    augmentation but no other callbacks: one on the training part of the splitter in
    `validation_split`, if there is one; otherwise, with `residual`, one on all but the newest
    windows of each series (`validation_fraction` of them, or more, up to a quarter, if gains would
    not show in so few), and without, on halves of the sequences: two networks with 20 to 500 of
    them, and one with up to 100,000. This about doubles the time of `fit` with `residual`. Without,
    the first network is the only one and ends early if it is certainly better than the mean after a
    quarter or half of the epochs, with at most half of its error; or if it has learnt nothing but
    noise after half of them: it is certainly better than the mean on its own rows, and certainly
    worse on the others. The network that predicts is trained on all rows. Each column of y, or
    target of a forecast, is judged by itself; the steps of a sequence with per-step targets count
    as one row. With fewer or more sequences and no splitter, with fewer than four to judge on, with
    the losses "poisson", "negative_binomial" and "gamma", and, without `residual`, with a callable,
    predictions are those of the network. So are those after `partial_fit`, which judges nothing.

    References
    ----------
    .. [1] Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8).
    .. [2] Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder, EMNLP.
    .. [3] Gal & Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent
       Neural Networks, NIPS.
    .. [4] Tallec & Ollivier (2018), Can Recurrent Neural Networks Warp Time?, ICLR.
    .. [5] Koenker & Bassett (1978), Regression Quantiles, Econometrica 46(1).
    .. [6] Nix & Weigend (1994), Estimating the Mean and Variance of the Target Probability
       Distribution, ICNN.
    .. [7] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive Uncertainty
       Estimation using Deep Ensembles, arXiv:1612.01474.
    .. [8] Smith & Topin (2018), Super-Convergence, arXiv:1708.07120.
    .. [9] Pascanu, Mikolov & Bengio (2013), On the Difficulty of Training Recurrent Neural
       Networks, ICML.
    .. [10] Werbos (1990), Backpropagation Through Time, Proceedings of the IEEE 78(10).
    .. [11] Diebold & Mariano (1995), Comparing Predictive Accuracy, Journal of Business & Economic
       Statistics 13(3).
    .. [12] Saxe et al. (2014), Exact Solutions to the Nonlinear Dynamics of Learning in Deep
       Linear Neural Networks, ICLR.
    .. [13] Salinas, Flunkert, Gasthaus & Januschowski (2020), DeepAR: Probabilistic Forecasting
       with Autoregressive Recurrent Networks, International Journal of Forecasting 36(3).
    .. [14] Che et al. (2018), Recurrent Neural Networks for Multivariate Time Series with
       Missing Values, Scientific Reports 8.
    .. [15] Granger & Ramanathan (1984), Improved Methods of Combining Forecasts, Journal of
       Forecasting 3(2).

    Examples
    --------
    >>> from sksequence import RNNRegressor
    >>> from sksequence.datasets import make_adding_problem
    >>> X, y = make_adding_problem(300, n_steps=10, random_state=0)
    >>> regressor = RNNRegressor(hidden_size=16, max_epochs=40, random_state=0)
    >>> regressor = regressor.fit(X[:200], y[:200])
    >>> regressor.predict(X[200:]).shape
    (100,)
    >>> regressor.score(X[200:], y[200:]) > 0.9
    True
    """

    _blueprint: Blueprint[NumberCodec]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = (
        SHARED
        | SUPERVISED
        | {
            "loss": [StrOptions({"auto", *NumberCodec.losses}), LossFunction()],
            "quantiles": ["array-like"],
            "residual": [*SEASONS, StrOptions({"auto", "last"}), None],
            "target_columns": [Integral, str, list, tuple, None],
        }
    )

    def __init__(
        self,
        cell: str | Callable[..., object] = "auto",
        hidden_size: int | tuple[int, ...] = 64,
        *,
        num_layers: int = 1,
        residual_connections: bool = False,
        bidirectional: bool | str = "auto",
        merge_mode: str = "concat",
        pooling: str = "last",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        embedding_dim: int | PretrainedEmbedding | None = None,
        categorical_features: ArrayLike | Sequence[Hashable] | None = None,
        frame_length: int | str = "auto",
        frame_step: int | None = None,
        loss: str | Callable[..., object] = "auto",
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        n_estimators: int = 1,
        optimizer: str | type[Any] = "adam",
        learning_rate: float = 3e-3,
        lr_schedule: str | None = "one_cycle",
        weight_decay: float = 0.0,
        max_grad_norm: float | None = 1.0,
        tbptt_steps: int | None = None,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool | str = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: str | Splitter = "random",
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        scale: str | bool = "global",
        residual: str | int | Sequence[int] | None = None,
        target_columns: int | str | Sequence[int | str] | None = None,
        missing: str = "error",
        time_column: int | str | None = None,
        target: str = "auto",
        analyzer: str | Callable[[str], object] | Tokenizer = "char",
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
        self.bidirectional = bidirectional
        self.merge_mode = merge_mode
        self.pooling = pooling
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.embedding_dim = embedding_dim
        self.categorical_features = categorical_features
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
        self.missing = missing
        self.time_column = time_column
        self.target = target
        self.analyzer = analyzer
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _task(self) -> RegressionTask:
        naive = None
        if self.residual is not None:
            naive = NaiveForecast(self.residual, is_relative=self.scale == "sequence")
        return RegressionTask(
            self.loss,
            self.target,
            naive,
            levels=check_levels(self.quantiles),
            is_scaled=self.scale is not False,
            target_columns=self.target_columns,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Sized,
        y: Sized | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the regressor to sequences and their numeric targets.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), \
                list of arrays, Sequences, or list of str or of tokens
            Training sequences. Those in a list may differ in length.
        y : array-like of shape (n_sequences,) or (n_sequences, n_outputs), or list of arrays
            Numbers to predict. An array or a table holds one target per sequence, which consists of
            one number or of `n_outputs` numbers. Of several numbers, some may be missing (NaN or
            None): the others are learnt, and sequences without any are left out. A column that is
            missing in all rows to train on is an error. A list with one array per sequence, as long
            as the sequence, holds one target per step; None or NaN marks a step without a target.
            Columns of tables with the targets of the steps are matched by name. With
            ``target="steps"``, an array may hold the targets of the steps of all sequences. If a
            list of lists fits both readings, as all sequences have as many steps as y has numbers
            for each, an error asks for `target`. With `residual`, y holds the values of the steps
            after each sequence, in the shape (n_sequences, horizon * n_targets), with the values of
            each step next to each other. The index of a Series or DataFrame is compared with the
            ids of sequences from a long table.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence. An integer weight is equivalent, bit for bit, to repeating the
            sequence that many times, after all weights were divided by their greatest common
            divisor. None gives all sequences the weight 1.
        groups : array-like of shape (n_sequences,), default=None
            Group of each sequence, for the splitter in `validation_split`.

        Returns
        -------
        self : object
            Fitted regressor.
        """
        return self._fit(self._task(), X, y, sample_weight, groups)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Sized, y: Sized, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch on a chunk of the data, in the order given.

        The state of the optimizer is kept between calls, and the learning rate is constant.
        After the first call, a chunk in which every target is missing is skipped.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Training sequences, as in `fit`. Scales and vocabularies are learnt in the first call.
        y : array-like of shape (n_sequences,) or (n_sequences, n_outputs), or list of arrays
            One target per sequence, or one array of targets per sequence, as long as the sequence.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence. None gives all sequences the weight 1.

        Returns
        -------
        self : object
            Regressor after one more epoch.
        """
        return self._partial_fit(self._task(), X, y, sample_weight)

    def predict(
        self, X: Sized, *, quantiles: ArrayLike | None = None
    ) -> NDArray[Any] | Sequences | list[Sequences]:
        """Predict the targets, or quantiles of them.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.
        quantiles : array-like of float of shape (n_quantiles,), default=None
            Levels of quantiles to return instead, as by `predict_quantiles`. Unlike that method, a
            `Pipeline` passes this argument on: ``pipeline.predict(X, quantiles=[0.1, 0.9])``.

        Returns
        -------
        y_pred : ndarray of shape (n_sequences,) or (n_sequences, n_outputs)
            With `quantiles`, an array with an additional first axis of quantiles; see
            `predict_quantiles`. Otherwise predicted values as float64, in units of y. With
            ``loss="quantile"``, the quantile whose level is closest to 0.5, the lower one of two;
            with the loss of a distribution, its mean (with "student_t", its centre). With per-step
            targets, the values of the steps of each sequence, of shape (n_steps,) or
            (n_steps, n_outputs): in a 1-D object array whose elements are of the type of those of
            y, such as lists for lists, or in the container that y came in.

        Raises
        ------
        ValueError
            If `quantiles` are invalid, or if the loss has none.
        """
        if quantiles is not None:
            return self._quantiles_of(X, quantiles)
        sequences = self._check_input(X)
        centres = self._decoded(self._outputs(sequences))
        return self._arranged_targets(self._completed(centres, sequences), sequences)

    def _decoded(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        return shrunken_centres(self._blueprint, outputs)

    def _outputs(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the outputs of the head, which are finite."""
        outputs = super()._outputs(sequences)
        bad = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
        if len(bad):
            row = int(bad[0])
            i = find_step(row, sequences.offsets)[0] if self._blueprint.per_step else row
            largest = np.abs(sequences[i]).max()
            raise ValueError(
                f"The prediction for sequence {i} of X is not finite: its values of up to "
                f"{largest:.3g} are too large for this network. Rescale X, or fit with "
                "scale='global' or 'sequence'."
            )
        return outputs

    def _distribution(self) -> PredictiveDistribution:
        """Return the fitted predictive distribution, or that of `loss` before a fit."""
        if hasattr(self, "_blueprint"):
            return self._blueprint.codec.distribution
        return predictive_distribution(self.loss, ())

    def _has_quantiles(self) -> bool:
        if not self._distribution().has_quantiles:
            raise AttributeError(
                f"This {type(self).__name__} with loss={self.loss!r} predicts no quantiles. Set "
                "loss='quantile', 'gaussian' or 'student_t', and fit again."
            )
        return True

    def _has_std(self) -> bool:
        if not self._distribution().has_std:
            raise AttributeError(
                f"This {type(self).__name__} with loss={self.loss!r} predicts no standard "
                "deviation. Set loss='gaussian' or 'student_t', and fit again."
            )
        return True

    def _quantiles_of(self, X: Sized, quantiles: ArrayLike) -> NDArray[Any] | list[Sequences]:
        check_is_fitted(self, "net_")
        try:
            self._has_quantiles()
        except AttributeError as error:
            raise ValueError(f"quantiles={quantiles!r} has no effect. {error}") from None
        return self.predict_quantiles(X, quantiles)  # type: ignore[no-any-return]

    @available_if(_has_quantiles)
    def predict_quantiles(
        self, X: Sized, quantiles: ArrayLike | None = None
    ) -> NDArray[Any] | list[Sequences]:
        """Predict quantiles of the targets.

        Available with the loss "quantile" and those of distributions, from "gaussian" to "gamma".
        Predicted quantiles never cross: learnt ones are sorted by their levels [1]_, and the others
        belong to one distribution. Those of counts are whole numbers.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.
        quantiles : array-like of float of shape (n_quantiles,), default=None
            Levels of the quantiles in increasing order, each above 0 and below 1. With
            ``loss="quantile"``, only levels that were learnt. None stands for the parameter
            `quantiles` of the estimator at the time of `fit`.

        Returns
        -------
        y_quantiles : ndarray of shape (n_quantiles, n_sequences) or \
                (n_quantiles, n_sequences, n_outputs)
            Predicted quantiles as float64, in units of y. With per-step targets, an array whose
            first axis is that of the quantiles, of dtype object unless y came as an array; if y
            came as a `Sequences`, a list with one `Sequences` per quantile.

        Raises
        ------
        ValueError
            If the levels are invalid, or were not learnt.

        References
        ----------
        .. [1] Chernozhukov, Fernandez-Val & Galichon (2010), Quantile and Probability Curves
           Without Crossing, Econometrica 78(3).

        Examples
        --------
        >>> import numpy as np
        >>> from sksequence import RNNRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 8))
        >>> y = X[:, -1] + rng.exponential(size=200)
        >>> regressor = RNNRegressor(loss="quantile", max_epochs=5, random_state=0).fit(X, y)
        >>> low, median, high = regressor.predict_quantiles(X[:3])
        >>> low.shape, bool(np.all(low <= median) and np.all(median <= high))
        ((3,), True)
        """
        levels = None if quantiles is None else check_levels(quantiles)
        sequences = self._check_input(X)
        quantiles_ = shrunken_quantiles(self._blueprint, self._outputs(sequences), levels)
        rows = self._completed(quantiles_, sequences)
        parts = [self._arranged(part, sequences) for part in rows]
        arrays = [part for part in parts if isinstance(part, np.ndarray)]
        return np.stack(arrays) if arrays else [p for p in parts if isinstance(p, Sequences)]

    @available_if(_has_std)
    def predict_std(self, X: Sized) -> NDArray[Any] | Sequences:
        """Predict the standard deviation of the targets.

        Available with the losses of distributions, from "gaussian" to "gamma".

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        y_std : ndarray of shape (n_sequences,) or (n_sequences, n_outputs)
            Standard deviations as float64, in units of y. With per-step targets, one array of shape
            (n_steps,) or (n_steps, n_outputs) per sequence: in a 1-D object array, or the container
            that y came in.
        """
        sequences = self._check_input(X)
        rows = shrunken_stds(self._blueprint, self._outputs(sequences))
        return self._arranged(self._spread_out(rows, sequences), sequences)

    def _completed(self, rows: NDArray[np.float64], sequences: Sequences) -> NDArray[np.float64]:
        """Add the naive forecast, if any, to rows of shape (..., n_sequences[, n_outputs])."""
        codec, baseline = self._blueprint.codec, self._blueprint.baseline
        if baseline is None:
            return rows
        naive = baseline.forecast(sequences, codec.n_numbers)
        return self._spread_out(rows, sequences) + (naive[:, 0] if codec.flat else naive)

    def _spread_out(self, rows: NDArray[np.float64], sequences: Sequences) -> NDArray[np.float64]:
        """Multiply relative differences to the naive forecast by the spread of their windows."""
        codec, baseline = self._blueprint.codec, self._blueprint.baseline
        if baseline is None or not baseline.is_relative:
            return rows
        return rows * codec.spread(baseline.moments(sequences))

    def _stream_decoders(self) -> Decoders:
        return {
            "predict": self._stream_centres,
            "predict_quantiles": self._stream_quantiles,
            "predict_std": partial(shrunken_stds, self._blueprint),
        }

    def _stream_centres(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        if not np.isfinite(outputs).all():
            raise ValueError(
                "The prediction is not finite: the values of the last steps are too large for this "
                "network. Rescale them, or fit with scale='global'."
            )
        return self._decoded(outputs)

    def _stream_quantiles(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return quantiles with the axis of the streams first."""
        return shrunken_quantiles(self._blueprint, outputs).swapaxes(0, 1)

    def score(self, X: Sized, y: Sized, sample_weight: ArrayLike | None = None) -> float:
        """Return the coefficient of determination of the predictions.

        With several outputs it is the mean over them; missing numbers are left out, so that
        `sklearn.model_selection.cross_val_score` takes them too. With per-step targets it is
        computed over all labelled steps.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.
        y : array-like of shape (n_sequences,) or (n_sequences, n_outputs), or list of arrays
            True targets, as in `fit`.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence. None gives all sequences the weight 1.

        Returns
        -------
        score : float
            R squared: 1.0 is the best possible value, and 0.0 that of always predicting the mean.
        """
        check_is_fitted(self, "net_")
        if self._blueprint.per_step:
            truth, predicted, weights = self._flat_steps(X, y, sample_weight, numeric=True)
            return float(r2_score(truth, predicted, sample_weight=weights))
        check_ids(X, y=y, sample_weight=sample_weight)
        truth = as_numbers(plain_container(y))
        weights = check_weights(sample_weight, len(truth))
        if not np.isnan(truth).any():
            return float(super().score(X, truth, weights))
        return _score_of_present(truth, self.predict(X), weights)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing != "error"
        tags.target_tags.multi_output = True
        return tags


def _score_of_present(
    truth: NDArray[np.float64], predicted: Any, weights: NDArray[np.float64] | None
) -> float:
    """Return the mean R squared of the columns, each over the rows where it is not missing."""
    if predicted.shape != truth.shape:
        raise ValueError(
            f"y has shape {truth.shape}, predictions have {predicted.shape}. Pass one row of "
            "targets per sequence, with the columns of the fit."
        )
    scores = []
    for column, values in zip(truth.T, predicted.T, strict=True):
        rows = np.flatnonzero(~np.isnan(column))
        if len(rows):
            row_weights = None if weights is None else weights[rows]
            scores.append(r2_score(column[rows], values[rows], sample_weight=row_weights))
    if not scores:
        raise ValueError("y has no target: every entry is missing. Pass some numbers.")
    return float(np.mean(scores))
