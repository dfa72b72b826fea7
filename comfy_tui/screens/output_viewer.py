"""An output in the whole window: enlarged and moved about, played, one after the other."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from textual import work
from textual.timer import Timer

from comfy_tui.content.sniff import Medium
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.outputs import Output
from comfy_tui.monitor.previews import Level, Preview
from comfy_tui.pictures.animation import Animation, contact_sheet
from comfy_tui.pictures.decode import Decoded
from comfy_tui.pictures.zoom import Zoom
from comfy_tui.screens.zooming import Zooming
from comfy_tui.widgets.picture import Picture

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp

#: Seconds that each picture of a slide show stays.
SLIDE_S = 4.0
#: Frames a second at most: with a protocol or characters at hand, and over a line.
_RATE_HERE, _RATE_REMOTE = 12.0, 4.0


class OutputViewer(Zooming):
    """A second base of the outputs screen: what is done with the output that has the window."""

    def __init__(self) -> None:
        super().__init__()
        self._zoom = Zoom()
        #: What is seen in the window: the preview, the original, a frame or a sheet.
        self._seen: Decoded | None = None
        self._original: Decoded | None = None
        self._frames: tuple[Decoded, ...] = ()
        self._animation: Animation | None = None
        self._began_s = 0.0
        self._playing: Timer | None = None
        self._slides: Timer | None = None
        self._sheet = False
        self._viewer_note = ""

    # -- what the screen gives -----------------------------------------------------------------

    def viewed(self) -> tuple[Output | None, Preview | None]:
        """The output in the window, and what is known of it."""
        return None, None

    def viewer_changed(self) -> None:
        """Other words belong below the picture."""

    def step_output(self, step: int) -> bool:
        """Go to the next output, or back; returns whether there is one."""
        return False

    # -- what the screen tells -----------------------------------------------------------------

    def viewer_words(self) -> str:
        """How it is seen: enlarged, playing, as slides."""
        parts = [self._zoom.words(), self._viewer_note]
        if self._playing is not None:
            parts.append("playing")
        if self._slides is not None:
            parts.append("slide show")
        return " · ".join(part for part in parts if part)

    def told(self, preview: Preview | None) -> Preview | None:
        """What is known of it: where the original is seen, nothing of a small copy."""
        if preview is None or self._original is None:
            return preview
        return replace(preview, small_bytes=None)

    def forget_view(self, *, slides_go_on: bool = False) -> None:
        """Another output is chosen, or the window is left."""
        self.workers.cancel_group(self, "viewer")
        self._zoom, self._seen, self._original = Zoom(), None, None
        self._frames, self._animation, self._sheet, self._viewer_note = (), None, False, ""
        self._stop(playing=True, slides=not slides_go_on)

    def _stop(self, *, playing: bool = False, slides: bool = False) -> None:
        if playing and self._playing is not None:
            self._playing.stop()
            self._playing = None
        if slides and self._slides is not None:
            self._slides.stop()
            self._slides = None

    def restore_view(self) -> None:
        """The picture was shown anew: as it was seen before."""
        if self._seen is not None or not self._zoom.is_fitted:
            self._show_seen()

    # -- enlarging -----------------------------------------------------------------------------

    @property
    def _picture(self) -> Picture:
        return self.query_one("#picture", Picture)

    def _sizes(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """The size of the original and of the screen in dots."""
        seen = self._original or self._picture.decoded
        dots = self._picture.pixels
        if seen is None or not self._picture.display or not dots.area:
            return None
        return (seen.width, seen.height), (dots.width, dots.height)

    def _look(self, zoom: Zoom) -> None:
        self._zoom = zoom
        self._stop(slides=True)
        if not zoom.is_fitted and self._original is None and not self._frames and not self._sheet:
            self._fetch_original()
        self._show_seen()
        self.viewer_changed()

    def _show_seen(self) -> None:
        """Draw the part that is seen; what was drawn stays until it is."""
        seen = self._seen or self._original or self._picture.decoded
        sizes = self._sizes()
        if seen is None or sizes is None:
            return
        self._picture.show(seen, crop=self._zoom.crop(*sizes, seen.image.size), keep=True)

    @work(group="viewer", exit_on_error=True)
    async def _fetch_original(self) -> None:
        """All pixels, for who enlarges; what is kept small is drawn until they are there."""
        output, preview = self.viewed()
        if output is None or output.file is None or preview is None or preview.decoded is None:
            return
        known = preview.decoded
        if max(known.width, known.height) <= max(known.image.size) and preview.small_bytes is None:
            return
        if preview.sort is not None and preview.sort.medium is not Medium.PICTURE:
            return
        self._viewer_note = "fetching the original"
        found = await self._load(output, Level.FULL)
        if found is None or found.decoded is None:
            self._viewer_note = "the original cannot be had: its preview, enlarged"
        else:
            self._original, self._viewer_note = found.decoded, ""
            if found.decoded.image.width < found.decoded.width:
                shown = found.decoded.image
                self._viewer_note = f"kept at {shown.width}x{shown.height}"
            self._show_seen()
        self.viewer_changed()

    async def _load(self, output: Output, level: Level) -> Preview | None:
        console = cast("ComfyApp", self.app)
        client = console.client_of(output)
        if client is None:
            return None
        try:
            found = await console.previews.load(client, output, level)
        except ComfyError as error:
            console.tell_error(error)
            return None
        return found if self.viewed()[0] is output else None

    # -- the next one, or the next part of it --------------------------------------------------

    def action_next_output(self) -> None:
        """One output on; to the right where the picture is enlarged."""
        self._stop(slides=True)
        if not self.pan(1, 0):
            self.step_output(1)

    def action_previous_output(self) -> None:
        """One output back; to the left where the picture is enlarged."""
        self._stop(slides=True)
        if not self.pan(-1, 0):
            self.step_output(-1)

    def action_cursor_down(self) -> None:
        """One output on, in the whole window; down where the picture is enlarged."""
        self._stop(slides=True)
        if not self.pan(0, 1):
            self.step_output(1)

    def action_cursor_up(self) -> None:
        """One output back, in the whole window; up where the picture is enlarged."""
        self._stop(slides=True)
        if not self.pan(0, -1):
            self.step_output(-1)

    # -- frames --------------------------------------------------------------------------------

    def action_play_output(self) -> None:
        """Play, or stop where it is."""
        if self._playing is not None:
            self._stop(playing=True)
            self.viewer_changed()
        else:
            self._play()

    @work(group="viewer", exit_on_error=True)
    async def _play(self) -> None:
        if await self._read_frames() and self._animation is not None and len(self._frames) > 1:
            remote = cast("ComfyApp", self.app).graphics.facts.remote
            self._sheet = False
            self._began_s = time.monotonic()
            self._playing = self.set_interval(1 / (_RATE_REMOTE if remote else _RATE_HERE), self._next_frame)
        self.viewer_changed()

    def _next_frame(self) -> None:
        if self._animation is None or not self.is_current:
            return
        index = self._animation.frame_at(time.monotonic() - self._began_s)
        if self._seen is not self._frames[index]:
            self._seen = self._frames[index]
            self._show_seen()

    async def _read_frames(self) -> bool:
        """Fetch the frames, once; returns whether there are any."""
        output, preview = self.viewed()
        if output is None or output.file is None or preview is None:
            return False
        if self._animation is None:
            self._viewer_note = "reading the frames"
            self.viewer_changed()
            found = await self._load(output, Level.FRAMES)
            self._viewer_note = ""
            if found is None or found.animation is None or len(found.animation.frames) < 2:
                self._viewer_note = (found.note if found is not None else "") or "it does not move"
                self.viewer_changed()
                return False
            self._take(found.animation, preview)
        return True

    def _take(self, animation: Animation, preview: Preview) -> None:
        self._animation = animation
        whole = preview.decoded
        width, height = (whole.width, whole.height) if whole is not None else animation.frames[0].size
        self._frames = tuple(Decoded(frame, width, height, "", 0) for frame in animation.frames)
        total, count = animation.total, len(animation.frames)
        if total is not None and total > count:
            self._viewer_note = f"{count} of {total} frames"
        elif animation.cut:
            self._viewer_note = f"the first {count} frames"
        elif total is None:
            self._viewer_note = f"{count} of its frames"
        else:
            self._viewer_note = f"{count} frames"

    def action_toggle_sheet(self) -> None:
        """The frames side by side, or the first one."""
        if self._sheet:
            self._sheet, self._seen = False, None
            self._back_to_preview()
        else:
            self._show_sheet()

    @work(group="viewer", exit_on_error=True)
    async def _show_sheet(self) -> None:
        if await self._read_frames() and self._animation is not None:
            import asyncio

            sheet = await asyncio.to_thread(contact_sheet, self._animation.frames)
            if sheet is not None:
                self._stop(playing=True)
                self._sheet, self._zoom = True, Zoom()
                self._seen = Decoded(sheet, sheet.width, sheet.height, "", 0)
                self._picture.show(self._seen, keep=True)
        self.viewer_changed()

    def _back_to_preview(self) -> None:
        _, preview = self.viewed()
        self._zoom = Zoom()
        if preview is not None and preview.decoded is not None:
            self._picture.show(preview.decoded, keep=True)
        self.viewer_changed()

    # -- slides --------------------------------------------------------------------------------

    def action_toggle_slides(self) -> None:
        """Show one after the other, or stop."""
        if self._slides is not None:
            self._stop(slides=True)
        else:
            self._slides = self.set_interval(SLIDE_S, self._next_slide)
        self.viewer_changed()

    def _next_slide(self) -> None:
        if self.is_current and not self.step_output(1):
            self._stop(slides=True)
            self.viewer_changed()
