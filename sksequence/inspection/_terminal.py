"""Symbols with their surprise for a terminal: on coloured backgrounds, or above a line of digits."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import east_asian_width

from sksequence.inspection._visible import END, in_terminal

# of the 256 colours, from hardly orange to deep orange
_BACKGROUNDS = (None, 230, 223, 216, 209, 202)
_N_DIGITS = 10


def colour_text(symbols: Iterable[tuple[str, float]], max_surprise: float, separator: str) -> str:
    """Return symbols on backgrounds as strong as their surprise."""
    return separator.join(
        _coloured(in_terminal(symbol), _BACKGROUNDS[_level(surprise, max_surprise, 6)])
        for symbol, surprise in symbols
    )


def _coloured(shown: str, background: int | None) -> str:
    """Colour each line of a symbol by itself: a background would run on to the end of a line."""
    if background is None:
        return shown
    lines = (
        f"\x1b[38;5;16;48;5;{background}m{line}\x1b[0m" if line else line
        for line in shown.split("\n")
    )
    return "\n".join(lines)


def mark_text(symbols: Iterable[tuple[str, float]], max_surprise: float, separator: str) -> str:
    """Return each line of the symbols above a line that has their surprises as digits."""
    pairs = [
        (in_terminal(symbol), _level(surprise, max_surprise, _N_DIGITS))
        for symbol, surprise in symbols
    ]
    shown = separator.join(symbol for symbol, _ in pairs).split("\n")
    marks = separator.join(_marked(symbol, level) for symbol, level in pairs).split("\n")
    lines = (
        f"{line}\n{mark.rstrip()}" for line, mark in zip(shown, marks, strict=True) if line or mark
    )
    return "\n".join(lines)


def _marked(shown: str, level: int) -> str:
    """Return a digit below the first character of a symbol that is seen, blanks below the others."""
    cells = ["\n" if c == "\n" else " " * (1 + (east_asian_width(c) in "WF")) for c in shown]
    if cells:
        first = next((i for i, c in enumerate(shown) if c != " "), 0)
        cells[first] = str(level).ljust(len(cells[first]))
    return "".join(cells)


def _level(surprise: float, max_surprise: float, n_levels: int) -> int:
    share = min(max(surprise / max_surprise, 0.0), 1.0)
    return min(int(share * n_levels), n_levels - 1)


def legend_text(max_surprise: float, *, color: bool) -> str:
    """Return what the colours or the digits mean."""
    if not color:
        tenth = max_surprise / _N_DIGITS
        return (
            f"A digit counts the surprise in units of {tenth:.2f} nats, 9 is {9 * tenth:.2f} or more. "
            f"{END} is the end of a sequence."
        )
    step = max_surprise / len(_BACKGROUNDS)
    scale = "".join(
        _coloured(f" {level * step:.1f} ", background)
        for level, background in enumerate(_BACKGROUNDS)
    )
    return f"Surprise in nats:{scale}or more. {END} is the end of a sequence."
