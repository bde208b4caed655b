"""Page of the documentation on the rules behind the defaults."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .report import csv_table
from .rules import RULES, SHIPPED, SPLITS, Losses, applies
from .season_rules import SEASON_RULES
from .tasks import TASKS

Judged = dict[str, dict[str, Losses]]
Ratios = dict[str, dict[str, float]]

# key of the results for forecasts with a day and a week
SEASONS = "seasons"
# Added to each loss: the logarithm of a tiny loss would outweigh all other sets
_FLOOR = 0.01
_INTRODUCTION = """Ablation of the defaults
========================

This page is written by ``python -m tests.benchmarks.quality rules``, from training data alone. Each
default that a hyperparameter search might change is compared with alternatives, one at a time, by
cross-validation with the same folds and seeds for all candidates. The column *shipped* holds the
loss with the default: the log loss of classifiers, and for regression sets (Covid3Month, Tecator,
P6) the squared error divided by the variance; :doc:`quality` says what the sets are. The columns
after it hold the factor by which each alternative multiplies this loss: below 1 is better. Before
losses are divided, 0.01 is added to each, so that a set learnt without errors does not dominate the
others.

*Leave-one-out choice* is the candidate with the lowest mean logarithm of the loss on all sets
except the one of the row. *Regret* is the loss of this choice divided by that of the best candidate
for the set. The row *all* has geometric means, each with its standard error as a factor; the row
*errors* has the mean error rate of the classifiers.

An alternative is *clear* if it is better than the default by two standard errors. An alternative
that is better, but not clearly so, is a candidate for a search and no reason to change the default.
Sets that the command knows and the tables do not have were not measured with these defaults.
"""

_INTRODUCTION_OF_SEASONS = """
Made panels of kinds, sizes and seeds that no rule was chosen by (``unseen_hours.py``; the command
is ``python -m tests.benchmarks.quality rules seasons``): the error of ``SequenceGenerator()`` over
that of the better of the two seasonal naive forecasts, geometric mean over the series, and in
brackets the fraction of series with a lower error. The last week is forecast.
"""


def render_rules(stored: Judged) -> str:
    """Return the whole page."""
    of_rules = {rule: ratios for rule in RULES if (ratios := _ratios(stored, rule))}
    page = _INTRODUCTION + _summary(of_rules)
    for rule, ratios in of_rules.items():
        page += _section(stored, rule, ratios)
    return page + _seasons(stored.get(SEASONS, {}))


def _summary(of_rules: dict[str, Ratios]) -> str:
    """Return one row per rule: whether the default is the choice of all sets, and without each."""
    rows = []
    for rule, ratios in of_rules.items():
        choice = _choice(list(ratios.values()))
        values = np.array([row[choice] for row in ratios.values()])
        mean, error = values.mean(), _standard_error(values)
        agreed = sum(_choice(_others(ratios, name)) == SHIPPED for name in ratios)
        chosen = "shipped", "", ""
        if choice != SHIPPED:
            clear = "yes" if mean < -2 * error else "no"
            chosen = choice, f"{np.exp(mean):.2f} x/ {np.exp(error):.2f}", clear
        rows.append([rule, RULES[rule].shipped, f"{agreed} of {len(ratios)}", *chosen])
    head = "default, shipped, leave-one-out choice for, choice of all sets, loss, clear"
    return csv_table(head.split(", "), rows)


def _others(ratios: Ratios, left_out: str) -> list[dict[str, float]]:
    return [row for name, row in ratios.items() if name != left_out]


def _standard_error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values.std(axis=0, ddof=1) / len(values) ** 0.5)


def _ratios(stored: Judged, rule: str) -> Ratios:
    """Return log(candidate's loss / default's loss) of each candidate on each set."""
    return {
        name: {
            label: float(
                np.log(_loss(stored[name], rule, label) / _loss(stored[name], rule, SHIPPED))
            )
            for label in (SHIPPED, *RULES[rule].candidates)
        }
        for name in SPLITS
        if name in stored and applies(rule, TASKS[name]) and _is_measured(stored[name], rule)
    }


def _is_measured(judged: dict[str, Losses], rule: str) -> bool:
    """Return whether a set has alternatives: a series of one feature has none to its frames."""
    return any(f"{rule}: {label}" in judged for label in RULES[rule].candidates)


def _loss(judged: dict[str, Losses], rule: str, label: str) -> float:
    return _mean(judged, rule, label, "loss") + _FLOOR


def _mean(judged: dict[str, Losses], rule: str, label: str, what: str) -> float:
    """Return a mean; a candidate that was not measured on a set is the default there."""
    return judged.get(f"{rule}: {label}", judged[SHIPPED])[what]


def _section(stored: Judged, rule: str, ratios: Ratios) -> str:
    labels = [SHIPPED, *RULES[rule].candidates]
    rows, costs = [], []
    for name, row in ratios.items():
        choice = _choice(_others(ratios, name))
        cost = row[choice] - min(row.values())
        costs.append(cost)
        loss = f"{_mean(stored[name], rule, SHIPPED, 'loss'):.3g}"
        cells = [f"{np.exp(row[label]):.2f}" for label in labels[1:]]
        rows.append([name, loss, *cells, choice, f"{np.exp(cost):.2f}"])
    rows += _sums(stored, rule, ratios, float(np.mean(costs)))
    title = f"{rule}: {RULES[rule].shipped}"
    head = ["set", *labels, "leave-one-out choice", "regret"]
    return f"\n{title}\n{'-' * len(title)}\n{csv_table(head, rows)}"


def _seasons(judged: dict[str, Losses]) -> str:
    """Return the rules of forecasts with several seasons, or nothing if they were not measured."""
    if not judged:
        return ""
    title = "Forecasts with a day and a week"
    page = f"\n{title}\n{'-' * len(title)}\n{_INTRODUCTION_OF_SEASONS}"
    for rule, (shipped, alternatives) in SEASON_RULES.items():
        labels = [SHIPPED, *alternatives]
        names = {label: SHIPPED if label == SHIPPED else f"{rule}: {label}" for label in labels}
        errors = {
            kind: {label: float(np.log(found[names[label]]["error"])) for label in labels}
            for kind, found in judged.items()
        }
        rows = []
        for kind, row in errors.items():
            choice = _choice(_others(errors, kind)) if len(errors) > 1 else SHIPPED
            cells = [
                f"{np.exp(row[label]):.3f} ({judged[kind][names[label]]['wins']:.2f})"
                for label in labels
            ]
            rows.append([kind, *cells, choice, f"{np.exp(row[choice] - min(row.values())):.2f}"])
        means = [
            f"{np.exp(np.mean([row[label] for row in errors.values()])):.3f}" for label in labels
        ]
        rows.append(["all", *means, _choice(list(errors.values())), ""])
        page += f"\n*{rule}*; shipped: {shipped}\n\n"
        page += csv_table(["kind", *labels, "leave-one-out choice", "regret"], rows)
    return page


def _choice(rows: list[dict[str, float]]) -> str:
    return min(rows[0], key=lambda label: sum(row[label] for row in rows))


def _sums(stored: Judged, rule: str, ratios: Ratios, cost: float) -> list[list[str]]:
    """Return the row of geometric means, and that of mean errors of classifiers."""
    labels = list(RULES[rule].candidates)
    values = np.array([[row[label] for label in labels] for row in ratios.values()])
    means, errors = values.mean(axis=0), _standard_error(values)
    factors = [f"{np.exp(m):.2f} x/ {np.exp(e):.2f}" for m, e in zip(means, errors, strict=True)]
    rows = [["all", "", *factors, _choice(list(ratios.values())), f"{np.exp(cost):.2f}"]]
    classifiers = [name for name in ratios if TASKS[name].greater]
    if classifiers:
        rates = [
            f"{np.mean([_mean(stored[name], rule, label, 'error') for name in classifiers]):.4f}"
            for label in (SHIPPED, *labels)
        ]
        rows.append(["errors", *rates, "", ""])
    return rows
