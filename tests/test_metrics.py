"""Step-wise scores equal flat scores of labelled steps; spans, scaled errors, perplexity."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    fbeta_score,
    log_loss,
    make_scorer,
    mean_absolute_error,
    mean_squared_error,
)
from sklearn.model_selection import KFold, cross_validate

from sksequence import Sequences
from sksequence.metrics import (
    mean_absolute_scaled_error,
    neg_step_mean_absolute_error_scorer,
    neg_step_mean_squared_error_scorer,
    perplexity,
    span_f1_score,
    span_f1_scorer,
    step_accuracy_score,
    step_accuracy_scorer,
    step_f1_score,
    step_f1_scorer,
    step_mean_absolute_error,
    step_mean_squared_error,
    stepwise,
)

LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def objects(items):
    """Return a 1-D object array."""
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out


def problem(lengths, seed, labels="abc", missing=0.3):
    """Draw ragged labels, some of them None, and predictions."""
    rng = np.random.default_rng(seed)
    true = [rng.choice(list(labels), size=n).astype(object) for n in lengths]
    for steps in true:
        steps[rng.uniform(size=len(steps)) < missing] = None
    true[0][0] = labels[0]  # at least one step has a label
    return true, [rng.choice(list(labels), size=n) for n in lengths]


def flat(true, predicted):
    """Return the labelled steps, step by step."""
    pairs = [
        (t, p)
        for one, other in zip(true, predicted, strict=True)
        for t, p in zip(one, other, strict=True)
        if t is not None
    ]
    return [t for t, _ in pairs], [str(p) for _, p in pairs]


# Steps


@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_step_scores_equal_flat_scores_of_labelled_steps(lengths, seed):
    """The score is the flat score of the concatenated labelled steps."""
    true, predicted = problem(lengths, seed)
    t, p = flat(true, predicted)
    assert step_accuracy_score(true, predicted) == accuracy_score(t, p)
    assert step_f1_score(true, predicted) == f1_score(t, p, average="macro")
    micro = partial(fbeta_score, beta=2, average="micro")
    assert stepwise(micro)(true, predicted) == micro(t, p)


@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_weights_equal_repetition(lengths, seed):
    """A sequence of weight 2 counts as two of them."""
    true, predicted = problem(lengths, seed)
    weights = np.random.default_rng(seed).integers(1, 4, size=len(true))
    twice = np.repeat(np.arange(len(true)), weights)
    repeated = step_accuracy_score([true[i] for i in twice], [predicted[i] for i in twice])
    assert step_accuracy_score(true, predicted, sample_weight=weights) == pytest.approx(repeated)


@given(lengths=LENGTHS, n_outputs=st.integers(0, 3), seed=st.integers(0, 1000))
def test_step_errors_equal_flat_errors(lengths, n_outputs, seed):
    """Numbers, with one or several outputs: steps with a NaN are left out."""
    rng = np.random.default_rng(seed)
    shape = (n_outputs,) if n_outputs else ()
    true = [rng.normal(size=(n, *shape)) for n in lengths]
    predicted = [rng.normal(size=(n, *shape)) for n in lengths]
    t, p = np.concatenate(true), np.concatenate(predicted)
    unlabelled = rng.uniform(size=len(t)) < 0.2
    unlabelled[0] = False
    for steps, rows in zip(true, np.split(unlabelled, np.cumsum(lengths)[:-1]), strict=True):
        steps[rows] = np.nan
    t, p = t[~unlabelled], p[~unlabelled]
    assert step_mean_squared_error(true, predicted) == pytest.approx(mean_squared_error(t, p))
    assert step_mean_absolute_error(true, predicted) == pytest.approx(mean_absolute_error(t, p))
    raw = step_mean_squared_error(true, predicted, multioutput="raw_values")
    assert raw == pytest.approx(mean_squared_error(t, p, multioutput="raw_values"))


@pytest.mark.parametrize(
    "container",
    [list, tuple, objects, pd.Series, np.stack, Sequences.from_arrays],
    ids=["list", "tuple", "object array", "Series", "array", "Sequences"],
)
def test_every_container_of_steps_is_read(container):
    """The score does not depend on the container of the steps."""
    true = container([np.array([0, 1, 1]), np.array([1, 0, 0])])
    assert step_accuracy_score(true, [[0, 1, 0], [1, 0, 0]]) == pytest.approx(5 / 6)
    assert step_f1_score([[0, 1, 0], [1, 0, 0]], true, average=None).shape == (2,)


@pytest.mark.parametrize(
    "none", [None, np.float64("nan"), float("nan")], ids=["None", "numpy", "float"]
)
@pytest.mark.parametrize("labels", [("a", "b"), (0, 1), (True, False)])
def test_unlabelled_steps_are_skipped_for_every_kind_of_label(none, labels):
    """None and NaN are no labels, whatever the others are; NaN in a list of str is not "nan"."""
    one, other = labels
    assert step_accuracy_score([[one, none, other], [none]], [[one, other, one], [one]]) == 0.5


@pytest.mark.parametrize(
    "y",
    [
        [[0, None], [1, 1]],
        np.ma.array([[0, 5], [1, 1]], mask=[[0, 1], [0, 0]]),
        [np.ma.array([0, 5], mask=[0, 1]), np.array([1, 1])],
        pd.DataFrame({"a": [0, 1], "b": pd.array([None, 1], dtype="Int64")}),
        pd.Series([[0, None], [1, 1]]),
        pa.array([[0, None], [1, 1]]),
        pl.Series([[0, None], [1, 1]]),
        [torch.tensor([0.0, float("nan")]), torch.tensor([1.0, 1.0])],
    ],
)
def test_missing_steps_of_every_container_are_skipped(y):
    """A masked step is none, and what stands for a missing one is missing in every container."""
    assert step_accuracy_score(y, [[0, 5], [1, 0]]) == pytest.approx(2 / 3)
    assert step_mean_absolute_error(y, [[0, 5], [1, 4]]) == pytest.approx(1.0)


def test_missing_numbers_of_an_array_are_skipped():
    """Targets of sequences, some of them missing, are averaged over those that are present."""
    y_true = np.array([[1.0, np.nan], [2.0, 4.0]])
    assert step_mean_absolute_error(y_true, np.array([[2.0, 9.0], [2.0, 2.0]])) == 1.0


def test_minus_one_is_a_label():
    """No number stands for "unlabelled"."""
    assert step_accuracy_score([[-1, 1]], [[1, 1]]) == 0.5


def test_integer_labels_with_nan_meet_integer_predictions():
    """A float array that contains NaN is still an array of classes."""
    assert step_f1_score([np.array([0.0, 1.0, np.nan])], [np.array([0, 1, 1])]) == 1


def test_step_f1_of_selected_labels():
    """Labels can be excluded."""
    true, predicted = [["O", "O", "x"]], [["O", "x", "x"]]
    expected = f1_score(true[0], predicted[0], labels=["x"], average="micro")
    assert step_f1_score(true, predicted, labels=["x"], average="micro") == expected


def test_step_f1_zero_division():
    """A label that never occurs has the requested score."""
    assert step_f1_score([["a"]], [["a"]], labels=["a", "b"], zero_division=1.0) == 1


def test_stepwise_takes_probabilities():
    """A step of y_pred may hold a row of values where the target is one label."""
    true, proba = [[0, 1], [1]], [np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.5, 0.5]])]
    assert stepwise(log_loss)(true, proba) == log_loss([0, 1, 1], np.concatenate(proba))


def test_stepwise_metric_keeps_its_name_and_survives_pickling():
    """Parallel searches send scorers to other processes."""
    metric = stepwise(balanced_accuracy_score)
    assert metric.__name__ == "balanced_accuracy_score"
    assert "balanced_accuracy_score" in repr(make_scorer(metric))
    assert pickle.loads(pickle.dumps(metric))([[0, 1]], [[0, 1]]) == 1
    assert "partial" in repr(make_scorer(stepwise(partial(fbeta_score, beta=1))))


class Echo(ClassifierMixin, BaseEstimator):
    """Predicts that every step repeats its input."""

    def fit(self, X, y):
        """Learn nothing."""
        self.classes_ = np.unique(np.concatenate(y))
        return self

    def predict(self, X):
        """Return the steps themselves."""
        return objects(list(X))


def test_scorers_work_in_cross_validation():
    """Predefined and custom scorers work together on ragged targets."""
    y = [np.array(["O", "B-x", "I-x"]), np.array(["B-y"]), np.array(["O", "O"]), np.array(["B-x"])]
    scoring = {
        "accuracy": step_accuracy_scorer,
        "f1": step_f1_scorer,
        "span": span_f1_scorer,
        "balanced": make_scorer(stepwise(balanced_accuracy_score)),
    }
    scores = cross_validate(Echo(), y, y, cv=KFold(2), scoring=scoring)
    for name in scoring:
        np.testing.assert_array_equal(scores[f"test_{name}"], 1)


def test_error_scorers_are_negative():
    """Greater is better, as in scikit-learn."""
    X, y = [np.array([1.0, 2.0]), np.array([3.0])], [np.array([1.0, 4.0]), np.array([3.0])]
    echo = Echo().fit(X, y)
    assert neg_step_mean_squared_error_scorer(echo, X, y) == pytest.approx(-4 / 3)
    assert neg_step_mean_absolute_error_scorer(echo, X, y) == pytest.approx(-2 / 3)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "weight", "message"),
    [
        ([[1], [1]], [[1]], None, r"y_true has 2 sequences, y_pred has 1; pass the same"),
        ([[1], [1, 2]], [[1], [1]], None, r"Sequence 1 has 2 steps in y_true and 1 in y_pred"),
        ([[None], [np.nan]], [[1], [1]], None, r"y_true has no labelled step"),
        ([1, 2], [[1], [1]], None, r"y_true must hold one array of steps .* got 1 as sequence 0"),
        ([[1], [1]], ["a", "b"], None, r"y_pred must hold .* got 'a' as sequence 0"),
        ("ab", [["a"], ["b"]], None, r"y_true must hold .* got 'ab'. Pass a list of arrays"),
        ([[1]], 3, None, r"y_pred must hold one array of steps per sequence; got 3"),
        ([["a"], [1]], [["a"], ["b"]], None, r"y_true mixes text and numbers"),
        ([[1], [2]], [np.array(["1"]), np.array([2])], None, r"y_pred mixes text and numbers"),
        ([[1], [1]], [[1], [1]], [1], r"sample_weight has shape \(1,\); expected \(2,\), one"),
    ],
)
def test_step_scores_refuse_mismatched_arguments(y_true, y_pred, weight, message):
    """The error names the sequence."""
    with pytest.raises(ValueError, match=message):
        step_accuracy_score(y_true, y_pred, sample_weight=weight)


# Spans

TAGS = ["O", "B-x", "I-x", "B-y", "I-y"]


def conlleval_spans(tags):
    """Return the spans by the rule of the CoNLL script, which looks at pairs of neighbours."""
    spans, start = set(), None
    for i, (before, tag) in enumerate(zip(["O", *tags], [*tags, "O"], strict=True)):
        ends = before != "O" and (tag == "O" or tag[0] == "B" or tag[2:] != before[2:])
        begins = tag != "O" and (before == "O" or tag[0] == "B" or tag[2:] != before[2:])
        if ends:
            spans.add((before[2:], start, i))
        if begins:
            start = i
    return spans


@given(
    st.lists(st.lists(st.tuples(*[st.sampled_from(TAGS)] * 2), min_size=1, max_size=8), min_size=1)
)
def test_span_f1_equals_the_rule_of_neighbours(pairs):
    """Spans read in one pass are those of the CoNLL script."""
    true = [[t for t, _ in sequence] for sequence in pairs]
    predicted = [[p for _, p in sequence] for sequence in pairs]
    ours, theirs = ([conlleval_spans(tags) for tags in y] for y in (true, predicted))
    n_found = sum(len(a & b) for a, b in zip(ours, theirs, strict=True))
    n_spans = sum(map(len, ours + theirs))
    assert span_f1_score(true, predicted) == (2 * n_found / n_spans if n_spans else 0)


@pytest.mark.parametrize(
    ("true", "predicted", "score"),
    [
        ("B-x I-x O", "B-x I-x O", 1),
        ("B-x I-x O", "I-x I-x O", 1),  # I after O begins a span
        ("B-x B-x", "B-x I-x", 0),  # two spans are not one
        ("B-x I-y", "B-x B-y", 1),  # another type begins a span
        ("B-x I-x", "B-x O", 0),  # a part is not a span
        ("B-x I-x", "B-y I-y", 0),
        ("B-x O B-y", "B-x O O", 2 / 3),
        ("B-x-y", "B-x-y", 1),  # a type may hold a dash
        ("B I O", "B I O", 1),  # or be missing
        ("O O", "O B-x", 0),
    ],
)
def test_span_f1_by_hand(true, predicted, score):
    """Edge cases have the expected score."""
    assert span_f1_score([true.split()], [predicted.split()]) == pytest.approx(score)


def test_spans_do_not_reach_into_the_next_sequence():
    """The end of a sequence ends its spans."""
    assert span_f1_score([["O", "B-x"], ["I-x"]], [["O", "B-x"], ["B-x"]]) == 1


def test_span_f1_without_spans():
    """Without true or predicted spans, the score is the requested one."""
    assert span_f1_score([["O"]], [["O"]]) == 0
    assert span_f1_score([["O"]], [["O"]], zero_division=1.0) == 1


def test_unlabelled_steps_are_outside_of_spans():
    """Predictions at unlabelled steps do not count."""
    assert span_f1_score([["B-x", None, np.nan]], [["B-x", "B-y", "I-x"]]) == 1


@pytest.mark.parametrize("tag", ["E-x", "x", "O-x", ""])
def test_other_tags_are_refused(tag):
    """The error names the tag."""
    with pytest.raises(ValueError, match=f'\'{tag}\' is not an IOB tag; expected "O", "B-type"'):
        span_f1_score([["O"]], [[tag]])


# Forecasts


@given(
    seed=st.integers(0, 1000),
    season=st.integers(1, 4),
    scale=st.floats(0.01, 100),
    shift=st.floats(-100, 100),
)
def test_scaled_error_has_no_unit(seed, season, scale, shift):
    """Units and origin of the series do not matter."""
    train, true, predicted = np.random.default_rng(seed).normal(size=(3, 12))
    options = {"season_length": season}
    one = mean_absolute_scaled_error(true, predicted, y_train=train, **options)
    train, true, predicted = (scale * values + shift for values in (train, true, predicted))
    assert mean_absolute_scaled_error(true, predicted, y_train=train, **options) == pytest.approx(
        one
    )


@pytest.mark.parametrize("season", [1, 2, 5])
def test_naive_forecast_has_error_one_in_training(season):
    """The scale is the mean error of repeating the last season."""
    series = np.random.default_rng(0).normal(size=20)
    score = mean_absolute_scaled_error(
        series[season:], series[:-season], y_train=series, season_length=season
    )
    assert score == pytest.approx(1)


def test_scaled_error_of_several_features():
    """Each feature has its own scale, in the row-major order of windows."""
    train = np.array([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]])
    true = np.array([[3.0, 30.0, 4.0, 40.0]])
    predicted = true + np.array([1.0, 10.0, 2.0, 20.0])
    assert mean_absolute_scaled_error(true, predicted, y_train=train) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("true", "predicted", "train", "season", "message"),
    [
        (
            [1, 2],
            [1],
            [1, 2],
            1,
            r"y_true has shape \(2,\), y_pred has \(1,\); pass two non-empty arrays",
        ),
        ([], [], [1, 2], 1, r"pass two non-empty arrays of the same shape"),
        ([1], [1], [1, 2], 2, r"y_train has shape \(2,\); .* more than season_length=2 steps"),
        ([1], [1], np.ones((2, 2, 2)), 1, r"y_train has shape \(2, 2, 2\); expected \(n_steps,\)"),
        ([1], [1], [1, 2], 0, "season_length must be a whole number of at least 1; got 0"),
        ([1], [1], [2, 2, 2], 1, r"naive errors \[0.0\]; .* Use the mean absolute error"),
        ([1], [1], [2, np.nan, 3], 1, r"y_train\[1\] is nan, which has no finite error"),
        ([1.0, np.nan], [1, 2], [1, 2, 3], 1, r"y_true\[1\] is nan, which has no finite error"),
        ([1, 2], [None, 2], [1, 2, 3], 1, r"y_pred\[0\] is nan, which has no finite error"),
        ([1, 2], [1, -np.inf], [1, 2, 3], 1, r"y_pred\[1\] is -inf, .* Pass finite numbers only"),
        ([[1, 2], [3, np.nan]], np.ones((2, 2)), [1, 2, 3], 1, r"y_true\[1\]\[1\] is nan"),
        ([1], [1], [2, np.inf, 3], 1, r"y_train\[1\] is inf"),
        ([1], [1], [[1, 2], [2, 3]], 1, r"y_true has 1 columns, y_train has 2 features; expected"),
    ],
)
def test_scaled_error_refuses_mismatched_arguments(true, predicted, train, season, message):
    """Each error states what was passed and what is expected."""
    with pytest.raises(ValueError, match=message):
        mean_absolute_scaled_error(true, predicted, y_train=train, season_length=season)


# Perplexity


@given(k=st.integers(1, 50), lengths=LENGTHS)
def test_perplexity_of_k_equal_choices_is_k(k, lengths):
    """Among k equally likely steps it is k, for ragged and flat log-likelihoods."""
    ragged = [np.full(n, -np.log(k)) for n in lengths]
    assert perplexity(ragged) == pytest.approx(k)
    assert perplexity(objects(ragged)) == pytest.approx(k)
    assert perplexity(np.concatenate(ragged)) == pytest.approx(k)
    assert perplexity([steps.sum() for steps in ragged], n_steps=lengths) == pytest.approx(k)


def test_perplexity_of_the_impossible_is_infinite():
    """A step of probability 0, or a perplexity too large for a float, is not an error."""
    assert perplexity([-np.inf, 0.0]) == np.inf
    assert perplexity(-1e4) == np.inf


@pytest.mark.parametrize(
    ("values", "n_steps", "message"),
    [
        ([], None, r"log_likelihood has no steps; pass at least one"),
        ([-1.0], [0], r"log_likelihood has no steps"),
        ([-1.0, np.nan], None, r"log_likelihood contains NaN; leave out"),
        ([-1.0], [1, 2], r"n_steps has 2 entries, log_likelihood has 1; expected one"),
        ([-1.0], [-1], r"expected one non-negative whole number of steps per entry"),
        ([-1.0, -1.0], [1.5, 1], r"expected one non-negative whole number of steps per entry"),
        ([-1.0], [np.nan], r"expected one non-negative whole number of steps per entry"),
    ],
)
def test_perplexity_refuses_mismatched_arguments(values, n_steps, message):
    """Each error states what was passed and what is expected."""
    with pytest.raises(ValueError, match=message):
        perplexity(values, n_steps=n_steps)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda: mean_absolute_scaled_error(["a"], [1.0], y_train=[1.0, 2.0]), r"y_true is \['a'"),
        (lambda: mean_absolute_scaled_error([1.0], [{}], y_train=[1.0, 2.0]), r"y_pred is \[{}\]"),
        (lambda: mean_absolute_scaled_error([1.0], [1.0], y_train=slice(3)), "y_train is slice"),
        (
            lambda: perplexity(np.array([1j])),
            r"log_likelihood is array\(\[0\.\+1\.j\]\), which is not",
        ),
        (lambda: perplexity(None), "log_likelihood contains NaN"),
        (lambda: perplexity([[-1.0], ["a"]]), r"log_likelihood\[1\] is \['a'\], which"),
        (lambda: step_mean_squared_error([["a"]], [[1.0]]), "y_true holds 'a', which is"),
        (lambda: step_mean_absolute_error([[1.0]], [["b"]]), "y_pred holds 'b', which is"),
    ],
)
def test_metrics_of_numbers_refuse_others(score, message):
    """What is no number is named with its argument."""
    with pytest.raises(ValueError, match=message):
        score()
