"""A key means what is on the screen when it is its turn: a dialog's answer never goes to the list below it.

Over a slow line ``x y`` or ``/ words`` come in one packet.  Textual hands every key at once to what has the
focus by then, so that all but the first would go to the wrong place.  Here a key waits until the one before
it has done what it does, up to a dialog that opens or a focus that moves.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from textual.app import App, ScreenStackError
from textual.events import Key
from textual.message import Message
from textual.timer import Timer

#: A key of which no end is seen keeps the others back so long at most.
_MOST_S = 0.3
#: A key's message can lead to another one: an enter in a field to its answer, that to the dialog's end.
_ROUNDS = 3


class Settled(Message):
    """Takes the way that a key takes, behind it: from what has the focus up to the app."""

    def __init__(self, turn: int) -> None:
        super().__init__()
        self.turn = turn


class KeyOrder:
    """Keys of an app, one after the other.

    Args:
        app: gets the keys, and hands :class:`Settled` on.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._waiting: deque[Key] = deque()
        self._next: Key | None = None
        self._turn = self._rounds = 0
        self._under_way = False
        self._limit: Timer | None = None

    @property
    def idle(self) -> bool:
        """Whether every key has done what it does at once."""
        return not self._under_way

    def takes(self, key: Key) -> bool:
        """Whether a key has to wait; it is sent again when it is its turn."""
        if self._under_way and key is not self._next:
            self._waiting.append(key)
            return True
        self._under_way, self._next = True, None
        return False

    def sent(self) -> None:
        """The key is on its way to what has the focus."""
        self._rounds = _ROUNDS
        self._limit = self._app.set_timer(_MOST_S, self._go_on)
        self._follow()

    def settled(self, message: Settled) -> None:
        """The key has come as far as it goes."""
        if message.turn != self._turn:
            return
        self._rounds -= 1
        if self._rounds > 0:
            self._follow()
        else:
            # Behind what the key has told the app to do, such as to move the focus.
            self._app.call_later(self._go_on, self._turn)

    def _follow(self) -> None:
        self._turn += 1
        try:
            target = self._app.focused or self._app.screen
        except ScreenStackError:
            return  # the app ends
        if not target.post_message(Settled(self._turn)):
            self._app.post_message(Settled(self._turn))

    def _go_on(self, turn: int | None = None) -> None:
        if turn not in (None, self._turn):
            return
        self._turn += 1
        if self._limit is not None:
            self._limit.stop()
        if self._waiting:
            self._next = self._waiting.popleft()
            self._app.post_message(self._next)
        else:
            self._under_way = False
