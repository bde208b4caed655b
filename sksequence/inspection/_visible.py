"""Characters that would not be seen, or would be obeyed, as characters that are seen.

A text that is looked at may hold anything: a terminal follows escape sequences, a browser drops control characters.
"""

from __future__ import annotations

END = "\u220e"
LINE_END = "\u21b5"  # stands before the line break itself, which has no width to be coloured

_PICTURES = 0x2400  # Unicode's pictures of the control characters, in their order
_CONTROLS = {code: chr(_PICTURES + code) for code in range(32)} | {127: "\u2421"}
_CONTROLS |= dict.fromkeys([*range(0x80, 0xA0), *range(0xD800, 0xE000)], "\ufffd")
_IN_TERMINALS = _CONTROLS | {ord("\n"): LINE_END + "\n"}
_IN_BROWSERS = {code: shown for code, shown in _CONTROLS.items() if chr(code) not in "\t\n"}


def in_terminal(text: str) -> str:
    """Return a text that a terminal prints as it is, with a sign before each line break."""
    return text.translate(_IN_TERMINALS)


def in_browser(text: str) -> str:
    """Return a text that a browser shows as it is."""
    return text.translate(_IN_BROWSERS)
