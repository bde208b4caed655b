"""Five new users, from their data to their results, by what the documentation names and no more.

A forecaster of prices, an engineer with a sensor log, a teacher, the author of a service, and a
researcher with a cell of one's own. Warnings are errors, as in all tests.
"""

import json
from concurrent.futures import ThreadPoolExecutor

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from sksequence import RNNClassifier, SequenceGenerator
from sksequence.callbacks import Checkpoint
from sksequence.cells import Cell
from sksequence.cells.functions import sigmoid, tanh
from sksequence.datasets import make_first_label
from sksequence.inspection import (
    ForecastDisplay,
    GenerationDisplay,
    GradientFlowDisplay,
    HiddenStateDisplay,
    LossCurveDisplay,
    SaliencyDisplay,
    UnfoldingDisplay,
    network_inputs,
    permutation_importance,
    summary,
)
from sksequence.model_selection import backtest
from sksequence.persistence import load, save
from sksequence.preprocessing import FillGaps, from_long
from sksequence.testing import check_cell


@pytest.fixture(autouse=True)
def close_figures():
    """Close all figures after a test."""
    yield
    plt.close("all")


# --- prices --------------------------------------------------------------------------------------


def test_prices_to_a_table_of_forecasts_with_dates():
    """Daily prices of three tickers become a table of forecasts, a picture and a backtest."""
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2025-01-01", periods=160, name="date")
    waves = 0.08 * np.sin(np.arange(160)[:, None] / 4 + np.arange(3))
    changes = waves + 0.005 * rng.normal(size=(160, 3))
    prices = pd.DataFrame([10, 120, 2000] * np.exp(changes), days, ["AAA", "BBB", "CCC"])

    series = [prices[ticker] for ticker in prices]
    model = SequenceGenerator(hidden_size=8, max_epochs=20, random_state=0).fit(series)
    table = model.forecast(series, 5, random_state=0).to_frame()
    assert table["id"].unique().tolist() == ["AAA", "BBB", "CCC"]
    assert table["date"].tolist()[:5] == pd.bdate_range(days[-1], periods=6)[1:].tolist()
    assert (table["q0.1"] < table["q0.9"]).all()

    result = backtest(model, series, horizon=5, n_origins=3, random_state=0)
    assert result.to_frame()["mase"].mean() < 1
    assert result.to_frame(per_series=True)["id"].tolist() == ["AAA", "BBB", "CCC"] * 3
    ForecastDisplay.from_estimator(model, series, 5, random_state=0)

    monitor = model.start()
    expected = [monitor.push(price) for price in prices["AAA"]]
    assert abs(expected[-2] / prices["AAA"].iloc[-1] - 1) < 0.05


# --- sensors -------------------------------------------------------------------------------------


def make_log():
    """Return readings of machines; a fault heats one for a while, and some readings are missing."""
    rng, parts = np.random.default_rng(0), []
    for i in range(40):
        minutes = np.sort(rng.choice(300, rng.integers(20, 30), replace=False))
        values = rng.normal(size=(len(minutes), 3))
        values[12:18, 0] += 5 * (i % 2)
        values[rng.random(len(minutes)) < 0.05, 0] = np.nan
        part = pd.DataFrame(values, columns=["temperature", "load", "noise"])
        time = pd.Timestamp("2026-01-01") + pd.to_timedelta(minutes, unit="min")
        parts.append(part.assign(machine=f"m{i:02}", time=time, state=["ok", "fault"][i % 2]))
    return pd.concat(parts, ignore_index=True)


def test_sensor_log_to_the_channel_and_the_moment():
    """A log with gaps becomes a classifier, and the answers which channel and when."""
    log = make_log()
    X, machines = from_long(log, "machine", "time", features=["temperature", "load", "noise"])
    states = log.groupby("machine")["state"].first().loc[machines]
    classifier = RNNClassifier(
        "gru",
        8,
        pooling="max",
        bidirectional=False,
        frame_length=1,
        max_epochs=40,
        learning_rate=0.02,
        random_state=0,
    )
    pipeline = make_pipeline(FillGaps("forward"), classifier)
    assert cross_val_score(pipeline, X, states, cv=3).mean() > 0.85
    pipeline.fit(X, states)

    channels = permutation_importance(pipeline, X, states, n_repeats=3, random_state=0)
    assert np.argmax(channels.importances_mean) == X.feature_names.index("temperature")
    windows = permutation_importance(pipeline, X, states, by="windows", n_repeats=3, random_state=0)
    assert 4 <= np.argmax(windows.importances_mean) <= 6
    SaliencyDisplay.from_estimator(pipeline, X[1:2])
    unfolding = UnfoldingDisplay.from_estimator(pipeline, X, states)
    assert unfolding.scores[0] < unfolding.scores[-1]

    alarms = pipeline[-1].start()
    for _, row in log[log["machine"] == "m01"].ffill().iterrows():
        state = alarms.push(row)
    assert state == "fault"


# --- teaching ------------------------------------------------------------------------------------


def test_teacher_shows_vanishing_gradients_and_a_text():
    """Cells side by side in one picture, hidden states, loss curves, sizes and a text."""
    X, y = make_first_label(200, random_state=0)
    _, (flow, curves) = plt.subplots(1, 2)
    for cell in ("rnn", "lstm"):
        model = RNNClassifier(
            cell,
            16,
            bidirectional=False,
            pooling="last",
            frame_length=1,
            max_epochs=1,
            random_state=0,
        ).fit(X, y)
        GradientFlowDisplay.from_estimator(model, X[:20], name=cell, ax=flow)
        LossCurveDisplay.from_estimator(model, name=cell, ax=curves)
    assert len(flow.get_lines()) >= 2
    HiddenStateDisplay.from_estimator(model, X[0])
    assert "lstm layer 0" in str(summary(model))

    texts = ["to be or not to be"] * 20
    writer = SequenceGenerator("gru", 16, max_epochs=80, learning_rate=0.02, random_state=0).fit(
        texts
    )
    assert writer.generate("to be", max_steps=13, random_state=0, temperature=0) == texts[0]
    surprise = GenerationDisplay.from_estimator(writer, ["to be or nut"])
    assert "'u'" in str(surprise)


# --- a service -----------------------------------------------------------------------------------


def test_service_answers_json_with_the_state_kept(tmp_path):
    """A pipeline in a file without code; rows of JSON, streams in threads, and errors to return."""
    log = make_log().dropna()
    names = ["temperature", "load", "noise"]
    X, machines = from_long(log, "machine", "time", features=names)
    states = log.groupby("machine")["state"].first().loc[machines]
    classifier = RNNClassifier("gru", 8, bidirectional=False, max_epochs=2, random_state=0)
    pipeline = make_pipeline(FillGaps(), classifier).fit(X, states)
    save(pipeline, tmp_path / "model.sksequence")
    served = load(tmp_path / "model.sksequence")
    assert served.predict(X).tolist() == pipeline.predict(X).tolist()

    rows = json.loads(log[log["machine"] == "m00"][names].to_json(orient="records"))

    def answers(row_sets):
        stream = served[-1].start(method="predict_proba")
        return [json.dumps(stream.push(row).tolist()) for row in row_sets]

    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(answers, [rows] * 4))
    assert several == [answers(rows)] * 4
    whole = served[-1].predict_proba(X[:1])[0]
    assert json.loads(several[0][-1]) == whole.tolist()

    many = served[-1].start(n_streams=3)
    assert (
        json.loads(json.dumps(many.push([rows[0]] * 3).tolist()))
        == [json.loads(json.dumps(served[-1].start().push(rows[0])))] * 3
    )
    with pytest.raises(ValueError, match=r"The step has no \['noise'\]"):
        many.push([{"temperature": 1.0, "load": 2.0}] * 3)
    assert many.n_steps.tolist() == [1, 1, 1]


# --- research ------------------------------------------------------------------------------------


class Leaky(Cell):
    """A leaky integrator with a learnt gate."""

    inputs = ("gate", "candidate")
    products = (("hh", 2),)
    has_bounded_outputs = True

    def equations(self, inputs, product, states, vectors):
        """Return the next state."""
        gate, candidate = (x + h for x, h in zip(inputs, product("hh", states[0]), strict=True))
        keep = sigmoid(gate)
        return (keep * states[0] + (1 - keep) * tanh(candidate),)


def test_researcher_compares_a_cell_of_their_own(tmp_path):
    """A cell is checked, searched next to others, explained, checkpointed and exported."""
    check_cell(Leaky())
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(6, 15, 40)]
    y = np.array(["up" if x[:, 0].sum() > 0 else "down" for x in X])
    base = RNNClassifier(
        hidden_size=8,
        bidirectional=False,
        frame_length=1,
        max_epochs=30,
        learning_rate=0.02,
        random_state=0,
    )
    search = GridSearchCV(base, {"cell": ["gru", Leaky()]}, cv=3).fit(X, y)
    table = pd.DataFrame(search.cv_results_)
    assert (table["mean_test_score"] > 0.6).all()

    own = base.set_params(cell=Leaky(), callbacks=[Checkpoint(tmp_path / "fit")]).fit(X, y)
    outputs = own.module_(**network_inputs(own, X[:2])).detach().numpy()
    assert np.array_equal(own.classes_[outputs.argmax(axis=1)], own.predict(X[:2]))
    stream = own.start(method="predict_proba")
    for step in X[0]:
        probabilities = stream.push(step)
    assert np.array_equal(probabilities, own.predict_proba(X[:1])[0])
