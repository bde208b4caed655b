"""The rules behind the defaults as a page of the documentation."""

from __future__ import annotations

import numpy as np

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
is what their choice multiplies the loss of the best candidate for this set by. The last rows have the geometric mean of
all sets with its standard error as a factor, and the mean share of errors of the classifiers. A ratio within two such
factors of 1 is no reason to change a default.
"""


def render_rules(stored: Judged) -> str:
    """Return the whole page."""
    page = _INTRODUCTION
    for rule in RULES:
        if ratios := _ratios(stored, rule):
            page += _section(stored, rule, ratios)
    return page


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
    return float(np.mean(judged.get(f"{rule}: {label}", judged[SHIPPED])[what]))


def _section(stored: Judged, rule: str, ratios: Ratios) -> str:
    labels = [SHIPPED, *RULES[rule].candidates]
    rows, costs, agreed = [], [], 0
    for name, row in ratios.items():
        choice = _choice([others for other, others in ratios.items() if other != name])
        cost = row[choice] - min(row.values())
        costs.append(cost)
        agreed += choice == SHIPPED
        loss = f"{_mean(stored[name], rule, SHIPPED, 'loss'):.3g}"
        cells = [f"{np.exp(row[label]):.2f}" for label in labels[1:]]
        rows.append([name, loss, *cells, choice, f"{np.exp(cost):.2f}"])
    rows += _sums(stored, rule, ratios, float(np.mean(costs)))
    title = f"{rule}: {RULES[rule].shipped}"
    text = f"Without the set of the row, the others choose the default for {agreed} of {len(ratios)} sets."
    head = ", ".join(["set", *labels, "the others choose", "cost"])
    return f"\n{title}\n{'-' * len(title)}\n\n{text}\n{csv_table(head, rows)}"


def _choice(rows: list[dict[str, float]]) -> str:
    return min(rows[0], key=lambda label: sum(row[label] for row in rows))


def _sums(stored: Judged, rule: str, ratios: Ratios, cost: float) -> list[list[str]]:
    """Return the row of geometric means, and that of mean errors of classifiers."""
    labels = list(RULES[rule].candidates)
    values = np.array([[row[label] for label in labels] for row in ratios.values()])
    means, errors = values.mean(axis=0), values.std(axis=0, ddof=1) / len(values) ** 0.5
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
