"""Steps of streams of symbols: their codes, and predictions of the next symbol."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._blueprint import Blueprint
from sksequence._input import read_stream_steps
from sksequence._language._symbol_codec import SymbolCodec

Index = NDArray[np.int64]
Inputs = tuple[None, NDArray[np.int64]]


class SymbolReader:
    """Streams of symbols, which begin with the code of the boundary.

    Parameters
    ----------
    blueprint : Blueprint
        Fitted form and codec.
    method : str
        Method whose results are predicted.
    """

    def __init__(self, blueprint: Blueprint[SymbolCodec], method: str) -> None:
        if blueprint.codec.labels is not None:
            raise ValueError(
                f"This {blueprint.form.estimator_name} is conditional, and a stream has no label. "
                "Fit with conditional=False, or call predict with whole sequences."
            )
        self._form, self._boundary = blueprint.form, blueprint.codec.boundary
        self._decode = blueprint.codec.stream_decoders()[method]

    def start(self, n_rows: int) -> Inputs:
        """Return the code that comes before the first symbol."""
        return None, np.full((n_rows, 1), self._boundary)

    def read(self, steps: object, rows: Index, *, are_several: bool) -> Inputs:
        """Return the code of one symbol of each of the streams `rows`."""
        _, codes = read_stream_steps(steps, self._form, len(rows), are_several=are_several)
        assert codes is not None
        return None, codes

    def predict(self, outputs: NDArray[np.float32], rows: Index) -> NDArray[Any]:
        """Return the predictions after these symbols, one per row."""
        return self._decode(outputs)

    def reset(self, rows: Index) -> None:
        """Forget nothing: the codes of symbols do not depend on each other."""
