"""How keys are called: by people in the config, and by Textual."""

from __future__ import annotations

_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
_ALIASES = {"esc": "escape", "return": "enter", "del": "delete", "ins": "insert", "pgup": "pageup"}
_ALIASES |= {"pgdn": "pagedown", "bksp": "backspace", " ": "space"}
_NAMED = frozenset(
    {
        *("escape", "enter", "tab", "space", "backspace", "delete", "insert"),
        *("home", "end", "pageup", "pagedown", "up", "down", "left", "right"),
        *(f"f{number}" for number in range(1, 25)),
    }
)
#: Signs by their name, as Textual knows them.
SIGN_NAMES = {
    "?": "question_mark",
    "/": "slash",
    ",": "comma",
    ".": "full_stop",
    ":": "colon",
    ";": "semicolon",
    "!": "exclamation_mark",
    "+": "plus",
    "-": "minus",
    "*": "asterisk",
    "=": "equals_sign",
    "<": "less_than_sign",
    ">": "greater_than_sign",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "{": "left_curly_bracket",
    "}": "right_curly_bracket",
    "(": "left_parenthesis",
    ")": "right_parenthesis",
    "@": "at",
    "#": "number_sign",
    "$": "dollar_sign",
    "%": "percent_sign",
    "&": "ampersand",
    "|": "vertical_line",
    "~": "tilde",
    "^": "circumflex_accent",
    "`": "grave_accent",
    "'": "apostrophe",
    '"': "quotation_mark",
    "\\": "backslash",
    "_": "underscore",
}


def _split(key: str) -> tuple[list[str], str]:
    """Modifiers and the key itself, which may be a plus."""
    if key == "+" or key.endswith("++"):
        return [part for part in key[:-2].split("+") if part], "+"
    *modifiers, last = key.split("+")
    return modifiers, last


def normal_key(key: str) -> str:
    """One spelling for a key: ``Ctrl+P`` and ``ctrl+p`` are the same, ``x`` and ``X`` are not."""
    if len(key) == 1:
        return _ALIASES.get(key, key)
    modifiers, last = _split(key)
    last = _ALIASES.get(last.lower(), last.lower())
    last = next((sign for sign, name in SIGN_NAMES.items() if name == last), last)
    order = sorted(modifier.lower() for modifier in modifiers)
    if order == ["shift"] and len(last) == 1 and last.isalpha():
        return last.upper()
    return "+".join([*order, last])


def is_key(key: str) -> bool:
    """Whether that can be the name of a key; loosely: a terminal may still not send it."""
    modifiers, last = _split(normal_key(key))
    if not last or not _MODIFIERS.issuperset(modifiers):
        return False
    return (len(last) == 1 and last.isprintable()) or last in _NAMED


def textual_key(key: str) -> str:
    """The key as Textual names it: ``?`` is ``question_mark``."""
    modifiers, last = _split(normal_key(key))
    return "+".join([*modifiers, SIGN_NAMES.get(last, last)])
