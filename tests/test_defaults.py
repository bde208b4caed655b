"""Rules behind "auto": sizes of training and networks, frames, seasons and scales of series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence._batching import Frames
from sksequence._tasks._defaults import (
    automatic_batch_size,
    automatic_batch_steps,
    automatic_frames,
    automatic_generator_size,
    automatic_labelled_batch_size,
    automatic_lag,
    automatic_max_epochs,
    automatic_n_estimators,
    automatic_own_scale,
    category_dims,
    unknown_rate,
)
from sksequence._tasks._seasons import automatic_seasons
from tests.helpers import seasonal_series

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=20)
RANDOM = np.random.RandomState(0)


# --- sizes of training ---------------------------------------------------------------------------


@given(n=st.integers(1, 10**6), n_steps=st.integers(1, 10**6), width=st.integers(1, 10**4))
def test_automatic_batches_are_bounded(n, n_steps, width):
    """More sequences make larger batches, longer or wider ones smaller batches."""
    size = automatic_batch_size(n, n_steps, width)
    assert size == 1 or size * n_steps <= 32768
    assert size == 1 or size * n_steps * width <= 1 << 22
    assert size <= automatic_batch_size(n) <= automatic_batch_size(2 * n)
    assert automatic_batch_size(n, n_steps + 1, width) <= size
    if n <= 4096 and n_steps <= 1024 and width * n_steps <= 1 << 17:
        assert size == 32
    assert automatic_batch_steps(width) * min(width, 1 << 22) <= 1 << 23


@given(n=st.integers(1, 10**6), n_steps=st.floats(1, 10**6))
def test_batches_of_labelled_steps_are_small(n, n_steps):
    """They hold 256 labels on average, or few sequences, and no more than other batches."""
    size = automatic_labelled_batch_size(n, n_steps, 1)
    assert 1 <= size <= automatic_batch_size(n, n_steps)
    assert size <= min(4, -(-n // 200)) or (size - 0.5) * n_steps <= 256
    assert size == automatic_batch_size(n, n_steps) or (size + 0.5) * n_steps >= 256
    assert automatic_labelled_batch_size(n, 1, 1) == automatic_batch_size(n)


def test_many_long_sequences_share_batches():
    """Of sequences of 500 labelled steps, a batch has one if there are few, and four if many."""
    sizes = [automatic_labelled_batch_size(n, 500, 1) for n in (1, 200, 201, 401, 601, 9999)]
    assert sizes == [1, 1, 2, 3, 4, 4]


def test_epochs_count_the_steps_of_the_optimizer():
    """With one label per step there is one per chunk: more chunks have fewer epochs."""
    X = RANDOM.randn(30, 6, 1)
    steps, labels = [x[:, 0] > 0 for x in X], X[:, 0, 0] > 0
    stopped = {"early_stopping": True, "tol": 1e9, "n_iter_no_change": 1}  # after two epochs
    model = RNNClassifier(hidden_size=2, batch_size=1, random_state=0, **stopped)
    for tbptt_steps, n_chunks in ((None, 1), (9, 1), (2, 3), (1, 6)):
        model.set_params(tbptt_steps=tbptt_steps)
        chosen = [model.fit(X, y).max_epochs_ for y in (steps, labels)]
        assert chosen == [round(2500 / (27 * n_chunks)), round(2500 / 27)]


# --- sizes of the network ------------------------------------------------------------------------


def test_embeddings_of_categories_are_narrow():
    """The width is the square root of the number of categories, up to 32, or the one given."""
    assert category_dims(None, (1, 2, 4, 11, 101, 5000)) == (1, 1, 2, 3, 10, 32)
    assert category_dims(7, (2, 5000)) == (7, 7)
    assert category_dims(None, ()) == ()


def test_width_follows_the_number_of_symbols():
    """From half a million symbols on, the network is wider."""
    assert automatic_generator_size(499_999) == 128
    assert automatic_generator_size(500_000) == 256


def test_few_numbers_have_a_narrow_network():
    """Dropout is lower from 500 and 20,000 numbers on, states are wider from 20,000 on."""
    for shape, width, dropout in (
        ((1, 499, 1), 64, 0.8),
        ((5, 50, 2), 64, 0.5),
        ((100, 100, 1), 64, 0.5),
        ((100, 100, 2), 128, 0.2),
    ):
        X = np.random.RandomState(0).randn(*shape)
        model = SequenceGenerator(max_epochs=1, random_state=0).fit(X)
        assert (model.hidden_size_, model.dropout_) == (width, dropout)


# --- frames --------------------------------------------------------------------------------------


@given(lengths=LENGTHS)
def test_automatic_frames_grow_with_length(lengths):
    """Short sequences of one feature have no frames, long ones have frames of 12 to 48 steps."""
    frames = automatic_frames(np.array(lengths) * 50, 1)
    assert frames.length == 1 or 12 <= frames.length <= 48
    assert frames.step == max(1, frames.length // 4)
    assert automatic_frames(np.array([12]), 1) == Frames()


@given(length=st.integers(1, 10_000), n_features=st.integers(2, 20))
def test_several_features_have_frames_only_where_sequences_are_very_long(length, n_features):
    """The network reads at most 1000 steps, and as many of them as there are up to that."""
    frames = automatic_frames(np.array([length]), n_features)
    assert frames.length == (2 * frames.step if frames.step > 1 else 1)
    n_steps = int(frames.count(np.array([length]))[0])
    assert min(length, 500) <= n_steps <= 1000


def test_automatic_frames_are_finer_with_many_sequences():
    """Beyond 4096 sequences, they are a twelfth, except in a forecast."""
    few, many = np.full(4096, 96), np.full(4097, 96)
    assert automatic_frames(few, 1) == Frames(24, 6)
    for n_features in (1, 3):
        assert automatic_frames(many, n_features) == Frames(8, 2)
        assert automatic_frames(many, n_features, forecast=True) == Frames(24, 24)
    assert automatic_frames(few, 3, forecast=True) == Frames(24, 24)


def test_the_context_of_a_baseline_is_one_of_steps():
    """A feed-forward network has no automatic frames, which would be a longer context."""
    X, y = RANDOM.randn(6, 100), np.arange(6) % 2
    for cell, lengths in (("rnn", (25, 8)), ("feedforward", (1, 8))):
        for chosen, length in zip(("auto", 8), lengths, strict=True):
            model = RNNClassifier(cell, 2, max_epochs=1, frame_length=chosen, random_state=0)
            assert model.fit(X, y).frame_length_ == length


def test_long_sequences_have_fewer_epochs():
    """Each step of several features is learnt from; other tasks have rules of their own."""
    assert automatic_max_epochs(160, 32, 64) == 100
    assert automatic_max_epochs(160, 32, 65) == 50
    assert automatic_max_epochs(16_000, 32, 65) == 10
    assert automatic_max_epochs(160, 32, 65, forecast=True) == 10
    steps = np.random.RandomState(0).randn(4, 80, 2)
    model = RNNClassifier(hidden_size=2, random_state=0).fit(steps, [x[:, 0] > 0 for x in steps])
    assert model.max_epochs_ == 100
    model.fit(steps, [0, 1, 0, 1])
    assert model.max_epochs_ == 50
    model.fit(np.random.RandomState(0).randn(4, 1000, 1), [0, 1, 0, 1])
    assert model.max_epochs_ == 100


@pytest.mark.parametrize(
    ("X", "y", "cell"),
    [
        (RANDOM.randn(6, 4), np.arange(6) % 2, "lstm"),
        (RANDOM.randn(6, 4, 1), np.arange(6) % 2, "lstm"),
        (RANDOM.randn(6, 4, 2), np.arange(6) % 2, "gru"),
        (RANDOM.randn(6, 4, 2), [np.arange(4) % 2] * 6, "lstm"),
        (["to", "be", "or"] * 2, np.arange(6) % 2, "lstm"),
        ([[("a", "b")]] * 6, np.arange(6) % 2, "lstm"),
    ],
    ids=["table", "one feature", "several features", "steps", "texts", "symbols"],
)
def test_several_features_have_a_gru(X, y, cell):
    """Other sequences have an LSTM."""
    for kind in (RNNClassifier, RNNRegressor):
        model = kind(hidden_size=2, max_epochs=1, random_state=0).fit(X, y)
        assert model.cell_ == model.module_.spec.cell == model.auto_params_["cell"] == cell


# --- texts with a label --------------------------------------------------------------------------


TEXTS = ["to be", "or not"] * 3


@given(dropout=st.floats(0, 1, exclude_max=True))
def test_dropout_of_symbols_follows_that_of_units(dropout):
    """More dropout leaves fewer symbols, but always some; without it, all are left."""
    assert unknown_rate(0.0) == 0
    assert 0 <= unknown_rate(dropout) <= unknown_rate((dropout + 1) / 2) <= 0.7


@given(n=st.integers(1, 10**6), size=st.integers(1, 128))
def test_texts_with_a_label_have_fewer_epochs(n, size):
    """They are never more than others have, nor fewer than 10."""
    found = automatic_max_epochs(n, size, labelled_symbols=True)
    assert 10 <= found <= automatic_max_epochs(n, size)
    assert automatic_max_epochs(2 * n, size, labelled_symbols=True) <= found
    assert automatic_max_epochs(32 * 20, 32, labelled_symbols=True) == 50


@given(n=st.integers(1, 10**6), size=st.integers(1, 128))
def test_a_few_texts_are_read_by_several_networks(n, size):
    """Each has half the epochs, rounded up; all of them have at most 1.6 times as many."""
    n_networks = automatic_n_estimators(n, labelled_symbols=True)
    assert n_networks == (3 if n <= 500 else 1)
    assert automatic_n_estimators(n, labelled_symbols=False) == 1
    one, each = (
        automatic_max_epochs(n, size, labelled_symbols=True, n_estimators=n_estimators)
        for n_estimators in (1, n_networks)
    )
    assert one <= n_networks * each <= 1.6 * one
    assert automatic_max_epochs(n, size, n_estimators=3) == automatic_max_epochs(n, size)


@pytest.mark.parametrize("numbers", [False, True])
def test_several_networks_are_selected_in_fit(numbers):
    """Only for symbols, and not for chunks, which come one after the other."""
    X = RANDOM.randn(6, 4) if numbers else TEXTS
    model = RNNClassifier(hidden_size=2, max_epochs=2, random_state=0)
    assert model.fit(X, np.arange(6) % 2).n_estimators_ == (1 if numbers else 3)
    assert hasattr(model.module_, "members") != numbers
    first = clone(model).partial_fit(X, np.arange(6) % 2)
    assert first.n_estimators_ == 1
    n_networks = model.n_estimators_  # a chunk continues all of them
    assert model.partial_fit(X, np.arange(6) % 2).n_estimators_ == n_networks


@pytest.mark.parametrize(
    "X", [TEXTS, [list(text) for text in TEXTS], [[("a", "b")]] * 6], ids=["texts", "tokens", "two"]
)
@pytest.mark.parametrize("dropout", ["auto", 0.0, 0.8])
def test_texts_with_a_label_have_dropout(X, dropout):
    """Automatically a half; that of symbols follows from that of units."""
    model = RNNClassifier(hidden_size=2, dropout=dropout, random_state=0).fit(X, np.arange(6) % 2)
    spec = model.module_.spec
    assert model.dropout_ == spec.dropout == (0.5 if dropout == "auto" else dropout)
    assert spec.unknown_rate == unknown_rate(model.dropout_)


def test_what_is_learnt_from_texts_decides_the_epochs():
    """The rule for symbols is that of single labels, not that of numbers or steps."""
    labels = np.arange(6) % 2
    steps = [np.arange(len(text)) % 2 for text in TEXTS]
    model = RNNClassifier(hidden_size=2, batch_size=1, n_estimators=1, random_state=0)
    found = [model.fit(TEXTS * 5, y * 5).max_epochs_ for y in ([*labels], steps)]
    assert found == [round(1000 / 30), round(2500 / 30)]
    assert model.set_params(n_estimators=2).fit(TEXTS * 5, [*labels] * 5).max_epochs_ == 17


@pytest.mark.parametrize(
    ("model", "X", "y"),
    [
        (RNNClassifier(dropout=0.8), RANDOM.randn(6, 4, 2), np.arange(6) % 2),
        (RNNClassifier(dropout=0.8), [[("a", 1.0)]] * 6, np.arange(6) % 2),
        (RNNClassifier(), TEXTS, [np.arange(len(text)) % 2 for text in TEXTS]),
        (RNNRegressor(dropout=0.8), TEXTS, np.arange(6.0)),
        (SequenceGenerator(dropout=0.8), TEXTS, None),
    ],
    ids=["numbers", "mixed", "steps", "regression", "generation"],
)
def test_other_networks_read_all_symbols(model, X, y):
    """Numbers, per-step labels, regression and generation have no rule for symbols."""
    spec = model.set_params(hidden_size=2, max_epochs=1, random_state=0).fit(X, y).module_.spec
    assert spec.unknown_rate == 0.0


def test_unknown_symbols_are_learnt():
    """Although all symbols are known in training, the unknown one has a vector afterwards."""
    models = [
        RNNClassifier(hidden_size=2, n_estimators=1, dropout=dropout, max_epochs=2, random_state=0)
        for dropout in (0.0, 0.5)
    ]
    labels = np.arange(6) % 2
    blank, learnt = (m.fit(TEXTS, labels).module_.inputs.tables[0][0] for m in models)
    assert not blank.any()
    assert learnt.all()


# --- series --------------------------------------------------------------------------------------


def chosen(X):
    """Return the lag and the scale that the rules choose."""
    sequences = Sequences.from_arrays(list(X))
    seasons = automatic_seasons(sequences, sequences.values)
    lag = automatic_lag(sequences, sequences.values, seasons)
    return lag, automatic_own_scale(sequences, sequences.values, lag)


def test_rules_find_seasons_sizes_and_levels():
    """Seasonal series, random walks of one scale and of many, noise around a level, short ones."""
    walks = np.cumsum(RANDOM.randn(20, 60, 1), axis=1)
    assert chosen(seasonal_series(20, 48, RANDOM)[:, :, None]) == (6, True)
    assert chosen([walk[: 30 + i] for i, walk in enumerate(walks)]) == (1, False)
    assert chosen(walks * np.exp(RANDOM.randn(20, 1, 1))) == (1, True)
    assert chosen(5 + RANDOM.randn(20, 60, 1)) == (None, False)
    assert chosen(RANDOM.randn(3, 1, 1)) == (None, False)
    assert chosen(np.ones((3, 8, 1))) == (1, False)


DAY, WEEK = np.sin(np.arange(168) * 2 * np.pi / 24), np.repeat([1, 1, 1, 1, 1, -1, -1], 24)
# the level rises and falls once, and the rest is smooth
SMOOTH = np.exp(-((np.arange(168) - 80) ** 2) / 1000)
WITHOUT = {
    "noise": RANDOM.randn(8, 700),
    "random walks": RANDOM.randn(8, 700).cumsum(axis=1),
    "one random walk": RANDOM.randn(1, 700).cumsum(axis=1),
    "constant": np.full((3, 700), 1e-6),
}


def seasons_found(X):
    """Return the seasons that the rule finds in series of one feature."""
    sequences = Sequences.from_arrays([x[:, None] for x in X])
    return automatic_seasons(sequences, sequences.values)


def hours(pattern, noise, random):
    """Return noisy series that repeat a pattern of a week, each from another hour on."""
    starts = random.randint(168, size=6)
    series = np.stack([np.roll(np.tile(pattern, 6), -start) for start in starts])
    return series + noise * random.randn(*series.shape)


@pytest.mark.parametrize("noise", [0.01, 0.1])
@pytest.mark.parametrize(
    ("pattern", "seasons"),
    [(DAY, (24,)), (DAY + WEEK, (24, 168)), (DAY * (2 + WEEK), (24, 168)), (3 * SMOOTH, (168,))],
    ids=["day", "sum", "product", "smooth week"],
)
def test_the_day_and_the_week_are_found(pattern, seasons, noise):
    """Both seasons are found where there are two, also if the series drift, and else the one."""
    random = np.random.RandomState(0)
    series = hours(pattern, noise, random)
    assert seasons_found(series) == seasons
    if seasons[0] == 24:
        drifts = 0.1 * random.randn(*series.shape).cumsum(axis=1)
        assert seasons_found(series + drifts) == seasons


@pytest.mark.parametrize("X", WITHOUT.values(), ids=WITHOUT)
def test_no_season_is_found_where_there_is_none(X):
    """Neither noise nor a cycle of no fixed length has a season."""
    assert seasons_found(X) == ()


def test_a_year_of_quarters_and_months_is_one_season():
    """A season is not split into parts that hardly add to it, and years do not become longer."""
    months = np.tile(np.arange(12) % 3 + 2.0 * (np.arange(12) > 8), 15)
    assert seasons_found(months + 0.2 * RANDOM.randn(6, 180)) == (12,)


# --- what was selected ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "X", "y", "names"),
    [
        (
            RNNClassifier("gru", hidden_size=4, max_epochs=1, random_state=0),
            np.random.RandomState(0).randn(12, 6),
            np.arange(12) % 2,
            "bidirectional dropout loss n_estimators batch_size frame_length frame_step target",
        ),
        (
            RNNClassifier("gru", hidden_size=4, batch_size=4, random_state=0),
            TEXTS,
            np.arange(6) % 2,
            (
                "bidirectional dropout embedding_dim loss n_estimators max_epochs frame_length "
                "frame_step target"
            ),
        ),
        (
            RNNRegressor("gru", hidden_size=4, random_state=0, residual="last"),
            np.random.RandomState(0).randn(12, 6),
            np.arange(12.0),
            "bidirectional loss max_epochs batch_size frame_length frame_step target",
        ),
        (
            SequenceGenerator("gru", max_epochs=1, random_state=0),
            ["to be", "or not"],
            None,
            "hidden_size dropout embedding_dim loss batch_size",
        ),
        (
            SequenceGenerator("gru", hidden_size=4, max_epochs=1, random_state=0),
            [np.arange(6.0), np.arange(7.0)],
            None,
            "dropout loss batch_size scale residual",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:On windows that it was not trained on")  # it is hardly trained
def test_what_auto_selected_is_reported(estimator, X, y, names):
    """One attribute has all selected values, and those of the other attributes agree with it."""
    estimator.fit(X, y)
    assert set(estimator.auto_params_) == set(names.split())
    for name, value in estimator.auto_params_.items():
        assert value == getattr(estimator, f"{name}_", value)
        assert value not in ("auto", None)
    # with these values as parameters there is nothing to select, and the fit is the same
    given = clone(estimator).set_params(**estimator.auto_params_).fit(X, y)
    assert given.auto_params_ == {}
    assert given.loss_curve_ == estimator.loss_curve_
    assert estimator.hidden_size_ == estimator.module_.spec.hidden_size
    assert estimator.dropout_ == estimator.module_.spec.dropout
    assert estimator.n_estimators_ == estimator.module_.spec.n_estimators
