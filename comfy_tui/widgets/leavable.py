"""What may be left at any moment: what comes too late for it is dropped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import ScreenStackError
from textual.css.query import NoMatches
from textual.events import Event
from textual.worker import Worker

if TYPE_CHECKING:
    from textual.dom import DOMNode as _Node
else:
    _Node = object  # a node for the types only: Textual takes styles from the first base that is one

T = TypeVar("T")


class Leavable(_Node):
    """First base of a screen, or of a widget that works in the background.

    The widgets of a screen go before it does, and those of one that opens while the console ends are never
    made. An event, a callback or a worker that looks for one of them then is no fault, only late.
    """

    @property
    def is_left(self) -> bool:
        """Whether it goes, or the console ends."""
        return not (self.is_attached and self.is_running and self.app.is_running)

    async def on_event(self, event: Event) -> None:
        """Take an event; callbacks are events too."""
        try:
            await super().on_event(event)
        except (NoMatches, ScreenStackError):
            if not self.is_left:
                raise

    def run_worker(self, work: Callable[[], Awaitable[T]], *args: Any, **options: Any) -> Worker[T]:  # type: ignore[override]
        """Run in the background.

        Args:
            work: a function, not what it returns: where it is not begun before the end, nobody would wait
                for that. One for a thread touches no widget, and runs as it is.
            args: as Textual takes them.
            options: as Textual takes them.
        """

        async def until_left() -> T | None:
            try:
                return await work()
            except (NoMatches, ScreenStackError):
                if not self.is_left:
                    raise
                return None

        wanted: Any = work if options.get("thread") else until_left
        return super().run_worker(wanted, *args, **options)
