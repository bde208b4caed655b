"""Predictions in units of y, moved to what is known without X: see `_shrinkage`.

Those of a forecast are differences to the naive one, in the units of their windows. Quantiles and
standard deviations are moved like points, to those of the marginal distribution: what a network has
learnt of noise makes them too narrow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sksequence._blueprint import Blueprint
from sksequence._targets import MarginalDistribution, NumberCodec, PointPrediction

Floats = NDArray[np.float64]
Outputs = NDArray[np.float32]


def simple_centres(blueprint: Blueprint[NumberCodec]) -> Floats:
    """Return the points (n_numbers,) to which predictions are moved."""
    codec, marginal = blueprint.codec, blueprint.marginal
    if marginal is None:  # files of version 0.1 have none
        return codec.mean if blueprint.baseline is None else np.zeros(codec.n_numbers)
    return _in_units(blueprint, marginal, marginal.centre)


def simple_quantiles(blueprint: Blueprint[NumberCodec], levels: tuple[float, ...]) -> Floats:
    """Return the quantiles (n_levels, 1, n_numbers) to which predictions are moved."""
    marginal = blueprint.marginal
    assert marginal is not None
    return _in_units(blueprint, marginal, marginal.quantiles_at(levels))


def _in_units(
    blueprint: Blueprint[NumberCodec], marginal: MarginalDistribution, scaled: Floats
) -> Floats:
    """Return numbers of the marginal distribution in units of y, or corrections of a forecast."""
    codec = blueprint.codec
    if blueprint.baseline is None:
        return scaled * codec.std + codec.mean
    return (scaled - marginal.middle) * codec.std


def shrunken_centres(blueprint: Blueprint[NumberCodec], outputs: Outputs) -> Floats:
    """Return the points (n_rows[, n_numbers])."""
    return _moved(blueprint, blueprint.codec.decode(outputs), simple_centres(blueprint))


def shrunken_quantiles(
    blueprint: Blueprint[NumberCodec], outputs: Outputs, levels: tuple[float, ...] | None = None
) -> Floats:
    """Return quantiles of shape (n_levels, n_rows[, n_numbers]), by default at fit's levels."""
    codec = blueprint.codec
    rows = codec.quantiles(outputs, levels)
    assert not isinstance(codec.distribution, PointPrediction)
    if not np.any(blueprint.shrinkage):
        return rows
    if blueprint.marginal is None:
        return rows + (shrunken_centres(blueprint, outputs) - codec.decode(outputs))
    chosen = levels or codec.distribution.levels
    return _moved(blueprint, rows, simple_quantiles(blueprint, chosen))


def shrunken_stds(blueprint: Blueprint[NumberCodec], outputs: Outputs) -> Floats:
    """Return the standard deviations (n_rows[, n_numbers])."""
    stds, marginal = blueprint.codec.stds(outputs), blueprint.marginal
    if marginal is None:
        return stds
    return _moved(blueprint, stds, marginal.std * blueprint.codec.std)


def _moved(blueprint: Blueprint[NumberCodec], rows: Floats, simple: Floats) -> Floats:
    """Move rows by the fraction of the shrinkage."""
    shrinkage = blueprint.shrinkage
    if not np.any(shrinkage):
        return rows
    return (1.0 - shrinkage) * rows + shrinkage * (
        simple[..., 0] if blueprint.codec.flat else simple
    )
