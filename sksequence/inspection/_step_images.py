"""Pictures with a column per step, of which none is lost when there are more than pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

# a layout may leave half of the width of axes to names and colour bars
_SMALLEST_PART = 0.5


def plot_steps(ax: Axes, rows: NDArray[np.float64], scale: Mapping[str, object]) -> AxesImage:
    """Plot values (n_rows, n_steps) with a scale of colours."""
    n_rows, n_steps = rows.shape
    options: dict[str, Any] = {"aspect": "auto", "interpolation": "nearest", **scale}
    options["extent"] = (-0.5, n_steps - 0.5, n_rows - 0.5, -0.5)  # kept if columns are pooled
    image = ax.imshow(rows, **options)
    ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    return image


def fit_to_pixels(images: Sequence[AxesImage]) -> None:
    """Pool the steps of pictures that have more of them than pixels.

    The value of largest magnitude is kept: a resampled picture would leave out single steps, and a
    smoothed one would fade them. Steps keep their places on the axis.
    """
    if all(_n_columns(image) <= _SMALLEST_PART * _width(image) for image in images):
        return
    canvas: Any = images[0].axes.figure.canvas
    canvas.figure.draw_without_rendering()  # sizes of axes are those of their layout
    for image in images:
        n_pixels = max(1, int(_width(image)))
        if _n_columns(image) > n_pixels:
            image.set_data(largest_of_columns(np.asarray(image.get_array()), n_pixels))


def largest_of_columns(rows: NDArray[np.float64], n_columns: int) -> NDArray[np.float64]:
    """Return the values of largest magnitude (n_rows, n_columns) of consecutive columns."""
    starts = np.arange(n_columns) * rows.shape[1] // n_columns
    highest = np.maximum.reduceat(rows, starts, axis=1)
    lowest = np.minimum.reduceat(rows, starts, axis=1)
    return np.where(highest >= -lowest, highest, lowest)


def _n_columns(image: AxesImage) -> int:
    return int(np.asarray(image.get_array()).shape[1])


def _width(image: AxesImage) -> float:
    """Return the width of the axes of a picture in pixels."""
    return float(image.axes.get_window_extent().width)
