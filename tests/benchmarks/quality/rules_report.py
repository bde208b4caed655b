"""The rules behind the defaults as a page of the documentation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .report import csv_table
from .rules import RULES, SHIPPED, SPLITS, Losses, applies
from .tasks import TASKS

Judged = dict[str, dict[str, Losses]]
Ratios = dict[str, dict[str, float]]

# A loss below a hundredth is as good as none: its logarithm would outweigh all other sets
_FLOOR = 0.01
_INTRODUCTION = """How the defaults compare
========================

Written by ``python -m tests.benchmarks.quality rules``, from the training parts alone. Each default that a search might
change is put beside others, one at a time, by cross-validation with the same folds and seeds for all. The first figure
of a row is the loss with the default: log loss, or for numbers (Covid3Month, Tecator, P6) the squared error over the
variance. The others are what a candidate multiplies it by: below 1 is better.

*The others choose* the candidate with the least mean logarithm of the loss on all sets but the one of the row; *cost*
is what their choice multiplies the loss of the best candidate for this set by. The rows *all* have the geometric mean
with its standard error as a factor, and the rows *errors* the mean share of errors of the classifiers. Losses have a
hundredth added first, so that a set that is learnt without errors does not outweigh the others.

A choice is *clear* if it is two standard errors better than the default. Where the default is not the choice, and the
choice is not clear, it is a candidate for a search, and no reason to change the default.
"""


def render_rules(stored: Judged) -> str:
    """Return the whole page."""
    of_rules = {rule: ratios for rule in RULES if (ratios := _ratios(stored, rule))}
    page = _INTRODUCTION + _summary(of_rules)
    for rule, ratios in of_rules.items():
        page += _section(stored, rule, ratios)
    return page


def _summary(of_rules: dict[str, Ratios]) -> str:
    """Return one row a rule: whether what is shipped is what the sets choose, all and without each."""
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
    head = "default, shipped, is the others' choice for, all choose, loss, clear"
    return csv_table(head, rows)


def _others(ratios: Ratios, left_out: str) -> list[dict[str, float]]:
    return [row for name, row in ratios.items() if name != left_out]


def _standard_error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values.std(axis=0, ddof=1) / len(values) ** 0.5)


def _ratios(stored: Judged, rule: str) -> Ratios:
    """Return the logarithm of each candidate's loss over that of the default, for each set that has the rule."""
    return {
        name: {
            label: float(
                np.log(_loss(stored[name], rule, label) / _loss(stored[name], rule, SHIPPED))
            )
            for label in (SHIPPED, *RULES[rule].candidates)
        }
        for name in SPLITS
        if name in stored and applies(rule, TASKS[name])
    }


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
    head = ", ".join(["set", *labels, "the others choose", "cost"])
    return f"\n{title}\n{'-' * len(title)}\n{csv_table(head, rows)}"


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
        shares = [
            f"{np.mean([_mean(stored[name], rule, label, 'error') for name in classifiers]):.4f}"
            for label in (SHIPPED, *labels)
        ]
        rows.append(["errors", *shares, "", ""])
    return rows
