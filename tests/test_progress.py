"""Lines that a fit prints with verbose=1 and 2: epochs, batches, candidates of a search."""

import numpy as np
import pytest
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EarlyStopping

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.preprocessing import StepTransformer

RANDOM = np.random.RandomState(0)
X, Y = RANDOM.randn(40, 6), np.arange(40) % 2
COLUMNS = ["epoch", "loss", "validation", "best", "seconds", "total", "lr"]


def make(**parameters):
    """Return a small classifier."""
    defaults = {"hidden_size": 4, "max_epochs": 3, "batch_size": 10, "random_state": 0}
    return RNNClassifier("gru", **defaults | parameters)


def lines_of(capsys):
    """Return the words of all printed lines."""
    return [line.split() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor, SequenceGenerator])
def test_nothing_is_printed_by_default(estimator, capsys):
    """A fit is silent."""
    estimator(hidden_size=4, max_epochs=1, random_state=0).fit(X, Y)
    assert capsys.readouterr().out == ""


def test_one_line_per_epoch(capsys):
    """A line has the losses, times and the learning rate of its epoch."""
    model = make(verbose=1, lr_schedule=None, learning_rate=0.01).fit(X, Y)
    header, *rows = lines_of(capsys)
    assert header == COLUMNS
    assert [row[0] for row in rows] == ["1/3", "2/3", "3/3"]
    assert [float(row[1]) for row in rows] == pytest.approx(model.loss_curve_, rel=1e-3)
    assert {row[2] for row in rows} == {"-"}
    assert [row[6] for row in rows] == ["0.01"] * 3
    totals = [float(row[5]) for row in rows]
    assert totals == sorted(totals)


def test_early_stopping_is_reported(capsys):
    """Validation losses, the best epoch so far, and the epoch whose weights are restored."""
    model = make(verbose=1, early_stopping=True, max_epochs=60, n_iter_no_change=2, tol=0.0)
    model.fit(X, RANDOM.randint(2, size=40))
    _, *rows, last = lines_of(capsys)
    losses = model.validation_curve_
    assert [float(row[2]) for row in rows] == pytest.approx(losses, rel=1e-3)
    best = 1 + int(np.argmin(losses))
    assert rows[-1][3] == str(best)
    assert " ".join(last) == f"stopped early, weights of epoch {best}"
    assert len(rows) == model.n_iter_ == best + 2


def test_a_stop_by_a_callback_is_reported(capsys):
    """Other callbacks can end the training too."""
    stop = EarlyStopping("train_loss", patience=2, threshold=10.0, threshold_mode="abs")
    make(verbose=1, max_epochs=9, callbacks=[stop]).fit(X, Y)
    assert " ".join(lines_of(capsys)[-1]) == "stopped early by a callback"


def test_one_line_per_batch(capsys):
    """verbose=2 prints the batches of each epoch before its line."""
    make(verbose=2, max_epochs=2).fit(X, Y)
    _, *rows = lines_of(capsys)
    assert [row[2:] for row in rows[:4]] == [["batch", str(i)] for i in range(1, 5)]
    mean = np.mean([float(row[1]) for row in rows[:4]])
    assert float(rows[4][1]) == pytest.approx(mean, rel=1e-3)
    assert len(rows) == 2 * 5


def test_searches_name_their_candidates(capsys):
    """Each fit of a search prints its number and its parameters, and starts each line with it."""
    grid = {"cell": ["rnn", "lstm"]}
    GridSearchCV(make(verbose=1, max_epochs=1), grid, cv=2, refit=False).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 * 3
    for i in range(4):
        block = lines[3 * i : 3 * i + 3]
        assert all(line.startswith(f"[search {i + 1}/4]") for line in block)
        assert f"cell='{grid['cell'][i // 2]}'" in block[0] or "LSTM" in block[0]
    assert "cell='rnn'" in lines[0]


def test_searches_of_pipelines_name_their_candidates(capsys):
    """The number is that of the fit in the search, not that of the step in the pipeline."""
    pipeline = make_pipeline(StepTransformer(StandardScaler()), make(verbose=1, max_epochs=1))
    grid = {pipeline.steps[-1][0] + "__hidden_size": [2, 3]}
    GridSearchCV(pipeline, grid, cv=2).fit(X, Y)
    heads = [line for line in capsys.readouterr().out.splitlines() if "hidden_size" in line]
    assert [head.split("]")[0] for head in heads] == [
        *(f"[search {i}/4" for i in (1, 2, 3, 4)),
        "[fit 2/2",
    ]
    assert [f"hidden_size={n}" in head for n, head in zip([2, 2, 3, 3], heads, strict=False)] == [
        True
    ] * 4


def test_bars_of_two_processes(capsys):
    """ProgressBar on a search shows the bar of each fit, with one process or two."""
    pytest.importorskip("rich")
    shown = []
    for n_jobs in (1, 2):
        search = GridSearchCV(make(max_epochs=1), {"hidden_size": [2, 3]}, cv=2, n_jobs=n_jobs)
        search.set_callbacks(ProgressBar()).fit(X, Y)
        shown.append(capsys.readouterr().out)
    for text in shown:
        for i in range(4):
            assert f"fit #{i}" in text


def test_a_bar_in_a_search_says_where_to_set_it():
    """The error of a callback on the inner estimator names the outer one."""
    inner = make(max_epochs=1).set_callbacks(ProgressBar())
    with pytest.raises(ValueError, match="Register them directly on the meta-estimator"):
        GridSearchCV(inner, {"hidden_size": [2, 3]}, cv=2).fit(X, Y)
