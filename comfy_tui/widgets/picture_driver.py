"""The way to the terminal: pixels travel with the frame that shows them, and go before the screen does.

Textual lets an app choose the class of its driver; this one adds to whatever class that would be.
"""

from __future__ import annotations

from typing import Any

from textual import events
from textual.app import App
from textual.driver import Driver
from textual.message import Message

from comfy_tui.terminal.late import LateReplies
from comfy_tui.widgets.graphics import graphics_of

#: The Linux console and mosh have no other screen to go back to: the shell gets an empty one.
_EMPTY = "\x1b[0m\x1b[2J\x1b[H"


def paint_after_suspend(app: App[Any]) -> None:
    """Paint everything when the console comes back from the shell: Textual leaves the screen empty."""

    def paint(_app: object) -> None:
        app.screen.refresh(layout=True)

    app.app_resume_signal.subscribe(app, paint)


def picture_driver(base: type[Driver]) -> type[Driver]:
    """A driver like ``base`` that also draws pictures."""

    class PictureDriver(base):  # type: ignore[misc, valid-type]
        """Adds the pictures to what is written."""

        def __init__(self, app: App[Any], **options: Any) -> None:
            self._graphics = graphics_of(app)
            self._late = LateReplies(expected=not self._graphics.facts.answers.answered)
            super().__init__(app, **options)

        def start_application_mode(self) -> None:
            """Take the terminal over as it was before it was asked: so it is given back at the end."""
            restore, self._graphics.before_start = self._graphics.before_start, None
            if restore is not None:
                restore()
            super().start_application_mode()

        def write(self, data: str) -> None:
            """Write a frame with its pictures."""
            super().write(self._graphics.fill(data))

        def process_message(self, message: Message) -> None:
            """Pass on what was pressed, not what a slow terminal answers to the questions at the start."""
            if isinstance(message, events.Key) and self._late.takes(message.key, message.character):
                return
            super().process_message(message)

        def stop_application_mode(self) -> None:
            """Free the pictures while the screen is still ours: at the end, after a crash, when suspended."""
            super().write(self._graphics.leave() + _EMPTY)
            super().stop_application_mode()

    return PictureDriver
