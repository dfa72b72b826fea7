"""What of the outputs is fetched, and when: the chosen one first, then what is seen, then what comes next."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

from textual import work
from textual.screen import Screen
from textual.timer import Timer

from comfy_tui.content.sniff import Medium
from comfy_tui.errors import ComfyError, Refused
from comfy_tui.monitor.ahead import Ahead
from comfy_tui.monitor.outputs import Output
from comfy_tui.monitor.previews import Level, Preview
from comfy_tui.monitor.state import Link, Problem
from comfy_tui.widgets.leavable import Leavable
from comfy_tui.widgets.output_browser import OutputBrowser
from comfy_tui.widgets.picture import Picture

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp

#: Who goes over rows faster than this does not have their pictures fetched.
DEBOUNCE_S = 0.08
_BURST_S = 0.15
#: How many neighbours of the chosen output are fetched before they are asked for, after it and before it.
_AFTER, _BEFORE = 2, 1
#: How many tiles beyond the screen.
_TILES_AHEAD = 12


class OutputLoading(Leavable, Screen[Any]):
    """A second base of the outputs screen."""

    def __init__(self) -> None:
        super().__init__()
        self._current: Output | None = None
        self._preview: Preview | None = None
        self._problem: Problem | None = None
        self._was_online = False
        self._chosen_at_s = 0.0
        self._thumbs: Ahead[str] = Ahead(self._load_thumb, parallel=3)
        self._next: Ahead[str] = Ahead(self._load_next, parallel=1)
        #: Outputs whose thumbnails cannot be had; not asked for again until the person does.
        self._without: set[object] = set()
        self._thumbs_due: Timer | None = None

    # -- what the screen gives -----------------------------------------------------------------

    @property
    def _browser(self) -> OutputBrowser:
        raise NotImplementedError

    @property
    def _outputs(self) -> dict[str, Output]:
        raise NotImplementedError

    def content_changed(self) -> None:
        """Another output is chosen, or its content came; to be given by the screen."""

    def forget_view(self, *, slides_go_on: bool = False) -> None:
        """The output in the window is another one; to be given by the screen."""

    @property
    def _tui_app(self) -> ComfyApp:
        return cast("ComfyApp", self.app)

    def _medium(self, output: Output) -> Medium | None:
        """What a file is by its content, where that is known."""
        known = self._tui_app.previews.facts(self._tui_app.server_of(output), output)
        return known.sort.medium if known is not None and known.sort is not None else None

    def on_unmount(self) -> None:
        """Give up what is on its way."""
        self._thumbs.close()
        self._next.close()

    # -- the chosen one ------------------------------------------------------------------------

    def _choose(self) -> None:
        """Show the output under the cursor; what is not known of it is fetched."""
        output = self._outputs.get(self._browser.current_key)
        if identity(output) != identity(self._current):
            self._current = output
            self.forget_view(slides_go_on=True)
            self._start_preview()
        else:
            self._current = output
            self.content_changed()

    def _start_preview(self) -> None:
        self.workers.cancel_group(self, "preview")
        self._next.close()
        now = time.monotonic()
        hurried = now - self._chosen_at_s < _BURST_S
        self._chosen_at_s = now
        self._preview, self._problem = None, None
        output = self._current
        if output is not None:
            self._preview = self._tui_app.previews.known(self._tui_app.server_of(output), output)
            if self._preview is None:
                self._fetch(output, DEBOUNCE_S if hurried else 0.0)
            else:
                self._want_next()
        self.content_changed()

    @work(group="preview", exclusive=True, exit_on_error=True)
    async def _fetch(self, output: Output, wait_s: float) -> None:
        """Fetch and decode; cancelled when the cursor goes on."""
        if wait_s:
            await asyncio.sleep(wait_s)
        client = self._tui_app.client_of(output)
        if client is None:
            return
        try:
            preview = await self._tui_app.previews.load(client, output)
        except ComfyError as error:
            self._problem = _problem(error, output)
        else:
            if preview.decoded is not None:
                # Drawn before it is shown: one frame instead of two, and nothing else takes the time.
                await self.query_one("#picture", Picture).prepare(preview.decoded)
            self._preview = preview
        self.content_changed()
        self.call_after_refresh(self._want_next)

    def _try_again_after_trouble(self) -> None:
        """A preview that failed while the server was gone is fetched when it is back."""
        online = self._tui_app.connection.link is Link.ONLINE
        if online and not self._was_online:
            self._try_again()
        self._was_online = online

    def _try_again(self) -> None:
        """Ask again for what could not be had."""
        self._without.clear()
        self._tui_app.previews.doubt_again()
        self._want_thumbs()
        if self._problem is not None or (self._preview is not None and self._preview.kept_why):
            self._start_preview()

    # -- what comes next -----------------------------------------------------------------------

    def _want_next(self) -> None:
        """The neighbours, while the person looks at this one."""
        if self._current is None:
            return
        slow = self._tui_app.previews.speed(self._tui_app.server_of(self._current)).is_slow
        self._next.want(self._browser.neighbours(1, 0) if slow else self._browser.neighbours(_AFTER, _BEFORE))

    async def _load_next(self, key: str) -> None:
        output = self._outputs.get(key)
        client = self._tui_app.client_of(output) if output is not None else None
        if output is None or client is None or output.file is None or output.medium is not Medium.PICTURE:
            return
        # What it is called does not matter: an error is told when it is chosen.
        try:
            preview = await self._tui_app.previews.load(client, output)
        except ComfyError:
            return
        if preview.decoded is not None and key in self._browser.neighbours(1, 1):
            await self.query_one("#picture", Picture).prepare(preview.decoded)

    # -- tiles ---------------------------------------------------------------------------------

    def on_output_browser_visible_changed(self, message: OutputBrowser.VisibleChanged) -> None:
        """Other tiles are seen: wait until the person stops, then fetch what is seen."""
        if self._browser.tiles and self._thumbs_due is None:
            self._thumbs_due = self.set_timer(0.05, self._want_thumbs)

    def _want_thumbs(self) -> None:
        self._thumbs_due = None
        browser = self._browser
        if not browser.tiles:
            self._thumbs.close()
            return
        wanted = (*browser.visible_keys(), *browser.keys_around(_TILES_AHEAD))
        browser.keep_thumbs(wanted)
        missing: list[str] = []
        for key in wanted:
            output = self._outputs.get(key)
            if output is None or output.file is None or browser.has_thumb(key):
                continue
            known = self._tui_app.previews.known(self._tui_app.server_of(output), output, Level.THUMB)
            if known is not None:
                if known.decoded is not None:
                    browser.set_thumb(key, known.decoded)
            elif identity(output) not in self._without and output.medium in (
                *(Medium.PICTURE, Medium.VIDEO, Medium.OTHER),
            ):
                missing.append(key)
        self._thumbs.want(missing)

    async def _load_thumb(self, key: str) -> None:
        output = self._outputs.get(key)
        client = self._tui_app.client_of(output) if output is not None else None
        if output is None or client is None:
            return
        try:
            found = await self._tui_app.previews.load(client, output, Level.THUMB)
        except ComfyError:
            # Told when it is chosen; its tile says what it is.
            self._without.add(identity(output))
            return
        if found.decoded is not None and self._outputs.get(key) is output:
            self._browser.set_thumb(key, found.decoded)


def _problem(error: ComfyError, output: Output) -> Problem:
    """What went wrong; a file that is not there is told as that."""
    if not isinstance(error, Refused) or error.status != 404:
        return Problem.of(error)
    why = "it is not where its job put it"
    if output.is_temporary:
        why = "temporary files go when it is started again"
    return Problem(error.code, "The server does not have this file any more", f"404: {why}", "")


def identity(output: Output | None) -> object:
    """The same as long as the content is the same; words about the job may still come."""
    return None if output is None else (output.key, output.file, output.text, output.job.ended_at_s)
