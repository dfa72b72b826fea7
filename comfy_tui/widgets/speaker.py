"""Words to the terminal itself: notifications, the bell, the title; by the driver, between two frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.driver import Driver

from comfy_tui.alert_settings import AlertSettings
from comfy_tui.monitor.alerts.words import POP_TITLE, PUSH_TITLE, notification, title_sequence


class Speaker:
    """Knows what was said to the terminal and takes it back at the end.

    Args:
        settings: which sequences, and whether the title is used.
        environ: the environment: which terminal, and whether tmux is between.
    """

    def __init__(self, settings: AlertSettings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        self._write: Callable[[str], None] | None = None
        self._title = ""
        self._titled = False

    def connect(self, write: Callable[[str], None]) -> None:
        """The terminal is ours."""
        self._write = write
        if self._title:
            self._say_title()

    def leave(self) -> str:
        """The terminal is given back: the sequence that brings its title back, if it was changed."""
        self._write = None
        titled, self._titled = self._titled, False
        return POP_TITLE if titled else ""

    def notify(self, title: str, message: str) -> None:
        """Ask for a notification."""
        if self._write is not None:
            self._write(notification(title, message, self._settings.notification, self._environ))

    def ring(self) -> None:
        """Ring the bell."""
        if self._write is not None:
            self._write("\x07")

    def entitle(self, words: str) -> None:
        """Set the title, where that is wanted and it is another one."""
        if self._settings.title and words != self._title:
            self._title = words
            self._say_title()

    def _say_title(self) -> None:
        if self._write is not None:
            push = "" if self._titled else PUSH_TITLE
            self._titled = True
            self._write(push + title_sequence(self._title))


def speaking_driver(base: type[Driver], speaker: Speaker) -> type[Driver]:
    """A driver like ``base`` by which the speaker speaks while the terminal is the app's."""

    class SpeakingDriver(base):  # type: ignore[misc, valid-type]
        """Lends its way to the terminal."""

        def start_application_mode(self) -> None:
            """Speak from now on."""
            super().start_application_mode()
            if not self.is_headless:
                speaker.connect(self.write)

        def stop_application_mode(self) -> None:
            """Give the title back: at the end, after a crash, when suspended."""
            if words := speaker.leave():
                self.write(words)
            super().stop_application_mode()

    return SpeakingDriver
