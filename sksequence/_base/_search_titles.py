"""Titles of fits in searches, for the lines that are printed."""

from __future__ import annotations

from sklearn.callback import CallbackContext


def title_in_search(context: CallbackContext) -> str:
    """Return the number of a fit among those of the search that it is part of, "" outside of one.

    A pipeline in a search is between the two.
    """
    outermost, above = context, context.parent
    while above is not None and above.source_estimator_name is not None:
        outermost, above = above, above.parent
    if outermost.source_estimator_name is None or above is None or not above.max_subtasks:
        return ""
    return f"{above.task_name} {outermost.task_id + 1}/{above.max_subtasks}"
