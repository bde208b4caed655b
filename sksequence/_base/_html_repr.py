"""HTML of estimators in notebooks: links to our pages, and no names of hidden states."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.utils._repr_html.features import _features_html

# address of the published documentation; without one, nothing is linked
DOCUMENTATION = ""

# what scikit-learn makes links of: the package whose classes have pages, and their addresses
LINKED_PACKAGE = "sksequence" if DOCUMENTATION else ""
LINK = DOCUMENTATION + "/api/{estimator_module}.{estimator_name}.html"


def without_features(page: str, names: Sequence[str]) -> str:
    """Remove the list of output features, the hidden states, from the HTML of scikit-learn.

    Estimators are shown as what they mostly are, predictors. The names only number the states.
    """
    return page.replace(_features_html(names, "fitted"), "")
