"""Keys that were pressed before the console could hear them, from the bytes that the terminal sent."""

from __future__ import annotations

import re

from textual.events import Key

from comfy_tui.key_name import textual_key

#: A whole sequence, or one character.
_PIECES = re.compile(r"\x1b(?:\[[\d;]*[A-Za-z~]|O[A-Z])|.", re.DOTALL)
_NAMED = {"\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\x1b": "escape", " ": "space"}
_SEQUENCES = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end"}
_MOST = 40


def key_events(typed: str) -> list[Key]:
    """The keys, in their order; sequences that are not known are left out."""
    events: list[Key] = []
    for piece in _PIECES.findall(typed)[:_MOST]:
        if len(piece) > 1:
            if piece[1:-1] in ("[", "O") and piece[-1] in _SEQUENCES:
                events.append(Key(_SEQUENCES[piece[-1]], None))
        elif piece in _NAMED:
            events.append(Key(_NAMED[piece], piece))
        elif piece.isprintable():
            events.append(Key(textual_key(piece), piece))
        elif 1 <= ord(piece) <= 26:
            events.append(Key(f"ctrl+{chr(ord(piece) + 96)}", piece))
    return events
