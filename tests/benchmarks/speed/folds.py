"""GridSearchCV on one process and on two."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from sklearn.model_selection import GridSearchCV

from .ours import classifier
from .timing import Row, compare, interleave, seconds
from .work import Work

LEAST = 1.8


def search(*, quick: bool) -> Iterator[Row]:
    """Compare wall times on one process and on two with warm workers; fits take seconds."""
    work = Work("lstm", n_sequences=500 if quick else 2000)
    X, y = work.data()
    estimator = classifier(work, max_epochs=2 if quick else 90)
    grid = {"hidden_size": [32, 48]}

    def run(n_jobs: int) -> float:
        searched = GridSearchCV(estimator, grid, cv=2, n_jobs=n_jobs, refit=False)
        return seconds(partial(searched.fit, X, y), time.perf_counter)

    times = interleave({"one": partial(run, 1), "two": partial(run, 2)}, 2 if quick else 3)
    row = compare("wall time with n_jobs=1 over n_jobs=2", times["one"], times["two"])
    yield Row(row.what, row.ratio, LEAST, greater=True, details=row.details)
