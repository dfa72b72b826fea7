"""Answers that come after the console stopped waiting for them: they are not keys.

Textual takes a sequence that it does not know apart and passes it on as keys, one by one: the escape as a
circumflex or not at all, then each character.
"""

from __future__ import annotations

import time

#: So long after the start answers are looked for.
PATIENCE_S = 10.0
_ENTER = {"[": "csi", "_": "string", "P": "string", "]": "string"}
_OPENERS = {"alt+left_square_bracket": "[", "alt+underscore": "_", "alt+P": "P", "alt+upper_p": "P"}
_OPENERS |= {"alt+right_square_bracket": "]", "left_square_bracket": "["}
#: No answer is longer.
_LONGEST = 200


class LateReplies:
    """Takes the characters of answers out of the keys; nothing once the end mark has come."""

    def __init__(self, *, expected: bool) -> None:
        self._until_s = time.monotonic() + PATIENCE_S if expected else 0.0
        self._inside = ""
        self._opened = False
        self._length = 0

    def takes(self, key: str, character: str | None) -> bool:
        """Whether this key is part of an answer."""
        if not self._until_s or time.monotonic() > self._until_s:
            return False
        if self._inside:
            return self._goes_on(key, character or "")
        opener = _OPENERS.get(key, "")
        if not opener and self._opened:
            opener = character if character in _ENTER else ""
        self._opened = key == "circumflex_accent" and character == "^"
        if opener:
            self._inside, self._length = _ENTER[opener], 0
            return True
        # An escape that another one follows comes as a circumflex, which is no key of the console's.
        return self._opened

    def _goes_on(self, key: str, character: str) -> bool:
        self._length += 1
        if self._length > _LONGEST:
            self._inside = ""
            return False
        if self._inside == "csi":
            if character.isalpha():
                self._inside = ""
                if character == "c":  # DA1 is asked last
                    self._until_s = 0.0
            return True
        if key in ("alt+backslash",) or character == "\\":
            self._inside = ""
        return True
