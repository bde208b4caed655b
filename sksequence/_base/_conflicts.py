"""Errors for parameters that have no effect on the data, or do not fit the network to continue."""

from __future__ import annotations

import numpy as np

from sksequence._blueprint import AnyCodec, Blueprint
from sksequence._input import InputForm
from sksequence._settings import DataSettings, NetworkSettings

# settings that determine the shape of the weights, or their meaning
_STRUCTURE = (
    "cell",
    "hidden_size",
    "num_layers",
    "residual_connections",
    "merge_mode",
    "pooling",
    "n_estimators",
    "tie_weights",
    "missing",
)


def check_embedding(network: NetworkSettings, form: InputForm) -> None:
    """Raise a ValueError if `embedding_dim` is set and there is nothing to embed."""
    if network.embedding_dim is not None and not (form.vocabularies or form.static_vocabularies):
        raise ValueError(
            f"embedding_dim={_shown(network)} has no effect, as X holds numbers only. Set "
            "embedding_dim=None, or make the categories strings or integers (columns of numbers "
            "that are categories: categorical_features)."
        )


def check_vectors(network: NetworkSettings, form: InputForm) -> None:
    """Raise a ValueError if a file of vectors has several columns of symbols to choose from."""
    n_columns = len(form.vocabularies)
    if n_columns != 1:
        raise ValueError(
            f"embedding_dim={_shown(network)} has the vectors of one column of symbols, "
            f"but the steps of X have {n_columns}. Pass X with one symbol per step, or set "
            "embedding_dim to an int or None."
        )


def check_effects(settings: DataSettings, form: InputForm) -> None:
    """Raise a ValueError if a parameter of symbols or texts is set and X holds none."""
    if not form.is_text and settings.analyzer != "char":
        raise ValueError(
            f"analyzer={settings.analyzer!r} has no effect, as X holds no texts. Set "
            "analyzer='char', or pass one str per sequence."
        )
    if settings.max_features is not None and not (form.vocabularies or form.static_vocabularies):
        raise ValueError(
            f"max_features={settings.max_features!r} has no effect, as X holds numbers only. Set "
            "max_features=None, or pass symbols, such as strings."
        )
    if form.may_be_missing and form.holds_symbols:
        raise ValueError(
            f"missing={settings.missing!r} has no effect, as X holds symbols, and it is numbers "
            "that may be missing. Set missing='error'."
        )
    categorical = settings.categorical_features
    if categorical is None or not form.holds_symbols or form.step_names or form.categorical:
        return
    if np.size(np.asarray(categorical, dtype=object)):
        raise ValueError(
            f"categorical_features={categorical!r} has no effect, as X holds "
            f"{'texts' if form.is_text else 'tokens'}, which are symbols without it. Set "
            "categorical_features=None."
        )


def check_same_network(network: NetworkSettings, known: Blueprint[AnyCodec]) -> None:
    """Raise a ValueError if the settings no longer describe the network to continue."""
    network = network.with_layers()
    for name in _STRUCTURE:
        value, built = getattr(network, name), getattr(known.spec, name)
        if built is not None and value not in ("auto", built):
            raise ValueError(
                f"{name} is now {value!r}, but the network to continue was built with {built!r}. "
                "Set it back, or fit with warm_start=False."
            )


def _shown(network: NetworkSettings) -> str:
    """Return the value of `embedding_dim` in one line."""
    return " ".join(repr(network.embedding_dim).split())
