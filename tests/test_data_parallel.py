"""One fit on two processes: the weights of a fit in one, whatever the batches hold."""

import os
import pickle
import socket
import subprocess
import sys

import numpy as np
import pytest

from sksequence import RNNClassifier
from sksequence._batching import Share
from sksequence.callbacks import Checkpoint, DataParallel
from sksequence.persistence import load
from tests import data_parallel_ranks as ranks
from tests.helpers import ROOT, all_weights


def run_ranks(part, folder, n_ranks=2):
    """Run the script in several processes, and return the result of each."""
    with socket.socket() as server:
        server.bind(("localhost", 0))
        port = str(server.getsockname()[1])
    group = {"MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": str(n_ranks)}
    group |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.data_parallel_ranks", part, str(folder)]
    running = [
        subprocess.Popen(command, env=os.environ | group | {"RANK": str(rank)}, cwd=ROOT)
        for rank in range(n_ranks)
    ]
    assert [process.wait(timeout=240) for process in running] == [0] * n_ranks
    return results(part, folder)


def results(part, folder):
    """Return what each process has written."""
    files = sorted(folder.glob(f"{part}_*.pickle"))
    return [pickle.loads(file.read_bytes()) for file in files]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of all results."""
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def parallel(folder):
    """Return models by name, those of each of two processes."""
    return run_ranks("models", folder)


@pytest.fixture(scope="module")
def alone():
    """Return the same models, trained in this process."""
    return ranks.variants()


@pytest.fixture(scope="module")
def messages(folder):
    """Return messages of fits that differ between two processes."""
    return run_ranks("failures", folder)


NAMES = [*ranks.CASES, "watched", "warm start", "partial fit"]


@pytest.mark.scale
@pytest.mark.parametrize("name", NAMES)
def test_two_processes_train_the_network_of_one(name, parallel, alone):
    """Weights and curves agree to 1e-5 after at least 50 optimizer steps."""
    expected, model = alone[name], parallel[0][name]
    np.testing.assert_allclose(
        all_weights(model.module_), all_weights(expected.module_), rtol=0, atol=1e-5
    )
    assert model.n_iter_ == expected.n_iter_
    for curve in ("loss_curve_", "gradient_norm_curve_", "validation_curve_"):
        np.testing.assert_allclose(
            getattr(model, curve, []), getattr(expected, curve, []), rtol=1e-4, err_msg=curve
        )


@pytest.mark.scale
@pytest.mark.parametrize("name", [*NAMES, "dropout"])
def test_all_processes_have_the_same_bits(name, parallel):
    """The fitted estimators differ in nothing, including the state for `partial_fit`."""
    first, second = (pickle.dumps(models[name]) for models in parallel)
    assert first == second


@pytest.mark.scale
def test_early_stopping_has_stopped(parallel):
    """The case of early stopping ends before its last epoch."""
    assert parallel[0]["stopping"].n_iter_ < 40


@pytest.mark.scale
def test_one_process_prints(parallel, folder):
    """All processes have the lines of one, though their callbacks differ."""
    first, second = results("printed", folder)
    assert "batch 12" in first
    assert second == ""


@pytest.mark.scale
def test_each_process_drops_its_own_units(parallel, alone):
    """Dropout trains another network than without, and than the same units in both parts would."""
    weights = all_weights(parallel[0]["dropout"].module_)
    assert np.isfinite(weights).all()
    assert np.abs(weights - all_weights(alone["labels"].module_)).max() > 1e-3


@pytest.mark.parametrize("n_ranks", [1, 2, 3])
@pytest.mark.parametrize("n_steps", [None, 4])
def test_every_row_counts_on_one_process(n_ranks, n_steps):
    """Shares are disjoint and complete, never empty, and have the same number of chunks."""
    random = np.random.RandomState(0)
    for n_rows in range(1, 8):
        index, lengths = random.permutation(n_rows), random.randint(1, 20, n_rows)
        counted, chunks = [], set()
        for rank in range(n_ranks):
            own, n_counted = Share(rank, n_ranks, n_steps).of(index, lengths[index])
            counted += own[:n_counted].tolist()
            chunks.add(-(-int(lengths[own].max()) // (n_steps or 100)))
        assert sorted(counted) == list(range(n_rows))
        assert len(chunks) == 1


# --- errors --------------------------------------------------------------------------------------

DIFFERENCES = {
    "parameters": "learning_rate is 0.005 on rank 0 and 0.006 on rank 1",
    "X": "X of rank 1 is not that of rank 0",
    "y": "y of rank 1 is not that of rank 0",
    "weights": "sample_weight or groups of rank 1 is not that of rank 0",
    "seed": "the seed of random_state is",
    "changed weights": "networks that differ: rank 0 has 422 weights to train of norm",
    "frozen weights": "rank 1 has 398 weights to train of norm",
    "thread": "RuntimeError: DataParallel is used on a thread",
}


@pytest.mark.scale
@pytest.mark.parametrize("name", DIFFERENCES)
def test_processes_that_differ_say_in_what(name, messages):
    """All processes raise the error, instead of training on."""
    for of_rank in messages:
        assert DIFFERENCES[name] in of_rank[name]


@pytest.mark.scale
def test_a_process_that_ends_ends_the_others(messages):
    """The error tells where to look."""
    assert "Another process of DataParallel has ended" in messages[0]["last"]
    assert messages[0]["last"].startswith("ConnectionError")


@pytest.mark.scale
def test_a_process_that_fails_ends_the_group(folder):
    """After an error of all processes they go on; one of a single process ends them all."""
    first, second = run_ranks("failing", folder)
    for found in (first, second):
        assert found[:2] == ["RuntimeError: failed here", "NoneType: None"]
        assert "an earlier fit failed in some of them only" in found[3]
    assert second[2] == "RuntimeError: failed here"
    assert first[2].startswith("ConnectionError: Another process of DataParallel has ended")


def test_without_a_group(monkeypatch):
    """The error says how to start one."""
    monkeypatch.delenv("RANK", raising=False)
    model = RNNClassifier(callbacks=[DataParallel()])
    with pytest.raises(RuntimeError, match=r"RANK, .*torchrun --nproc-per-node 2 script\.py"):
        model.fit(ranks.X, ranks.LABELS)


def test_other_processes_of_a_rank(monkeypatch):
    """A worker that joblib has started must not join."""
    for name in ("RANK", "WORLD_SIZE", "MASTER_PORT"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setattr("multiprocessing.process._current_process._name", "LokyProcess-1")
    with pytest.raises(RuntimeError, match=r"used in LokyProcess-1.*Set n_jobs=1"):
        RNNClassifier(callbacks=[DataParallel()]).fit(ranks.X, ranks.LABELS)


def test_checkpoints_are_refused(tmp_path):
    """All processes would write to one file."""
    callbacks = [DataParallel(), Checkpoint(tmp_path / "a")]
    with pytest.raises(ValueError, match="both DataParallel and Checkpoint"):
        RNNClassifier(callbacks=callbacks, random_state=0).fit(ranks.X, ranks.LABELS)


@pytest.mark.scale
def test_torchrun_starts_the_group(tmp_path):
    """The documented command trains the network of one process."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "from tests.data_parallel_ranks import CASES, DataParallel, fit\n"
        "from sksequence.persistence import save\n"
        "model = fit(*CASES['labels'], DataParallel())\n"
        "if os.environ['RANK'] == '0':\n"
        "    save(model.set_params(callbacks=None), sys.argv[1])\n"
    )
    file = tmp_path / "model.sksequence"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*torchrun, "--standalone", script, file],
        env=environment,
        timeout=100,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = ranks.fit(*ranks.CASES["labels"])
    np.testing.assert_allclose(
        all_weights(load(file).module_), all_weights(expected.module_), rtol=0, atol=1e-5
    )
