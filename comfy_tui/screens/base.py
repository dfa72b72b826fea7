"""What all modes of the console share: the frame, and painting only while visible."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Static

from comfy_tui.widgets.chrome import Banner, TopBar
from comfy_tui.widgets.hint_bar import HintBar
from comfy_tui.widgets.leavable import Leavable

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp

MIN_WIDTH, MIN_HEIGHT = 60, 16


class ConsoleScreen(Leavable, Screen[None]):
    """A mode: top bar, banner, its own body, footer.

    A subclass names the state slices of the app that it shows in ``SLICES`` and paints them in
    :meth:`paint`, which is called once for a burst of changes and only while the screen is visible.
    """

    MODE: ClassVar[str] = ""
    #: Each mode gives the focus itself: Textual would give it to a line that is hidden.
    AUTO_FOCUS = ""
    #: Names of reactive attributes of the app.
    SLICES: ClassVar[tuple[str, ...]] = ()
    DEFAULT_CSS = """
    ConsoleScreen {
        background: $background;
        & #body { height: 1fr; }
        & #too-small { display: none; height: 1fr; content-align: center middle; text-align: center; }
        &.-too-small {
            & #body, & Footer, & TopBar, & Banner { display: none; }
            & #too-small { display: block; }
        }
        & Footer { background: $panel; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._dirty = True
        self._painting = False

    @property
    def console(self) -> ComfyApp:
        """The app, with its own type."""
        return cast("ComfyApp", self.app)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is off for the whole console (read-only) is off for the screen's own actions too."""
        return self.console.check_action(action, parameters)

    def compose(self) -> ComposeResult:
        """The frame around the body."""
        yield TopBar(self.MODE)
        yield Banner()
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Static(
            f"The terminal is too small: at least {MIN_WIDTH}x{MIN_HEIGHT}.", id="too-small", markup=False
        )
        yield HintBar()

    def compose_body(self) -> ComposeResult:
        """The widgets of this mode."""
        yield from ()

    def on_mount(self) -> None:
        """Follow the app's state."""
        for name in ("connection", *self.SLICES):
            self.watch(self.app, name, self._state_changed, init=False)
        self._state_changed()
        # The countdown to the next attempt runs only while there is a banner.
        self.set_interval(1.0, self._tick)
        # Data grows old while the server is not asked, too.
        self.set_interval(max(5.0, self.console.options.interval_s), self._state_changed)

    def _state_changed(self) -> None:
        self._dirty = True
        if self.is_current and not self._painting:
            self._painting = True
            # Not after a refresh: that is kept by the screen on top, and a dialog that is answered at
            # once takes it along; this screen would never be painted again.
            self.call_later(self._paint_now)

    def _paint_now(self) -> None:
        self._painting = False
        if not self._dirty or not self.is_current:
            return
        self._dirty = False
        interval_s = self.console.options.interval_s
        self.query_one(TopBar).show(self.console.connection, self.console.jobs, self.now_s(), interval_s)
        self.query_one(Banner).show(self.console.connection, self.now_s())
        self.paint()

    def _tick(self) -> None:
        if self.is_current and self.console.connection.problem is not None:
            self.query_one(Banner).show(self.console.connection, self.now_s())

    def on_screen_resume(self) -> None:
        """Paint what changed while another screen was shown."""
        self._state_changed()

    def on_resize(self, event: events.Resize) -> None:
        """Show the notice where nothing else would be readable."""
        self.set_class(event.size.width < MIN_WIDTH or event.size.height < MIN_HEIGHT, "-too-small")
        self._state_changed()

    def now_s(self) -> float:
        """The time in Unix seconds."""
        return time.time()

    def paint(self) -> None:
        """Show the app's state."""
