"""Displays show the numbers of the estimator, and texts completely and safely."""

import re
import sys
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sksequence import RNNClassifier, SequenceGenerator
from sksequence.inspection import ForecastDisplay, GenerationDisplay, LossCurveDisplay
from sksequence.metrics import perplexity

TEXTS = ["to be or not to be", "that is the question:\nwhether <b>", "'tis & nobler"] * 4
END = "∎"


def fit(X=TEXTS, y=None, **parameters):
    """Fit a small generator."""
    parameters = {"hidden_size": 8, "max_epochs": 2, "random_state": 0} | parameters
    return SequenceGenerator("gru", **parameters).fit(X, y)


@pytest.fixture(scope="module")
def generator():
    """Fit on several texts, whose ends are learnt."""
    return fit()


class Reader(HTMLParser):
    """Collect the text and the titles of each block of an HTML page."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.titles, self.tags = [], [], set()
        self.reading = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Begin a block; note the title of a symbol."""
        self.tags.add(tag)
        if tag == "pre":
            self.reading = True
            self.texts.append("")
            self.titles.append([])
        elif self.reading:
            self.titles[-1].append(dict(attrs)["title"])

    def handle_endtag(self, tag):
        """End a block."""
        self.reading = self.reading and tag != "pre"

    def handle_data(self, data):
        """Collect what a browser would show."""
        if self.reading:
            self.texts[-1] += data


def plain(text):
    """Return what a terminal would show."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def show(symbols, steps=None, **parameters):
    """Display one sequence whose steps are equally surprising, or as given."""
    steps = [-1.0] * len(symbols) if steps is None else steps
    return GenerationDisplay([symbols], [steps], **{"max_surprise": 3.0} | parameters)


# Laws


@pytest.mark.parametrize("analyzer", ["char", "word"])
@pytest.mark.parametrize("X", [TEXTS, TEXTS[1:2]], ids=["documents", "text"])
def test_symbols_are_the_texts(analyzer, X):
    """The symbols joined are the text of the page, with an end mark if ends are learnt."""
    texts = [*TEXTS, "unseen ♥", *[""] * (len(X) > 1)]
    display = GenerationDisplay.from_estimator(fit(X, analyzer=analyzer), texts)
    assert ["".join(symbols) for symbols in display.symbols] == texts
    end = END if len(X) > 1 else ""
    assert Reader(display.html()).texts == [text + end for text in texts]


def test_log_likelihoods_are_those_of_the_estimator(generator):
    """Numbers, titles and perplexities come from score_steps."""
    display = GenerationDisplay.from_estimator(generator, TEXTS[:3], n_expected=0)
    steps = generator.score_steps(TEXTS[:3])
    for shown, expected in zip(display.log_likelihoods, steps, strict=True):
        np.testing.assert_array_equal(shown, expected)
    titles = [[f"{-x:.3f} nats, p = {np.exp(x):.3g}" for x in row] for row in steps]
    assert Reader(display.html()).titles == titles
    np.testing.assert_allclose(display.perplexities, [perplexity(row) for row in steps])


def test_expected_symbols_are_the_top_choices(generator):
    """Those of each step follow from the text before it, and are shown instead of surprises."""
    display = GenerationDisplay.from_estimator(generator, TEXTS[:2], n_expected=2)
    for text, steps in zip(TEXTS, display.expected, strict=False):
        assert len(steps) == len(text) + 1
        for i in (0, 5, len(text)):
            choices = generator.top_choices(text[:i], 2)
            assert [symbol for symbol, _ in steps[i]] == [s or END for s, _ in choices]
            np.testing.assert_allclose([p for _, p in steps[i]], [p for _, p in choices], rtol=1e-4)
    symbol, p = display.expected[0][5][0]
    assert f"expected: {symbol!r} {p:.2f}" in Reader(display.html()).titles[0][5]
    worst = int(np.argmin(display.log_likelihoods[0]))
    assert f"\nstep {worst}: " in display.text(color=False).split("\n\n")[1]
    assert repr(display) == display.text(color=False)


def test_expected_symbols_depend_on_the_label():
    """Those of a conditional generator need one."""
    generator = fit(TEXTS, conditional=True, y=[0, 1, 1] * 4)
    assert GenerationDisplay.from_estimator(generator, TEXTS[:3]).expected is None
    assert GenerationDisplay.from_estimator(generator, TEXTS[:3], [0, 1, 1]).expected is not None


def test_symbols_that_were_expected_are_not_listed():
    """The list has surprises only, the largest first, without control characters."""
    expected = [[("a", 0.9)], [("\n", 0.8), ("c", 0.1)]]
    display = GenerationDisplay(["ab"], [[-0.1, -3.0]], max_surprise=1.0, expected=[expected])
    listed = display.text(color=False).splitlines()[-1]
    assert listed == "step 1: 'b' 0.05, expected '↵' 0.80, 'c' 0.10"


@pytest.mark.parametrize("y", [None, [1, 0, 1]])
def test_labels_are_passed_on(y):
    """The surprise of a conditional generator depends on the label."""
    X, labels = TEXTS[:3] * 4, [0, 1, 1] * 4
    parameters = {"hidden_size": 8, "max_epochs": 4, "conditional": True, "random_state": 0}
    generator = SequenceGenerator("gru", **parameters).fit(X, labels)
    display = GenerationDisplay.from_estimator(generator, X[:3], y)
    for shown, expected in zip(
        display.log_likelihoods, generator.score_steps(X[:3], y), strict=True
    ):
        np.testing.assert_array_equal(shown, expected)
    assert Reader(display.html()).texts == [text + END for text in X[:3]]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_text_survives_html_and_terminal(text):
    """Escaped and coloured, every printable text can be read again."""
    display = show(list(text), -np.linspace(0, 4, len(text)))
    assert Reader(display.html()).texts == [text]
    assert plain(display.text()).split("\n", 3)[3] == text


@given(st.text(max_size=20), st.booleans())
def test_control_characters_are_replaced(text, color):
    """No control character of a text reaches the terminal or the page."""
    display = show(list(text), [-1.0] * (len(text) + 1))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", plain(display.text(color=color)))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", display.html())
    display.html().encode()
    assert Reader(display.html()).tags == {"div", "p", "pre", "span"}


@given(st.lists(st.text("a \n", max_size=4), min_size=1), st.sampled_from(["", " "]))
def test_every_symbol_has_its_digit(symbols, separator):
    """Lines of digits are below lines of text; every symbol but an empty one has a digit."""
    display = show(symbols, separator=separator)
    lines = display.text(color=False).splitlines()[3:]
    shown = separator.join(symbols).replace("\n", "↵\n").split("\n")
    assert lines[::2] == [line for line in shown if line]
    digits = "".join(lines[1::2]).replace(" ", "")
    assert digits == "3" * sum(map(bool, symbols))


def test_perplexity_by_position_is_over_the_sequences_that_reach_it():
    """Each position has the mean of the sequences that are long enough."""
    display = GenerationDisplay(
        ["ab", "c"], [np.log([1 / 2, 1 / 4]), np.log([1 / 8])], max_surprise=1.0
    )
    np.testing.assert_allclose(display.perplexity_by_position, [4, 4])
    np.testing.assert_allclose(display.perplexities, [8**0.5, 8])


def test_positions_of_one_sequence_multiply_to_its_likelihood(generator):
    """The perplexities by position are those of its steps."""
    display = GenerationDisplay.from_estimator(generator, TEXTS[:1])
    logs = -np.log(display.perplexity_by_position)
    np.testing.assert_allclose(logs.sum(), generator.score_samples(TEXTS[:1])[0])


# Examples


def test_colours_grow_with_surprise():
    """Colours range from none to the strongest one, which all larger surprises have."""
    page = show("abcd", [0.0, -1.5, -3.0, -99.0]).html().split("<pre", 1)[1]
    assert re.findall(r"rgba\(.*?, ([0-9.]+)\)", page) == ["0.00", "0.40", "0.80", "0.80"]
    text = show("abcd", [0.0, -1.5, -3.0, -np.inf]).text().splitlines()[3]
    assert text[0] == "a"
    assert re.findall(r"48;5;(\d+)m(.)", text) == [("216", "b"), ("202", "c"), ("202", "d")]


def test_digits_stand_below_the_symbols():
    """Without colours a second line counts tenths; a line break has a sign of its own."""
    display = show(["to", " be", "\n", "or"], [-0.1, -1.0, -9.0, -2.0, -1.6])
    assert display.text(color=False).splitlines()[2:] == [
        "Sequence 0: 5 steps, perplexity 15.5",
        "to be↵",
        "0  3 9",
        "or∎",
        "6 5",
    ]


def test_white_space_alone_has_a_digit():
    """A symbol of blanks shows its surprise below the first of them."""
    assert show(["  ", "a"], [-3.0, 0.0]).text(color=False).splitlines()[3:] == ["  a", "9 0"]


def test_wide_characters_take_two_cells():
    """Digits stay below their symbols in scripts whose characters are twice as wide."""
    assert show("漢a字", [0.0, -1.0, -3.0]).text(color=False).splitlines()[4] == "0 39"


def test_colours_end_with_the_line():
    """A background does not run over a line break, which is coloured by its sign."""
    assert "m↵\x1b[0m\n" in show("\n", [-3.0]).text()
    assert "padding-left" in show("\n", [-3.0]).html()


@pytest.mark.parametrize(
    ("X", "shown"),
    [
        ([["a", "b", "a"], ["b", "<i>"]] * 3, "a b a ∎"),
        (np.array([[1, 2, 1], [2, 1, 2]] * 3), "1 2 1 ∎"),
    ],
    ids=["tokens", "integers"],
)
def test_tokens_stand_apart(X, shown):
    """Symbols that are not from a text are kept, and separated by blanks."""
    display = GenerationDisplay.from_estimator(fit(X), X)
    assert list(display.symbols[0]) == list(X[0])
    assert Reader(display.html()).texts[0] == shown


@pytest.mark.parametrize(
    "column",
    [np.array([["b"], ["aa"]]), np.array([["b"], ["aa"]], dtype=object)],
    ids=["str", "object"],
)
def test_a_column_of_tokens_is_read_as_the_estimator_does(column):
    """Rows are single tokens if the estimator learnt tokens, and texts if it learnt texts."""
    tokens = GenerationDisplay.from_estimator(fit([["b", "aa"], ["aa"]] * 3), column)
    assert tokens.symbols == [["b"], ["aa"]]
    assert GenerationDisplay.from_estimator(fit(["baa", "aab"] * 3), column).symbols[1] == [
        "a",
        "a",
    ]


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"text": ["to be", "be"]}), pl.DataFrame({"text": ["to be", "be"]})]
)
def test_one_column_holds_texts(generator, frame):
    """A frame with one column of strings is a list of texts, and a missing one has its place."""
    display = GenerationDisplay.from_estimator(generator, frame)
    assert ["".join(symbols) for symbols in display.symbols] == ["to be", "be"]
    for missing in (pd.DataFrame({"text": ["to be", None]}), ["to be", np.nan]):
        with pytest.raises(ValueError, match="sequence 1 is missing"):
            GenerationDisplay.from_estimator(generator, missing)


def test_pieces_of_a_callable_stand_apart():
    """The symbols of a callable analyzer are separated by blanks."""
    generator = fit(analyzer=str.split)
    page = GenerationDisplay.from_estimator(generator, ["to  be"]).html()
    assert Reader(page).texts == ["to be ∎"]


def test_strongest_colour_is_a_blind_guess(generator):
    """Unless it is given, the scale ends at the surprise of equally likely symbols."""
    n_symbols = len(generator.vocabulary_) + 1
    display = GenerationDisplay.from_estimator(generator, TEXTS[:1])
    assert display.max_surprise == pytest.approx(np.log(n_symbols))
    assert f"{np.log(n_symbols):.1f}" in display.html()
    display = GenerationDisplay.from_estimator(generator, TEXTS[:1], max_surprise=2.0)
    assert display.max_surprise == 2.0


def test_notebooks_show_the_page(generator):
    """The representation is the page, without scripts."""
    display = GenerationDisplay.from_estimator(generator, TEXTS[:1])
    assert display._repr_html_() == display.html()


# Plots


@pytest.mark.parametrize("show_gradient_norm", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_curves_are_those_of_the_estimator(plt, early_stopping, show_gradient_norm):
    """Each curve is drawn over the epochs, from 1 on."""
    model = fit(early_stopping=early_stopping, tbptt_steps=None)
    display = LossCurveDisplay.from_estimator(model, show_gradient_norm=show_gradient_norm)
    curves = [model.loss_curve_]
    if early_stopping:
        curves.append(model.validation_curve_)
    if show_gradient_norm:
        curves.append(model.gradient_norm_curve_)
    assert len(display.lines_) == len(curves)
    for line, curve in zip(display.lines_, curves, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, model.n_iter_ + 1))
        np.testing.assert_array_equal(line.get_ydata(), curve)
    assert (display.gradient_ax_ is not None) == show_gradient_norm
    display.figure_.draw_without_rendering()


def test_models_share_axes(plt):
    """Each has a colour and a name; axes on the right are shared; the best epoch is marked."""
    first = fit(early_stopping=True, n_iter_no_change=1, max_epochs=5)
    second = fit(lr_schedule=None, max_epochs=3)
    options = {"show_gradient_norm": True, "show_learning_rate": True}
    display = LossCurveDisplay.from_estimator(first, name="a", **options)
    other = LossCurveDisplay.from_estimator(second, name="b", ax=display.ax_, **options)
    assert other.gradient_ax_ is display.gradient_ax_
    assert other.learning_rate_ax_ is display.learning_rate_ax_
    assert len({line.get_color() for line in display.lines_}) == 1
    assert display.lines_[0].get_color() != other.lines_[0].get_color()
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts[:2] == ["a: training loss", "a: validation loss"]
    assert {"b: training loss", "a: learning rate", "b: gradient norm"} <= set(texts)
    best = int(np.argmin(first.validation_curve_))
    assert display.best_.get_xdata() == [best + 1]
    assert display.best_.get_ydata() == [first.best_loss_]
    assert other.best_ is None
    display.figure_.draw_without_rendering()


def test_learning_rates_are_those_of_the_optimizer(plt):
    """The curve agrees with what a callback sees in the middle of each epoch."""
    rates = []

    class Recorder(Callback):
        def on_batch_end(self, net, **_):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    model = fit(TEXTS * 5, callbacks=[Recorder()], batch_size=4, max_epochs=6)
    display = LossCurveDisplay.from_estimator(model, show_learning_rate=True)
    by_epoch = np.reshape(rates, (6, -1))
    shown = display.lines_[-1].get_ydata()
    assert np.all(shown >= by_epoch.min(axis=1) * 0.999)
    assert np.all(shown <= by_epoch.max(axis=1) * 1.001)
    constant = fit(lr_schedule=None, learning_rate=0.02)
    display = LossCurveDisplay.from_estimator(constant, show_learning_rate=True)
    np.testing.assert_array_equal(display.lines_[-1].get_ydata(), [0.02, 0.02])


def test_losses_on_a_logarithmic_axis(plt):
    """Losses that are not positive have no logarithm, which is an error."""
    assert LossCurveDisplay([2.0, 1.0]).plot(log_scale=True).ax_.get_yscale() == "log"
    with pytest.raises(ValueError, match=r"needs positive losses, but one is -1: .* Set log_scale"):
        LossCurveDisplay([2.0, -1.0]).plot(log_scale=True)


def test_axes_can_be_given(plt):
    """A display draws into given axes, and again into others."""
    figure, (left, right) = plt.subplots(1, 2)
    display = LossCurveDisplay.from_estimator(fit(), ax=left)
    assert display.ax_ is left
    assert display.plot(right) is display
    assert display.ax_ is right
    assert display.figure_ is figure
    assert display.lines_[0].axes is right


@pytest.mark.parametrize("n_features", [1, 2])
def test_forecasts_are_those_of_the_estimator(plt, n_features):
    """History, mean and bands are drawn on separate axes for each feature of each series."""
    random = np.random.default_rng(0)
    X = [random.normal(size=(n_steps, n_features)) for n_steps in (5, 7, 6)]
    model, quantiles = fit(X), (0.9, 0.5, 0.05, 0.95, 0.1)
    options = {"n_samples": 20, "quantiles": quantiles, "random_state": 0}
    expected = model.forecast(X, 4, **options)
    display = ForecastDisplay.from_estimator(model, X, 4, **options)
    assert display.axes_.shape == (3, n_features)
    mean = expected.mean.reshape(3, 4, n_features)
    bounds = expected.quantiles.reshape(5, 3, 4, n_features)
    for k, (i, feature) in enumerate(np.ndindex(3, n_features)):
        past, future, middle = display.axes_[i, feature].lines
        np.testing.assert_array_equal(past.get_ydata(), X[i][:, feature])
        assert future is display.lines_[k]
        np.testing.assert_array_equal(future.get_xdata(), len(X[i]) + np.arange(4))
        np.testing.assert_array_equal(future.get_ydata(), mean[i, :, feature])
        np.testing.assert_array_equal(middle.get_ydata(), bounds[1, i, :, feature])
        for band, low, high in zip(display.bands_[2 * k : 2 * k + 2], (2, 4), (3, 0), strict=True):
            heights = band.get_paths()[0].vertices[:, 1]
            assert set(bounds[[low, high], i, :, feature].ravel()) == set(heights)
    assert [band.get_label() for band in display.bands_[:2]] == ["5 % to 95 %", "10 % to 90 %"]
    display.figure_.draw_without_rendering()


def test_wide_bands_are_lighter_than_narrow_ones(plt):
    """They can be told apart where they overlap."""
    quantiles = np.arange(7.0)[:, None, None] * np.ones((7, 1, 4))
    levels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
    display = ForecastDisplay.from_predictions(
        [np.zeros(9)], np.full((1, 4), 3.0), quantiles=quantiles, levels=levels
    )
    heights = [np.ptp(band.get_paths()[0].vertices[:, 1]) for band in display.bands_]
    assert heights == [6, 4, 2]
    alphas = [band.get_alpha() for band in display.bands_]
    assert alphas == sorted(set(alphas))


def test_actual_values_names_and_a_part_of_the_history(plt):
    """They are drawn where they belong, for each feature."""
    random = np.random.default_rng(0)
    history, mean = [random.normal(size=(n, 2)) for n in (60, 8)], random.normal(size=(2, 5, 2))
    actuals = random.normal(size=(2, 3, 2))
    options = {"actuals": actuals, "names": ["north", "south"], "feature_names": ["x", "y"]}
    display = ForecastDisplay.from_predictions(history, mean, n_history=20, **options)
    for (i, feature), ax in np.ndenumerate(display.axes_):
        past, future, actual = ax.lines
        np.testing.assert_array_equal(past.get_ydata(), history[i][-20:, feature])
        np.testing.assert_array_equal(past.get_xdata(), np.arange(len(history[i]))[-20:])
        np.testing.assert_array_equal(future.get_xdata(), len(history[i]) + np.arange(5))
        np.testing.assert_array_equal(actual.get_ydata(), actuals[i, :, feature])
        np.testing.assert_array_equal(actual.get_xdata(), len(history[i]) + np.arange(3))
        assert ax.get_ylabel() == f"{('north', 'south')[i]}, {'xy'[feature]}"
    assert display.bands_ == []
    assert (
        len(ForecastDisplay.from_predictions(history, mean).axes_[0, 0].lines[0].get_ydata()) == 50
    )


def test_twelve_series_are_a_grid(plt):
    """Axes keep the order of the series; there are no spare ones."""
    display = ForecastDisplay.from_predictions(list(np.zeros((11, 4))), np.ones((11, 2)))
    assert display.axes_.shape == (11, 1)
    assert len(display.figure_.axes) == 11
    assert len({ax.get_subplotspec().colspan.start for ax in display.figure_.axes}) == 3


def test_many_features_have_room(plt):
    """Those of one series are a grid, and those of several are columns that are not narrow."""
    for n_sequences, n_columns in ((1, 2), (2, 7)):
        history, mean = list(np.zeros((n_sequences, 4, 7))), np.ones((n_sequences, 2, 7))
        display = ForecastDisplay.from_predictions(history, mean)
        assert display.axes_.shape == (n_sequences, 7)
        places = {ax.get_subplotspec().colspan.start for ax in display.figure_.axes}
        assert len(places) == n_columns
        assert display.figure_.get_size_inches()[0] >= 2.4 * n_columns


@pytest.mark.parametrize("index", ["dates", "periods", "time zone"])
def test_forecasts_have_the_dates_of_pandas(plt, index):
    """Dates follow those of each series, and its name is the label."""
    months = pd.date_range("2020-01-01", periods=20, freq="MS")
    values = np.random.default_rng(0).normal(size=(2, 20))
    X = [pd.Series(row, index=months, name=name) for row, name in zip(values, "ab", strict=True)]
    given = [series.to_period("M") for series in X] if index == "periods" else X
    if index == "time zone":
        given = [series.tz_localize("Europe/Berlin") for series in X]
    display = ForecastDisplay.from_estimator(fit(X), given, 3, n_samples=5, random_state=0)
    past, future = display.axes_[1, 0].lines
    assert list(pd.DatetimeIndex(past.get_xdata())) == list(months)
    expected = pd.date_range("2021-09-01", periods=3, freq="MS")
    assert list(pd.DatetimeIndex(future.get_xdata())) == list(expected)
    assert display.axes_[1, 0].get_ylabel() == "b"
    display.figure_.draw_without_rendering()


def test_features_that_are_known_are_not_drawn(plt):
    """The history has the features that are forecast."""
    random = np.random.default_rng(0)
    X = random.normal(size=(3, 12, 2))
    model = fit(X, known_columns=[0])
    display = ForecastDisplay.from_estimator(
        model, X, 4, future=random.normal(size=(3, 4, 1)), random_state=0
    )
    assert display.axes_.shape == (3, 1)
    np.testing.assert_array_equal(display.axes_[2, 0].lines[0].get_ydata(), X[2, :, 1])


def test_parts_of_a_forecast_must_match(plt):
    """The errors state the shapes."""
    history, mean = [np.zeros(4)], np.zeros((1, 3))
    with pytest.raises(
        ValueError, match=r"quantiles has shape \(2, 1, 3, 1\); 1 levels and a mean"
    ):
        ForecastDisplay.from_predictions(history, mean, quantiles=np.zeros((2, 1, 3)), levels=[0.5])
    for other in (np.zeros(3), np.zeros((2, 3))):
        with pytest.raises(ValueError, match=r"for a history of 1 series; expected \(1, horizon\)"):
            ForecastDisplay.from_predictions(history, other)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({"actuals": np.zeros((2, 4))}, ValueError, r"actuals\[0\] has shape \(4, 1\); .* 3 steps"),
        ({"actuals": np.zeros((1, 3))}, ValueError, r"actuals holds 1 series; the forecast has 2"),
        ({"actuals": [[0.0], ["x"]]}, TypeError, r"actuals\[1\] must be an array of numbers; got"),
        ({"quantiles": np.zeros((2, 2, 3))}, ValueError, r"quantiles has shape .* levels is empty"),
        ({"levels": [0.1, 0.9]}, ValueError, r"levels has 2 entries, but there are no quantiles"),
        ({"levels": [10, 90]}, ValueError, r"levels must be .* between 0 and 1.* got \[10, 90\]"),
        ({"levels": 0.5}, ValueError, r"levels must be a list of numbers .* got 0\.5"),
        ({"names": ["a"]}, ValueError, r"names must be a list of 2, one .* per sequence; got 1"),
        ({"names": "ab"}, ValueError, r"names must be a list of 2, .* got 'ab'\. None numbers"),
        ({"feature_names": "ab"}, ValueError, r"feature_names must be a list of 1, one name per f"),
        ({"dates": [np.arange(7)]}, ValueError, r"dates holds those of 1 series; the forecast has"),
        ({"dates": [np.arange(4)] * 2}, ValueError, r"dates has 4 entries for a series of 7 steps"),
        ({"dates": np.arange(4)}, ValueError, r"dates has 4 entries for a series of 7 steps, its"),
        ({"dates": ["Monday"] * 7}, TypeError, r"dates must hold dates, .* got 'Monday'\. Convert"),
        ({"dates": 2020}, TypeError, r"dates must hold the dates of the steps .* got 2020\. Pass"),
        ({"mean": [[0.0], [0.0, 1.0]]}, TypeError, r"mean must be an array .* different lengths"),
        (
            {"mean": np.zeros((2, 3, 2))},
            ValueError,
            r"history\[0\] has shape \(4, 1\); expected \(n",
        ),
        (
            {"history": np.zeros(2)},
            ValueError,
            r"history\[0\] has shape \(\); expected \(n_steps, 1",
        ),
        ({"history": pd.DataFrame(np.zeros((2, 4)))}, TypeError, r"history must be .* got a DataF"),
        ({"n_history": 0}, ValueError, r"n_history must be a whole number of at least 1; got 0"),
    ],
)
def test_errors_of_forecasts_say_what_is_expected(plt, parts, error, message):
    """Each part is compared with the others before anything is drawn."""
    arguments = {"history": [np.zeros(4)] * 2, "mean": np.zeros((2, 3))} | parts
    with pytest.raises(error, match=message):
        ForecastDisplay.from_predictions(**arguments)
    assert not plt.get_fignums()


def test_series_have_as_many_actual_values_as_are_known(plt):
    """They are drawn from the first step of the forecast, and explained if any series has them."""
    actuals = [[], [1.0], np.array([[2.0], [3.0]])]
    display = ForecastDisplay.from_predictions(
        list(np.zeros((3, 4))), np.ones((3, 2)), actuals=actuals
    )
    drawn = [{line.get_label(): line for line in ax.lines} for ax in display.axes_[:, 0]]
    assert ["actual" in lines for lines in drawn] == [False, True, True]
    for lines, own in zip(drawn[1:], actuals[1:], strict=True):
        np.testing.assert_array_equal(lines["actual"].get_ydata(), np.ravel(own))
        np.testing.assert_array_equal(lines["actual"].get_xdata(), 4 + np.arange(len(own)))
    texts = [text.get_text() for text in display.axes_[0, 0].get_legend().get_texts()]
    assert texts == ["history", "mean forecast", "actual"]


MONTHS = pd.date_range("2020-01-01", periods=6, freq="MS")


@pytest.mark.parametrize(
    "dates",
    [
        MONTHS,
        MONTHS.to_period("M"),
        MONTHS.tz_localize("Europe/Berlin"),
        pd.Series(MONTHS.to_period("M")),
        list(MONTHS.to_pydatetime()),
        list(MONTHS.strftime("%Y-%m-%d")),
        pl.Series(MONTHS.to_pydatetime()),
    ],
    ids=["dates", "periods", "time zone", "column", "datetime", "str", "polars"],
)
def test_dates_of_predictions_may_be_of_any_kind(plt, dates):
    """They are those of each series, or one index for all."""
    for given_dates in (dates, [dates, dates]):
        display = ForecastDisplay.from_predictions(
            list(np.zeros((2, 4))), np.ones((2, 2)), dates=given_dates
        )
        for past, future in (ax.lines for ax in display.axes_[:, 0]):
            drawn = [*past.get_xdata(), *future.get_xdata()]
            assert list(pd.DatetimeIndex(drawn)) == list(MONTHS)
        display.figure_.draw_without_rendering()


def test_dates_may_be_elapsed_times_and_numbers(plt):
    """They are places on the axis like others."""
    for dates in (np.arange(2000, 2006), pd.timedelta_range("0s", periods=6, freq="s")):
        display = ForecastDisplay.from_predictions([np.zeros(4)], np.ones((1, 2)), dates=dates)
        assert list(display.lines_[0].get_xdata()) == list(np.asarray(dates)[4:])


def test_names_of_forecasts_may_be_an_index(plt):
    """Names are any sequence, such as the columns of a table."""
    generator = SequenceGenerator(hidden_size=4, max_epochs=1, random_state=0)
    X = [pd.Series(np.arange(9.0), name=name) for name in "ab"]
    display = ForecastDisplay.from_estimator(generator.fit(X), X, 2, names=pd.Index(["x", "y"]))
    assert [axes.get_ylabel() for axes in display.axes_[:, 0]] == ["x", "y"]


def test_forecasts_go_into_given_axes(plt):
    """One series accepts a single Axes, several accept an array; other numbers are refused."""
    series = np.random.default_rng(0).normal(size=(4, 5))
    model = fit(series)
    _, axes = plt.subplots(2)
    assert ForecastDisplay.from_estimator(model, series[:1], 3, ax=axes[1]).axes_ == [[axes[1]]]
    display = ForecastDisplay.from_estimator(model, series[:2], 3, ax=axes)
    assert display.axes_.ravel().tolist() == axes.tolist()
    with pytest.raises(ValueError, match=r"ax holds 2 Axes; 3 series with 1 features each need 3"):
        ForecastDisplay.from_estimator(model, series[:3], 3, ax=axes)


# Errors


def test_generation_display_needs_a_generator_of_symbols(generator):
    """The error states what is expected and what was passed."""
    with pytest.raises(TypeError, match=r"got RNNClassifier. From a search, pass best_estimator_"):
        GenerationDisplay.from_estimator(RNNClassifier(), TEXTS)
    with pytest.raises(NotFittedError):
        GenerationDisplay.from_estimator(SequenceGenerator(), TEXTS)
    series = np.random.default_rng(0).normal(size=(4, 5))
    with pytest.raises(ValueError, match=r"for symbols .* fitted on numbers. Fit one on symbols"):
        GenerationDisplay.from_estimator(fit(series), series)
    with pytest.raises(TypeError, match=r"Pass \[X\] for one text"):
        GenerationDisplay.from_estimator(generator, "one text")


def test_forecast_display_needs_a_generator_of_numbers(plt, generator):
    """The error states what is expected and what was passed."""
    with pytest.raises(TypeError, match=r"ForecastDisplay needs a fitted SequenceGenerator"):
        ForecastDisplay.from_estimator(RNNClassifier(), TEXTS, 3)
    with pytest.raises(NotFittedError):
        ForecastDisplay.from_estimator(SequenceGenerator(), TEXTS, 3)
    with pytest.raises(ValueError, match=r"ForecastDisplay is for numbers; .* fitted on symbols"):
        ForecastDisplay.from_estimator(generator, TEXTS, 3)


def test_parts_of_a_display_must_match():
    """Parts of different sizes are refused."""
    with pytest.raises(ValueError, match=r"max_surprise must be a positive .* got 0"):
        show("a", max_surprise=0)
    with pytest.raises(ValueError, match=r"symbols has 2 sequences, log_likelihoods has 1"):
        GenerationDisplay(["a", "b"], [[-1.0]], max_surprise=1.0)
    with pytest.raises(ValueError, match=r"Sequence 0 has 1 symbols and 3 log-likelihoods"):
        show("a", [-1.0, -1.0, -1.0])


def test_curves_need_a_fitted_estimator_with_losses(plt):
    """The error states what to pass instead."""
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(RNNClassifier())
    pipeline = make_pipeline(StandardScaler()).fit([[0.0], [1.0]])
    with pytest.raises(TypeError, match=r"LossCurveDisplay reads .* got StandardScaler. Pass the"):
        LossCurveDisplay.from_estimator(pipeline)


def test_plots_need_matplotlib(monkeypatch):
    """Without matplotlib the error names it; importing the package does not need it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"LossCurveDisplay.plot requires matplotlib"):
        LossCurveDisplay([1.0]).plot()
    with pytest.raises(ImportError, match=r"LossCurveDisplay.from_estimator requires matplotlib"):
        LossCurveDisplay.from_estimator(RNNClassifier())
    with pytest.raises(ImportError, match=r"ForecastDisplay.from_estimator requires matplotlib"):
        ForecastDisplay.from_estimator(SequenceGenerator(), [[0.0]], 3)
    with pytest.raises(ImportError, match=r"ForecastDisplay.plot requires matplotlib"):
        ForecastDisplay([], mean=[], quantiles=[], levels=[]).plot()


@pytest.mark.parametrize("freq", ["D", "h", "MS", "QS"])
def test_dates_do_not_overlap(freq):
    """In a grid of panels, each date of an axis has its own place."""
    dates = [pd.date_range("1979-07-01", periods=65, freq=freq)] * 12
    history = [np.arange(60.0)] * 12
    display = ForecastDisplay.from_predictions(history, np.ones((12, 5)), dates=dates)
    display.figure_.draw_without_rendering()
    for ax in display.axes_.ravel():
        low, high = ax.get_xlim()
        labels = [label for label in ax.get_xticklabels() if low <= label.get_position()[0] <= high]
        boxes = [label.get_window_extent() for label in labels]
        assert len(boxes) >= 2
        assert all(box.x1 < after.x0 for box, after in pairwise(boxes))
