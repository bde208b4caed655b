"""Products of a block of rows, with the sums kept in vector registers.

A tile is `ROWS` rows times a panel of columns that is two vectors wide. It is summed in registers
over the whole depth and written once, which is two to four times as fast as the loops that a
compiler vectorises by itself. Each sum begins with what the product is added to and runs over the
depth in order, with one fused multiply-add per element, so the bits of a row depend neither on its
position nor on the width of a vector.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch.nn.functional as F
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable
from numba.np.arrayobj import make_array
from numpy.typing import NDArray
from torch import Tensor

from sksequence._kernels._vectors import HAS_AVX512, LANES, VECTOR, repeated

ROWS = 8 if HAS_AVX512 else 4  # half of the registers hold sums
_PANEL = 2 * LANES
BLOCK = 16  # rows that are stepped together, so that a large matrix is read once for all of them


def padded_rows(n_rows: int) -> int:
    """Return a number of rows rounded up to whole tiles."""
    return -(-n_rows // ROWS) * ROWS


def padded_columns(n_columns: int) -> int:
    """Return a number of columns rounded up to whole panels."""
    return -(-n_columns // _PANEL) * _PANEL


def in_panels(matrix: Tensor) -> NDArray[np.float32]:
    """Return a matrix (K, N) as its panels (n_panels, K, panel); missing columns are 0."""
    missing = -matrix.shape[1] % _PANEL
    if missing:
        matrix = F.pad(matrix, (0, missing))
    panels: Tensor = matrix.unflatten(1, (-1, _PANEL)).transpose(0, 1).contiguous()
    return panels.numpy()


def in_columns(bias: Tensor) -> NDArray[np.float32]:
    """Return numbers (N,) as the bias of `set_product`: at least up to the next whole panel.

    There is room for half a panel more, so that parts in whole panels may begin at any vector.
    """
    missing = padded_columns(len(bias)) + LANES - len(bias)
    padded: Tensor = F.pad(bias, (0, missing))
    return padded.numpy()


def no_panels() -> NDArray[np.float32]:
    """Return the panels of a matrix without columns."""
    return np.zeros((0, 0, _PANEL), np.float32)


def _from_panels(panels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the matrix (K, N in whole panels)."""
    return panels.transpose(1, 0, 2).reshape(panels.shape[1], -1)


def add_row_product(out: Any, a: Any, panels: Any, row: int) -> None:
    """Add one row of a times b to that row of out, with the same bits as in `add_product`.

    Four panels are summed together: the sums of a single one would wait for each other.
    """
    matrix = _from_panels(panels)
    out[row, : matrix.shape[1]] += a[row, : len(matrix)] @ matrix


@overload(add_row_product, strict=False)
def _add_row_product(out: Any, a: Any, panels: Any, row: int) -> Any:
    """Compile `add_row_product` as tiles of one row."""
    return lambda out, a, panels, row: _set_row(out, a, panels, out, row)


@register_jitable(inline="always")
def _set_row(out: Any, a: Any, panels: Any, start: Any, row: int) -> None:
    """Set one row of out to that of a times b, plus the row of start or a bias."""
    in_fours = panels.shape[0] // 4 * 4
    for panel in range(0, in_fours, 4):
        _set_wide_row_tile(out, a, panels, start, row, panel)
    for panel in range(in_fours, panels.shape[0]):
        _set_row_tile(out, a, panels, start, row, panel)


def add_product(out: Any, a: Any, panels: Any, n_rows: int) -> None:
    """Add a (R, >= K) times b (K, N) to the first `n_rows` rows of out (R, >= N), in whole tiles.

    All are float32 with consecutive columns; R is at least `padded_rows`, the number of columns of
    out at least `padded_columns`, and b comes from `in_panels`.
    """
    matrix = _from_panels(panels)
    rows = slice(padded_rows(n_rows))
    out[rows, : matrix.shape[1]] += a[rows, : len(matrix)] @ matrix


@overload(add_product, strict=False)
def _add_product(out: Any, a: Any, panels: Any, n_rows: int) -> Any:
    """Compile `add_product` as tiles."""
    return lambda out, a, panels, n_rows: _set_rows(out, a, panels, out, n_rows)


def set_product(out: Any, a: Any, panels: Any, bias: Any, n_rows: int) -> None:
    """Set the first `n_rows` rows of out to a times b, plus a bias (>= N,) from `in_columns`.

    Otherwise as `add_product`, whose bits it has for rows of out that hold the bias.
    """
    n_columns = panels.shape[0] * _PANEL
    out[: padded_rows(n_rows), :n_columns] = bias[:n_columns]
    add_product(out, a, panels, n_rows)


@overload(set_product, strict=False)
def _set_product(out: Any, a: Any, panels: Any, bias: Any, n_rows: int) -> Any:
    """Compile `set_product` as tiles."""
    return lambda out, a, panels, bias, n_rows: _set_rows(out, a, panels, bias, n_rows)


@register_jitable(inline="always")
def _set_rows(out: Any, a: Any, panels: Any, start: Any, n_rows: int) -> None:
    """Set rows of out to a times b, plus start or a bias.

    A panel stays in the nearest cache for all rows.
    """
    if n_rows == 1:
        _set_row(out, a, panels, start, 0)
        return
    for panel in range(panels.shape[0]):
        for row in range(0, n_rows, ROWS):
            _set_tile(out, a, panels, start, row, panel)


def add_outer(out: Any, left: Any, right: Any, n_rows: int, n_columns: int, depth: int) -> None:
    """Add left[:depth, :n_rows] transposed times right[:depth, :n_columns] to out, in whole tiles.

    All are float32 with consecutive columns. Columns up to the next whole tile are read and written
    too: out has as many rows as `padded_rows`, and as many columns as `padded_columns`.
    """
    rows, columns = slice(padded_rows(n_rows)), slice(padded_columns(n_columns))
    out[rows, columns] += left[:depth, rows].T @ right[:depth, columns]


@overload(add_outer, strict=False)
def _add_outer(out: Any, left: Any, right: Any, n_rows: int, n_columns: int, depth: int) -> Any:
    """Compile `add_outer` as tiles; a panel of right stays in the nearest cache for all rows."""

    def tiled(out: Any, left: Any, right: Any, n_rows: int, n_columns: int, depth: int) -> None:
        for column in range(0, n_columns, _PANEL):
            for row in range(0, n_rows, ROWS):
                _add_outer_tile(out, left, right, row, column, depth)

    return tiled


def add_outer_and_sums(
    out: Any, left: Any, right: Any, n_rows: int, n_columns: int, depth: int
) -> None:
    """Add the sums of the columns of right[:depth] to the last row of out, besides `add_outer`."""
    add_outer(out, left, right, n_rows, n_columns, depth)
    columns = slice(padded_columns(n_columns))
    out[-1, columns] += right[:depth, columns].sum(0)


@overload(add_outer_and_sums, strict=False)
def _add_outer_and_sums(
    out: Any, left: Any, right: Any, n_rows: int, n_columns: int, depth: int
) -> Any:
    """Compile `add_outer_and_sums` as tiles; the first ones of a panel have the sums."""

    def tiled(out: Any, left: Any, right: Any, n_rows: int, n_columns: int, depth: int) -> None:
        for column in range(0, n_columns, _PANEL):
            _add_outer_and_sums_tile(out, left, right, 0, column, depth)
            for row in range(ROWS, n_rows, ROWS):
                _add_outer_tile(out, left, right, row, column, depth)

    return tiled


def _tile(n_rows: int, n_panels: int) -> Any:
    """Return a compiled function that sets a tile of `n_rows` rows and `n_panels` panels."""

    @intrinsic
    def set_tile(
        typing: Any, out: Any, a: Any, panels: Any, start: Any, row: Any, panel: Any
    ) -> Any:
        emit = partial(_emit_tile, n_rows, n_panels)
        return types.void(out, a, panels, start, types.intp, types.intp), emit

    return set_tile


def _emit_tile(
    n_rows: int, n_panels: int, context: Any, builder: Any, signature: Any, arguments: Any
) -> Any:
    """Emit the code of a tile: sums begin with those of the fourth array, or with its columns."""
    first_row, first_panel = arguments[4:]
    address = partial(_address, context, builder, signature, arguments)
    rows = [builder.add(first_row, _index(i)) for i in range(n_rows)]
    panels = [builder.add(first_panel, _index(i)) for i in range(n_panels)]
    halves = [_index(LANES * j) for j in range(2)]
    columns = [builder.add(builder.mul(p, _index(_PANEL)), half) for p in panels for half in halves]
    of_rows = [address(1, i, _index(0)) for i in rows]
    depth = make_array(signature.args[2])(context, builder, arguments[2]).shape

    def operands(k: Any) -> tuple[list[Any], list[Any]]:
        numbers = [builder.gep(of_row, [k]) for of_row in of_rows]
        return numbers, [address(2, p, k, half) for p in panels for half in halves]

    places = [address(0, i, j) for i in rows for j in columns]
    has_rows = signature.args[3].ndim == 2
    starts = [address(3, *([i] if has_rows else []), j) for i in rows for j in columns]
    _emit_sums(builder, starts, places, builder.extract_value(depth, 1), operands)
    return context.get_dummy_value()


def _outer_tile(has_sums: bool) -> Any:
    """Return a compiled function that adds a tile of `add_outer` or `add_outer_and_sums`."""

    @intrinsic
    def add(typing: Any, out: Any, left: Any, right: Any, row: Any, column: Any, depth: Any) -> Any:
        emit = partial(_emit_outer_tile, has_sums)
        return types.void(out, left, right, types.intp, types.intp, types.intp), emit

    return add


def _emit_outer_tile(
    has_sums: bool, context: Any, builder: Any, signature: Any, arguments: Any
) -> Any:
    """Emit the code of a tile: the sums of columns are products with a number of 1 per step."""
    address = partial(_address, context, builder, signature, arguments)
    rows = [builder.add(arguments[3], _index(i)) for i in range(ROWS)]
    columns = [builder.add(arguments[4], _index(LANES * j)) for j in range(2)]
    one = cgutils.alloca_once_value(builder, ir.Constant(ir.FloatType(), 1.0))
    n_rows = make_array(signature.args[0])(context, builder, arguments[0]).shape
    last = builder.sub(builder.extract_value(n_rows, 0), _index(1))

    def operands(k: Any) -> tuple[list[Any], list[Any]]:
        numbers = [address(1, k, i) for i in rows] + [one] * has_sums
        return numbers, [address(2, k, j) for j in columns]

    places = [address(0, i, j) for i in [*rows, *[last] * has_sums] for j in columns]
    _emit_sums(builder, places, places, arguments[5], operands)
    return context.get_dummy_value()


def _address(
    context: Any, builder: Any, signature: Any, arguments: Any, number: int, *place: Any
) -> Any:
    """Emit the address of a place in an array, the argument of that number."""
    kind = signature.args[number]
    array = make_array(kind)(context, builder, arguments[number])
    return cgutils.get_item_pointer(context, builder, kind, array, place)


def _emit_sums(
    builder: Any, starts: list[Any], places: list[Any], depth: Any, operands: Any
) -> None:
    """Emit the sums of a tile: load what they begin with, loop over the depth, store them.

    `operands` returns the addresses of a number per row, and of the vectors that each number is
    multiplied by. `starts` and `places` are addresses, row by row.
    """

    def vector(number: Any) -> Any:
        return builder.bitcast(number, VECTOR.as_pointer())

    sums = [cgutils.alloca_once_value(builder, builder.load(vector(s), align=4)) for s in starts]
    fused = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), f"llvm.fmuladd.v{LANES}f32"
    )
    with cgutils.for_range(builder, depth) as loop:
        numbers, vectors = operands(loop.index)
        parts = [builder.load(vector(at), align=4) for at in vectors]
        for i, at in enumerate(numbers):
            number = repeated(builder, builder.load(at, align=4))
            for part, total in zip(parts, sums[len(parts) * i :], strict=False):
                builder.store(builder.call(fused, [number, part, builder.load(total)]), total)
    for place, total in zip(places, sums, strict=True):
        builder.store(builder.load(total), vector(place), align=4)


_set_tile, _set_wide_row_tile, _set_row_tile = _tile(ROWS, 1), _tile(1, 4), _tile(1, 1)
_add_outer_tile, _add_outer_and_sums_tile = _outer_tile(False), _outer_tile(True)


def _index(n: int) -> Any:
    return ir.Constant(ir.IntType(64), n)
