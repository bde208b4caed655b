"""Parameters of an estimator as typed values, which are passed on instead of the estimator.

Fields have the names of the parameters. The values of "auto" are selected by tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, fields, replace
from numbers import Integral
from typing import Any, Protocol, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._tokenizers import Tokenizer


class CellParameters(Protocol):
    """A cell of ours, whose parameters are read and set by name."""

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Return the parameters by name."""


@dataclass(frozen=True)
class EmbeddingVectors:
    """Vectors of some symbols.

    Attributes
    ----------
    codes : ndarray of int of shape (n_found,)
        Codes of the symbols.
    vectors : ndarray of float32 of shape (n_found, n_dims)
        Vector of each of them.
    scale : float
        Factor with which the network reads all vectors.
    """

    codes: NDArray[np.int64]
    vectors: NDArray[np.float32]
    scale: float


class VectorsOfSymbols(Protocol):
    """A source of embedding vectors.

    Attributes
    ----------
    trainable : bool
        Whether the vectors are trained.
    """

    trainable: bool

    def __sksequence_vectors__(self, symbols: Sequence[Hashable]) -> EmbeddingVectors:
        """Return the vectors of the symbols that it knows; symbol i has code i + 1."""


EmbeddingDim = int | VectorsOfSymbols | None
CellChoice = str | CellParameters | Callable[..., Any]  # a callable returns a torch module
HiddenSize = int | tuple[int, ...]  # of all layers alike, or of each
Scale = str | bool
LossChoice = str | Callable[..., Any]  # a callable returns one number per row
OptimizerChoice = str | type[Any]  # a class of torch
_LARGEST_COUNT = 2**31 - 1
AnySettings = TypeVar("AnySettings")


class Splitter(Protocol):
    """A splitter as those of scikit-learn: it selects rows to train on and rows to hold out."""

    def split(
        self, X: Sized, y: Sized | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the positions of both parts, once or several times."""


ValidationSplit = str | Splitter

_SPEC_TYPES: dict[str, type[int | float]] = {
    "n_features": int,
    "n_outputs": int,
    "num_layers": int,
    "bidirectional": bool,
    "dropout": float,
    "recurrent_dropout": float,
    "n_estimators": int,
    "frame_length": int,
    "unknown_rate": float,
    "frame_step": int,
    "has_gaps": bool,
    "residual_connections": bool,
    "frozen_embedding": bool,
}


@dataclass(frozen=True)
class NetworkSettings:
    """Parameters of the network.

    Fields with a default are not parameters of all estimators.
    """

    cell: CellChoice
    hidden_size: HiddenSize | str
    num_layers: int
    dropout: float | str
    recurrent_dropout: float
    embedding_dim: EmbeddingDim
    n_estimators: int | str
    bidirectional: bool | str = False
    merge_mode: str = "concat"
    pooling: str | None = None
    tie_weights: bool = False
    missing: str = "error"
    residual_connections: bool = False
    embedding_scale: float | None = None
    frozen_embedding: bool = False

    @property
    def category_dim(self) -> int | None:
        """Size of the vectors of categories, None for the size that suits their number."""
        has_file = self.embedding_scale is not None
        return None if has_file else cast("int | None", self.embedding_dim)

    def with_vectors(self, vectors: EmbeddingVectors | None) -> Self:
        """Return the settings of an embedding with these vectors."""
        if vectors is None:
            return self
        source = cast("VectorsOfSymbols", self.embedding_dim)
        return replace(
            self,
            embedding_dim=vectors.vectors.shape[1],
            embedding_scale=vectors.scale,
            frozen_embedding=not source.trainable,
        )

    def with_layers(self) -> Self:
        """Return the settings with the number of layers that have a width of their own."""
        if isinstance(self.hidden_size, tuple):
            return replace(self, num_layers=len(self.hidden_size))
        return self

    def spec(
        self,
        *,
        n_features: int,
        n_symbols: tuple[int, ...],
        n_outputs: int,
        tied_codes: tuple[int, ...] = (),
        embedding_dims: tuple[int, ...] | None = None,
        frame_length: int = 1,
        static: StaticSpec | None = None,
        unknown_rate: float = 0.0,
        frame_step: int = 1,
        has_gaps: bool = False,
    ) -> NetworkSpec:
        """Return the network of these settings, in which every "auto" is resolved.

        `embedding_dims` replaces `embedding_dim` where columns of codes differ in it.
        """
        settings = dict(vars(self.with_layers()))
        del settings["tie_weights"]
        if embedding_dims is not None:
            settings["embedding_dim"] = embedding_dims
        return NetworkSpec(
            n_features=n_features,
            n_symbols=n_symbols,
            n_outputs=n_outputs,
            tied_codes=tied_codes,
            frame_length=frame_length,
            static=static,
            unknown_rate=unknown_rate,
            frame_step=frame_step,
            has_gaps=has_gaps,
            **settings,
        )


@dataclass(frozen=True)
class StaticSpec:
    """Features that do not change in time, as inputs of a network.

    Attributes
    ----------
    n_numbers : int
        Number of numeric features.
    n_symbols : tuple of int
        Number of symbols of each column of codes, including code 0 for unknown symbols.
    embedding_dims : tuple of int
        Size of the embedding vectors of each column of codes.
    """

    n_numbers: int
    n_symbols: tuple[int, ...]
    embedding_dims: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of inputs, embedded codes included."""
        return self.n_numbers + sum(self.embedding_dims)


@dataclass(frozen=True)
class NetworkSpec:
    """Specification of a network: all arguments of `build_network` except the seed.

    Attributes
    ----------
    n_features : int
        Number of numeric inputs per step of the network; 0 if there are none.
    n_symbols : tuple of int
        Number of symbols of each column of codes, including code 0 for unknown symbols; empty if
        there are no codes.
    n_outputs : int
        Number of outputs of the head.
    cell : str, Cell or callable
        A key of `CELLS`, a cell, or a factory ``(input_size, hidden_size) -> nn.Module``.
    hidden_size : int or tuple of int
        Number of units of each direction: of all layers alike, or of each layer.
    num_layers : int
        Number of layers.
    bidirectional : bool
        Whether each layer also reads its input from the end to the start.
    merge_mode : {"concat", "sum", "mean", "mul"}
        How the outputs of the two directions are combined in each layer.
    pooling : {"last", "mean", "max", "attention"} or None
        How the hidden states of all steps are reduced to one vector; None gives one output per
        step.
    dropout : float
        Fraction of the units that are dropped between layers and before the head.
    recurrent_dropout : float
        Fraction of the units of the previous hidden state that are dropped.
    embedding_dim : int or tuple of int
        Size of the embedding vectors: of all columns of codes, or one for each. Ignored if there
        are none.
    n_estimators : int
        Number of networks that are trained together.
    tied_codes : tuple of int
        Code of each output if the weights of the head are the embedding of the first column; empty
        if the head has weights of its own.
    frame_length : int
        Number of steps whose codes are the input of one step of the network.
    static : StaticSpec or None
        Features that do not change in time.
    unknown_rate : float
        Fraction of the codes that are read as 0, the unknown symbol, in training.
    frame_step : int
        Number of steps of a sequence from one step of the network to the next.
    missing : {"error", "indicator", "decay"}
        How missing numbers are read: there are none, they are 0 with a mask as further inputs, or
        they are the last value observed, which decays to 0, with the mask.
    has_gaps : bool
        Whether the time since the previous step comes before the numbers.
    residual_connections : bool
        Whether each layer but the first adds its outputs to its input.
    embedding_scale : float or None
        Factor with which the embedding is read; None selects it by `tie_weights`.
    frozen_embedding : bool
        Whether the embedding stays as it is in training.
    """

    n_features: int
    n_symbols: tuple[int, ...]
    n_outputs: int
    cell: CellChoice
    hidden_size: HiddenSize
    num_layers: int
    bidirectional: bool
    merge_mode: str
    pooling: str | None
    dropout: float
    recurrent_dropout: float
    embedding_dim: int | tuple[int, ...]
    n_estimators: int = 1
    tied_codes: tuple[int, ...] = ()
    frame_length: int = 1
    static: StaticSpec | None = None
    unknown_rate: float = 0.0
    frame_step: int = 1
    missing: str = "error"
    has_gaps: bool = False
    residual_connections: bool = False
    embedding_scale: float | None = None
    frozen_embedding: bool = False

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """Number of units of each layer and direction."""
        if isinstance(self.hidden_size, tuple):
            return self.hidden_size
        return (self.hidden_size,) * self.num_layers

    @property
    def embedding_dims(self) -> tuple[int, ...]:
        """Size of the embedding vectors of each column of codes."""
        if isinstance(self.embedding_dim, tuple):
            return self.embedding_dim
        return (self.embedding_dim,) * len(self.n_symbols)

    @property
    def tie_weights(self) -> bool:
        """Whether the head shares the embedding."""
        return bool(self.tied_codes)

    def __post_init__(self) -> None:
        """Convert NumPy scalars, which grids contain, to Python numbers."""
        for name, convert in _SPEC_TYPES.items():
            object.__setattr__(self, name, convert(getattr(self, name)))
        object.__setattr__(self, "n_symbols", tuple(int(size) for size in self.n_symbols))
        object.__setattr__(self, "hidden_size", _as_sizes(self.hidden_size))
        if not isinstance(self.embedding_dim, tuple):
            object.__setattr__(self, "embedding_dim", int(self.embedding_dim))


def _as_sizes(size: HiddenSize) -> HiddenSize:
    return tuple(map(int, size)) if isinstance(size, tuple) else int(size)


@dataclass(frozen=True)
class TrainingSettings:
    """Parameters of the training loop."""

    optimizer: OptimizerChoice
    learning_rate: float
    lr_schedule: str | None
    weight_decay: float
    max_grad_norm: float | None
    tbptt_steps: int | None
    max_epochs: int | str
    batch_size: int | str
    shuffle: bool | str
    early_stopping: bool
    validation_fraction: float
    validation_split: ValidationSplit
    n_iter_no_change: int
    tol: float
    callbacks: Sequence[object] | None
    device: str
    verbose: int
    is_single_pass: bool = False

    @property
    def shuffles_blocks(self) -> bool:
        """Whether rows are shuffled by blocks instead of all together."""
        return isinstance(self.shuffle, str)

    @property
    def splitter(self) -> Splitter | None:
        """Splitter that selects the validation part, if that is not done by a name."""
        return None if isinstance(self.validation_split, str) else self.validation_split


@dataclass(frozen=True)
class DataSettings:
    """Parameters of reading and scaling sequences."""

    scale: Scale
    analyzer: str | Callable[[str], object] | Tokenizer
    integers_are_symbols: bool
    frame_length: int | str = "auto"
    frame_step: int | None = None
    max_features: int | None = None
    categorical_features: ArrayLike | Sequence[Hashable] | None = None
    missing: str | None = None  # an estimator without the parameter has none
    time_column: int | str | None = None


@dataclass(frozen=True)
class Settings:
    """The parameters that several estimators have in common."""

    network: NetworkSettings
    training: TrainingSettings
    data: DataSettings

    @classmethod
    def from_params(cls, params: Mapping[str, object]) -> Self:
        """Group parameters by what they control; those of a single estimator are left out."""
        return cls(
            _take(NetworkSettings, params),
            _take(TrainingSettings, params),
            _take(DataSettings, params),
        )

    def check(self) -> None:
        """Raise a ValueError for settings that exclude each other."""
        sizes, n_layers = self.network.hidden_size, self.network.num_layers
        if isinstance(sizes, tuple) and n_layers not in (1, len(sizes)):
            raise ValueError(
                f"hidden_size={sizes} gives the widths of {len(sizes)} layers, but num_layers is "
                f"{n_layers}. Leave num_layers out, or set it to {len(sizes)}."
            )
        if self.training.tbptt_steps is not None and self.network.bidirectional is True:
            raise ValueError(
                "tbptt_steps carries a state forward in time, which is not possible with "
                "bidirectional=True. Set bidirectional=False or tbptt_steps=None."
            )

    def on_all_rows(self) -> Self:
        """Return the settings of training on all rows: nothing is held out."""
        training = replace(self.training, early_stopping=False, validation_split="random")
        return replace(self, training=training)

    def single_pass(self) -> Self:
        """Return the settings of one epoch in the order given, with a constant learning rate.

        Nothing is held out.
        """
        whole = self.on_all_rows()
        training = replace(whole.training, is_single_pass=True, lr_schedule=None, shuffle=False)
        return replace(whole, training=training)


def _take(kind: type[AnySettings], params: Mapping[str, object]) -> AnySettings:
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: params[name] for name in names if name in params})


def column_indices(
    argument: str,
    columns: int | str | Sequence[int | str],
    n_features: int,
    names: Sequence[Hashable],
    alternative: str = "",
) -> tuple[int, ...]:
    """Return the indices of the features that a parameter gives by index or by name.

    `names` is empty if there are none; `alternative` ends the advice for a wrong name.
    """
    given = [columns] if isinstance(columns, int | str | Integral) else list(columns)
    known = list(names)
    unknown = [name for name in given if isinstance(name, str) and name not in known]
    if unknown:
        advice = f"choose from {known}" if known else f"pass indices from 0 to {n_features - 1}"
        raise ValueError(
            f"{argument}={columns!r} names {unknown[0]!r}, but X has "
            f"{'no such feature' if known else 'no names of features'}: {advice}{alternative}."
        )
    if not given or not all(map(_is_name_or_index, given)):
        raise ValueError(
            f"{argument} must be the index of a feature of X, or a list of indices; got "
            f"{columns!r}."
        )
    for column in given:
        _check_one_reading(argument, columns, column, known)
    indices = [cast("int", known.index(c) if c in known else c) for c in given]
    if not all(-n_features <= index < n_features for index in indices):
        raise ValueError(
            f"{argument}={columns!r} names a feature that X does not have. X has {n_features} "
            f"features: choose indices from {-n_features} to {n_features - 1}."
        )
    return tuple(int(index) % n_features for index in indices)


def _is_name_or_index(column: int | str) -> bool:
    return isinstance(column, str | Integral) and not isinstance(column, bool | np.bool_)


def _check_one_reading(
    argument: str, columns: object, column: int | str, names: Sequence[Hashable]
) -> None:
    """Raise a ValueError if an integer is the name of one column and the position of another."""
    if isinstance(column, str) or column not in names:
        return
    position, of_name, n_features = int(column), names.index(column), len(names)
    if -n_features <= position < n_features and position % n_features != of_name:
        raise ValueError(
            f"{argument}={columns!r} can be read in two ways: {column} is the name of the column "
            f"at position {of_name}, and the position of the column named {names[position]!r}. "
            "Rename the columns to strings, such as with frame.rename(columns=str), and pass names."
        )


def as_floats(name: str, values: object) -> NDArray[np.float64]:
    """Return an argument that holds numbers as an array; raise a TypeError if it holds others."""
    try:
        return np.asarray(cast("ArrayLike", values), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name} must hold numbers only; got {values!r:.60}.") from error


def check_count(name: str, value: object, at_least: int = 1) -> None:
    """Raise a ValueError unless an argument is an integer of at least `at_least`."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or int(value) < at_least:
        raise ValueError(f"{name} must be a whole number of at least {at_least}; got {value!r}.")
    if int(value) > _LARGEST_COUNT:
        raise ValueError(f"{name} must be below 2**31; got {value!r:.60}.")
