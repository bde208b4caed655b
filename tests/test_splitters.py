"""Splitters of scikit-learn as `validation_split`: which rows of X are held out, and why not."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import (
    BaseCrossValidator,
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence._tasks import _shrinkage
from sksequence._tasks._newest_windows import newest_windows
from sksequence.callbacks import Checkpoint
from sksequence.model_selection import recommended_grid
from sksequence.persistence import load, save
from sksequence.preprocessing import StepTransformer, make_windows

N = 30
RANDOM = np.random.RandomState(0)
NUMBERED = np.arange(float(N))[:, None] * np.ones(4)  # sequence i holds i
X = RANDOM.randn(N, 4)
Y = np.arange(N) % 2
GROUPS = np.arange(N) // 5
FOLDS = np.where(np.arange(N) % 3 == 1, 0, -1)
SPLITTERS = {
    "groups": GroupShuffleSplit(test_size=0.3, random_state=1),
    "one group": LeaveOneGroupOut(),
    "fold of groups": GroupKFold(3),
    "stratified groups": StratifiedGroupKFold(2),
    "rows": ShuffleSplit(test_size=0.2, train_size=0.5, random_state=1),
    "fold": KFold(4),
    "stratified rows": StratifiedShuffleSplit(test_size=0.2, random_state=1),
    "predefined": PredefinedSplit(FOLDS),
    "several folds": PredefinedSplit(np.arange(N) % 4),
}
READS_GROUPS = {"groups", "one group", "fold of groups", "stratified groups"}


class Fixed(KFold):
    """A splitter with given splits."""

    def __init__(self, *splits):
        super().__init__()
        self.splits = splits

    def split(self, X, y=None, groups=None):
        """Yield them."""
        yield from self.splits


TINY = {"hidden_size": 3, "max_epochs": 3, "random_state": 0}


def make(splitter, kind=RNNClassifier, **parameters):
    """Return a small estimator with this splitter."""
    return kind("gru", **TINY, early_stopping=True, validation_split=splitter).set_params(
        **parameters
    )


def parts_of(estimator, X=NUMBERED, y=Y, groups=None, sample_weight=None):
    """Return the rows of `NUMBERED` in both parts, sorted."""
    arguments = (X, y, sample_weight, groups)
    fit = estimator._prepare(estimator._task(), estimator._settings(), None, *arguments)
    sequences, split = fit.data.sequences, fit.data.split
    rows = sequences.values[sequences.offsets[:-1], 0].astype(int)
    return sorted(rows[split.training].tolist()), sorted(rows[split.validation].tolist())


# --- which rows ----------------------------------------------------------------------------------


@given(
    name=st.sampled_from(sorted(SPLITTERS)),
    weights=st.lists(st.integers(0, 3), min_size=N, max_size=N),
    shuffle=st.booleans(),
    missing=st.sets(st.integers(0, N - 1), max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_parts_are_those_of_the_splitter(name, weights, shuffle, missing):
    """Rows of X are selected; those without weight or target are left out, others repeated."""
    counts, y, without = np.array(weights), Y, []
    if name not in ("stratified groups", "stratified rows"):  # they need all labels
        y, without = np.column_stack([Y, Y]).astype(float), list(missing)
        y[without] = np.nan
    counts[without] = 0
    groups = GROUPS if name in READS_GROUPS else None
    splits = SPLITTERS[name].split(NUMBERED, Y, groups)
    expected = tuple(np.repeat(p, counts[p]).tolist() for p in map(np.sort, next(splits)))
    if not all(expected) or np.gcd.reduce(counts) != 1:
        return
    counts[without] = 1
    estimator = make(SPLITTERS[name], RNNRegressor, shuffle=shuffle)
    assert parts_of(estimator, y=y, groups=groups, sample_weight=counts) == expected


@given(groups=st.lists(st.sampled_from("abcdef"), min_size=N, max_size=N), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_groups_stay_together(groups, seed):
    """No group is in both parts, and every sequence is in one."""
    if len(set(groups)) < 2:
        return
    splitter = GroupShuffleSplit(test_size=0.3, random_state=seed)
    training, validation = parts_of(make(splitter), groups=groups)
    assert sorted(training + validation) == list(range(N))
    assert not {groups[i] for i in training} & {groups[i] for i in validation}


def test_a_set_of_ones_own_is_held_out():
    """Labels of the set change the validation loss, and those of other rows the training loss."""
    classifier = make(PredefinedSplit(FOLDS), n_iter_no_change=9)
    plain = classifier.fit(X, Y)
    curves = plain.loss_curve_, plain.validation_curve_
    for is_own in (True, False):
        changed = np.where((FOLDS == 0) == is_own, 1 - Y, Y)
        other = clone(classifier).fit(X, changed)
        assert (other.loss_curve_ == curves[0]) == is_own
        assert other.validation_curve_ != curves[1]


def test_time_series_are_split_by_the_last_split():
    """It trains on most of the rows, and its gap is left out."""
    splitter = TimeSeriesSplit(n_splits=4, test_size=3, gap=2)
    assert parts_of(make(splitter)) == (list(range(N - 5)), list(range(N - 3, N)))


def test_repeated_rows_are_integer_weights():
    """They are the same fit, bit for bit, if groups are repeated too."""
    weights = np.arange(N) % 3 + 1
    weights[:6] = 1
    classifier = make(GroupShuffleSplit(test_size=0.3))
    weighted = classifier.fit(X, Y, sample_weight=weights, groups=GROUPS)
    repeated = clone(classifier).fit(
        *(np.repeat(a, weights, axis=0) for a in (X, Y)), groups=np.repeat(GROUPS, weights)
    )
    assert weighted.validation_curve_ == repeated.validation_curve_
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


def test_a_splitter_without_a_seed_draws_with_that_of_the_fit():
    """A fit can be repeated, another seed draws another part, and the parameter stays as it is."""
    splitter = ShuffleSplit(test_size=0.3)
    parts = [parts_of(make(splitter, random_state=seed)) for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]
    assert splitter.random_state is None
    seeded = ShuffleSplit(test_size=0.3, random_state=4)
    assert parts_of(make(seeded)) == parts_of(make(seeded, random_state=1))


@pytest.mark.parametrize("kind", ["texts", "values"])
def test_streams_of_a_sequence_stay_together(kind):
    """Long sequences of a generator are cut; their pieces are in the part of the sequence."""
    texts = ["abcde" * 100, "ed", "acbde" * 80, "bb", "dcbae" * 90, "ce"]
    given_X = texts
    if kind == "values":
        given_X = [np.array([float(ord(c)) for c in text])[:, None] for text in texts]
    splitter = PredefinedSplit([-1, 0, 0, -1, -1, 0])
    generator = make(splitter, SequenceGenerator, tbptt_steps=8, shuffle=False)
    arguments = (given_X, None, None, None)
    fit = generator._prepare(generator._task(), generator._settings(), None, *arguments)
    n_steps = [
        int(fit.data.sequences.lengths[part].sum())
        for part in (fit.data.split.training, fit.data.split.validation)
    ]
    extra = int(kind == "texts")  # the end of a text is a symbol
    assert n_steps[0] == 500 + 2 + 450 + 3 * extra
    assert n_steps[1] == 2 + 400 + 2 + 3 * extra
    assert len(fit.data.split.training) > 3
    assert np.isfinite(generator.fit(given_X).best_loss_)


def test_generators_take_groups():
    """Groups of sequences are kept together."""
    numbered = [np.full((4, 1), float(i)) for i in range(N)]
    generator = make(GroupShuffleSplit(test_size=0.3), SequenceGenerator)
    assert generator.fit(numbered, groups=GROUPS).validation_curve_
    with pytest.raises(ValueError, match="has got no groups"):
        generator.fit(numbered)


@pytest.mark.parametrize("container", [list, np.asarray])
def test_one_target_per_step(container):
    """Sequences are held out as a whole."""
    y = container((np.arange(N * 4) % 2).reshape(N, 4))
    estimator = make(KFold(3), target="steps")
    assert parts_of(estimator, y=y) == (list(range(10, N)), list(range(10)))


@pytest.mark.parametrize("container", [list, pd.Series, pd.Categorical, tuple])
def test_groups_come_in_any_container(container):
    """Groups may be strings in a list or a column."""
    names = [f"patient {group}" for group in GROUPS]
    splitter = GroupShuffleSplit(test_size=0.3)
    expected = parts_of(make(splitter), groups=GROUPS)
    assert parts_of(make(splitter), groups=container(names)) == expected


class LongestHeldOut(BaseCrossValidator):
    """A splitter of one's own, which reads X and groups."""

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of splits."""
        return 1

    def split(self, X, y=None, groups=None):
        """Hold out the sequence with the largest sum in each group."""
        sums = np.array([np.sum(x) for x in X])
        held_out = np.zeros(len(X), dtype=bool)
        for group in np.unique(groups):
            members = np.flatnonzero(np.asarray(groups) == group)
            held_out[members[np.argmax(sums[members])]] = True
        yield ~held_out, held_out


def test_a_splitter_of_ones_own():
    """It gets X, y and groups as they were passed, and may return masks."""
    training, validation = parts_of(make(LongestHeldOut()), groups=GROUPS)
    assert validation == [4, 9, 14, 19, 24, 29]
    assert sorted(training + validation) == list(range(N))


# --- rows that regressors are judged on ----------------------------------------------------------

SERIES = RANDOM.randn(3, 40).cumsum(axis=1)
WINDOWS = np.concatenate([make_windows(series, 8)[0] for series in SERIES])
NEXT = np.concatenate([make_windows(series, 8)[1] for series in SERIES])
OF_SERIES = np.repeat(np.arange(3), len(NEXT) // 3)
MAY_WARN = pytest.mark.filterwarnings("ignore:On windows that it was not trained on:UserWarning")


def judge(splitter, **parameters):
    """Return a small regressor without early stopping."""
    return make(splitter, RNNRegressor, early_stopping=False, **parameters)


@pytest.mark.parametrize("residual", ["last", None])
@MAY_WARN
def test_held_out_groups_are_not_seen_by_the_network_that_is_judged(residual, monkeypatch):
    """Targets of the group do not change what it predicts for them; those of others do."""
    seen, outputs = [], _shrinkage.network_outputs
    monkeypatch.setattr(
        _shrinkage, "network_outputs", lambda net, x: seen.append(outputs(net, x)) or seen[-1]
    )
    splitter, models = LeaveOneGroupOut(), []  # it holds out the first one
    for changed in (None, 0, 1):
        y = np.where(changed == OF_SERIES, NEXT + 5.0, NEXT)
        model = judge(splitter, residual=residual, scale=False)
        models.append(model.fit(WINDOWS, y, groups=OF_SERIES))
    assert [len(rows) for rows in seen] == 3 * [len(NEXT) // 3]
    np.testing.assert_array_equal(seen[0], seen[1])
    assert not np.isclose(seen[0], seen[2]).any()
    first, second, _ = (model.module_.state_dict().values() for model in models)
    assert not all(map(torch.equal, first, second))  # the network that predicts has seen all


@pytest.mark.parametrize("early_stopping", [False, True])
@MAY_WARN
def test_errors_of_forecasts_are_those_of_the_group(early_stopping):
    """The naive forecast needs no training, so that its error shows which windows are used."""
    model = judge(LeaveOneGroupOut(), residual="last").set_params(early_stopping=early_stopping)
    for group in range(3):
        groups = (OF_SERIES - group) % 3
        model.fit(WINDOWS, NEXT, groups=groups)
        own = np.abs(WINDOWS[groups == 0, -1] - NEXT[groups == 0]).mean()
        assert model.naive_error_ == pytest.approx(own)


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("scale", ["global", "sequence"])
@MAY_WARN
def test_newest_windows_held_out_by_a_splitter_give_the_default(horizon, scale):
    """Every number is the same."""
    wave = np.sin(np.arange(160.0))
    windows, y = make_windows(wave, 8, horizon)
    sequences = Sequences.from_arrays(list(windows[:, :, None]))
    older, newest = newest_windows(sequences, np.arange(len(windows)), horizon, 0.1)
    splitter = Fixed((older, newest))
    if horizon == 1:  # without a gap
        splitter = PredefinedSplit(np.where(np.arange(len(windows)) < newest[0], -1, 0))
    options = {"residual": "last", "scale": scale, "hidden_size": 16, "max_epochs": 20}
    default = judge("random", **options).fit(windows, y)
    model = judge(splitter, **options).fit(windows, y)
    assert 0.0 < default.forecast_error_ < default.naive_error_
    for name in ("naive_error_", "forecast_error_", "shrinkage_"):
        assert getattr(model, name) == getattr(default, name)
    np.testing.assert_array_equal(model.predict(windows), default.predict(windows))


def test_what_is_learnt_of_groups_does_not_count_for_others():
    """Each machine has a level and a pattern: halves show a gain, which is lost on new machines."""
    random = np.random.RandomState(0)
    machines = np.repeat(np.arange(12), 10)
    patterns, levels = random.randn(12, 6), random.randn(12)
    series = patterns[machines] + 0.1 * random.randn(120, 6)
    options = {"max_epochs": 30, "hidden_size": 16}
    halves = judge("random", **options).fit(series, levels[machines])
    grouped = judge(GroupShuffleSplit(test_size=0.4), **options)
    grouped.fit(series, levels[machines], groups=machines)
    assert halves.shrinkage_ == 0.0
    assert grouped.shrinkage_ > 0.9


def test_a_splitter_is_used_for_few_sequences_too():
    """Without one, fewer than 20 are not judged."""
    noise = np.random.RandomState(0).randn(19, 6)
    shrinkage = [
        judge(splitter, max_epochs=50).fit(noise[:, :5], noise[:, 5]).shrinkage_
        for splitter in ("random", KFold(2))
    ]
    assert shrinkage[0] == 0.0 < shrinkage[1]


@MAY_WARN
def test_integer_weights_of_judged_rows_are_repetition():
    """Weighted rows and copies are the same fit, bit for bit."""
    weights = np.arange(len(NEXT)) % 3
    rows = np.repeat(np.arange(len(NEXT)), weights)
    fitted = []
    for residual in ("last", None):
        model = judge(GroupShuffleSplit(test_size=0.4), residual=residual, max_epochs=10)
        one = model.fit(WINDOWS, NEXT, sample_weight=weights, groups=OF_SERIES)
        other = clone(model).fit(WINDOWS[rows], NEXT[rows], groups=OF_SERIES[rows])
        assert one.shrinkage_ == other.shrinkage_
        np.testing.assert_array_equal(one.predict(WINDOWS), other.predict(WINDOWS))
        fitted.append((one, other))
    assert fitted[0][0].forecast_error_ == fitted[0][1].forecast_error_


@MAY_WARN
def test_judged_groups_are_routed():
    """Each fold of a cross-validation passes its own groups."""
    with sklearn.config_context(enable_metadata_routing=True):
        forecaster = judge(LeaveOneGroupOut(), residual="last").set_fit_request(groups=True)
        found = cross_validate(
            forecaster,
            WINDOWS,
            NEXT,
            params={"groups": OF_SERIES},
            cv=LeaveOneGroupOut(),
            error_score="raise",
            return_estimator=True,
        )["estimator"]
    for model, held_out in zip(found, (1, 0, 0), strict=True):
        own = held_out == OF_SERIES  # the first group of the others
        assert model.naive_error_ == pytest.approx(np.abs(WINDOWS[own, -1] - NEXT[own]).mean())


def test_nothing_is_judged_without_a_fit():
    """A grid and chunks have no groups."""
    model = judge(GroupShuffleSplit(), residual="last")
    assert recommended_grid(model, WINDOWS, NEXT)[0] == {}
    assert not hasattr(model.partial_fit(WINDOWS, NEXT), "naive_error_")


# --- scikit-learn --------------------------------------------------------------------------------


def test_clones_and_pickles_split_alike():
    """Splitters are parameters as others are."""
    splitter = GroupShuffleSplit(test_size=0.3, random_state=2)
    classifier = make(splitter)
    assert classifier.get_params()["validation_split"] is splitter
    curve = classifier.fit(X, Y, groups=GROUPS).validation_curve_
    assert clone(classifier).fit(X, Y, groups=GROUPS).validation_curve_ == curve
    restored = pickle.loads(pickle.dumps(classifier))
    assert repr(restored.validation_split) == repr(splitter)
    assert restored.fit(X, Y, groups=GROUPS).validation_curve_ == curve


def test_searches_over_splitters():
    """A grid may hold names and splitters."""
    grid = {"validation_split": ["random", "last", ShuffleSplit(1, test_size=0.2), KFold(3)]}
    search = GridSearchCV(make("random"), grid, cv=2, error_score="raise").fit(X, Y)
    assert len(search.cv_results_["params"]) == 4


def test_groups_are_routed():
    """Groups reach fit through a search and a pipeline, with the rows of each fold."""
    with sklearn.config_context(enable_metadata_routing=True):
        network = make(GroupShuffleSplit(test_size=0.3)).set_fit_request(groups=True)
        model = make_pipeline(StepTransformer(StandardScaler()), network)
        search = GridSearchCV(
            model, {"rnnclassifier__cell": ["rnn"]}, cv=GroupKFold(2), error_score="raise"
        ).fit(X, Y, groups=GROUPS)
        scores = cross_validate(
            network, X, Y, params={"groups": GROUPS}, cv=GroupKFold(2), error_score="raise"
        )["test_score"]
    assert np.isfinite(scores).all()
    Z = StepTransformer(StandardScaler()).fit_transform(X)
    direct = clone(network).set_params(cell="rnn").fit(Z, Y, groups=GROUPS)
    np.testing.assert_array_equal(search.predict_proba(X), direct.predict_proba(Z))


def test_partial_fit_holds_out_nothing():
    """There are no groups for chunks, and no validation part."""
    classifier = make(GroupShuffleSplit()).partial_fit(X, Y)
    assert classifier.n_iter_ == 1


# --- stored fits ---------------------------------------------------------------------------------


def test_a_killed_fit_resumes_with_the_same_split(tmp_path):
    """A splitter is described by its parameters, and other groups are refused by name."""
    path = tmp_path / "fit"

    def resume(splitter, groups=None):
        classifier = make(splitter, callbacks=[Checkpoint(path)], n_iter_no_change=9)
        return classifier.fit(X, Y, groups=groups), classifier.callbacks[0]

    first, _ = resume(GroupShuffleSplit(test_size=0.3), GROUPS)
    again, checkpoint = resume(GroupShuffleSplit(test_size=0.3), GROUPS)
    assert checkpoint.n_epochs_resumed_ == 3
    assert again.validation_curve_ == first.validation_curve_
    with pytest.raises(ValueError, match="or parameters: sample_weight or groups differs"):
        resume(GroupShuffleSplit(test_size=0.3), GROUPS[::-1] // 2)
    with pytest.raises(ValueError, match=r"validation_split was .*0\.3.*, it is now .*0\.4"):
        resume(GroupShuffleSplit(test_size=0.4), GROUPS)


def test_predefined_splits_are_described_in_full(tmp_path):
    """Their representation leaves out most rows."""
    rows = np.random.RandomState(0).randn(1500, 2)
    folds = np.where(np.arange(1500) < 100, 0, -1)
    moved = folds.copy()
    moved[[50, 800]] = -1, 0
    options = {"callbacks": [Checkpoint(tmp_path / "fit")], "max_epochs": 1}
    make(PredefinedSplit(folds), **options).fit(rows, rows[:, 0] > 0)
    with pytest.raises(ValueError, match=r"validation_split was .*PredefinedSplit"):
        make(PredefinedSplit(moved), **options).fit(rows, rows[:, 0] > 0)


def test_files_hold_no_splitters(tmp_path):
    """The error says what to do, and its advice helps."""
    classifier = make(ShuffleSplit(test_size=0.3)).fit(X, Y)
    with pytest.raises(ValueError, match=r"RNNClassifier\.validation_split is an object .*='rand"):
        save(classifier, tmp_path / "file")
    save(classifier.set_params(validation_split="random"), tmp_path / "file")
    assert load(tmp_path / "file").predict(X).tolist() == classifier.predict(X).tolist()


# --- errors --------------------------------------------------------------------------------------


GROUPED = GroupShuffleSplit(test_size=0.3)
REFUSED = {
    "no groups": (GROUPED, None, r"GroupShuffleSplit\(.* keeps groups together, but fit has got"),
    "a long splitter": (
        GroupShuffleSplit(5, test_size=0.123456789012, train_size=0.123456789012, random_state=12),
        None,
        r"GroupShuffleSplit\(.*\.\.\.\) keeps groups together",
    ),
    "groups without a splitter": ("last", GROUPS, "groups have no effect with validation_split='l"),
    "groups that are not read": (KFold(3), GROUPS, r"no effect: validation_split=KFold\(.* does n"),
    "groups and a predefined split": (PredefinedSplit(FOLDS), GROUPS, "groups have no effect"),
    "groups of another length": (GROUPED, GROUPS[1:], r"of shape \(29,\), but X has 30 sequences"),
    "one group for all": (GROUPED, "a", r"groups are of shape \(\), but X has 30"),
    "a single group": (GROUPED, np.zeros(N), "cannot split 30 sequences: With n_samples=1"),
    "missing groups": (GROUPED, [np.nan, *GROUPS[1:]], "cannot split 30 sequences: .*NaN"),
    "another number of rows": (PredefinedSplit(FOLDS[1:]), None, "of 29 rows, but X has 30 seq"),
    "parts that overlap": (Fixed((range(20), range(15, N))), None, "has 5 of 30 sequences in both"),
    "nothing to train on": (Fixed(([], range(N))), None, "0 labelled sequences to train on and 30"),
    "nothing held out": (PredefinedSplit(np.full(N, -1)), None, "it yields no split"),
    "empty validation part": (Fixed((range(N), [])), None, "train on and 0 to hold out, but both"),
    "rows that X does not have": (Fixed(([0], [N])), None, "cannot split 30 sequences: .*out of"),
    "no pair": (Fixed(([0],)), None, "cannot split 30 sequences"),
    "too many folds": (KFold(31), None, "cannot split 30 sequences: Cannot have number of spl"),
    "a class": (KFold, None, "must be a str among .* or a splitter, such as GroupShuffleSplit"),
    "an unknown name": ("group", None, "must be a str among .* or a splitter"),
    "a number": (3, None, "must be a str among .* or a splitter"),
}


@pytest.mark.parametrize(("kind", "stops"), [(RNNClassifier, True), (RNNRegressor, False)])
@pytest.mark.parametrize(("splitter", "groups", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(splitter, groups, message, kind, stops):
    """Errors name the parameter or the argument."""
    with pytest.raises(ValueError, match=message):
        make(splitter, kind, early_stopping=stops).fit(X, Y, groups=groups)


def own_loss(outputs, targets):
    """Return absolute errors; what it predicts without X is not known."""
    return (outputs - targets).abs().mean(dim=1)


@pytest.mark.parametrize(
    ("kind", "options", "y"),
    [
        (RNNClassifier, {}, Y),
        (RNNRegressor, {"loss": "poisson"}, Y),
        (RNNRegressor, {"loss": own_loss}, Y),
    ],
    ids=["labels", "counts", "own loss"],
)
def test_groups_are_refused_if_nothing_is_held_out(kind, options, y):
    """There is no early stopping, and predictions are always those of the network."""
    with pytest.raises(ValueError, match="groups have no effect with early_stopping=False"):
        make(GROUPED, kind, early_stopping=False, **options).fit(X, y, groups=GROUPS)
    assert make(GROUPED, kind, early_stopping=False, **options).fit(X, y).n_iter_ == 3


def test_a_part_without_targets_is_refused():
    """Sequences of weight 0 and those without a target do not count."""
    with pytest.raises(ValueError, match="and 0 to hold out, but both parts need some"):
        make(PredefinedSplit(FOLDS)).fit(X, Y, sample_weight=FOLDS != 0)
