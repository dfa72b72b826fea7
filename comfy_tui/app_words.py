"""What the console says, and how it runs what a person asked for; a base of the app."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App

from comfy_tui.errors import ComfyError
from comfy_tui.text import clean, clean_lines
from comfy_tui.widgets.leavable import Leavable

if TYPE_CHECKING:
    from comfy_tui.monitor.session import Session

T = TypeVar("T")
_log = logging.getLogger("comfy_tui")


class TellingApp(Leavable, App[int]):
    """An app with toasts that are text, a clipboard that says where it is, and actions that report."""

    session: Session | None = None
    #: The text that was copied last.
    copied: str = ""

    @property
    def actions_under_way(self) -> int:
        """How many of the things that a person asked for have not ended, here or on a screen."""
        return sum(1 for worker in self.workers if worker.group == "actions" and not worker.is_finished)

    def tell(
        self, title: str, message: str, *, severity: str = "information", only_newest: bool = False
    ) -> None:
        """Show a toast; whatever the text holds, it is text.

        Args:
            title: what it is about.
            message: what there is to say; the same once more takes the place of the first.
            severity: ``information``, ``warning`` or ``error``.
            only_newest: whatever was said before under this title goes.
        """
        level: Any = severity if severity in ("information", "warning", "error") else "information"
        timeout_s = 5 if level == "information" else 10
        title, message = clean(title, 100), clean_lines(message, 900)
        for older in list(self._notifications):
            if older.title == title and (only_newest or (older.message, older.severity) == (message, level)):
                self._unnotify(older, refresh=False)
        self.notify(
            message,
            title=title,
            severity=level,
            timeout=timeout_s,
            markup=False,
        )

    def tell_error(self, error: ComfyError) -> None:
        """Show what failed and what to do; also in the log."""
        _log.warning("%s: %s", clean(error.title), clean(error.message, 2000))
        text = "\n".join(part for part in (error.message, error.hint) if part)
        self.tell(error.title, text or error.title, severity="error")

    def copy(self, text: str, what: str) -> None:
        """Put a text on the clipboard and say where it went.

        Args:
            text: what to copy; control characters are left out.
            what: a word or two for the toast: ``prompt``, ``URL``.
        """
        self.run_worker(partial(self._copy, text, what), group="clipboard")

    async def _copy(self, text: str, what: str) -> None:
        from comfy_tui import clipboard

        self.copied = text = clipboard.safe(text)
        try:
            route = await asyncio.to_thread(clipboard.copy, text, os.environ)
        except ComfyError as error:
            self.tell_error(error)
            return
        if route is clipboard.Route.TERMINAL:
            self.copy_to_clipboard(text)
        self.tell("Clipboard", f"{what}: {clipboard.words(route, os.environ)}")

    def action_show_copied(self) -> None:
        """Show what was copied last, for where the clipboard did not take it."""
        if not self.copied:
            self.tell("Nothing to show", "Nothing was copied yet: y copies.")
            return
        from comfy_tui.screens.copied import CopiedScreen

        self.push_screen(CopiedScreen(self.copied))

    def act(
        self,
        call: Callable[[Session], Awaitable[T]],
        done: Callable[[T], str | None],
        *,
        title: str = "Done",
    ) -> None:
        """Run what a person asked for: a toast when it is done, a toast with the hint when it failed.

        Args:
            call: the action, given the session.
            done: the words for its result; None for no toast.
            title: the toast's title.
        """
        if self.session is None:
            self.tell("One moment", "The console is not connected yet.", severity="warning")
            return
        self.run_worker(partial(self._act, self.session, call, done, title), group="actions")

    async def _act(
        self,
        session: Session,
        call: Callable[[Session], Awaitable[T]],
        done: Callable[[T], str | None],
        title: str,
    ) -> None:
        try:
            text = done(await call(session))
        except ComfyError as error:
            self.tell_error(error)
            return
        if text:
            self.tell(title, text)
