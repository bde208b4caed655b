"""First scripts of new users: tables of pandas in, wrong turns, remedies, results, tables out."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.preprocessing import (
    StepTransformer,
    from_long,
    last_windows,
    make_windows,
    to_long,
)


def reloaded(model):
    """Return a copy of a fitted model from its pickle."""
    return pickle.loads(pickle.dumps(model))


# --- prices of five tickers, dates x tickers, with holidays ---------------------------------------

TICKERS = ["AAA", "BBB", "CCC", "DDD", "EEE"]
N_AHEAD = 5


def make_prices():
    """Return daily prices of very different sizes, with holidays and a late listing."""
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2025-01-01", periods=160, name="date")
    phases = np.arange(160)[:, None] / 4 + np.arange(5)
    waves = 0.08 * np.sin(phases) + 0.005 * rng.normal(size=(160, 5))
    prices = pd.DataFrame([10, 50, 120, 400, 2000] * np.exp(waves), index=days, columns=TICKERS)
    prices.iloc[[20, 61]] = np.nan  # holidays everywhere
    prices.iloc[[33, 90], 2] = np.nan  # and at one exchange
    prices.iloc[:40, 4] = np.nan
    return prices


def test_prices_of_tickers_to_a_forecast_with_intervals():
    """A wide table becomes one series per ticker; their forecasts stay with their tickers."""
    prices = make_prices()
    past, truth = prices[:-N_AHEAD], prices[-N_AHEAD:]
    model = SequenceGenerator(hidden_size=16, max_epochs=40, random_state=0)
    with pytest.raises(ValueError, match=r"Column 'date' of X .* set_index\('date'\)"):
        model.fit(past.reset_index())
    with pytest.raises(ValueError, match=r"DatetimeIndex .* \[X\[\[c\]\] for c in X\] for one seq"):
        model.fit(past.reset_index().set_index("date"))
    with pytest.raises(ValueError, match=r"sequence 0, step 20, .* drop .* its steps with gaps"):
        model.fit([past[[c]] for c in past])

    series = [past[[c]].dropna() for c in past]
    forecast = model.fit(series).forecast(series, N_AHEAD, random_state=0)
    low, middle, high = (pd.DataFrame(q.T, truth.index, past.columns) for q in forecast.quantiles)
    assert (low < high).all(axis=None)
    assert ((low < truth) & (truth < high)).mean(axis=None) >= 0.5
    assert ((high - low) < 0.2 * truth).all(axis=None)

    error = (middle / truth - 1).abs().mean(axis=None)
    assert error < 0.5 * (past.ffill().iloc[-1] / truth - 1).abs().mean(axis=None)
    alone = reloaded(model).forecast(series[3:4], N_AHEAD, random_state=0)
    np.testing.assert_allclose(alone.mean[0], forecast.mean[3], rtol=1e-4)


# --- a sensor log in a long table -----------------------------------------------------------------


def make_sensor_log():
    """Return readings of machines in mixed order with gaps, and the state of each machine."""
    rng = np.random.default_rng(0)
    states = {f"m{i:02}": ["fault", "ok"][i % 2] for i in range(40)}
    parts = []
    for machine, state in states.items():
        n = rng.integers(12, 25)
        minutes = np.sort(rng.choice(300, n, replace=False))
        mode = rng.choice(["idle", "run", "boost"], n)
        drift = np.linspace(-4, 4, n) * (1 if state == "fault" else -1)
        values = {
            "machine": machine,
            "time": pd.Timestamp("2026-01-01") + pd.to_timedelta(minutes, unit="min"),
            "temp": 50 + drift + 3 * (mode == "boost") + rng.normal(size=n),
            "load": rng.normal(0.5, 0.1, n),
            "mode": mode,
        }
        parts.append(pd.DataFrame(values))
    log = pd.concat(parts).sample(frac=1, random_state=0)
    log.loc[:, "temp"] = log["temp"].where(rng.random(len(log)) > 0.1)
    log.loc[:, "mode"] = log["mode"].where(rng.random(len(log)) > 0.05)
    return log.reset_index(drop=True), pd.Series(states).sort_index(ascending=False)


def make_sensor_pipeline():
    """Return a pipeline that fills gaps, by kind of column, before a classifier."""
    columns = make_column_transformer(
        (SimpleImputer(), ["temp", "load", "elapsed"]),
        (SimpleImputer(strategy="most_frequent"), ["mode"]),
        verbose_feature_names_out=False,
    )
    classifier = RNNClassifier("gru", 8, learning_rate=0.03, max_epochs=30, random_state=0)
    return make_pipeline(StepTransformer(columns), classifier).set_output(transform="pandas")


def test_sensor_log_to_a_cross_validated_classifier():
    """A long table with gaps and categories is imputed per fold, and aligned with its labels."""
    log, states = make_sensor_log()
    pipeline = make_sensor_pipeline()
    with pytest.raises(ValueError, match=r"'time' of X .*from_long\(table, id, 'ti"):
        pipeline[-1].fit(log, states)
    sequences, machines = from_long(log, "machine", "time", add_elapsed=True)
    labels = states.loc[machines]
    with pytest.raises(ValueError, match=r"column 'mode' is missing .* fillna\('missing'\)"):
        pipeline[-1].fit(sequences, labels)
    with pytest.raises(ValueError, match="of numbers and of categories, use a ColumnTransformer"):
        make_pipeline(StepTransformer(SimpleImputer()), pipeline[-1]).fit(sequences, labels)

    by_mean = log.groupby("machine")[["temp", "load"]].mean().loc[machines]
    baseline = cross_val_score(LogisticRegression(), by_mean, labels, cv=3).mean()
    score = cross_val_score(pipeline, sequences, labels, cv=3).mean()
    assert score > max(0.85, baseline + 0.2)

    same, _ = from_long(
        log.sort_values("temp"), "machine", "time", add_elapsed=True, ids=states.index
    )
    np.testing.assert_array_equal(
        reloaded(pipeline.fit(sequences, labels)).predict(same),
        pd.Series(pipeline.predict(sequences), machines)[states.index],
    )
    assert list(pipeline[-1].feature_names_in_) == ["temp", "load", "elapsed", "mode"]
    assert pipeline[-1].categories_ == {"mode": ["boost", "idle", "run"]}


def test_sensor_alarms_go_back_into_the_log():
    """A label per reading comes back in the rows of the log."""
    log, _ = make_sensor_log()
    log["hot"] = np.where(log["temp"] > 50, "hot", "cool")
    columns = ["temp", "load", "mode"]
    sequences, _ = from_long(log, "machine", "time", features=columns, add_elapsed=True)
    hot, _ = from_long(log, "machine", "time", features="hot")
    pipeline = make_sensor_pipeline().fit(sequences, list(hot))
    found = to_long(
        pipeline.predict(sequences), like=log, id="machine", time="time", features=["predicted"]
    )
    table = log.join(found["predicted"])
    pd.testing.assert_frame_equal(found[["machine", "time"]], log[["machine", "time"]])
    assert (table["predicted"] == table["hot"]).mean() > 0.85


# --- an event log with categories and amounts -----------------------------------------------------


def make_events():
    """Return events of customers; those who return something large after a purchase leave."""
    rng = np.random.default_rng(0)
    parts, left = [], {}
    for customer in range(1000, 1100):
        n = rng.integers(4, 10)
        kind = rng.choice(["view", "cart"], n).astype(object)
        i, j = np.sort(rng.choice(n, 2, replace=False))
        left[customer] = bool(customer % 2)
        kind[[i, j]] = ["pay", "return"] if left[customer] else ["return", "pay"]
        amount = np.where(np.isin(kind, ["pay", "return"]), rng.uniform(10, 90, n), np.nan)
        days = pd.Timestamp("2026-03-01") + pd.to_timedelta(np.arange(n), unit="D")
        country = rng.choice(["DE", "FR"])
        parts.append(
            pd.DataFrame(
                {"customer": customer, "day": days, "kind": kind, "amount": amount}
            ).assign(country=country)
        )
    return pd.concat(parts, ignore_index=True), pd.Series(left, name="left")


def test_event_log_with_categories_and_amounts():
    """Grouped by customer, events are cells of lists, alongside columns that do not change."""
    log, left = make_events()
    customers = log.groupby("customer").agg({"kind": list, "amount": list, "country": "first"})
    classifier = RNNClassifier("gru", 16, pooling="max", max_epochs=30, random_state=0)
    with pytest.raises(ValueError, match=r"\(StepTransformer\(SimpleImputer\(\)\), \['amount'\]\)"):
        classifier.fit(customers, left)
    log["amount"] = log["amount"].fillna(0)
    customers["amount"] = log.groupby("customer")["amount"].agg(list)

    counts = pd.crosstab(log["customer"], log["kind"])
    baseline = cross_val_score(LogisticRegression(), counts, left, cv=3).mean()
    assert cross_val_score(classifier, customers, left, cv=3).mean() > max(0.9, baseline + 0.2)
    grid = {"hidden_size": [4, 8], "max_epochs": [1]}
    search = GridSearchCV(classifier, grid, cv=2).fit(customers, left)
    best = reloaded(search.best_estimator_)
    assert best.n_features_in_ == 3
    assert best.categories_ == {"kind": ["cart", "pay", "return", "view"], "country": ["DE", "FR"]}
    assert best.predict(customers).dtype == left.dtype

    long, ids = from_long(log[["customer", "day", "kind", "amount"]], "customer", "day")
    assert cross_val_score(classifier, long, left.loc[ids], cv=2).mean() > 0.9
    unheard = customers.assign(country="IT")
    assert not np.array_equal(best.predict_proba(unheard), best.predict_proba(customers))


# --- a table of texts with labels -----------------------------------------------------------------


def make_reviews():
    """Return short texts whose label depends on the order of two words; some are missing."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(120):
        label = ["bad", "good"][i % 2]
        words = list(rng.choice(["it", "was", "the", "food", "and"], rng.integers(2, 6)))
        where = rng.integers(0, len(words))
        words[where:where] = ["not", "nice"] if label == "bad" else ["nice", "not", "cheap"]
        rows.append({"text": " ".join(words), "label": label, "stars": 3 + (label == "good")})
    table = pd.DataFrame(rows)
    table.loc[[3, 10], "text"] = None
    return table


def test_table_of_texts_with_labels():
    """The column of texts is X, without the rows of missing texts."""
    table = make_reviews()
    classifier = RNNClassifier(
        "gru", hidden_size=16, max_epochs=10, analyzer="word", random_state=0
    )
    with pytest.raises(ValueError, match=r"one column holds texts, pass it alone: X\['text'\]"):
        classifier.fit(table[["text", "label"]], table["label"])
    with pytest.raises(ValueError, match=r"sequence 3 is missing .* table.dropna\(\) before you"):
        classifier.fit(table["text"], table["label"])

    table = table.dropna()
    X, y = table["text"], table["label"]
    predicted = pd.Series(cross_val_predict(classifier, X, y, cv=3), table.index)
    baseline = cross_val_score(DummyClassifier(), X, y, cv=3).mean()
    assert (predicted == y).mean() > max(0.9, baseline + 0.3)
    search = GridSearchCV(classifier, {"analyzer": ["char", "word"]}, cv=2).fit(X, y)
    frame = reloaded(search).predict(table[["text"]])
    np.testing.assert_array_equal(frame, search.predict(X))

    both = make_column_transformer((classifier, ["text"]), (StandardScaler(), ["stars"]))
    assert make_pipeline(both, LogisticRegression()).fit(table, y).score(table, y) > 0.9


# --- a panel of sales counts ----------------------------------------------------------------------

HORIZON = 7
KEYS = ["store", "item"]


def make_sales():
    """Return daily counts of items in stores, which promotions and weekends raise."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2025-06-01", periods=120 + HORIZON)
    parts = []
    for store, size in [("north", 1), ("south", 3)]:
        for item, rate in [("tea", 2), ("milk", 6), ("bread", 10)]:
            promo = rng.random(len(days)) < 0.2
            weekend = days.day_of_week >= 5
            sold = rng.poisson(size * rate * (1 + weekend) * (1 + 1.5 * promo))
            keys = {"store": store, "item": item, "date": days}
            parts.append(pd.DataFrame({**keys, "sold": sold, "promo": promo, "weekend": weekend}))
    panel = pd.concat(parts).sample(frac=1, random_state=0)
    cut = days[-HORIZON]
    return panel[panel["date"] < cut], panel[panel["date"] >= cut]


def test_panel_of_sales_counts():
    """Counts are forecast with promotions that are known; forecasts go to their rows."""
    past, future = make_sales()
    options = {"window": 14, "horizon": HORIZON, "known_columns": ["promo", "weekend"]}
    with pytest.raises(ValueError, match=r"Column 'date' of series .*from_long\(table, id, 'date'"):
        make_windows(past, target_columns="sold", **options)
    series, ids = from_long(past, KEYS, "date")
    coming, _ = from_long(future.drop(columns="sold"), KEYS, "date", ids=ids)

    X, y = make_windows(series, target_columns="sold", **options)
    X_future = last_windows(series, future=coming, **options)
    assert X_future.feature_names == ("sold", "promo", "weekend", "promo+7", "weekend+7")
    model = RNNRegressor(
        "gru", hidden_size=16, loss="negative_binomial", max_epochs=10, random_state=0
    ).fit(X, y)
    bounds = reloaded(model).predict_quantiles(X_future, quantiles=(0.1, 0.5, 0.9))
    low, middle, high = (
        to_long(list(q), like=future, id=KEYS, time="date", ids=ids, features=["sold"])["sold"]
        for q in bounds
    )
    assert low.index.equals(future.index)
    assert (low % 1 == 0).all()
    sold = future["sold"]
    assert 0.65 < ((low <= sold) & (sold <= high)).mean() < 0.98
    last_week = to_long(
        [x[-7:, 0] for x in series], like=future, id=KEYS, time="date", ids=ids, features=["sold"]
    )["sold"]
    assert mean_absolute_error(sold, middle) < 0.7 * mean_absolute_error(sold, last_week)

    never, always = (
        last_windows(series, future=[table] * len(ids), **options)
        for table in (np.zeros((HORIZON, 2)), np.ones((HORIZON, 2)))
    )
    assert model.predict(always).sum() > 1.5 * model.predict(never).sum()


def test_panel_of_sales_counts_with_a_generator():
    """The generator reads the same table, with counts as floats."""
    past, future = make_sales()
    columns = ["sold", "promo", "weekend"]
    model = SequenceGenerator(
        "gru",
        hidden_size=16,
        loss="poisson",
        known_columns=["promo", "weekend"],
        max_epochs=40,
        random_state=0,
    )
    series, ids = from_long(past.astype({"sold": float}), KEYS, "date", features=columns)
    coming, _ = from_long(future, KEYS, "date", ids=ids)
    forecast = model.fit(series).forecast(series, HORIZON, future=coming, random_state=0)
    table = to_long(
        forecast.mean, like=future, id=KEYS, time="date", ids=ids, features=["forecast"]
    )
    last = to_long(
        [x[-7:, 0] for x in series], like=future, id=KEYS, time="date", ids=ids, features=["sold"]
    )
    error = mean_absolute_error(future["sold"], table["forecast"])
    assert error < 0.7 * mean_absolute_error(future["sold"], last["sold"])
    assert (forecast.paths % 1 == 0).all()
