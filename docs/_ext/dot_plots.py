"""Draw figures of benchmarks from the stored measurements, in the colours of the page.

The directive ``dot-plot`` takes a name of `FIGURES` and a caption. A figure has one row per task
and one marker per model, whose shapes differ as well as their colours.
"""

import json
import math
import re
from html import escape
from pathlib import Path
from statistics import median
from typing import NamedTuple

from docutils import nodes
from docutils.parsers.rst import Directive

STORED = Path(__file__).parents[2] / "tests" / "benchmarks"
WIDTH, LEFT, RIGHT, ROW = 400, 12, 388, 36
TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
MARKERS = (
    '<circle r="5.5" fill="#2a7fb8"/>',
    '<path d="M0 -6.5 L6.5 0 L0 6.5 L-6.5 0 z" fill="#d9822b"/>',
    '<path d="M0 -6.5 L6 5 L-6 5 z" fill="#4b9b3f"/>',
    '<rect x="-5" y="-5" width="10" height="10" fill="#9b6bc0"/>',
    '<path d="M-5 -5 L5 5 M-5 5 L5 -5" stroke="#d6493a" stroke-width="2.5"/>',
    '<path d="M0 -6.5 V6.5" stroke="#888" stroke-width="3"/>',
)
CELLS = ("rnn", "gru", "lstm")


class Plot(NamedTuple):
    """What a figure shows: values by row and model, on a logarithmic axis or a linear one."""

    rows: dict[str, dict[str, float]]
    axis: str
    is_logarithmic: bool = True


def _stored(name):
    """Return the measurements of a file."""
    return json.loads((STORED / name).read_text("utf-8"))


def _ratios():
    """Return the ratios of times by part of the command and by what was measured."""
    rows = [(part, row) for part, rows in _stored("speed/speed.json").items() for row in rows]
    return {(part, row["what"]): row["ratio"] for part, row in rows}


def speed_by_library():
    """Return the time of an epoch and of generation, over that of other libraries."""
    ratios = _ratios()
    rows = {
        "equal lengths: loop in PyTorch": ("equal", "{}: DataLoader loop"),
        "equal lengths: skorch": ("equal", "{}: skorch"),
        "equal lengths: Keras": ("equal", "{}: keras"),
        "ragged: loop, padded sequences": ("ragged", "{}: DataLoader loop, padded"),
        "ragged: loop, packed sequences": ("ragged", "{}: DataLoader loop, packed"),
        "1000 symbols of a text: loop in PyTorch": (
            "generation",
            "{}: 1000 symbols of 1 texts at once over a loop by hand",
        ),
    }
    found = {
        row: {cell: ratios[part, what.format(cell)] for cell in CELLS}
        for row, (part, what) in rows.items()
    }
    return Plot(found, "time of sksequence / time of the other (1: equal)")


def speed_by_width():
    """Return the time of an epoch over that of a loop in PyTorch, by the number of units."""
    ratios, rows = _ratios(), {}
    for width in (16, 32, 64, 128, 256):
        for title, steps in (("50 steps", "50"), ("5 to 200 steps", "5..200")):
            what = f"{{}}, 256 x {steps} x 4, hidden {width}, batch 32"
            row = {cell: ratios["grid", what.format(cell)] for cell in CELLS}
            rows[f"{width} units, {title}"] = row
    return Plot(rows, "time of sksequence / time of the loop (1: equal)")


def quality():
    """Return accuracies on public sets, and those of the best model without a network."""
    titles = {
        "P1": "JapaneseVowels",
        "P2": "BasicMotions",
        "P3": "ItalyPowerDemand",
        "P4": "GunPoint",
        "P5": "PLAID",
        "ArrowHead": "ArrowHead",
        "ACSF1": "ACSF1",
        "Coffee": "Coffee",
        "PigCVP": "PigCVP",
        "digits": "digits",
        "P9-intent": "Snips, intent",
        "P9-slots": "Snips, slots (span F1)",
    }
    stored = _stored("quality/quality.json")["defaults"]
    rows = {
        title: {
            "default parameters": median(stored[name]["scores"]),
            "best model without a network": max(stored[name]["baselines"].values()),
        }
        for name, title in titles.items()
    }
    return Plot(rows, "accuracy on the test set", is_logarithmic=False)


def forecasts():
    """Return the errors of forecasts by panel and model."""
    titles = {
        "AirPassengers": "AirPassengers, 36 months",
        "ETTh1": "ETTh1, a day of hours",
        "both": "synthetic hours, day and week",
        "drifting": "synthetic hours, drifting",
        "months": "15 series of months",
        "quarters": "15 series of quarters",
    }
    models = ("SequenceGenerator", "AutoARIMA", "AutoETS", "LightGBM on lags", "NHITS", "naive")
    stored = _stored("quality/quality.json")["rivals"]
    rows = {
        title: {who: stored[name][who]["MASE"] for who in models if who in stored[name]}
        for name, title in titles.items()
    }
    return Plot(rows, "median scaled error (MASE), lower is better")


FIGURES = {
    "speed-by-library": speed_by_library,
    "speed-by-width": speed_by_width,
    "quality": quality,
    "forecasts": forecasts,
}


def _marker(x, y, shape, title):
    """Return a marker that names its value."""
    return (
        f'<g transform="translate({x:.1f} {y})"><title>{escape(title)}</title>{MARKERS[shape]}</g>'
    )


def _legend(models):
    """Return the markers with their names, in lines, and the height that they take."""
    parts, x, y = [], LEFT, 12
    for shape, model in enumerate(models):
        width = 24 + 7.2 * len(model)
        if x + width > RIGHT and x > LEFT:
            x, y = LEFT, y + 22
        parts.append(_marker(x + 6, y, shape, model))
        parts.append(f'<text x="{x + 17}" y="{y + 4.5}">{escape(model)}</text>')
        x += width + 8
    return parts, y + 22


def _ticks(values, plot):
    """Return the numbers at the axis, which enclose all values."""
    if not plot.is_logarithmic:
        return [0, 0.2, 0.4, 0.6, 0.8, 1]
    first = max(i for i, tick in enumerate(TICKS) if tick <= min(values))
    last = min(i for i, tick in enumerate(TICKS) if tick >= max(values))
    return list(TICKS[first : last + 1])


def drawing(plot, label):
    """Return a figure as SVG."""
    models = list(dict.fromkeys(model for row in plot.rows.values() for model in row))
    scale = math.log if plot.is_logarithmic else float
    ticks = _ticks([value for row in plot.rows.values() for value in row.values()], plot)
    low, high = scale(ticks[0]), scale(ticks[-1])

    def place(value):
        return LEFT + 8 + (RIGHT - LEFT - 16) * (scale(value) - low) / (high - low)

    parts, top = _legend(models)
    bottom = top + ROW * len(plot.rows)
    for tick in ticks:
        style = "one" if tick == 1 and plot.is_logarithmic else "grid"
        parts.append(f'<path class="{style}" d="M{place(tick):.1f} {top} V{bottom}"/>')
        parts.append(
            f'<text class="middle" x="{place(tick):.1f}" y="{bottom + 16}">{tick:g}</text>'
        )
    for i, (name, row) in enumerate(plot.rows.items()):
        y = top + ROW * i
        parts.append(f'<text x="{LEFT}" y="{y + 14}">{escape(name)}</text>')
        parts.append(f'<path class="grid" d="M{LEFT} {y + 25} H{RIGHT}"/>')
        for model, value in reversed(row.items()):
            title = f"{name}, {model}: {value:.3g}"
            parts.append(_marker(place(value), y + 25, models.index(model), title))
    middle = (LEFT + RIGHT) / 2
    parts.append(f'<text class="middle" x="{middle}" y="{bottom + 36}">{escape(plot.axis)}</text>')
    return (
        f'<svg class="drawing dot-plot" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {WIDTH} {bottom + 44}">{"".join(parts)}</svg>'
    )


class DotPlot(Directive):
    """A figure of benchmarks with its caption."""

    required_arguments = 1
    has_content = True

    def run(self):
        """Return the figure."""
        caption = " ".join(self.content)
        label = re.sub("[`*]", "", caption)
        svg = drawing(FIGURES[self.arguments[0]](), label)
        figure = nodes.figure("", nodes.raw("", svg, format="html"), align="default")
        inline, messages = self.state.inline_text(caption, self.lineno)
        figure += nodes.caption("", "", *inline)
        return [figure, *messages]


def setup(app):
    """Register the directive."""
    app.add_directive("dot-plot", DotPlot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
