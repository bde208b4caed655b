"""Axes on which displays plot: those given, or those of a new figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FULL_ROW = 3  # panels below each other before a second column is begun
_NARROWEST = 2.4  # inches of a panel with numbers and names beside it


def axes_of_plot(display: object, ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    """Return the axes for `display.plot`: those given, or those of a new figure.

    Parameters
    ----------
    display : object
        Display that plots, for the error without matplotlib.
    ax : matplotlib Axes or None
        Axes that the user gave.
    size : tuple of float, default=None
        Width and height of a new figure in inches. None takes those of matplotlib.
    """
    _check_matplotlib(display)
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def axes_of_panels(
    display: object,
    ax: Axes | Sequence[Axes] | NDArray[np.object_] | None,
    n_panels: int,
    what: str,
    size: tuple[float, float],
    n_columns: int | None = None,
) -> NDArray[np.object_]:
    """Return axes of shape (n_panels,) for `display.plot`: those given, or those of a new figure.

    Parameters
    ----------
    display : object
        Display that plots, for the error without matplotlib.
    ax : matplotlib Axes, array of Axes or None
        Axes that the user gave.
    n_panels : int
        Number of axes that are needed.
    what : str
        The panels, for the error if another number of axes is given.
    size : tuple of float
        Width and height of a panel in inches.
    n_columns : int, default=None
        Number of columns of a new figure. None is one column for up to 3 panels, and up to three
        for more.
    """
    _check_matplotlib(display)
    if ax is None:
        return _new_axes(n_panels, size, n_columns or min(3, 1 + n_panels // (_FULL_ROW + 1)))
    axes = np.asarray(ax, dtype=object)
    if axes.size != n_panels:
        raise ValueError(
            f"ax holds {axes.size} Axes; {what} need {n_panels}. Pass as many, or None for a new "
            "figure."
        )
    return axes.ravel()


def label_steps(axes: NDArray[np.object_]) -> None:
    """Label the axis of steps of the lowest axes in each column."""
    lowest = {round(ax.get_position().x0, 3): ax for ax in axes}
    for ax in lowest.values():
        ax.set_xlabel("Step")


def _check_matplotlib(display: object) -> None:
    check_matplotlib_support(f"{type(display).__name__}.plot")


def _new_axes(n_panels: int, size: tuple[float, float], n_columns: int) -> NDArray[np.object_]:
    import matplotlib.pyplot as plt

    width, height = size
    n_rows = math.ceil(n_panels / n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        squeeze=False,
        figsize=(
            max(width * n_columns / max(1.0, 0.6 * n_columns), _NARROWEST * n_columns),
            max(height * n_rows, 0.5 * width),
        ),
        layout="constrained",
    )
    for spare in axes.ravel()[n_panels:]:
        figure.delaxes(spare)
    return np.asarray(axes.ravel()[:n_panels])
