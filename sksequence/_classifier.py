"""The classifier of sequences and of their steps."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence, Sized
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sksequence._base import (
    SHARED,
    SUPERVISED,
    BaseRNN,
    Decoders,
    LossFunction,
    check_ids,
    check_weights,
)
from sksequence._batching import Sequences
from sksequence._blueprint import Blueprint
from sksequence._input import PretrainedEmbedding
from sksequence._random import RandomState
from sksequence._settings import Splitter
from sksequence._targets import IndicatorCodec, LabelCodec, as_classes, plain_container
from sksequence._tasks import ClassificationTask
from sksequence._tokenizers import Tokenizer


class RNNClassifier(ClassifierMixin, BaseRNN):
    """Recurrent neural network classifier of sequences, or of the steps of sequences.

    One or more recurrent layers read the steps of a sequence. With one label per sequence, the
    hidden states of all steps are pooled into one vector; with one label per step, each hidden
    state is used as it is. A linear layer then computes the logits of the classes.

    These eight parameters are worth tuning first:

    - Network: `cell`, `hidden_size`, `pooling`, `dropout`.
    - Training: `learning_rate`, `batch_size`, `n_estimators`.
    - Data: `scale`.

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
    hidden_size : int, tuple of int or "auto", default="auto"
        Number of units in the hidden state of each layer and direction. A tuple has the number of
        each layer, as in ``(128, 64)``; leave `num_layers` out then. "auto" selects 64 with one
        label per sequence, and 128 with per-step labels.
    num_layers : int, default=1
        Number of stacked recurrent layers.
    residual_connections : bool, default=False
        Whether each layer but the first adds its outputs to those of the layer below, which it
        reads divided by their root mean square. Gradients then reach the first layers of stacks of
        eight layers and more.
    bidirectional : bool or "auto", default="auto"
        Whether to read sequences in both directions, so that each hidden state also depends on
        later steps. "auto" selects True with one label per sequence and ``tbptt_steps=None``, and
        False otherwise.
    merge_mode : {"concat", "sum", "mean", "mul"}, default="concat"
        How the outputs of the two directions are combined in each layer: concatenation, sum, mean
        or product. Ignored if there is one direction only.
    pooling : {"last", "mean", "max", "attention"}, default="max"
        How the hidden states of all steps are reduced to one vector: the final state of each
        direction, the mean, the maximum of each unit, or a mean with learnt weights. Ignored with
        per-step labels.
    dropout : float or "auto", default="auto"
        Fraction of the units that are dropped during training, between layers and before the
        output layer. Must be in the range [0, 1). "auto" selects 0.5 with per-step labels and for
        symbols, and 0 for numbers with one label per sequence. For symbols with one label per
        sequence, 0.7 times this fraction of the symbols is also read as unknown during training, so
        that the unknown symbol is learnt.
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
        the end of a sequence. They are available for numeric sequences with one label each; with
        symbols or per-step labels the length is always 1. With several features per step, "auto"
        selects 1 up to a median length of 1000, and frames that make about 1000 steps beyond. With
        one feature, or more than 4096 training sequences, it selects 1 up to a median length of 12,
        and a quarter of it beyond, in the range from 12 to 48; with more than 4096 sequences, a
        twelfth, in the range from 8 to 48.
    frame_step : int or None, default=None
        Number of steps of X from one frame to the next, at most `frame_length`. None selects a
        quarter of `frame_length`, but at least 1, or half of it if "auto" has selected frames of
        several features.
    loss : {"auto", "cross_entropy", "binary_cross_entropy"} or callable, default="auto"
        Loss function. "binary_cross_entropy" requires a binary indicator of several labels, and
        "cross_entropy" requires one label per target. A callable is a function at the top level of
        a module: ``loss(outputs, targets)`` returns a tensor with one loss per row. Outputs are
        logits of shape (n_rows, n_classes), and targets are codes of classes of shape (n_rows,), or
        the rows of the binary indicator. "auto" selects the loss that fits y.
    label_smoothing : float, default=0.0
        Fraction of each label's probability that is spread evenly over all classes during
        training [5]_; with a binary indicator, over presence and absence of each label. It keeps
        the network from becoming overconfident, but `loss_curve_` no longer approaches 0. Must be
        in the range [0, 1).
    n_estimators : int or "auto", default="auto"
        Number of networks in the ensemble. They differ in their initial weights, see the same
        batches, and are trained independently. `predict_proba` returns the mean of their
        probabilities [6]_. Time and memory grow in proportion. "auto" selects 3 in `fit` with up to
        500 sequences of symbols with one label each, and 1 otherwise.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"} or class, default="adam"
        Optimizer of the weights. "sgd" uses a Nesterov momentum of 0.9. A class is a subclass of
        `torch.optim.Optimizer` at the top level of a module, which takes ``lr`` and, unless
        `weight_decay` is 0, ``weight_decay``.
    learning_rate : float, default=1e-2
        Maximum learning rate of the schedule.
    lr_schedule : {"one_cycle", "cosine", "linear"} or None, default="one_cycle"
        Learning rate schedule. "one_cycle" increases the rate linearly in the first 5 % of the
        training and then decreases it to 0 along half a cosine, after [7]_. "cosine" and "linear"
        decrease it from the start. None keeps it constant, as `partial_fit` always does.
    weight_decay : float, default=0.0
        Strength of the weight decay (L2 penalty; decoupled with "adamw").
    max_grad_norm : float or None, default=1.0
        Maximum norm of the gradient. Larger gradients are clipped to this norm [8]_. None disables
        clipping.
    tbptt_steps : int or None, default=None
        Number of steps of X after which backpropagation through time [9]_ is truncated. The hidden
        state is carried over. With per-step labels the optimizer takes one step per chunk, and
        otherwise one step per batch. Requires a single direction. None disables truncation.
    max_epochs : int or "auto", default="auto"
        Maximum number of passes over the training data. "auto" selects as many as make
        about 2500 steps of the optimizer in total, but at least 10 and at most 100 epochs, or at
        most 50 if the network reads more than 64 steps of several features with one label. For
        symbols with one label per sequence, it selects about 1000 steps of the optimizer, but at
        least 10 and at most 100 epochs, or half as many for several networks and up to 500
        sequences. Where at most 50 are selected, a task that is learnt ends sooner: after three
        epochs in a row with a log loss below 0.1 % of that of constant probabilities, the rest of
        `lr_schedule` is passed in a fifth of all epochs. This needs the log loss, a schedule and no
        early stopping.
    batch_size : int or "auto", default="auto"
        Number of sequences per batch. "auto" selects 32 with at most 4096 training sequences, 64
        with at most 16,384, and 128 with more. It selects less if the average batch would exceed
        32,768 steps of the network or about 4 million input values. With per-step labels, it
        selects at most as many sequences as hold 256 labels, or one long sequence, two with more
        than 200 sequences, three with more than 400, and four with more than 600.
    shuffle : bool or "blocks", default=True
        Whether to visit the sequences in a new random order in each epoch. If True, the result
        does not depend on the order of the rows of X. "blocks" is for data larger than memory: it
        shuffles blocks of neighbouring rows of 1 MB, then the rows within 64 MB of blocks, so that
        a file is read once per epoch, in large pieces.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, in the form ``{class_label: weight}``. "balanced" uses
        weights inversely proportional to the class frequencies. None gives all classes the
        weight 1. Not available with a binary indicator of several labels.
    early_stopping : bool, default=False
        Whether to hold out a part of the data, to stop training when its loss no longer improves,
        and to restore the best weights.
    validation_fraction : float, default=0.1
        Proportion of the sequences to hold out. Only used if `early_stopping` is True.
    validation_split : {"random", "last"} or splitter of scikit-learn, default="random"
        Which sequences are held out. "random" draws them, stratified by label with one label per
        sequence. "last" takes the last ones, and leaves a gap before them where windows of a
        series overlap. A splitter, such as `GroupShuffleSplit` with the `groups` of `fit`, or
        `PredefinedSplit`, selects them by its first split, and `validation_fraction` is not used
        (see :ref:`early_stopping`). Only used if `early_stopping` is True.
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
    missing : {"error", "indicator", "decay"}, default="error"
        How numbers that are missing within sequences (NaN, None) are read. "error" refuses them.
        "indicator" reads the mean, and one more input per feature that is 1 where it is present.
        "decay" reads the last value observed, which decays to the mean at learnt rates [11]_, and
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
    max_features : int or None, default=None
        Maximum size of the vocabulary. Only the most frequent symbols are kept; all others are
        replaced by one unknown symbol, which is learnt. None keeps all symbols.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels in sorted order; with a binary indicator of several labels, their indices.
    input_kind_ : {"numbers", "symbols", "mixed", "text"}
        How X was read: "text" if each sequence was a str, "symbols" if steps were strings, or
        integers with `embedding_dim` set, "mixed" if they were numbers and categories, and
        "numbers" otherwise.
    n_features_in_ : int
        Number of columns if X was a table, otherwise number of features per step.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only if X was a DataFrame.
    n_outputs_ : int
        Number of labels per target: 1 unless y is a binary indicator.
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
    max_epochs_ : int
        Maximum number of epochs, "auto" resolved.
    learnt_epoch_ : int
        Epoch in which the task was learnt, so that fewer than `max_epochs_` were run. Defined only
        if `max_epochs` is "auto" and that was so.
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
        Number of units per layer and direction, "auto" resolved.
    dropout_ : float
        Fraction of the units that are dropped, "auto" resolved.
    n_estimators_ : int
        Number of networks, "auto" resolved.
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
        In `fit`, if a parameter, X or y is invalid.
    FloatingPointError
        In `fit`, if the training loss is no longer finite.

    See Also
    --------
    RNNRegressor : Recurrent neural network regressor.
    SequenceGenerator : Autoregressive model of sequences, fitted without y.

    Notes
    -----
    Recurrent weights are initialised with orthogonal matrices [10]_, and all other weights with
    the Glorot uniform distribution. The forget gates of "lstm" and the update gates of "gru" have
    an initial bias of 1, unless ``chrono_steps`` of the cell is set.

    References
    ----------
    .. [1] Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8).
    .. [2] Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder, EMNLP.
    .. [3] Gal & Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent
       Neural Networks, NIPS.
    .. [4] Tallec & Ollivier (2018), Can Recurrent Neural Networks Warp Time?, ICLR.
    .. [5] Szegedy et al. (2016), Rethinking the Inception Architecture for Computer Vision,
       arXiv:1512.00567.
    .. [6] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive Uncertainty
       Estimation using Deep Ensembles, arXiv:1612.01474.
    .. [7] Smith & Topin (2018), Super-Convergence, arXiv:1708.07120.
    .. [8] Pascanu, Mikolov & Bengio (2013), On the Difficulty of Training Recurrent Neural
       Networks, ICML.
    .. [9] Werbos (1990), Backpropagation Through Time, Proceedings of the IEEE 78(10).
    .. [10] Saxe et al. (2014), Exact Solutions to the Nonlinear Dynamics of Learning in Deep
       Linear Neural Networks, ICLR.
    .. [11] Che et al. (2018), Recurrent Neural Networks for Multivariate Time Series with
       Missing Values, Scientific Reports 8.

    Examples
    --------
    >>> from sksequence import RNNClassifier
    >>> from sksequence.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(split="train", return_X_y=True)
    >>> classifier = RNNClassifier(hidden_size=32, max_epochs=12, random_state=0).fit(X, y)
    >>> X_test, y_test = load_japanese_vowels(split="test", return_X_y=True)
    >>> classifier.predict(X_test[:3]), classifier.score(X_test, y_test) > 0.9
    (array(['1', '1', '1'], dtype='<U1'), True)
    """

    _blueprint: Blueprint[LabelCodec | IndicatorCodec]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = (
        SHARED
        | SUPERVISED
        | {
            "loss": [
                StrOptions({"auto", "cross_entropy", "binary_cross_entropy"}),
                LossFunction(),
            ],
            "label_smoothing": [Interval(Real, 0, 1, closed="left")],
            "max_features": [Interval(Integral, 1, None, closed="left"), None],
            "class_weight": [StrOptions({"balanced"}), dict, None],
            "hidden_size": [*SHARED["hidden_size"], StrOptions({"auto"})],
            "dropout": [*SHARED["dropout"], StrOptions({"auto"})],
            "n_estimators": [*SHARED["n_estimators"], StrOptions({"auto"})],
        }
    )

    def __init__(
        self,
        cell: str | Callable[..., object] = "auto",
        hidden_size: int | tuple[int, ...] | str = "auto",
        *,
        num_layers: int = 1,
        residual_connections: bool = False,
        bidirectional: bool | str = "auto",
        merge_mode: str = "concat",
        pooling: str = "max",
        dropout: float | str = "auto",
        recurrent_dropout: float = 0.0,
        embedding_dim: int | PretrainedEmbedding | None = None,
        categorical_features: ArrayLike | Sequence[Hashable] | None = None,
        frame_length: int | str = "auto",
        frame_step: int | None = None,
        loss: str | Callable[..., object] = "auto",
        label_smoothing: float = 0.0,
        n_estimators: int | str = "auto",
        optimizer: str | type[Any] = "adam",
        learning_rate: float = 1e-2,
        lr_schedule: str | None = "one_cycle",
        weight_decay: float = 0.0,
        max_grad_norm: float | None = 1.0,
        tbptt_steps: int | None = None,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool | str = True,
        class_weight: dict[Any, float] | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: str | Splitter = "random",
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        scale: str | bool = "global",
        missing: str = "error",
        time_column: int | str | None = None,
        target: str = "auto",
        analyzer: str | Callable[[str], object] | Tokenizer = "char",
        max_features: int | None = None,
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
        self.label_smoothing = label_smoothing
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
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scale = scale
        self.missing = missing
        self.time_column = time_column
        self.target = target
        self.analyzer = analyzer
        self.max_features = max_features
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _task(self, classes: ArrayLike | None = None) -> ClassificationTask:
        return ClassificationTask(
            self.loss,
            self.target,
            label_smoothing=self.label_smoothing,
            class_weight=self.class_weight,
            classes=classes,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Sized,
        y: Sized | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the classifier to labelled sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), \
                list of arrays, Sequences, or list of str or of tokens
            Training sequences. Those in a list may differ in length.
        y : array-like of shape (n_sequences,) or (n_sequences, n_labels), or list of arrays
            Labels, which may be strings, integers or booleans, but not dates. A 1-D array holds one
            label per sequence, and a 2-D array or table is a binary indicator of several labels per
            sequence. A list with one array per sequence, as long as the sequence, holds one label,
            or one row of a binary indicator, per step; None or NaN marks a step without a label.
            With ``target="steps"``, an array may hold the labels of the steps of all sequences. If
            a list of lists of 0 and 1 fits both readings, an error asks for `target`. The index of
            a Series or DataFrame is compared with the ids of sequences from a long table.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence. An integer weight is equivalent, bit for bit, to repeating the
            sequence that many times, after all weights were divided by their greatest common
            divisor. None gives all sequences the weight 1.
        groups : array-like of shape (n_sequences,), default=None
            Group of each sequence, for the splitter in `validation_split`.

        Returns
        -------
        self : object
            Fitted classifier.
        """
        return self._fit(self._task(), X, y, sample_weight, groups)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Sized,
        y: Sized,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on a chunk of the data, in the order given.

        The state of the optimizer is kept between calls, and the learning rate is constant.
        After the first call, a chunk in which every target is missing is skipped.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Training sequences, as in `fit`. Scales and vocabularies are learnt in the first call.
        y : array-like of shape (n_sequences,) or (n_sequences, n_labels), or list of arrays
            One label per sequence, a binary indicator of several labels, or one array of labels per
            sequence, as long as the sequence.
        classes : array-like of shape (n_classes,), default=None
            All labels that can occur in any call. Required in the first call only, and only if its
            y does not contain all of them.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence. None gives all sequences the weight 1.

        Returns
        -------
        self : object
            Classifier after one more epoch.
        """
        return self._partial_fit(self._task(classes), X, y, sample_weight)

    def predict(self, X: Sized) -> NDArray[Any] | Sequences:
        """Predict the most probable label.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        y_pred : ndarray of shape (n_sequences,) or (n_sequences, n_labels)
            Predicted labels, or a binary indicator of the labels with a probability above 0.5. With
            per-step labels, the labels of the steps of each sequence, of shape (n_steps,) or
            (n_steps, n_labels): in a 1-D object array whose elements are of the type of those of y,
            such as lists for lists, or in the container that y came in.
        """
        sequences = self._check_input(X)
        labels = self._blueprint.codec.decode(self._outputs(sequences))
        return self._arranged_targets(labels, sequences)

    def predict_proba(self, X: Sized) -> NDArray[Any] | Sequences:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_sequences, n_classes)
            Probabilities as float64, in the order of `classes_`. With a binary indicator, the
            probability that each label is present. With per-step labels, one array of shape
            (n_steps, n_classes) per sequence: in a 1-D object array, or the container that y came
            in.
        """
        sequences = self._check_input(X)
        p = self._blueprint.codec.probabilities(self._outputs(sequences))
        return self._arranged(p, sequences)

    def predict_log_proba(self, X: Sized) -> NDArray[Any] | Sequences:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_sequences, n_classes)
            Log-probabilities as float64, in the order of `classes_`. With per-step labels, one
            array of shape (n_steps, n_classes) per sequence: in a 1-D object array, or the
            container that y came in.
        """
        sequences = self._check_input(X)
        log_p = self._blueprint.codec.log_probabilities(self._outputs(sequences))
        return self._arranged(log_p, sequences)

    def decision_function(self, X: Sized) -> NDArray[Any] | Sequences:
        """Compute the logits of the classes.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.

        Returns
        -------
        scores : ndarray of shape (n_sequences,) or (n_sequences, n_classes)
            Logits as float64, in the order of `classes_`. With two classes, the logit of the second
            class minus that of the first. With per-step labels, one array of shape (n_steps,) or
            (n_steps, n_classes) per sequence: in a 1-D object array, or the container that y came
            in.
        """
        sequences = self._check_input(X)
        scores = self._blueprint.codec.scores(self._outputs(sequences))
        return self._arranged(scores, sequences)

    def _stream_decoders(self) -> Decoders:
        codec = self._blueprint.codec
        return {
            "predict": codec.decode,
            "predict_proba": codec.probabilities,
            "predict_log_proba": codec.log_probabilities,
            "decision_function": codec.scores,
        }

    def score(self, X: Sized, y: Sized, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of the predictions.

        With a binary indicator of several labels this is the subset accuracy, for which all labels
        of a target must be correct. With per-step labels it is the accuracy over all labelled
        steps.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.
        y : array-like of shape (n_sequences,) or (n_sequences, n_labels), or list of arrays
            True labels, as in `fit`.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence. None gives all sequences the weight 1.

        Returns
        -------
        score : float
            Fraction of the targets that are predicted correctly.
        """
        check_is_fitted(self, "net_")
        if not self._blueprint.per_step:
            check_ids(X, y=y, sample_weight=sample_weight)
            truth = as_classes(plain_container(y))
            weights = check_weights(sample_weight, len(truth))
            labels = [_without_float16(a) for a in (truth, np.asarray(self.predict(X)))]
        else:
            *labels, weights = self._flat_steps(X, y, sample_weight, numeric=False)
        with np.errstate(invalid="ignore"):  # a number may be too large for an integer
            return float(accuracy_score(*labels, sample_weight=weights))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing != "error"
        tags.classifier_tags.multi_label = True
        return tags


def _without_float16(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels in a type that scipy, which compares indicators, knows."""
    return labels.astype(np.float32) if labels.dtype == np.float16 else labels
