"""Ids of sequences from long tables, compared with those of targets, weights and groups."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence.metrics import SCORERS
from sksequence.model_selection import backtest
from sksequence.preprocessing import (
    StepTransformer,
    from_long,
    make_label_windows,
    open_sequences,
    write_sequences,
)

ORDER = ["m3", "m0", "m2", "m1"]
SMALL = {"hidden_size": 4, "max_epochs": 1, "random_state": 0}


def long_table(ids=ORDER, n_steps=5):
    """Return a long table whose first rows are those of `ids`, in this order."""
    times = np.tile(np.arange(n_steps), len(ids))
    values = np.random.default_rng(0).normal(size=len(times))
    return pd.DataFrame({"id": np.repeat(ids, n_steps), "time": times, "x": values})


@pytest.fixture(scope="module")
def X():
    """Return sequences with ids in the order of the table."""
    return from_long(long_table(), "id", "time")[0]


@pytest.fixture(scope="module")
def y():
    """Return labels with the same ids in alphabetical order."""
    return pd.Series(["a", "b", "a", "b"], index=sorted(ORDER))


def refuses_ids(call):
    """Return whether a call raises the error about ids."""
    try:
        call()
    except ValueError as error:
        return re.search("has (the ids of X in another order|other ids than X)", str(error))
    return False


# --- ids of sequences -----------------------------------------------------------------------------


def test_sequences_keep_their_ids():
    """Any selection of sequences has the ids of the selected ones."""
    X, ids = from_long(long_table(), "id", "time")
    assert X.ids.tolist() == ids.tolist() == ORDER
    assert X[[2, 0, 0]].ids.tolist() == ["m2", "m3", "m3"]
    assert X[1:3].ids.tolist() == ["m0", "m2"]
    assert from_long(long_table(), "id", "time", ids=["m1", "m3"])[0].ids.tolist() == ["m1", "m3"]


def test_transformers_keep_ids(X):
    """Sequences in which a transformer changed the steps have the same ids."""
    assert StepTransformer(StandardScaler()).fit_transform(X).ids.tolist() == ORDER


def test_ids_can_be_given_and_removed():
    """`with_ids` leaves the sequences as they are, and counts the ids."""
    sequences = Sequences(np.arange(3.0), [0, 1, 3])
    named = sequences.with_ids([("a", 1), ("b", 2)])
    assert named.ids.tolist() == [("a", 1), ("b", 2)]
    assert sequences.ids is None
    assert named.with_ids(None).ids is None
    with pytest.raises(ValueError, match=r"ids has the shape \(3,\), but there are 2 sequences"):
        sequences.with_ids(["a", "b", "c"])


# --- what is accepted -----------------------------------------------------------------------------


def test_the_index_in_the_order_of_x_is_accepted(X, y):
    """The remedy of the error gives the model of labels without an index."""
    by_id = RNNClassifier(**SMALL).fit(X, y.loc[X.ids])
    plain = RNNClassifier(**SMALL).fit(X, y.loc[X.ids].to_numpy())
    assert np.array_equal(by_id.predict_proba(X), plain.predict_proba(X))
    assert by_id.score(X, y.loc[X.ids]) == plain.score(X, y.loc[X.ids].tolist())


@pytest.mark.parametrize("index", [None, range(10, 14), [5, 2, 9, 7]])
def test_an_index_that_numbers_rows_is_no_ids(X, index):
    """A RangeIndex, and integers of a split, pair targets by position."""
    RNNClassifier(**SMALL).fit(X, pd.Series(["a", "b", "a", "b"], index=index))


def test_lists_pair_by_position(X):
    """Containers without an index have no ids."""
    for y in (["a", "b", "a", "b"], np.array(["a", "b", "a", "b"])):
        RNNClassifier(**SMALL).fit(X, y)


@pytest.mark.parametrize("kind", ["dates", "times_of_a_zone", "tuples", "categories", "one_column"])
def test_ids_of_any_type_are_compared(kind):
    """Ids are equal in the table and in an index, whatever they are."""
    ids = pd.Series(ORDER)
    table = long_table()
    if kind in ("dates", "times_of_a_zone"):
        zone = "Europe/Paris" if kind == "times_of_a_zone" else None
        ids = pd.Series(pd.date_range("2026-01-01", periods=4, tz=zone))
        table["id"] = ids.repeat(5).to_numpy() if kind == "dates" else list(ids.repeat(5))
    elif kind == "tuples":
        table["day"] = pd.Timestamp("2026-01-01")
        ids = pd.MultiIndex.from_product([ORDER, [pd.Timestamp("2026-01-01")]])
    elif kind == "categories":
        table["id"], ids = table["id"].astype("category"), ids.astype("category")
    X, _ = from_long(table, {"tuples": ["id", "day"], "one_column": ["id"]}.get(kind, "id"), "time")
    y = pd.Series(["a", "b", "a", "b"], index=pd.Index(ids))
    RNNClassifier(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match="y has the ids of X in another order"):
        RNNClassifier(**SMALL).fit(X, y[::-1])


def test_repeated_ids_are_compared(X, y):
    """A bootstrap sample repeats sequences with their targets."""
    rows = [0, 0, 3, 1]
    RNNClassifier(**SMALL).fit(X[rows], y.loc[X.ids].iloc[rows])


# --- errors ---------------------------------------------------------------------------------------


def test_labels_in_another_order_are_an_error(X, y):
    """The error shows both readings, and how to choose one."""
    expected = (
        "y has the ids of X in another order: sequence 0 of X has the id 'm3', but entry 0 of y "
        "has 'm0'. To pair them by ids, pass y.loc[X.ids]; if the entries are in the order of X "
        "already, pass y.to_numpy()."
    )
    with pytest.raises(ValueError, match=re.escape(expected)):
        RNNClassifier(**SMALL).fit(X, y)


def test_integers_of_the_ids_are_ids():
    """A default index in which ids of integers are in another order fits both readings."""
    X, _ = from_long(long_table([3, 0, 2, 1]), "id", "time")
    with pytest.raises(ValueError, match="sequence 0 of X has the id 3, but entry 0 of y has 0"):
        RNNClassifier(**SMALL).fit(X, pd.Series(["a", "b", "a", "b"]))


def test_other_ids_are_an_error(X, y):
    """Labels of other sequences are named, and so are integers of an index with a name."""
    other = "other ids than X: it lacks an entry for 'm1', and has one for 'm9' instead. Pass the"
    with pytest.raises(ValueError, match=other):
        RNNClassifier(**SMALL).fit(X, y.rename({"m1": "m9"}))
    named = pd.Series(["a", "b", "a", "b"], index=pd.Index([5, 6, 7, 8], name="machine"))
    with pytest.raises(ValueError, match="lacks an entry for 'm3', and has one for 5 instead"):
        RNNClassifier(**SMALL).fit(X, named)
    with pytest.raises(ValueError, match="lacks an entry for 'm3', and has one for 'm0' instead"):
        RNNClassifier(**SMALL).fit(X[[0, 0, 1]], y.loc[["m3", "m0", "m0"]])


def test_targets_per_step_have_ids(X):
    """Labels of steps from another long table are paired by its ids."""
    table = long_table(sorted(ORDER)).assign(tag=list("ab") * 10)
    tags, _ = from_long(table, "id", "time", features="tag")
    with pytest.raises(ValueError, match=r"pass from_long\(\.\.\., ids=X\.ids\)\[0\] as y"):
        RNNClassifier(**SMALL).fit(X, tags)
    tags, _ = from_long(table, "id", "time", features="tag", ids=X.ids)
    model = RNNClassifier(**SMALL).fit(X, tags)
    with pytest.raises(ValueError, match="y has the ids of X in another order"):
        model.score(X, tags[[1, 0, 2, 3]])


def test_weights_and_groups_have_ids(X, y):
    """A Series of weights or of groups is compared as well."""
    y, numbers = y.loc[X.ids], pd.Series([1.0, 2.0, 1.0, 2.0], index=sorted(ORDER))
    with pytest.raises(ValueError, match="sample_weight has the ids of X in another order"):
        RNNClassifier(**SMALL).fit(X, y, sample_weight=numbers)
    splitter = GroupShuffleSplit(test_size=0.5, random_state=0)
    model = RNNClassifier(early_stopping=True, validation_split=splitter, **SMALL)
    with pytest.raises(ValueError, match="groups has the ids of X in another order"):
        model.fit(X, y, groups=numbers)


def test_every_method_compares_ids(X, y):
    """Training and scores of all estimators refuse targets in another order."""
    numbers = y.map({"a": 1.0, "b": 2.0})
    classifier = RNNClassifier(**SMALL).fit(X, y.loc[X.ids])
    regressor = RNNRegressor(loss="quantile", **SMALL).fit(X, numbers.loc[X.ids])
    generator = SequenceGenerator(**SMALL).fit(X)
    texts = Sequences(np.array(list("abcd" * 4)), [0, 4, 8, 12, 16]).with_ids(ORDER)
    conditional = SequenceGenerator(conditional=True, **SMALL).fit(texts, y.loc[ORDER])
    known = SequenceGenerator(known_columns=["z"], **SMALL)
    panel, _ = from_long(long_table().assign(z=1.0), "id", "time")
    future, _ = from_long(long_table(sorted(ORDER), 2).assign(z=1.0), "id", "time")
    calls = {
        "partial_fit": lambda: classifier.partial_fit(X, y),
        "score": lambda: classifier.score(X, y),
        "weights of score": lambda: classifier.score(X, y.tolist(), sample_weight=numbers),
        "score of numbers": lambda: regressor.score(X, numbers),
        "scorer": lambda: SCORERS["neg_pinball_loss"](regressor, X, numbers),
        "pipeline": lambda: make_pipeline(StepTransformer(StandardScaler()), classifier).fit(X, y),
        "split": lambda: cross_val_score(classifier, X, y, cv=2, error_score="raise"),
        "fit of a generator": lambda: conditional.fit(texts, y),
        "score of a generator": lambda: conditional.score(texts, y),
        "future": lambda: known.fit(panel).forecast(panel, 2, future=future),
    }
    accepted = {name for name, call in calls.items() if not refuses_ids(call)}
    assert accepted == set()
    assert generator.forecast(X, 1, n_samples=2).to_frame()["id"].tolist() == ORDER


def test_backtests_name_series_by_their_ids(X):
    """Series of a long table keep their ids in the errors of forecasts."""
    generator = SequenceGenerator(**SMALL)
    assert backtest(generator, X, 1, n_origins=1, n_samples=2).ids == ORDER


def test_sequences_on_disk_can_have_ids(X, y, tmp_path):
    """Ids that are given to a memory map are compared like others."""
    write_sequences(iter([X]), tmp_path / "data")
    mapped = open_sequences(tmp_path / "data").with_ids(X.ids)
    RNNClassifier(**SMALL).fit(mapped, y.loc[X.ids])
    with pytest.raises(ValueError, match="y has the ids of X in another order"):
        RNNClassifier(**SMALL).fit(mapped, y)


# --- steps ----------------------------------------------------------------------------------------

DAYS = pd.date_range("2026-01-01", periods=6)


@pytest.mark.parametrize("index", [DAYS, pd.RangeIndex(6), pd.Index(list("uvwxyz"))])
def test_labels_of_steps_in_another_order_are_an_error(index):
    """The index of labels per step is compared with that of their sequence."""
    series = pd.DataFrame({"x": np.arange(6.0)}, index=index)
    labels = pd.Series(list("ababab"), index=index)
    other = labels.iloc[[0, 2, 1, 3, 4, 5]]
    expected = (
        f"step 1 is {index[1]} there, and {index[2]} in labels. To pair them by their index, pass "
        "labels.loc[sequence.index]; to pair them by position, labels.to_numpy()."
    )
    with pytest.raises(ValueError, match=re.escape(expected)):
        make_label_windows(series, other, window=2)
    with pytest.raises(ValueError, match=r"The index of labels\[1\] differs from that of its seq"):
        make_label_windows([series, series], [labels, other], window=2)
    with pytest.raises(ValueError, match=r"The index of y\[1\] differs from that of its sequence"):
        RNNClassifier(**SMALL).fit([series, series], [labels, other])
    model = RNNClassifier(**SMALL).fit([series, series], [labels, other.to_numpy()])
    with pytest.raises(ValueError, match=r"The index of y\[0\] differs from that of its sequence"):
        model.score([series], [other])
    make_label_windows(series, other.loc[series.index], window=2)
    make_label_windows(series, labels.set_axis(range(10, 16)), window=2)  # numbers of rows


def test_labels_at_other_times_are_an_error():
    """Two indexes of times have to agree."""
    series = pd.Series(np.arange(6.0), index=DAYS)
    labels = pd.Series(list("ababab"), index=DAYS + pd.Timedelta("1D"))
    with pytest.raises(ValueError, match="step 0 is 2026-01-01 00:00:00 there, and 2026-01-02"):
        make_label_windows(series, labels, window=2)


@pytest.mark.parametrize("dates", [DAYS, DAYS.to_period("D"), DAYS.tz_localize("Europe/Rome")])
def test_known_values_follow_the_series(dates):
    """Dates of known values are those of the steps to forecast."""
    table = pd.DataFrame({"x": np.arange(4.0), "z": 1.0}, index=dates[:4])
    model = SequenceGenerator(known_columns=["z"], **SMALL).fit([table])
    future = pd.DataFrame({"z": [1.0, 1.0]}, index=dates[4:])
    model.forecast([table], 2, future=[future], n_samples=2)
    model.forecast([table], 2, future=[future.reset_index(drop=True)], n_samples=2)
    for wrong in (future.set_axis(dates[:2]), future.set_axis(dates[3:5])):
        with pytest.raises(
            ValueError, match=r"future\[0\] begins at .*, but sequence 0 of X ends at"
        ):
            model.forecast([table], 2, future=[wrong], n_samples=2)
    irregular = table.set_axis(dates[[0, 1, 2, 4]])
    model.forecast([irregular], 1, future=[future.iloc[1:]], n_samples=2)
    with pytest.raises(ValueError, match=r"Pass the values of the steps after its end or"):
        model.forecast([irregular], 1, future=[future.iloc[:1]], n_samples=2)


def test_known_values_without_the_zone_of_the_series_are_an_error():
    """Times with and without a zone cannot be compared."""
    table = pd.DataFrame({"x": np.arange(4.0), "z": 1.0}, index=DAYS[:4].tz_localize("UTC"))
    model = SequenceGenerator(known_columns=["z"], **SMALL).fit([table])
    with pytest.raises(ValueError, match=r"future\[0\] begins at 2026-01-05 00:00:00, but"):
        model.forecast([table], 1, future=[pd.DataFrame({"z": [1.0]}, DAYS[4:5])], n_samples=2)
