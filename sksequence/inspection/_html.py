"""Symbols on a background as strong as their surprise, in HTML with inline styles and no script."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from math import exp

from sksequence.inspection._visible import END, in_browser

_COLOUR = "230, 85, 13"
_STRONGEST = 0.8  # the letters above it stay legible, on a dark page as well


def colour_html(symbols: Iterable[tuple[str, float]], max_surprise: float, separator: str) -> str:
    """Return symbols with their surprises as one block."""
    spans = (_span(symbol, surprise, max_surprise) for symbol, surprise in symbols)
    return f'<pre style="white-space: pre-wrap">{escape(separator).join(spans)}</pre>'


def _span(symbol: str, surprise: float, max_surprise: float) -> str:
    # a line break has no width: room before it shows its colour
    room = "; padding-left: 0.6em" if symbol.startswith("\n") else ""
    style = f"background: {_background(surprise / max_surprise)}{room}"
    title = f"{surprise:.3f} nats, p = {exp(-surprise):.3g}"
    return f'<span style="{style}" title="{title}">{escape(in_browser(symbol))}</span>'


def _background(share: float) -> str:
    return f"rgba({_COLOUR}, {_STRONGEST * min(max(share, 0.0), 1.0):.2f})"


def legend_html(max_surprise: float) -> str:
    """Return a scale of the colours."""
    scale = "".join(
        f'<span style="background: {_background(share)}; padding: 0 0.6em">'
        f"{share * max_surprise:.1f}</span>"
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    return f"<p>Surprise in nats: {scale} or more. {END} is the end of a sequence.</p>"
