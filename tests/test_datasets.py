"""Bundled data equal their sources; synthetic problems follow their definitions."""

import hashlib
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from sksequence import datasets
from sksequence.datasets import (
    load_air_passengers,
    load_japanese_vowels,
    load_shakespeare,
    load_snips,
    make_adding_problem,
    make_copy_memory,
    make_first_label,
    make_random_walk,
)

MAKERS = [make_adding_problem, make_copy_memory, make_first_label, make_random_walk]
SMALL = st.integers(1, 6)
SEEDS = st.integers(0, 1000)


# Laws of the synthetic problems


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_same_seed_same_bits_and_global_generator_untouched(make):
    """A seed determines the problem, and the global generator of numpy is untouched."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - it must not move
    first, second, other = (np.asarray(make(3, random_state=s)[0]) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@given(n_sequences=SMALL, n_steps=st.integers(2, 30), seed=SEEDS)
def test_adding_problem_sums_two_marked_values(n_sequences, n_steps, seed):
    """One marker in each half, and the target is the sum of what they mark."""
    X, y = make_adding_problem(n_sequences, n_steps=n_steps, random_state=seed)
    values, markers = X[..., 0], X[..., 1]
    assert X.shape == (n_sequences, n_steps, 2)
    np.testing.assert_array_equal(markers[:, : n_steps // 2].sum(axis=1), 1)
    np.testing.assert_array_equal(markers[:, n_steps // 2 :].sum(axis=1), 1)
    np.testing.assert_allclose(y, (values * markers).sum(axis=1))
    assert values.min() >= 0
    assert values.max() <= 1


def test_adding_problem_variance_is_one_sixth():
    """Two independent uniform numbers: the trivial answer has the error the docstring names."""
    y = make_adding_problem(20_000, n_steps=2, random_state=0)[1]
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, rel=0.03)


@given(n_sequences=SMALL, n_symbols=SMALL, n_copied=SMALL, lag=SMALL, seed=SEEDS)
def test_copy_memory_repeats_the_first_symbols(n_sequences, n_symbols, n_copied, lag, seed):
    """Symbols, a pause that a marker ends, and the symbols again as the answer."""
    X, y = make_copy_memory(
        n_sequences, n_symbols=n_symbols, n_copied=n_copied, lag=lag, random_state=seed
    )
    assert X.shape == y.shape == (n_sequences, lag + 2 * n_copied)
    assert X.dtype == y.dtype == np.int64
    np.testing.assert_array_equal(y[:, -n_copied:], X[:, :n_copied])
    assert X[:, :n_copied].max() < n_symbols
    assert np.all(y[:, :-n_copied] == n_symbols)
    pause = np.full(lag + n_copied, n_symbols)
    pause[lag - 1] = n_symbols + 1
    assert np.all(X[:, n_copied:] == pause)


@given(n_sequences=SMALL, lag=st.integers(0, 9), n_classes=st.integers(2, 6), seed=SEEDS)
def test_first_label_is_shown_at_the_first_step(n_sequences, lag, n_classes, seed):
    """The first step is the one-hot code of the class."""
    X, y = make_first_label(n_sequences, lag=lag, n_classes=n_classes, random_state=seed)
    assert X.shape == (n_sequences, lag + 1, n_classes)
    np.testing.assert_array_equal(X[:, 0], np.eye(n_classes)[y])


def test_first_label_hides_the_class_afterwards():
    """The first step determines the class, and the other steps do not help."""
    X, y = make_first_label(400, lag=5, random_state=0)
    first, rest = X[:, 0], X[:, 1:].reshape(400, -1)
    assert LogisticRegression().fit(first[:200], y[:200]).score(first[200:], y[200:]) == 1
    assert LogisticRegression().fit(rest[:200], y[:200]).score(rest[200:], y[200:]) < 0.35


def test_first_label_without_noise_is_silent():
    """`noise=0` leaves nothing after the first step."""
    assert not make_first_label(3, noise=0.0, random_state=0)[0][:, 1:].any()


@given(n_series=SMALL, n_steps=SMALL, seed=SEEDS)
def test_random_walk_is_positive_and_starts_at_start(n_series, n_steps, seed):
    """Prices have no sign."""
    prices = make_random_walk(n_series, n_steps=n_steps, start=3.0, random_state=seed)
    assert prices.shape == (n_series, n_steps)
    assert np.all(prices > 0)
    np.testing.assert_array_equal(prices[:, 0], 3.0)


def test_random_walk_expects_the_last_price():
    """The mean of many next prices is the present one, and steps do not foretell each other."""
    prices = make_random_walk(50_000, n_steps=3, volatility=0.5, random_state=0)
    growth = prices[:, 1:] / prices[:, :-1]
    np.testing.assert_allclose(growth.mean(axis=0), 1, atol=0.01)
    assert abs(np.corrcoef(growth.T)[0, 1]) < 0.02


# Bundled data


def test_japanese_vowels_are_the_donated_ones():
    """Sizes, speakers and a few values of the donors' split."""
    train, test = (load_japanese_vowels(split=split) for split in ("train", "test"))
    assert len(train.data) == len(train.target) == 270
    assert len(test.data) == len(test.target) == 370
    assert {x.shape[1] for x in train.data + test.data} == {12}
    assert (min(map(len, train.data)), max(map(len, train.data))) == (7, 26)
    assert (min(map(len, test.data)), max(map(len, test.data))) == (7, 29)
    np.testing.assert_array_equal(np.unique(train.target, return_counts=True)[1], 30)
    np.testing.assert_array_equal(
        np.unique(test.target, return_counts=True)[1], [31, 35, 88, 44, 29, 24, 40, 50, 29]
    )
    np.testing.assert_array_equal(train.data[0][0, :2], [1.860936, -0.207383])
    np.testing.assert_array_equal(test.data[-1][-1, -2:], [-0.016634, 0.224688])
    assert train.data[0].dtype == np.float64
    assert train.target.dtype.kind == "U"
    assert list(train.target_names) == list("123456789")
    assert len(train.feature_names) == 12


def test_japanese_vowels_without_split_are_both_parts_in_order():
    """None returns the training part, then the test part."""
    X, y = load_japanese_vowels(return_X_y=True)
    parts = [load_japanese_vowels(split=split, return_X_y=True) for split in ("train", "test")]
    assert len(X) == 640
    for ours, theirs in zip(X, parts[0][0] + parts[1][0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(y, np.concatenate([parts[0][1], parts[1][1]]))


def test_japanese_vowels_belong_to_the_caller():
    """Changes of loaded data do not affect later calls."""
    load_japanese_vowels().data[0][:] = 0
    assert load_japanese_vowels().data[0].any()


def test_air_passengers_are_series_g():
    """144 consecutive months with the known first, last and total."""
    passengers = load_air_passengers()
    assert passengers.data.shape == passengers.dates.shape == (144,)
    assert passengers.data.dtype == np.float64
    assert (passengers.data[0], passengers.data[-1], passengers.data.sum()) == (112, 432, 40363)
    np.testing.assert_array_equal(np.diff(passengers.dates), np.timedelta64(1, "M"))


def test_shakespeare_is_the_text_of_char_rnn():
    """The text is the known one, byte for byte; the split is nine tenths and the rest."""
    text = load_shakespeare().data
    digest = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
    assert hashlib.sha256(text.encode()).hexdigest() == digest
    train, test = (load_shakespeare(split=split).data for split in ("train", "test"))
    assert (len(train), len(test)) == (1_003_854, 111_540)
    assert train + test == text


def test_snips_is_the_published_split():
    """Each word has a tag, the parts have the published sizes, and tags begin where they may."""
    parts = {split: load_snips(split=split) for split in ("train", "valid", "test")}
    whole = load_snips()
    assert [len(part.data) for part in parts.values()] == [13_084, 700, 700]
    assert whole.data == [words for part in parts.values() for words in part.data]
    assert [len(words) for words in whole.data] == [len(tags) for tags in whole.tags]
    assert len(set(whole.target)) == 7
    assert {tag[:2] for tags in whole.tags for tag in tags} == {"O", "B-", "I-"}


@pytest.mark.parametrize(
    "load", [load_japanese_vowels, load_air_passengers, load_shakespeare, load_snips]
)
def test_descriptions_name_source_and_licence(load):
    """Every bundled file is described with its source and licence."""
    description = load().DESCR
    assert "Source:" in description
    assert "Licence:" in description


def test_bundled_data_are_small():
    """All files together stay below 1.5 MB."""
    folder = files("sksequence.datasets") / "data"
    assert sum(len(file.read_bytes()) for file in folder.iterdir()) < 1.5e6


def test_loading_opens_files_only_when_asked():
    """Importing the package reads none of its data."""
    code = (
        "import sys; opened = []\n"
        "sys.addaudithook(lambda event, args: event == 'open' and opened.append(str(args[0])))\n"
        "import sksequence.datasets\n"
        "print(sum('datasets/data' in name for name in opened))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_public_names_are_sorted_and_complete():
    """`__all__` contains every loader and maker."""
    public = [name for name in dir(datasets) if name.startswith(("load_", "make_"))]
    assert datasets.__all__ == sorted(datasets.__all__) == public


# Errors


@pytest.mark.parametrize("load", [load_japanese_vowels, load_shakespeare, load_snips])
def test_unknown_split_is_named(load):
    """The error lists the valid splits."""
    with pytest.raises(ValueError, match=r"split='dev' is not a part of the data; use \"train\""):
        load(split="dev")


@pytest.mark.parametrize(
    ("make", "name", "value", "at_least"),
    [
        (make_adding_problem, "n_steps", 1, 2),
        (make_adding_problem, "n_sequences", 0, 1),
        (make_adding_problem, "n_sequences", 2.5, 1),
        (make_copy_memory, "n_sequences", 0, 1),
        (make_copy_memory, "n_symbols", 0, 1),
        (make_copy_memory, "n_copied", 0, 1),
        (make_copy_memory, "lag", 0, 1),
        (make_first_label, "n_sequences", "4", 1),
        (make_first_label, "lag", -1, 0),
        (make_first_label, "n_classes", 1, 2),
        (make_random_walk, "n_series", 0, 1),
        (make_random_walk, "n_steps", 0, 1),
    ],
)
def test_invalid_sizes_are_refused(make, name, value, at_least):
    """The error names the parameter, its value and the minimum."""
    message = f"{name} must be a whole number of at least {at_least}; got {value!r}"
    with pytest.raises(ValueError, match=message):
        make(**{name: value})


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (
            make_first_label,
            {"noise": -0.1},
            "noise must be a finite number of at least 0; got -0.1",
        ),
        (make_first_label, {"noise": "1"}, "noise must be a finite number of at least 0; got '1'"),
        (
            make_random_walk,
            {"volatility": np.inf},
            "volatility must be a finite number of at least 0",
        ),
        (make_random_walk, {"start": 0}, "start must be a finite number above 0; got 0"),
    ],
)
def test_invalid_numbers_are_refused(make, options, message):
    """The error names the parameter, its value and its range."""
    with pytest.raises(ValueError, match=message):
        make(**options)
