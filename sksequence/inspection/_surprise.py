"""Symbols rendered with their surprise: as HTML, as coloured text, or as text with lines of digits.

Surprise is in nats. Control characters are replaced by visible ones: a terminal would follow escape
sequences, and a browser would drop control characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import exp
from unicodedata import east_asian_width

END = "\u220e"  # stands for the end of a sequence
_LINE_END = "\u21b5"  # precedes a line break, which has no width that could be coloured

_PICTURES = 0x2400  # Unicode's pictures of the control characters, in the same order
_CONTROLS = {code: chr(_PICTURES + code) for code in range(32)} | {127: "\u2421"}
_CONTROLS |= dict.fromkeys([*range(0x80, 0xA0), *range(0xD800, 0xE000)], "\ufffd")
_IN_TERMINALS = _CONTROLS | {ord("\n"): _LINE_END + "\n"}
_IN_BROWSERS = {code: shown for code, shown in _CONTROLS.items() if chr(code) not in "\t\n"}

_QUOTED = _CONTROLS | {ord("\n"): _LINE_END}
_N_MOST = 3  # symbols that are listed with those expected instead

_COLOUR, _COLOUR_BELOW = "230, 85, 13", "49, 130, 189"
_MAX_OPACITY = 0.8  # the text stays legible, on a dark page as well

# of the 256 terminal colours, from pale to deep orange
_BACKGROUNDS = (None, 230, 223, 216, 209, 202)
_BACKGROUNDS_BELOW = (None, 195, 159, 117, 75, 39)
_N_DIGITS = 10


def colour_html(
    symbols: Iterable[tuple[str, float]],
    max_surprise: float,
    separator: str,
    expected: Sequence[Sequence[tuple[str, float]]] = (),
) -> str:
    """Return symbols as one block of HTML, on backgrounds that grow with their surprise.

    Titles have the symbols that were `expected` at each step, if they are given.
    """
    pairs = list(symbols)
    choices = expected or [()] * len(pairs)
    spans = (_span(*pair, max_surprise, own) for pair, own in zip(pairs, choices, strict=True))
    return f'<pre style="white-space: pre-wrap">{escape(separator).join(spans)}</pre>'


def _span(
    symbol: str, surprise: float, max_surprise: float, choices: Sequence[tuple[str, float]]
) -> str:
    title = f"{surprise:.3f} nats, p = {exp(-surprise):.3g}"
    title += f"; expected: {_listed(choices)}" if choices else ""
    return coloured_span(symbol, surprise / max_surprise, title)


def coloured_span(symbol: str, fraction: float, title: str) -> str:
    """Return a symbol as HTML on a background, orange above 0 and blue below, and with a title."""
    # a line break has no width: padding before it shows its colour
    padding = "; padding-left: 0.6em" if symbol.startswith("\n") else ""
    style = f"background: {_background(fraction)}{padding}"
    shown = escape(symbol.translate(_IN_BROWSERS))
    return f'<span style="{style}" title="{escape(title)}">{shown}</span>'


def _background(fraction: float) -> str:
    colour = _COLOUR if fraction >= 0 else _COLOUR_BELOW
    return f"rgba({colour}, {_MAX_OPACITY * min(abs(fraction), 1.0):.2f})"


def _listed(choices: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{symbol.translate(_QUOTED)!r} {p:.2f}" for symbol, p in choices)


def most_surprising(
    symbols: Sequence[tuple[str, float]], expected: Sequence[Sequence[tuple[str, float]]]
) -> str:
    """Return lines with the most surprising symbols and those `expected` instead, "" if none are.

    Symbols that were the most probable ones are left out.
    """
    surprises = [surprise for _, surprise in symbols]
    order = sorted(range(len(expected)), key=lambda i: -surprises[i])
    lines = [
        f"\nstep {i}: {symbols[i][0].translate(_QUOTED)!r} {exp(-surprises[i]):.2g}, expected "
        f"{_listed(expected[i])}"
        for i in order[:_N_MOST]
        if expected[i] and symbols[i][0] != expected[i][0][0]
    ]
    return "".join(lines)


def legend_html(max_surprise: float) -> str:
    """Return the scale of the colours as HTML."""
    scale = "".join(
        f'<span style="background: {_background(fraction)}; padding: 0 0.6em">'
        f"{fraction * max_surprise:.1f}</span>"
        for fraction in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    return f"<p>Surprise in nats: {scale} or more. {END} is the end of a sequence.</p>"


def colour_text(symbols: Iterable[tuple[str, float]], max_surprise: float, separator: str) -> str:
    """Return symbols for a terminal, on backgrounds that grow with their surprise."""
    return separator.join(
        _coloured(
            symbol.translate(_IN_TERMINALS),
            _BACKGROUNDS[_level(surprise, max_surprise, len(_BACKGROUNDS))],
        )
        for symbol, surprise in symbols
    )


def coloured_symbol(symbol: str, fraction: float) -> str:
    """Return a symbol for a terminal on a background, orange above 0 and blue below."""
    backgrounds = _BACKGROUNDS if fraction >= 0 else _BACKGROUNDS_BELOW
    background = backgrounds[_level(abs(fraction), 1.0, len(backgrounds))]
    return _coloured(symbol.translate(_IN_TERMINALS), background)


def _coloured(shown: str, background: int | None) -> str:
    """Colour each line of a symbol separately, so that no background extends past a line."""
    if background is None:
        return shown
    lines = (
        f"\x1b[38;5;16;48;5;{background}m{line}\x1b[0m" if line else line
        for line in shown.split("\n")
    )
    return "\n".join(lines)


def mark_text(symbols: Iterable[tuple[str, float]], max_surprise: float, separator: str) -> str:
    """Return symbols for a terminal, each line above a line of their surprises as digits."""
    pairs = [
        (symbol.translate(_IN_TERMINALS), _level(surprise, max_surprise, _N_DIGITS))
        for symbol, surprise in symbols
    ]
    shown = separator.join(symbol for symbol, _ in pairs).split("\n")
    marks = separator.join(_marked(symbol, level) for symbol, level in pairs).split("\n")
    lines = (
        f"{line}\n{mark.rstrip()}" for line, mark in zip(shown, marks, strict=True) if line or mark
    )
    return "\n".join(lines)


def _marked(shown: str, level: int) -> str:
    """Return a digit below the first visible character of a symbol, and blanks below the others."""
    cells = ["\n" if c == "\n" else " " * (1 + (east_asian_width(c) in "WF")) for c in shown]
    if cells:
        first = next((i for i, c in enumerate(shown) if c != " "), 0)
        cells[first] = str(level).ljust(len(cells[first]))
    return "".join(cells)


def _level(surprise: float, max_surprise: float, n_levels: int) -> int:
    fraction = min(max(surprise / max_surprise, 0.0), 1.0)
    return min(int(fraction * n_levels), n_levels - 1)


def legend_text(max_surprise: float, *, color: bool) -> str:
    """Return the scale of the colours or of the digits as text."""
    if not color:
        tenth = max_surprise / _N_DIGITS
        return (
            f"A digit counts the surprise in units of {tenth:.2f} nats, 9 is {9 * tenth:.2f} or "
            f"more. {END} is the end of a sequence."
        )
    step = max_surprise / len(_BACKGROUNDS)
    scale = "".join(
        _coloured(f" {level * step:.1f} ", background)
        for level, background in enumerate(_BACKGROUNDS)
    )
    return f"Surprise in nats:{scale}or more. {END} is the end of a sequence."
