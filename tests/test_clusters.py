"""Searches, backtests and ensembles on workers of dask and ray: the bits of one process."""

import contextlib
import importlib
import os
import signal
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_predict
from skorch.callbacks import Callback

from sksequence import RNNClassifier, RNNRegressor, Sequences
from sksequence.model_selection import backtest
from tests.helpers import seasonal_series

pytestmark = [
    pytest.mark.scale,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of dask
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

RANDOM = np.random.RandomState(0)
X = [RANDOM.randn(n, 3) for n in RANDOM.randint(5, 15, 60)]
Y = np.array([x[:, 0].sum() > 0 for x in X]).astype(int)
SERIES = seasonal_series(3, 60, RANDOM)
MODEL = RNNClassifier("gru", 4, max_epochs=2, random_state=0)
GRID = {"hidden_size": [3, 4, 5], "learning_rate": [0.01, 0.03]}


@pytest.fixture(scope="module")
def client():
    """Return the client of two workers."""
    distributed = pytest.importorskip("distributed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "warnoptions", [])  # workers inherit them: dask's warnings are not ours
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
        )
        client = distributed.Client(cluster)
        client.wait_for_workers(2)
        yield client
        client.close()
        cluster.close()


@pytest.fixture(scope="module")
def ray_workers():
    """Start two workers of ray, and its backend for joblib."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "warnoptions", [])
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray = pytest.importorskip("ray")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=100_000_000,
            _node_ip_address="127.0.0.1",
        )
        importlib.import_module("ray.util.joblib").register_ray()
        yield ray
        ray.shutdown()


def searched(X, y, **params):
    """Return all scores of a search, and the predictions of its best model."""
    search = GridSearchCV(MODEL.set_params(**params), GRID, cv=2, n_jobs=2).fit(X, y)
    return search.cv_results_["mean_test_score"], search.predict_proba(X)


def bagged():
    """Return the probabilities of an ensemble of scikit-learn on a column of sequences."""
    columns = pd.DataFrame({"steps": [x[:, 0] for x in X]})
    return (
        BaggingClassifier(MODEL, 4, n_jobs=2, random_state=0).fit(columns, Y).predict_proba(columns)
    )


def backtested():
    """Return the errors of a backtest."""
    model = RNNRegressor("gru", 4, max_epochs=2, random_state=0)
    result = backtest(model, [*SERIES], 3, n_origins=3, window=12, n_jobs=2)
    return [result.to_frame()[["mase", "pinball_loss", "coverage"]].to_numpy()]


JOBS = {
    "search": lambda: searched(X, Y),
    "search of Sequences": lambda: searched(Sequences.from_arrays(X), Y),
    "cross_val_predict": lambda: cross_val_predict(MODEL, X, Y, cv=3, n_jobs=2),
    "bagging": bagged,
    "backtest": backtested,
}


def assert_same_as_serial(job, backend):
    """Compare the bits of a job on workers with those of one process."""
    serial = JOBS[job]()
    with joblib.parallel_config(backend):
        parallel = JOBS[job]()
    for one, other in zip(serial, parallel, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("job", JOBS)
def test_results_are_those_of_one_process(job, client):
    """Workers compute the bits of a serial run."""
    assert_same_as_serial(job, "dask")


@pytest.mark.parametrize("job", ["search", "search of Sequences", "cross_val_predict"])
def test_ray_computes_the_bits_of_one_process(job, ray_workers):
    """Its backend for joblib is tested where ray is installed."""
    assert_same_as_serial(job, "ray")


class Counted(Sequences):
    """Sequences that count how often they are pickled."""

    n_pickles = 0

    def __getstate__(self):
        """Count."""
        type(self).n_pickles += 1
        return self.__dict__


def test_sequences_are_shipped_once(client):
    """Dask asks for their size, and scatters them instead of sending a copy with each task."""
    Counted.n_pickles = 0
    sequences = Counted(np.concatenate(X), np.r_[0, np.cumsum([len(x) for x in X])])
    with joblib.parallel_config("dask"):
        searched(sequences, Y)
    assert Counted.n_pickles < 4  # of 12 tasks


def test_threads_of_workers(client):
    """A fit on a worker leaves the number of threads as it was."""
    before = client.run(torch.get_num_threads)
    with joblib.parallel_config("dask"):
        searched(X, Y)
    assert client.run(torch.get_num_threads) == before
    assert set(before.values()) == {1}


class Kill(Callback):
    """Kill the worker of the first fit that creates the file."""

    def __init__(self, file):
        self.file = file

    def on_epoch_end(self, net, **kwargs):
        """Kill one process of all: whoever creates the file, which only one of them can."""
        with contextlib.suppress(FileExistsError):
            Path(self.file).touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker(client, tmp_path):
    """Its tasks run again on another one, with the data that all workers have."""
    serial = searched(X, Y)
    with joblib.parallel_config("dask", scatter=[X, Y]):
        parallel = searched(X, Y, callbacks=[Kill(str(tmp_path / "killed"))])
    assert (tmp_path / "killed").exists()
    for one, other in zip(serial, parallel, strict=True):
        np.testing.assert_array_equal(one, other)
    client.wait_for_workers(2)


# --- predictions over partitions -----------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """Return a fitted model of sequences of one feature."""
    return RNNClassifier("gru", 4, max_epochs=2, random_state=0).fit([x[:, 0] for x in X], Y)


@pytest.fixture
def parquet(tmp_path):
    """Return the path of a file of several row groups."""
    table = pa.table({"id": np.arange(len(X)), "steps": [x[:, 0] for x in X]})
    pq.write_table(table, tmp_path / "steps.parquet", row_group_size=20)
    return str(tmp_path / "steps.parquet")


def test_partitions_of_dask(client, model, parquet):
    """Each partition is predicted where it is."""
    frames = pytest.importorskip("dask.dataframe")
    frame = frames.read_parquet(parquet, split_row_groups=True)
    assert frame.npartitions == 3

    def predicted(part):
        return pd.Series(model.predict(list(part["steps"])), index=part.index)

    predictions = frame.map_partitions(predicted, meta=(None, "int64")).compute()
    np.testing.assert_array_equal(predictions, model.predict([x[:, 0] for x in X]))


def test_batches_of_ray(ray_workers, model, parquet):
    """A column of a batch is an X as it is."""
    data = importlib.import_module("ray.data")

    def predicted(batch):
        return batch.append_column("label", [model.predict(batch["steps"])])

    labelled = data.read_parquet(parquet).map_batches(predicted, batch_format="pyarrow")
    rows = sorted(labelled.take_all(), key=lambda row: row["id"])
    expected = model.predict([x[:, 0] for x in X])
    np.testing.assert_array_equal([row["label"] for row in rows], expected)
