"""Pictures of the whole app: how they are shown, what is kept of them, and what the terminal was sent.

Pixels go to the terminal together with the frame that shows their cells (:mod:`.picture_driver`): never
before it, never twice, and freed when nothing holds the drawing any more.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any, cast

from rich.color import Color, ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.geometry import Region
from textual.signal import Signal
from textual.strip import Strip

from comfy_tui.pictures import cells, frame, kitty
from comfy_tui.pictures.decode import Decoded
from comfy_tui.pictures.drawing import Drawing, make
from comfy_tui.pictures.mode import ColourDepth, ImageMode, Look
from comfy_tui.pictures.palette import EIGHT_BIT, Colour
from comfy_tui.pictures.scale import Crop
from comfy_tui.terminal.facts import TerminalFacts
from comfy_tui.terminal.size import cell_px
from comfy_tui.widgets.picture_strip import PictureStrip

#: What is kept of drawings that no widget shows: about ten large pictures, or hundreds of small ones.
KEEP_BYTES = 12_000_000
KEEP_COUNT = 400
#: Parts of pictures with so many pixels together are encoded while the frame waits; 5 ms.
AT_ONCE_PIXELS = 50_000
_FALLBACK_CELL_PX = (8, 16)
_INDEX = {colour: 16 + index for index, colour in enumerate(EIGHT_BIT)}


class Drawn:
    """A picture ready to be shown: its lines.  While somebody holds it, the terminal keeps its pixels."""

    def __init__(self, drawing: Drawing, strips: tuple[Strip, ...]) -> None:
        self.drawing = drawing
        #: As many as the box has lines, each as wide as the box.
        self.strips = strips

    @property
    def columns(self) -> int:
        """Cells across."""
        return self.drawing.columns

    @property
    def lines(self) -> int:
        """Cells down."""
        return self.drawing.lines

    def takes_style(self, style: Style) -> bool:
        """Whether its lines are to be laid over a style: they leave something open, or it dims them."""
        mode = self.drawing.look.mode
        return not mode.has_pixels and (mode is ImageMode.ASCII or bool(style.dim))


class Graphics:
    """One for an app; :func:`graphics_of` finds it."""

    def __init__(
        self, app: App[Any], mode: ImageMode = ImageMode.QUADRANT, facts: TerminalFacts | None = None
    ) -> None:
        self._app = app
        self._mode = mode
        self.facts = facts if facts is not None else TerminalFacts()
        #: Published with the new mode; who shows pictures draws them anew.
        self.changed: Signal[ImageMode] = Signal(app, "pictures-changed")
        #: Called once, right before the terminal is taken over.
        self.before_start: Callable[[], None] | None = None
        #: Bytes of pictures sent to the terminal.
        self.sent_bytes = 0
        self._kept: OrderedDict[Hashable, tuple[Drawn, Any]] = OrderedDict()
        self._kept_bytes = 0
        self._names = itertools.count(1)
        self._first_id = random.randrange(0x100000, 0xF00000)
        self._live: weakref.WeakValueDictionary[int, Drawn] = weakref.WeakValueDictionary()
        self._sent: set[int] = set()
        #: Names whose drawing is gone; filled by the garbage collector, in whatever thread.
        self._gone: deque[int] = deque()
        #: What may still be encoded while this frame waits.
        self._left_pixels = 0
        self._awaited: set[tuple[int, tuple[int, int, int, int]]] = set()

    # -- how -----------------------------------------------------------------------------------

    @property
    def mode(self) -> ImageMode:
        """How pictures are shown; never ``auto``."""
        return self._mode

    def set_mode(self, mode: ImageMode) -> None:
        """Show all pictures another way from now on."""
        if mode is not self._mode:
            self._mode = mode
            self._kept.clear()
            self._kept_bytes = 0
            self.changed.publish(mode)

    def look(self, mode: ImageMode | None = None, ground: Colour | None = None) -> Look:
        """How a picture is drawn at this moment.

        Args:
            mode: another way than the app's.
            ground: the colour around it.
        """
        mode, facts = mode or self._mode, self.facts
        look = Look(
            mode=mode,
            depth=facts.depth,
            grey=self._app.no_color,
            thin=facts.remote,
        )
        if mode.has_pixels:
            known = facts.answers.cell_px
            now = cell_px() or known or _FALLBACK_CELL_PX
            # What the system says includes the window's border in some terminals.
            near = known is not None and abs(now[0] - known[0]) <= 1 and abs(now[1] - known[1]) <= 1
            look = replace(
                look,
                cell_px=known if near and known is not None else now,
                ground=ground or (0, 0, 0),
            )
        elif mode is ImageMode.ASCII:
            look = replace(look, dark=self._app.current_theme.dark)
        return look

    # -- drawings ------------------------------------------------------------------------------

    def known(
        self, decoded: Decoded, columns: int, lines: int, look: Look, crop: Crop | None = None
    ) -> Drawn | None:
        """The drawing, where it was made before and is kept."""
        key = (id(decoded.image), columns, lines, look, crop)
        found = self._kept.get(key)
        # An id is used again when its picture is gone.
        if found is None or found[1]() is not decoded.image:
            return None
        self._kept.move_to_end(key)
        return found[0]

    async def draw(
        self, decoded: Decoded, columns: int, lines: int, look: Look, crop: Crop | None = None
    ) -> Drawn:
        """Draw a picture into a box of exactly that many cells, in a thread; :func:`~.scale.fit` finds one.

        Args:
            decoded: the picture.
            columns: cells across.
            lines: cells down.
            look: how, as by :meth:`look`.
            crop: the part of it, in pixels of ``decoded.image``.
        """
        known = self.known(decoded, columns, lines, look, crop)
        if known is not None:
            return known
        drawn = await asyncio.to_thread(self.draw_here, decoded, columns, lines, look, crop)
        self._keep((id(decoded.image), columns, lines, look, crop), drawn, decoded)
        return drawn

    def draw_here(
        self, decoded: Decoded, columns: int, lines: int, look: Look, crop: Crop | None = None
    ) -> Drawn:
        """As :meth:`draw`, but in this thread, and nothing is kept.  Blocks."""
        drawing = make(decoded.image, min(columns, cells.MOST), min(lines, cells.MOST), look, crop)
        if not look.mode.has_pixels:
            return Drawn(drawing, tuple(block_strips(drawing, self._app.console)))
        # In kitty the name is the picture's id; for the others it is the slot of its cells.
        number = next(self._names)
        if look.mode is ImageMode.KITTY:
            name = self._first_id + number % 0x0FFFFF
            style = Style(color=Color.from_rgb(*cells.kitty_colour(name)))
            strips = _cell_strips(drawing, cells.KITTY, style)
        else:
            name = number % cells.SLOTS
            # Where the terminal loses the pixels, as tmux does, the ground shows and not its own colour.
            ground = Style(bgcolor=Color.from_rgb(*look.ground))
            strips = _cell_strips(drawing, chr(cells.FIRST + name), ground)
        drawn = Drawn(drawing, tuple(strips))
        self._live[name] = drawn
        weakref.finalize(drawn, self._gone.append, name)
        return drawn

    def _keep(self, key: Hashable, drawn: Drawn, decoded: Decoded) -> None:
        if key in self._kept:
            self._kept_bytes -= self._kept.pop(key)[0].drawing.size_bytes
        self._kept[key] = (drawn, weakref.ref(decoded.image))
        self._kept_bytes += drawn.drawing.size_bytes
        while len(self._kept) > 1 and (self._kept_bytes > KEEP_BYTES or len(self._kept) > KEEP_COUNT):
            _, (old, _) = self._kept.popitem(last=False)
            self._kept_bytes -= old.drawing.size_bytes

    # -- the terminal --------------------------------------------------------------------------

    def fill(self, data: str) -> str:
        """What the terminal is sent for a frame: the frame, and the pixels that it needs now."""
        before = self._freed()
        if data.isascii():
            return before + data
        after = ""
        ids = frame.kitty_ids(data) - self._sent
        for image_id in ids:
            drawn = self._live.get(image_id)
            if drawn is not None:
                self._sent.add(image_id)
                after += kitty.transmit(
                    image_id, drawn.drawing.data, drawn.columns, drawn.lines, tmux=self.facts.tmux is not None
                )
        if frame.has_cells(data):
            data, areas = frame.taken_out(data)
            self._left_pixels = AT_ONCE_PIXELS
            drawn_over = "".join(self._over(area) for area in areas)
            # The cursor goes back to where the frame left it.
            after += f"\x1b7{drawn_over}\x1b8" if drawn_over else ""
        self.sent_bytes += len(after)
        return before + data + after

    def leave(self) -> str:
        """What frees everything, before the screen is given back; it is sent anew when it is shown again."""
        tmux = self.facts.tmux is not None
        words = "".join(kitty.free(image_id, tmux=tmux) for image_id in sorted(self._sent))
        self._sent.clear()
        self._gone.clear()
        return words

    def _freed(self) -> str:
        words = ""
        while self._gone:
            name = self._gone.popleft()
            if name in self._sent:
                self._sent.discard(name)
                words += kitty.free(name, tmux=self.facts.tmux is not None)
        return words

    def _over(self, area: frame.Area) -> str:
        """Draw a part of a picture over its cells; what takes too long for a frame comes with a later one."""
        drawn = self._live.get(area.slot)
        # A picture that ends in the last line of the screen would scroll it.
        lines = min(area.lines, self._app.size.height - 1 - area.y)
        if drawn is None or lines <= 0:
            return ""
        part = (area.column, area.row, area.columns, lines)
        cost_pixels = drawn.drawing.cost_pixels(part)
        if cost_pixels > self._left_pixels:
            self._make_later(drawn, replace(area, lines=lines), part)
            return ""
        self._left_pixels -= cost_pixels
        tiles = drawn.drawing.tiles(part)
        return "".join(f"\x1b[{area.y + y + 1};{area.x + x + 1}H{text}" for x, y, text in tiles)

    def _make_later(self, drawn: Drawn, area: frame.Area, part: tuple[int, int, int, int]) -> None:
        """Make a large part in a thread, then have its cells painted again, wherever they are by then."""
        if (area.slot, part) in self._awaited:
            return
        self._awaited.add((area.slot, part))

        async def work() -> None:
            try:
                await asyncio.to_thread(drawn.drawing.tiles, part)
            finally:
                self._awaited.discard((area.slot, part))
            self._app.screen.refresh(Region(area.x, area.y, area.columns, area.lines))

        self._app.run_worker(cast("Any", work), group="pictures")


def graphics_of(app: App[Any]) -> Graphics:
    """The app's; one with block characters where the app has none."""
    found: Graphics | None = getattr(app, "graphics", None)
    if found is None:
        found = Graphics(app)
        app.graphics = found  # type: ignore[attr-defined]
    return found


def _cell_strips(drawing: Drawing, character: str, style: Style) -> list[Strip]:
    return [
        PictureStrip(
            [Segment(cells.row_text(character, row, drawing.columns), style)] if drawing.columns else [],
            drawing.columns,
        )
        for row in range(drawing.lines)
    ]


def block_strips(drawing: Drawing, console: Console) -> list[Strip]:
    """The lines of a drawing of characters, with what the terminal is sent for them; once, in a thread."""
    system = COLOR_SYSTEMS.get(console.color_system or "", ColorSystem.TRUECOLOR)
    exact = drawing.look.depth is ColourDepth.EIGHT_BIT
    styles: dict[tuple[Colour | None, Colour | None], Style | None] = {(None, None): None}
    strips: list[Strip] = []
    for row in drawing.take_rows():
        segments: list[Segment] = []
        for text, front, back in row:
            style = styles.get((front, back))
            if style is None and (front or back):
                style = Style(color=_colour(front, exact), bgcolor=_colour(back, exact))
                # It keeps its codes; Textual would keep the last 16,384 styles for theirs.
                style.render(text, color_system=system)
                styles[front, back] = style
            segments.append(Segment(text, style))
        strips.append(Strip(segments, drawing.columns))
        strips[-1].render(console)
    return strips


def _colour(colour: Colour | None, exact: bool) -> Color | None:
    """The colour; by its number where Rich would only come near it."""
    if colour is None:
        return None
    if exact and colour in _INDEX:
        return Color.from_ansi(_INDEX[colour])
    return Color.from_rgb(*colour)
