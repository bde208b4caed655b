"""The estimator of labels: its parameters, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from sksequence._base import SHARED, SUPERVISED, supervised_attributes
from sksequence._classifier._predicting import Predicting
from sksequence._targets import IndicatorCodec, LabelCodec, class_weights, classification_codec
from sksequence._tokenizers import Tokenizer


class RNNClassifier(Predicting):
    """Classify sequences, or the steps of sequences, with a recurrent network.

    Steps enter recurrent layers, the states are pooled to one a sequence unless each step has a label, and a linear
    layer gives the scores of the classes.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn", "feedforward"} or callable, default="lstm"
        Long short-term memory [1]_, gated recurrent unit [2]_, simple recurrent network, or fixed-context baseline. A
        callable ``(input_size, hidden_size)`` returns a batch-first torch module called as `torch.nn.GRU` is.
    hidden_size : int or "auto", default="auto"
        Width of the state of each layer and direction. "auto": 64, or 128 with one label a step.
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
    pooling : {"last", "mean", "max", "attention"}, default="max"
        How the states at all steps become one; not used with one target a step.
    dropout : float or "auto", default="auto"
        Share of units dropped in training between layers and before the output layer. "auto": 0, or 0.5 with one
        label a step.
    recurrent_dropout : float, default=0.0
        Share of units of the previous state dropped in training, the same ones at every step of a sequence [3]_.
    chrono_steps : int, default=None
        The longest dependency to expect, in steps: the gates of "lstm" and "gru" then begin with memories of all
        lengths up to it [10]_. None: they begin half open.
    embedding_dim : int, default=None
        Width of the vector of a symbol; if set, integers are symbols. None: 8 sqrt(n_symbols), from 8 to 64.
    frame_length : int or "auto", default="auto"
        Number of consecutive numeric steps gathered into one step of the network. "auto": 1 up to a median length
        of 12, then a quarter of it, from 12 to 48, or with more than 4096 sequences a twelfth, from 8 to 48.
        Always 1 for symbols and with one target a step.
    frame_step : int, default=None
        Steps from one frame to the next. None: a quarter of the frame length, at least 1.
    loss : {"auto", "cross_entropy", "binary_cross_entropy"}, default="auto"
        "auto" is the only one that fits y: the second for a binary indicator of several labels, else the first.
    label_smoothing : float, default=0.0
        Share of each label that is spread evenly over all classes in training [8]_, with several labels a target over
        there and not there: a network that is right is no longer pushed to be certain. `loss_curve_` no longer falls to
        0, and probabilities are less sure.
    n_estimators : int, default=1
        Networks with weights of their own, trained at once on the same batches, each as if it were alone. The mean of
        their probabilities is predicted [9]_. They cost time and memory.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
        "sgd" has a Nesterov momentum of 0.9.
    learning_rate : float, default=1e-2
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
        Passes over the data. "auto": as many as make 2500 steps of the optimizer, from 10 to 100.
    batch_size : int or "auto", default="auto"
        Sequences a step of the optimizer. "auto": 32 (64 above 4096 sequences, 128 above 16384), or 32768 steps if
        fewer; with one label a step at most 4 sequences or 512 steps.
    shuffle : bool, default=True
        Whether each epoch has an order of its own. Then the given order does not matter.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss; "balanced" makes classes count alike.
    early_stopping : bool, default=False
        Whether to hold data out, to stop when their loss no longer falls, and to restore the best weights.
    validation_fraction : float, default=0.1
        Share of the sequences that `early_stopping` holds out.
    validation_split : {"random", "last"}, default="random"
        Which ones: random ones, the same share of each label, or the last ones with a gap where windows overlap.
    n_iter_no_change : int, default=10
        Epochs without improvement after which `early_stopping` ends.
    tol : float, default=1e-4
        How much lower a loss is to be an improvement.
    scale : {"global", "sequence"} or bool, default="global"
        "global" (True) standardises each feature over all sequences, "sequence" over each sequence by itself, adding
        the log of its deviation as a feature. False takes numbers as they are.
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
    classes_ : ndarray of shape (n_classes,)
        The labels in sorted order; with several labels a target, their numbers.
    n_features_in_ : int
        Columns of a table, features a step of any other X.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names, if X was a DataFrame.
    n_outputs_ : int
        Labels of a target, 1 unless y is a binary indicator.
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
    hidden_size_ : int
        The value of `hidden_size` used.
    dropout_ : float
        The value of `dropout` used.
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

    See Also
    --------
    RNNRegressor : Numbers instead of labels.
    SequenceGenerator : What comes next, without y.

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
    .. [8] Szegedy et al. (2016), Rethinking the Inception Architecture for Computer Vision, arXiv:1512.00567.
    .. [9] Lakshminarayanan, Pritzel & Blundell (2017), Simple and Scalable Predictive Uncertainty Estimation using Deep
       Ensembles, arXiv:1612.01474.
    .. [10] Tallec & Ollivier (2018), Can Recurrent Neural Networks Warp Time?, ICLR.

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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = (
        SHARED
        | SUPERVISED
        | {
            "loss": [StrOptions({"auto", "cross_entropy", "binary_cross_entropy"})],
            "label_smoothing": [Interval(Real, 0, 1, closed="left")],
            "class_weight": [StrOptions({"balanced"}), dict, None],
            "hidden_size": [*SHARED["hidden_size"], StrOptions({"auto"})],
            "dropout": [*SHARED["dropout"], StrOptions({"auto"})],
        }
    )

    def __init__(
        self,
        cell: str | Callable[..., Any] = "lstm",
        hidden_size: int | str = "auto",
        *,
        num_layers: int = 1,
        bidirectional: bool | str = "auto",
        merge_mode: str = "concat",
        activation: str = "tanh",
        context_size: int = 3,
        pooling: str = "max",
        dropout: float | str = "auto",
        recurrent_dropout: float = 0.0,
        chrono_steps: int | None = None,
        embedding_dim: int | None = None,
        frame_length: int | str = "auto",
        frame_step: int | None = None,
        loss: str = "auto",
        label_smoothing: float = 0.0,
        n_estimators: int = 1,
        optimizer: str = "adam",
        learning_rate: float = 1e-2,
        lr_schedule: str | None = "one_cycle",
        weight_decay: float = 0.0,
        max_grad_norm: float | None = 1.0,
        tbptt_steps: int | None = None,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool = True,
        class_weight: dict[Any, float] | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: str = "random",
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        scale: str | bool = "global",
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
        self.target = target
        self.analyzer = analyzer
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _learn_codec(self, y: Any) -> LabelCodec | IndicatorCodec:
        return classification_codec(y)

    def _loss_options(self, model: Any) -> dict[str, Any]:
        return {"label_smoothing": float(self.label_smoothing)}

    def _target_weights(self, targets: Any, plan: Any, sequences: Any) -> NDArray[np.float64]:
        weights = super()._target_weights(targets, plan, sequences)
        if self.class_weight is None:
            return weights
        if isinstance(targets.codec, IndicatorCodec):
            raise ValueError(
                "class_weight needs one label per target; y is an indicator of several. Set class_weight=None."
            )
        codes = targets.take(plan.training, sequences.offsets)
        of_class = class_weights(self.class_weight, targets.codec.classes, codes)
        return np.asarray(weights * of_class[targets.parsed])

    def _public_attributes(self, model: Any) -> dict[str, Any]:
        n_outputs = model.codec.n_outputs if isinstance(model.codec, IndicatorCodec) else 1
        own = {
            "classes_": model.codec.classes,
            "n_outputs_": n_outputs,
            "hidden_size_": model.spec.hidden_size,
            "dropout_": model.spec.dropout,
        }
        return supervised_attributes(model) | own

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Pass once over the given sequences, in the given order, keeping the optimizer's state.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            As in `fit`; scales and vocabularies are learnt in the first call.
        y : array-like
            Labels: one a sequence, or one a step.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; only the first call needs it, if its y does not hold them all.
        sample_weight : array-like of shape (n_sequences,), default=None
            Weight of each sequence.

        Returns
        -------
        self : object
            Trained by one more pass.
        """
        codec = None if classes is None else LabelCodec.learn(classes)
        return self._partial_fit(X, y, sample_weight, codec)
