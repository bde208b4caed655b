"""Data larger than memory: written in chunks, mapped, and read batch by batch to the same bits."""

import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from sklearn.base import clone

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence.preprocessing import open_sequences, write_sequences
from tests.helpers import ROOT, all_weights, run_in_child
from tests.test_laws import peak_above

RANDOM = np.random.RandomState(0)
LENGTHS = RANDOM.randint(1, 9, 50)
X = [RANDOM.randn(n, 2).astype(np.float32) for n in LENGTHS]
LABELS = np.array([x.sum() > 0 for x in X])
MEANS = np.array([x.mean() for x in X])


def table_of(sequences):
    """Return a table with one column of lists per feature, and the labels."""
    columns = {name: [x[:, j] for x in sequences] for j, name in enumerate(["speed", "power"])}
    return pa.table(columns | {"label": np.arange(len(sequences))})


@pytest.fixture
def parquet(tmp_path):
    """Return the path of a file of several row groups."""
    pq.write_table(table_of(X), tmp_path / "steps.parquet", row_group_size=7)
    return tmp_path / "steps.parquet"


def features(sequences):
    """Return each row as a list of steps, each a list of features."""
    inner = pa.list_(pa.list_(pa.float32(), 2))
    return pa.table({"steps": pa.array([x.tolist() for x in sequences], type=inner)})


def sources(folder):
    """Return the sequences in every form that can be written."""
    pq.write_table(table_of(X), folder / "a.parquet", row_group_size=7)
    parts = folder / "parts"
    parts.mkdir()
    for i in (0, 1):
        pq.write_table(features(X[i * 20 :][: 20 if i == 0 else 30]), parts / f"{i}.parquet")
    ds.write_dataset(table_of(X), folder / "arrow", format="arrow")
    return {
        "file": (str(folder / "a.parquet"), ["speed", "power"]),
        "folder": (parts, None),
        "dataset": (ds.dataset(folder / "arrow", format="arrow"), ["speed", "power"]),
        "lists": (iter([X[:30], X[30:]]), None),
        "sequences": (iter([Sequences.from_arrays(X)]), None),
    }


@pytest.mark.parametrize("source", ["file", "folder", "dataset", "lists", "sequences"])
def test_every_source_is_written_as_it_is(source, tmp_path):
    """The numbers have the bits, the type and the order of the source, and stay on disk."""
    given, columns = sources(tmp_path)[source]
    written = write_sequences(given, tmp_path / "out", columns=columns, batch_size=8)
    for sequences in (written, open_sequences(tmp_path / "out")):
        assert isinstance(sequences.values, np.memmap)
        assert sequences.values.dtype == np.float32
        np.testing.assert_array_equal(sequences.values, np.concatenate(X))
        assert sequences.lengths.tolist() == LENGTHS.tolist()
        names = ("speed", "power") if columns else None
        assert sequences.feature_names == names
    assert sorted(p.name for p in (tmp_path / "out").glob("*.part")) == []


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (RNNClassifier("gru", 4, max_epochs=3, early_stopping=True, random_state=0), LABELS),
        (RNNRegressor("lstm", 4, max_epochs=3, shuffle=False, random_state=0), MEANS),
        (SequenceGenerator("gru", 4, max_epochs=3, random_state=0), None),
    ],
)
def test_models_are_those_of_the_data_in_memory(estimator, y, parquet, tmp_path):
    """Weights, curves and predictions have the same bits; `partial_fit` too."""
    mapped = write_sequences(parquet, tmp_path / "out", columns=["speed", "power"])
    in_memory = Sequences.from_arrays(X)
    in_memory.feature_names = mapped.feature_names
    for method in ("fit", "partial_fit"):
        classes = {"classes": [False, True]} if method == "partial_fit" and y is LABELS else {}
        weights = []
        for data in (mapped, in_memory):
            model = getattr(clone(estimator), method)(data, *([] if y is None else [y]), **classes)
            weights.append((all_weights(model.module_).tobytes(), model.loss_curve_))
        assert weights[0] == weights[1]
        if y is not None:
            np.testing.assert_array_equal(model.predict(mapped), model.predict(in_memory))


@pytest.mark.parametrize("kind", [pa.list_view, pa.large_list_view, pa.large_list])
def test_other_lists_of_arrow(kind, tmp_path):
    """Their rows have starts and sizes, or offsets of 64 bits."""
    arrays = [pa.array([x[:, j] for x in X], type=kind(pa.float32())) for j in (0, 1)]
    table = pa.table(arrays, names=["speed", "power"])
    pq.write_table(table, tmp_path / "a.parquet")
    for i, given in enumerate([tmp_path / "a.parquet", ds.dataset(table)]):
        written = write_sequences(given, tmp_path / str(i), batch_size=8)
        np.testing.assert_array_equal(written.values, np.concatenate(X))
        assert written.lengths.tolist() == LENGTHS.tolist()


def test_columns_come_in_the_order_given(parquet, tmp_path):
    """It may be another one than that of the file."""
    written = write_sequences(parquet, tmp_path / "out", columns=["power", "speed"])
    np.testing.assert_array_equal(written.values, np.concatenate(X)[:, ::-1])
    assert written.feature_names == ("power", "speed")


def test_zarr_arrays(tmp_path):
    """Slices of an array in chunks are an iterator."""
    zarr = pytest.importorskip("zarr")
    array = RANDOM.randn(20, 5, 3)
    stored = zarr.create_array(store=tmp_path / "x.zarr", shape=array.shape, dtype=array.dtype)
    stored[:] = array
    chunks = (stored[i : i + 8] for i in range(0, 20, 8))
    written = write_sequences(chunks, tmp_path / "out", dtype=np.float32)
    np.testing.assert_array_equal(written.values, array.reshape(-1, 3).astype(np.float32))


def test_symbols_as_integers(tmp_path):
    """Integers stay integers, which an embedding and the generator read as symbols."""
    tokens = [RANDOM.randint(0, 5, n) for n in LENGTHS]
    pq.write_table(pa.table({"tokens": tokens}), tmp_path / "a.parquet")
    written = write_sequences(tmp_path / "a.parquet", tmp_path / "out")
    assert written.values.dtype == np.int64
    small = {"hidden_size": 4, "max_epochs": 1, "random_state": 0}
    models = [SequenceGenerator("gru", **small).fit(data) for data in (written, tokens)]
    assert models[0].perplexity(tokens) == models[1].perplexity(tokens)


def test_partial_fit_reads_batches_of_a_dataset(tmp_path):
    """Batches of Arrow are an X themselves: no file is written."""
    parquet = tmp_path / "a.parquet"
    pq.write_table(table_of(X), parquet, row_group_size=20)
    model = RNNClassifier("gru", 4, batch_size=5, scale=False, random_state=0)
    whole = RNNClassifier("gru", 4, batch_size=5, scale=False, random_state=0)
    for batch in ds.dataset(parquet).to_batches(batch_size=10):
        rows = batch["label"].to_numpy()
        model.partial_fit(batch.select(["speed", "power"]), LABELS[rows], classes=[False, True])
    whole.partial_fit(table_of(X).select(["speed", "power"]), LABELS, classes=[False, True])
    np.testing.assert_array_equal(all_weights(model.module_), all_weights(whole.module_))


# --- memory --------------------------------------------------------------------------------------


def write_large(path, n_sequences, n_steps=50, n_features=8):
    """Write a Parquet file of random numbers in one row group after the other."""
    random = np.random.default_rng(0)
    kind = pa.list_(pa.list_(pa.float32(), n_features))
    chunk = 25_000
    with pq.ParquetWriter(path, pa.schema([("steps", kind)]), compression="none") as writer:
        for start in range(0, n_sequences, chunk):
            n = min(chunk, n_sequences - start)
            lengths = random.integers(n_steps // 2, n_steps * 3 // 2 + 1, n)
            numbers = random.standard_normal(lengths.sum() * n_features, dtype=np.float32)
            steps = pa.FixedSizeListArray.from_arrays(numbers, n_features)
            offsets = np.r_[0, np.cumsum(lengths)].astype(np.int32)
            rows = pa.ListArray.from_arrays(offsets, steps)
            writer.write_table(pa.table({"steps": rows}, schema=pa.schema([("steps", kind)])))


def peaks_of_a_file(path, folder):
    """Return the peaks of memory of writing, training and prediction, with their seconds."""
    small = {"hidden_size": 4, "max_epochs": 1, "batch_size": 512, "random_state": 0}
    model = RNNClassifier("rnn", **small, frame_length=16, frame_step=16, bidirectional=False)
    first = Path(folder, "first")
    write_sequences(iter([X]), first)
    model.fit(X * 20, np.tile(LABELS, 20)).predict(X)  # what the libraries need once
    found, peaks = {}, {}

    def watched(name, function):
        start = time.perf_counter()
        peaks[name] = peak_above(lambda: found.setdefault(name, function()))
        peaks[f"{name}_s"] = time.perf_counter() - start

    watched("write", lambda: write_sequences(path, Path(folder, "large")))
    sequences = found["write"]
    y = np.arange(len(sequences)) % 2
    watched("fit", lambda: model.fit(sequences, y))
    watched("fit by blocks", lambda: model.set_params(shuffle="blocks").fit(sequences, y))
    watched("predict", lambda: model.predict(sequences))
    return peaks


BOUNDED = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.test_on_disk import peaks_of_a_file
import torch
torch.set_num_threads(1)
peaks = peaks_of_a_file(*sys.argv[2:])
print(peaks, file=sys.stderr)
assert max(peaks[name] for name in peaks if not name.endswith("_s")) < 300, peaks
"""


@pytest.mark.scale
def test_memory_is_bounded(tmp_path):
    """Writing, training and prediction need at most 300 MB above the start, as for 2 GB."""
    size = int(os.environ.get("SKSEQUENCE_PARQUET_MB", "400"))
    write_large(tmp_path / "large.parquet", size * 1_000_000 // (50 * 8 * 4))
    run_in_child(BOUNDED, ROOT, tmp_path / "large.parquet", tmp_path)


# --- errors --------------------------------------------------------------------------------------


def test_other_sources(tmp_path):
    """A list may be chunks or sequences: the error asks."""
    with pytest.raises(TypeError, match=r"X is a list; pass the path .*iter\(\[X\]\)"):
        write_sequences(X, tmp_path)
    with pytest.raises(ValueError, match=r"columns=.'a'.* but X is an iterator"):
        write_sequences(iter([X]), tmp_path, columns=["a"])
    pq.write_table(table_of(X), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"columns has \['pace'\], but .* has the columns"):
        write_sequences(tmp_path / "a.parquet", tmp_path / "out", columns=["pace", "power"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"has no files \*\.parquet"):
        write_sequences(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(ValueError, match="X holds no sequence"):
        write_sequences(iter([]), tmp_path)


def test_columns_without_lists(parquet, tmp_path):
    """The error says which columns to leave out."""
    with pytest.raises(ValueError, match=r"Column 'label' holds int64, not lists.*columns=\[...\]"):
        write_sequences(parquet, tmp_path / "out")


def test_chunks_that_differ(tmp_path):
    """Features, names and types are those of the first chunk."""
    other = RANDOM.randn(4, 5, 3).astype(np.float32)
    with pytest.raises(ValueError, match=r"A chunk of X has 3 features.* the first one 2"):
        write_sequences(iter([X, other]), tmp_path / "a")
    integers = np.ones((2, 3, 2), dtype=int)
    with pytest.raises(
        ValueError, match=r"holds float32, but int64 is written\. Pass dtype=float64"
    ):
        write_sequences(iter([integers, X]), tmp_path / "b")
    assert len(write_sequences(iter([integers, X]), tmp_path / "c", dtype=float)) == 52
    with pytest.raises(ValueError, match="A chunk of X holds symbols"):
        write_sequences(iter([["text"]]), tmp_path / "d")
    uneven = pa.table({"a": [[1.0, 2.0]], "b": [[1.0]]})
    pq.write_table(uneven, tmp_path / "uneven.parquet")
    with pytest.raises(ValueError, match="2 steps in column 'a' and 1 in column 'b'"):
        write_sequences(tmp_path / "uneven.parquet", tmp_path / "e")


def test_folders_are_complete_or_refused(tmp_path):
    """An interrupted copy is not read, and a complete one is not overwritten."""

    def interrupted():
        yield X
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sequences(interrupted(), tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no complete sequences: offsets\.npy is missing"):
        open_sequences(tmp_path)
    write_sequences(iter([X]), tmp_path)
    with pytest.raises(FileExistsError, match=r"holds sequences already\. Read them with open_seq"):
        write_sequences(iter([X]), tmp_path)


def test_datasets_are_no_x(parquet):
    """Estimators say how a dataset is read."""
    with pytest.raises(TypeError, match=r"X is a FileSystemDataset.*write_sequences\(X, folder\)"):
        RNNClassifier().fit(ds.dataset(parquet), LABELS)


@pytest.mark.parametrize(
    ("chunks", "dtype", "message"),
    [
        ([np.ones((2, 3), np.int8), np.full((2, 3), 300)], None, "300, which int8 .*dtype=int64"),
        ([np.full((2, 3), 300)], np.int8, "300, which int8 cannot represent"),
        ([np.full((2, 3), 2**63, np.uint64)], np.int64, f"{2**63}, which int64 .*dtype=float64"),
        ([np.full((2, 3), 1e6)], np.float16, r"1000000\.0, which float16 .*or scale the numbers"),
    ],
)
def test_numbers_beyond_a_type(chunks, dtype, message, tmp_path):
    """Numbers are rounded at most: they never wrap around, nor become infinite."""
    with pytest.raises(ValueError, match=f"A chunk of X holds {message}"):
        write_sequences(iter(chunks), tmp_path, dtype=dtype)
    assert list(tmp_path.iterdir()) == []
    gaps = np.array([[1.0, np.nan, np.inf]])
    written = write_sequences(iter([gaps]), tmp_path, dtype=np.float32)
    np.testing.assert_array_equal(written.values.ravel(), gaps.ravel())


def test_files_come_in_the_order_of_arrow(tmp_path):
    """The rows belong to a y that pyarrow reads from the folder; hidden files are left out."""
    names = ["a/z", "a-file", "a0", "b/z", "part-10", "part-2", "_temporary/a", ".hidden"]
    for i, name in enumerate(names):
        path = tmp_path / "in" / f"{name}{'.pq' if i % 2 else '.parquet'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"x": [[float(i)]], "y": [i]}), path)
    written = write_sequences(tmp_path / "in", tmp_path / "out", columns=["x"])
    y = pq.read_table(tmp_path / "in", columns=["y"])["y"]
    assert written.values.ravel().tolist() == y.to_pylist() == [1, 0, 2, 3, 4, 5]


def test_other_files_of_a_folder(parquet, tmp_path):
    """Arrow would read them as well, and y would have other rows."""
    (tmp_path / "part-2").touch()
    with pytest.raises(ValueError, match=r"has 'part-2', .* end with \.parquet or \.pq\. Ren"):
        write_sequences(tmp_path, tmp_path.with_name("copy"), columns=["speed"])


def test_names_of_partitions_are_no_features(tmp_path):
    """Their values are in the names of folders."""
    table = pa.table({"x": [[1.0], [2.0]], "site": [1, 2]})
    pq.write_to_dataset(table, tmp_path / "in", partition_cols=["site"])
    with pytest.raises(ValueError, match=r"'site', which .* name of a folder.*Leave it out"):
        write_sequences(tmp_path / "in", tmp_path / "out", columns=["x", "site"])


def test_columns_that_cannot_be_told_apart(parquet, tmp_path):
    """Names of columns are a list of distinct names, of a file and of a dataset."""
    with pytest.raises(TypeError, match=r"columns is the text 'speed'\. Pass .* \['speed'\]"):
        write_sequences(parquet, tmp_path / "out", columns="speed")
    for columns in ([], ["speed", "speed"]):
        with pytest.raises(ValueError, match="at least one column is needed, and each of them on"):
            write_sequences(parquet, tmp_path / "out", columns=columns)
    with pytest.raises(ValueError, match=r"columns has \['pace'\], but the dataset has the col"):
        write_sequences(ds.dataset(parquet), tmp_path / "out", columns=["pace"])
    twice = pa.table([pa.array([[1.0]])] * 2, names=["a", "a"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(ValueError, match="has more than one column 'a'"):
        write_sequences(tmp_path / "twice.parquet", tmp_path / "out")
    pq.write_table(pa.table({"a": [{"x": 1.0}]}), tmp_path / "struct.parquet")
    with pytest.raises(ValueError, match="Column 'a' holds struct<x: double>, not lists"):
        write_sequences(tmp_path / "struct.parquet", tmp_path / "out")


def test_paths_without_parquet(tmp_path):
    """The error says what is there, and how other data are read."""
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*pyarrow\.dataset\.dataset"):
        write_sequences("s3://bucket/a.parquet", tmp_path / "out")
    for content in (b"", b"a,b\n1,2\n"):
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.csv is not a complete Parquet file: .*Pass a p"):
            write_sequences(tmp_path / "a.csv", tmp_path / "out")
    with pytest.raises(TypeError, match="dtype=complex128 is no type of real numbers"):
        write_sequences(iter([X]), tmp_path / "out", dtype=complex)


def test_a_full_disk(tmp_path, monkeypatch):
    """Nothing of a copy that failed at its end is in the next one, nor is it opened."""

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    pq.write_table(table_of(X).drop(["label"]), tmp_path / "a.parquet")
    with monkeypatch.context() as patched:
        patched.setattr(np, "save", full)
        with pytest.raises(OSError, match="No space left"):
            write_sequences(tmp_path / "a.parquet", tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="no complete sequences"):
        open_sequences(tmp_path / "out")
    assert write_sequences(iter([X]), tmp_path / "out").feature_names is None


def test_one_process_writes(tmp_path):
    """A second one at the same time is refused, and does not disturb the first."""

    def chunks():
        yield X
        with pytest.raises(FileExistsError, match="another process writes sequences there, or was"):
            write_sequences(iter([X]), tmp_path)
        yield X

    assert len(write_sequences(chunks(), tmp_path)) == 100


@pytest.mark.parametrize("name", ["values.npy", "offsets.npy", "feature_names.json"])
@pytest.mark.parametrize("n_bytes", [0, -3])
def test_files_cut_off_later(name, n_bytes, parquet, tmp_path):
    """The error names the file and the remedy."""
    write_sequences(parquet, tmp_path / "out", columns=["speed"])
    file = tmp_path / "out" / name
    file.write_bytes(file.read_bytes()[:n_bytes])
    with pytest.raises(ValueError, match=rf"out.{name} is not as .*Delete the folder, and"):
        open_sequences(tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("values", None, "No such file or directory"),
        ("values", b"", "expected 8 bytes"),
        ("values", b"half", "expected 8 bytes"),
        ("values", np.array([{}]), "memory-mapped"),
        ("values", np.ones((6, 1, 2)), "no table of real numbers"),
        ("values", np.ones((6, 2), dtype=complex), "no table of real numbers"),
        ("values", np.full((6, 2), "a"), "no table of real numbers"),
        ("offsets", b"", "expected 8 bytes"),
        ("offsets", b"PK\x03\x04", "expected 8 bytes"),
        ("offsets", np.array([0.0, 6.0]), "no array of integers"),
        ("feature_names", b"\xff", "codec can't decode"),
        ("feature_names", b'["a', "Unterminated string"),
        ("feature_names", b"3", "no list of names"),
        ("feature_names", b'"ab"', "no list of names"),
        ("feature_names", b'[["a"], ["b"]]', "no list of names"),
    ],
    ids=range(15),
)
def test_files_that_were_not_written_so(name, content, reason, tmp_path):
    """The error names the file, whatever it holds instead."""
    write_sequences(iter([[np.ones((3, 2))] * 2]), tmp_path)
    (path,) = tmp_path.glob(f"{name}.*")
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    message = rf"{path.name} is not as write_sequences has .*: .*({reason}).*\. Delete the folder"
    with pytest.raises(ValueError, match=message):
        open_sequences(tmp_path)


@pytest.mark.parametrize("name", ["values.npy", "feature_names.json"])
def test_folders_in_place_of_files(name, tmp_path):
    """They are no files of sequences."""
    write_sequences(iter([[np.ones((3, 2))] * 2]), tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=rf"{name} is not as .*: Is a directory\. Delete"):
        open_sequences(tmp_path)


def test_files_of_several_folders(tmp_path):
    """Values of other sequences do not belong to the offsets."""
    write_sequences(iter([[np.ones((3, 2))] * 2]), tmp_path / "a")
    write_sequences(iter([[np.ones((4, 2))] * 2]), tmp_path / "b")
    (tmp_path / "a" / "values.npy").replace(tmp_path / "b" / "values.npy")
    message = r"files of .*b do not belong together: The last offset is 8.* 6 steps.*Delete the"
    with pytest.raises(ValueError, match=message):
        open_sequences(tmp_path / "b")


def test_links_to_folders(tmp_path):
    """Their files are read, as pyarrow does: a y that it reads has the same rows."""
    for name, i in (("in/a", 1), ("elsewhere/b", 2)):
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir()
        pq.write_table(pa.table({"x": [[float(i)]], "y": [i]}), path)
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    written = write_sequences(tmp_path / "in", tmp_path / "out", columns=["x"])
    y = pq.read_table(tmp_path / "in", columns=["y"])["y"]
    assert written.values.ravel().tolist() == y.to_pylist() == [1, 2]


def test_links_in_a_circle(tmp_path):
    """A folder that holds itself has no end: the error names the link."""
    pq.write_table(pa.table({"x": [[1.0]]}), tmp_path / "a.parquet")
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(ValueError, match=r"again links to a folder that it lies in\. Remove"):
        write_sequences(tmp_path, tmp_path.with_name("out"))


def test_a_copy_within_its_source(parquet, tmp_path):
    """It is refused before anything is created."""
    for folder in (tmp_path, tmp_path / "steps"):
        with pytest.raises(ValueError, match=r"lies in X, .*Write to a folder outside it"):
            write_sequences(tmp_path, folder, columns=["speed"])
    assert list(tmp_path.iterdir()) == [parquet]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": "8"}, ValueError, "batch_size must be a whole number .*; got '8'"),
        ({"batch_size": 2.5}, ValueError, r"batch_size must be a whole number .*; got 2\.5"),
        ({"batch_size": 0}, ValueError, "batch_size must be a whole number of at least 1; got 0"),
        ({"batch_size": -1}, ValueError, "batch_size must be a whole number .*; got -1"),
        ({"dtype": "nonsense"}, TypeError, "dtype=nonsense is no type of real numbers"),
        ({"folder": None}, TypeError, "folder is None; pass the path"),
    ],
)
def test_arguments_of_other_kinds(arguments, error, message, parquet, tmp_path):
    """The error has the argument, and nothing is created."""
    given = {"folder": tmp_path / "out", "columns": ["speed"]} | arguments
    with pytest.raises(error, match=message):
        write_sequences(parquet, **given)
    assert not (tmp_path / "out").exists()


def test_folders_that_are_none(parquet):
    """A file and None are no folders, neither to write nor to open."""
    for call in (open_sequences, lambda folder: write_sequences(iter([X]), folder)):
        with pytest.raises(NotADirectoryError, match=r"steps\.parquet' is a file\. Pass the path"):
            call(parquet)
        with pytest.raises(TypeError, match="folder is None; pass the path"):
            call(None)
