"""
Sensors in a long table: categories, gaps, missing values
=========================================================

A log has one row per reading of a machine: its temperature, which is sometimes missing, and its
mode, which is a category. Another table has one row per machine, with its age. The task is to tell
which machines need a repair. The data are made up.
"""

# %%
# Data
# ----
#
# A machine that gets warmer needs a repair; an old one may get a little warmer than a new one.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sksequence import RNNClassifier
from sksequence.preprocessing import StepTransformer, from_long, to_long

rng = np.random.default_rng(0)
names = [f"machine {i}" for i in range(150)]
machines = pd.DataFrame({"age": rng.integers(1, 10, len(names))}, index=pd.Index(names, name="id"))
warming = rng.uniform(-15, 15, len(names))
machines["repair"] = np.where(warming > machines["age"] - 3, "yes", "no")

parts = []
for name, degrees in zip(names, warming, strict=True):
    n_readings = rng.integers(15, 40)
    minutes = np.sort(rng.choice(600, n_readings, replace=False))
    mode = rng.choice(["idle", "run", "boost"], n_readings)
    level = rng.normal(44, 4) + degrees * (minutes / 600 - 0.5)
    readings = pd.DataFrame(
        {
            "id": name,
            "time": pd.Timestamp("2026-01-01") + pd.to_timedelta(minutes, unit="min"),
            "temperature": level + 8 * (mode == "boost"),
            "mode": mode,
            "hot": level > 46,
        }
    )
    readings["temperature"] += rng.normal(size=n_readings)
    parts.append(readings)
log = pd.concat(parts).sample(frac=1, random_state=0).reset_index(drop=True)
hot = log.pop("hot")  # is not measured, and is used in the last section only
log["temperature"] = log["temperature"].where(rng.random(len(log)) > 0.3)  # 30 % are missing
print(log.head(3))
print(machines.head(3))

# %%
# Three machines that need a repair, and three that do not. Their readings have gaps, and the
# machines are warmer while they are boosted.

_, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True, layout="constrained")
for ax, repair in zip(axes, ["yes", "no"], strict=True):
    for name in machines.index[machines["repair"] == repair][:3]:
        machine = log[log["id"] == name].sort_values("time")
        ax.plot(
            machine["time"].dt.hour + machine["time"].dt.minute / 60, machine["temperature"], ".-"
        )
    ax.set(title=f"repair: {repair}", xlabel="hour of the day")
axes[0].set_ylabel("temperature")
plt.show()

# %%
# Baseline without time
# ---------------------

means = log.groupby("id")["temperature"].agg(["mean", "std"]).join(machines)
scores = cross_val_score(
    LogisticRegression(max_iter=1000), means[["mean", "std", "age"]], means["repair"], cv=3
)
print(f"means and a linear model:      {scores.mean():.2f}")

# %%
# The long table as sequences
# ---------------------------
#
# `from_long` groups the rows and sorts them by time. It returns the sequences in the order of
# `ids`, so that they belong to the rows of the other table. The types of the columns tell numbers
# from categories.
#
# The network can read missing values itself: with ``missing="indicator"`` as the mean and a mark,
# with ``missing="decay"`` as the last value, which decays to the mean, and the same mark. The other
# way is an imputer in a pipeline, after which nothing shows that a value was missing.

sequences, _ = from_long(log, "id", "time", add_elapsed=True, ids=machines.index)
classifier = RNNClassifier(hidden_size=16, max_epochs=30, random_state=0)
imputer = make_column_transformer(
    (SimpleImputer(), ["temperature", "elapsed"]),
    remainder="passthrough",
    verbose_feature_names_out=False,
)
ways = {
    "indicator": clone(classifier).set_params(missing="indicator"),
    "decay": clone(classifier).set_params(missing="decay"),
    "imputer": make_pipeline(
        StepTransformer(imputer).set_output(transform="pandas"), clone(classifier)
    ),
}
for name, estimator in ways.items():
    scores = cross_val_score(estimator, sequences, machines["repair"], cv=3)
    print(f"readings, {name + ':':20} {scores.mean():.2f}")

# %%
# Values are missing at random here, so that the marks carry no information, and an imputer is at
# least as good; a difference of 0.05 is seven machines. Where a silent sensor or a measurement that
# was not ordered means something, only the first two ways show it to the network.

fitted = ways["decay"].fit(sequences, machines["repair"])
print("categories:", fitted.categories_)

# %%
# Features that do not change in time
# -----------------------------------
#
# With pandas, the readings of a machine become the cells of one row. The age stands alongside.

rows = log.sort_values("time").groupby("id")[["temperature", "mode"]].agg(list)
rows = rows.join(machines)
X, y = rows[["temperature", "mode", "age"]], rows["repair"]
scores = cross_val_score(ways["decay"], X, y, cv=3)
print(f"readings and age of a machine: {scores.mean():.2f}")

# %%
# Predictions for each reading
# ----------------------------
#
# Is a machine hot at this moment, apart from the heat of a boost and from noise? One reading does
# not tell well, and 30 % of them are missing; the readings before and after it help. Both models
# learn from the first 100 machines and are tested on the others, and `to_long` puts predictions
# back into the rows of the log.

log["hot"] = hot.map({True: "hot", False: "cool"})
is_first = log["id"].isin(names[:100])
columns = pd.get_dummies(log[["temperature", "mode"]])
one_reading = HistGradientBoostingClassifier().fit(columns[is_first], log["hot"][is_first])
score = one_reading.score(columns[~is_first], log["hot"][~is_first])
print(f"one reading at a time: {score:.2f}")

labels, _ = from_long(log, "id", "time", features="hot", ids=machines.index)
tagger = ways["indicator"].fit(sequences[:100], labels[:100])
others = log[~is_first].copy()
others["predicted"] = to_long(
    tagger.predict(sequences[100:]),
    like=others,
    id="id",
    time="time",
    ids=names[100:],
    features=["predicted"],
)["predicted"]
print(f"all readings of a machine: {(others['predicted'] == others['hot']).mean():.2f}")
print(others[["id", "time", "temperature", "mode", "hot", "predicted"]].head(3))
