"""Attributions are complete, find what was planted, and are displayed as they are."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.inspection import SaliencyDisplay, attention_weights, saliency
from sksequence.preprocessing import StepTransformer

random = np.random.default_rng(0)
RAGGED = [random.normal(size=(n, 3)) for n in (4, 9, 6, 5, 7, 8, 4, 6)]
WORDS = [["a", "b", "c"], ["b"], ["c", "c", "a", "b"], ["a", "c"]] * 2
MIXED = [
    pd.DataFrame({"kind": list("ab" * n)[:n], "x": random.normal(size=n)}) for n in range(2, 10)
]
CELLS = pd.DataFrame({"x": [list(row[:, 0]) for row in RAGGED], "age": random.normal(size=8)})
LABELS, THREE = np.arange(8) % 2, np.arange(8) % 3
STEPS = [np.arange(len(row)) % 3 for row in RAGGED]
CASES = {
    "ragged": ({}, RAGGED, THREE),
    "two classes": ({}, RAGGED, LABELS),
    "max": ({"pooling": "max"}, RAGGED, THREE),
    "scaled by sequence": ({"scale": "sequence"}, RAGGED, THREE),
    "frames": ({"frame_length": 4, "frame_step": 2}, random.normal(size=(8, 15)), THREE),
    "symbols": ({"n_estimators": 1}, WORDS, THREE),
    "mixed": ({}, MIXED, THREE),
    "mixed frames": ({"frame_length": 3, "frame_step": 2}, MIXED, THREE),
    "static": ({}, CELLS, THREE),
    "several networks": ({"n_estimators": 2, "num_layers": 2}, RAGGED, THREE),
    "per step": ({}, RAGGED, STEPS),
    "labels": ({}, RAGGED, np.tri(3, dtype=int)[THREE]),
}


def fit(X, y, **parameters):
    """Fit a small classifier."""
    small = {"hidden_size": 6, "max_epochs": 8, "random_state": 0}
    return RNNClassifier("gru", **small | parameters).fit(X, y)


@pytest.fixture(scope="module")
def planted():
    """Fit to sequences with a large number at one step of one feature; return it with others."""

    def make(n):
        X = [random.normal(size=(k, 4)) for k in random.integers(20, 40, n)]
        y, steps = random.integers(2, size=n), [int(random.integers(len(x))) for x in X]
        for x, label, step in zip(X, y, steps, strict=True):
            x[step, 2] += 12 * label - 6
        return X, y, steps

    X, y, _ = make(400)
    classifier = RNNClassifier(hidden_size=24, max_epochs=20, pooling="max", random_state=0)
    return classifier.fit(X, y), *make(100)


# Laws


@pytest.mark.parametrize("case", CASES)
def test_integrated_gradients_are_complete(case):
    """Their sum is the difference between the outputs for the sequence and its reference."""
    parameters, X, y = CASES[case]
    result = saliency(fit(X, y, **parameters), X)
    sums = np.array([own.sum() for own in result.attributions])
    sizes = np.array([np.abs(own).sum() for own in result.attributions])
    differences = result.outputs - result.reference_outputs
    # to 1 %, unless they cancel, in one network or in several
    least = sizes / (5 if case == "several networks" else 50)
    assert np.all(np.abs(sums - differences) <= 0.01 * np.maximum(np.abs(differences), least))


@pytest.mark.parametrize("case", [case for case in CASES if case != "several networks"])
def test_outputs_are_those_of_the_predictions(case):
    """The outputs that are explained are scores of the decision function."""
    parameters, X, y = CASES[case]
    classifier = fit(X, y, **parameters)
    scores = classifier.decision_function(X)
    if case == "per step":
        scores = np.stack([steps[-1] for steps in scores])
    label = classifier.classes_[1]
    result = saliency(classifier, X, target=label)
    expected = scores if scores.ndim == 1 else scores[:, 1]
    np.testing.assert_allclose(result.outputs, expected, rtol=1e-4, atol=1e-5)
    assert (result.targets == label).all()


@pytest.mark.parametrize("loss", ["squared_error", "quantile", "gaussian"])
def test_numbers_are_in_units_of_y(loss):
    """The outputs are the predictions, in units of y, of the number that is asked for."""
    y = 100 + 20 * np.column_stack([[row[:, 0].sum() for row in RAGGED], LABELS])
    regressor = RNNRegressor("gru", 6, loss=loss, max_epochs=8, random_state=0).fit(RAGGED, y)
    for number in (0, 1):
        result = saliency(regressor, RAGGED, target=number)
        np.testing.assert_allclose(result.outputs, regressor.predict(RAGGED)[:, number], rtol=1e-5)
    assert (saliency(regressor, RAGGED).targets == 0).all()
    regressor._blueprint = replace(regressor._blueprint, shrinkage=np.array([0.25, 1.0]))
    for number in (0, 1):
        result = saliency(regressor, RAGGED, target=number)
        np.testing.assert_allclose(result.outputs, regressor.predict(RAGGED)[:, number], rtol=1e-5)


@pytest.mark.parametrize("case", ["ragged", "frames", "mixed", "mixed frames", "several networks"])
def test_occlusion_is_a_prediction_without_the_step(case):
    """It is the fall of the output if a number of X is replaced by the mean, one at a time."""
    parameters, X, y = CASES[case]
    X = [np.asarray(x)[:, None] for x in X] if case == "frames" else X
    classifier = fit(X, y, **parameters)
    column = 1 if "mixed" in case else 0
    every = [x.to_numpy() if isinstance(x, pd.DataFrame) else x for x in X]
    mean = np.concatenate([x[:, column] for x in every]).mean()
    result = saliency(classifier, X[2:3], method="occlusion", target=1)
    own = result.attributions[0][:, column]
    without = []
    for step in range(len(own)):
        x = X[2].copy()
        if isinstance(x, pd.DataFrame):
            x.iloc[step, column] = mean
        else:
            x[step, column] = mean
        without.append(saliency(classifier, [x], method="gradients", target=1).outputs[0])
    np.testing.assert_allclose(own, result.outputs[0] - np.array(without), atol=1e-4)


@pytest.mark.parametrize("case", ["ragged", "frames"])
def test_gradients_are_those_of_small_changes(case):
    """The norm of the gradient is the change of the output per standard deviation."""
    parameters, X, y = CASES[case]
    X = [np.asarray(x).reshape(len(x), -1) for x in X]
    classifier = fit(X, y, **parameters)
    std = np.concatenate(X).std(axis=0)
    own = saliency(classifier, X[1:2], method="gradients", target=1).attributions[0]
    for step in (0, 4, 8):
        outputs = []
        for change in (-0.01, 0.01):
            x = X[1].copy()
            x[step, 0] += change * std[0]
            outputs.append(saliency(classifier, [x], method="gradients", target=1).outputs[0])
        np.testing.assert_allclose(own[step, 0], abs(np.diff(outputs)[0]) / 0.02, rtol=0.05)


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_planted_steps_and_features_are_found(planted, method):
    """The largest attribution is at the step and the feature of the label, in 95 %."""
    classifier, X, y, steps = planted
    assert classifier.score(X, y) > 0.95
    found = [
        np.unravel_index(own.argmax(), own.shape)
        for own in saliency(classifier, X, method=method).attributions
    ]
    assert np.mean([place == (step, 2) for place, step in zip(found, steps, strict=True)]) >= 0.95


def test_windows_are_occluded_together(planted):
    """All steps of a window have its value; one window is the whole sequence."""
    classifier, X, _, steps = planted
    result = saliency(classifier, X[:20], method="occlusion", window=5)
    for own, step in zip(result.attributions, steps, strict=False):
        for start in range(0, len(own), 5):
            assert (own[start : start + 5] == own[start]).all()
        assert own.max(axis=1).argmax() // 5 == step // 5


@pytest.mark.parametrize("case", ["ragged", "frames", "symbols"])
def test_attention_is_that_of_the_steps(case):
    """The weights of frames are divided among their steps, and all sum to 1."""
    parameters, X, y = CASES[case]
    classifier = fit(X, y, pooling="attention", **parameters)
    result, weights = saliency(classifier, X, method="attention"), attention_weights(classifier, X)
    for own, rows, x in zip(result.attributions, weights, X, strict=True):
        assert own.shape == (len(x), 1)
        np.testing.assert_allclose(own.sum(), 1, rtol=1e-5)
        if case != "frames":
            np.testing.assert_allclose(own[:, 0], rows)


def test_features_are_in_the_order_of_X():
    """Numbers and categories have their columns and names."""
    classifier = fit(MIXED, THREE)
    result = saliency(classifier, MIXED)
    assert result.feature_names == ["kind", "x"]
    same = [frame.assign(x=frame["x"].mean()) for frame in MIXED]
    mean = np.concatenate([frame["x"] for frame in MIXED]).mean()
    level = [frame.assign(x=mean) for frame in same]
    for own in saliency(classifier, level).attributions:
        np.testing.assert_allclose(own[:, 1], 0, atol=1e-6)
        assert np.abs(own[:, 0]).max() > 1e-4


# Displays


def test_pictures_are_the_attributions(plt):
    """Each picture has a row per feature, and a symmetrical scale."""
    pipeline = make_pipeline(StepTransformer(StandardScaler()), fit(RAGGED, LABELS))
    pipeline.fit(RAGGED, LABELS)
    display = SaliencyDisplay.from_estimator(pipeline, RAGGED)
    expected = saliency(pipeline, RAGGED)
    limit = max(np.abs(own).max() for own in expected.attributions)
    for i, image in enumerate(display.images_):
        np.testing.assert_array_equal(image.get_array(), expected.attributions[i].T)
        assert image.get_clim() == (-limit, limit)
        assert display.axes_[i].get_title() == f"Sequence {i}: {expected.targets[i]}"
    display.figure_.draw_without_rendering()


def drawn_steps(image, row):
    """Return the steps at the pixels of one row of a picture, and their redness."""
    axes = image.axes
    pixels = np.asarray(axes.figure.canvas.buffer_rgba()).astype(int)
    box = axes.get_window_extent()
    columns = np.arange(int(np.ceil(box.x0)) + 1, int(box.x1) - 1)
    height = axes.transData.transform((0, row))[1]
    colors = pixels[len(pixels) - round(height), columns]
    x = axes.transData.inverted().transform(np.c_[columns + 0.5, np.full(len(columns), height)])
    return x[:, 0], colors[:, 0] - colors[:, 2]


@pytest.mark.parametrize("n_steps", [300, 1_500, 20_000])
def test_no_step_is_lost_when_it_is_drawn(plt, n_steps):
    """Single steps of either sign are drawn at their places, however many there are."""
    steps = np.linspace(0.1 * n_steps, 0.9 * n_steps, 7).astype(int)
    own = np.zeros((n_steps, 2))
    own[steps, 1] = np.where(np.arange(7) % 2, -1.0, 1.0)
    single = SaliencyDisplay([own]).plot()
    grid = SaliencyDisplay([own[:5], *[own] * 3]).plot()
    single.figure_.canvas.draw()
    grid.figure_.canvas.draw()
    for image in [*single.images_, *grid.images_[1:]]:
        x, redness = drawn_steps(image, 1)
        width = 1.5 * n_steps / len(x) + 0.5
        for step in steps:
            found = redness[np.abs(x - step) <= width]
            assert (found.max() if own[step, 1] > 0 else -found.min()) > 100
        assert np.abs(drawn_steps(image, 0)[1]).max() < 20
    assert grid.images_[0].get_array().shape == (2, 5)
    assert [ax.get_xlabel() for ax in grid.axes_] == ["", "", "Step", "Step"]


def test_steps_are_whole_numbers(plt):
    """A single step is labelled 0, not by fractions."""
    display = SaliencyDisplay([np.ones((1, 2))]).plot()
    display.figure_.draw_without_rendering()
    low, high = display.axes_[0].get_xlim()
    assert [tick for tick in display.axes_[0].get_xticks() if low <= tick <= high] == [0]


def test_scale_begins_at_0_if_nothing_is_negative(plt):
    """Attention has no sign."""
    classifier = fit(RAGGED, LABELS, pooling="attention")
    display = SaliencyDisplay.from_estimator(classifier, RAGGED[:1], method="attention")
    assert display.images_[0].get_clim()[0] == 0
    assert display.axes_[0].get_title() == "Sequence 0"
    _, axes = plt.subplots(2)
    assert display.plot(axes[1]).axes_.tolist() == [axes[1]]
    with pytest.raises(ValueError, match=r"ax holds 2 Axes; 1 sequences need 1. Pass as many"):
        display.plot(axes)


def test_texts_are_coloured():
    """Symbols keep their order; titles are the attributions, and labels are escaped."""
    texts, labels = ["good <b>", "very good", "bad", "very bad"] * 4, ["<+>", "<+>", "-", "-"] * 4
    classifier = fit(texts, labels, analyzer="word")
    display = SaliencyDisplay.from_estimator(classifier, texts[:2], target="<+>")
    page, own = display.html(), saliency(classifier, texts[:2], target="<+>").attributions
    assert display._repr_html_() == page
    assert "Sequence 0: &lt;+&gt;" in page
    assert re.findall(r'title="([^"]*)"', page) == [f"{x:.3g}" for x in np.concatenate(own).ravel()]
    shown = re.sub(r"\x1b\[[0-9;]*m", "", display.text())
    assert shown == "Sequence 0: <+>\ngood <b>\n\nSequence 1: <+>\nvery good"
    strongest = np.concatenate(own).max() == np.abs(np.concatenate(own)).max()
    assert ("230, 85, 13, 0.80" in page) == strongest
    with pytest.raises(ValueError, match=r"sequences of this display are numbers, .* Use plot"):
        SaliencyDisplay(own).text()


# Errors


def test_parameters_are_checked():
    """The errors state what is possible."""
    classifier = fit(RAGGED, THREE)
    with pytest.raises(ValueError, match=r"method must be one of \['integrated_.* got 'lime'"):
        saliency(classifier, RAGGED, method="lime")
    with pytest.raises(ValueError, match=r"window must be a whole number of at least 1; got 0"):
        saliency(classifier, RAGGED, window=0)
    with pytest.raises(ValueError, match=r"target must be one of the labels \[0, 1, 2\], .* got 7"):
        saliency(classifier, RAGGED, target=7)
    with pytest.raises(ValueError, match=r"or one for each of the 8 sequences; got \[0, 1\]"):
        saliency(classifier, RAGGED, target=[0, 1])
    regressor = RNNRegressor("gru", 6, max_epochs=1).fit(RAGGED, THREE)
    with pytest.raises(ValueError, match=r"position of a predicted number, from 0 to 0; got 1"):
        saliency(regressor, RAGGED, target=1)
    with pytest.raises(ValueError, match=r'saliency with method="attention" needs .* pooling='):
        saliency(regressor, RAGGED, method="attention")


def test_generators_are_refused():
    """The error names what there is for them."""
    generator = SequenceGenerator("gru", 6, max_epochs=1).fit(["abc", "cba"])
    with pytest.raises(TypeError, match=r"got a SequenceGenerator. .* GenerationDisplay"):
        saliency(generator, ["abc"])
