"""Spans (chunks, named entities, slots) in sequences of IOB tags."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence.metrics._flat import is_missing, paired

Span = tuple[str, int, int]


def span_f1_score(y_true: Any, y_pred: Any, *, zero_division: float = 0.0) -> float:
    """Compute the F1 score of whole spans in IOB tags, over all types together.

    A span counts as found only if its type, its first and its last step are all right. This is the
    score of CoNLL-2000 and CoNLL-2003 [1]_.

    Parameters
    ----------
    y_true : list of array-like of str of shape (n_steps,)
        The tags: "O" outside, "B-type" at the begin and "I-type" inside of a span; None or NaN
        where a step has none.
    y_pred : list of array-like of str of shape (n_steps,)
        The predicted tags, as many as there are steps.
    zero_division : float, default=0.0
        The score if there is no span at all, neither true nor predicted.

    Returns
    -------
    score : float
        From 0 to 1, the best: twice the spans found, divided by true and predicted spans.

    Raises
    ------
    ValueError
        If sequences or steps do not match, or a tag is none of the three.

    Notes
    -----
    Any tags can be read, as by the script of the CoNLL tasks: an "I-type" that follows "O" or
    another type begins a span. So IOB1 and IOB2 give the same spans. An unlabelled step counts as
    outside, in the prediction too.

    References
    ----------
    .. [1] E. F. Tjong Kim Sang, S. Buchholz (2000). "Introduction to the CoNLL-2000 shared task:
       chunking". CoNLL.

    Examples
    --------
    >>> from sksequence.metrics import span_f1_score
    >>> y_true = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC"]]
    >>> y_pred = [["B-PER", "I-PER", "O", "O"], ["B-LOC", "I-LOC"]]
    >>> span_f1_score(y_true, y_pred)
    0.4
    """
    n_found = n_spans = 0
    for true, predicted in zip(*paired(y_true, y_pred), strict=True):
        missing = is_missing(true)
        one, other = _spans(_tags(true, missing)), _spans(_tags(predicted, missing))
        n_found += len(one & other)
        n_spans += len(one) + len(other)
    return 2 * n_found / n_spans if n_spans else float(zero_division)


def _tags(steps: NDArray[Any], missing: NDArray[np.bool_]) -> list[str]:
    return ["O" if skip else str(tag) for tag, skip in zip(steps, missing, strict=True)]


def _spans(tags: list[str]) -> set[Span]:
    """Return (type, first step, step after the last) of each span."""
    spans: set[Span] = set()
    start, kind = 0, ""
    inside = False
    for step, tag in enumerate([*tags, "O"]):
        prefix, new_kind = _split(tag)
        if inside and (prefix != "I" or new_kind != kind):
            spans.add((kind, start, step))
            inside = False
        if prefix != "O" and not inside:
            start, kind, inside = step, new_kind, True
    return spans


def _split(tag: str) -> tuple[str, str]:
    prefix, _, kind = tag.partition("-")
    if prefix not in ("B", "I", "O") or (prefix == "O" and kind):
        raise ValueError(
            f'{tag!r} is not an IOB tag; expected "O", "B-type" or "I-type". Score other labels '
            "with step_f1_score."
        )
    return prefix, kind
