"""Mode 7: the doctor. What the console depends on, a test picture, and what to mend."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar

from PIL import Image
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from comfy_tui.doctor.check import Check, Section, State, worst
from comfy_tui.doctor.examine import examine
from comfy_tui.doctor.words import Told, as_text, report
from comfy_tui.pictures.decode import Decoded
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.text import count_of, format_bytes
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.line_view import Line, LineView
from comfy_tui.widgets.picture import Picture

_LOOKS = {State.OK: "", State.NOTE: "", State.WARN: "warn", State.BAD: "bad"}
_SIDE = 256


class DoctorScreen(ConsoleScreen):
    """Every check with its remedy, beside a picture drawn the way that was found."""

    MODE = "doctor"
    AREA = "app"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            replace(binding, show=True)
            for binding in bindings("list", "app")
            if binding.id in ("list.copy", "app.refresh")
        ),
    ]
    DEFAULT_CSS = """
    DoctorScreen {
        & #panes { height: 1fr; }
        & LineView { width: 1fr; }
        & #proof { width: 26; padding: 0 1; border-left: solid $panel; }
        & #proof Picture { height: 10; }
        & #proof Static { height: auto; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._sections: tuple[Section, ...] = ()

    def compose_body(self) -> ComposeResult:
        """The checks and the proof."""
        with Horizontal(id="panes"):
            yield LineView()
            with Vertical(id="proof"):
                yield Picture(id="proof-picture")
                yield Static(id="proof-words", markup=False)

    def on_mount(self) -> None:
        """Look at everything."""
        self.query_one(LineView).focus()
        self.query_one(LineView).set_lines((Line("Looking ...", "dim"),))
        self._examine()

    @work(group="doctor", exclusive=True)
    async def _examine(self) -> None:
        console = self.console
        decoded = await asyncio.to_thread(proof_picture)
        self.query_one(Picture).show(decoded)
        mode = console.graphics.mode
        words = f"Drawn as {mode}. A round sun, smooth colours, a checkerboard of even squares: all is well."
        self.query_one("#proof-words", Static).update(Text(words))
        sections = await examine(
            console.options,
            console.options.terminal,
            size=(console.size.width, console.size.height),
            shown=mode,
        )
        self._sections = (*sections, self._traffic(), self._fetched())
        told = report(self._sections, plain=console.options.ascii)
        state = worst(self._sections)
        bad = sum(check.state in (State.WARN, State.BAD) for one in self._sections for check in one.checks)
        head = (
            "Nothing is amiss" if state in (State.OK, State.NOTE) else f"{count_of(bad, 'thing')} to look at"
        )
        lines = (Line(head, "good" if not bad else _LOOKS[state]), Line(""), *map(_line, told))
        self.query_one(LineView).set_lines(lines)

    def _traffic(self) -> Section:
        """Bytes that went to the terminal, by screen."""
        sent = self.console.sent_bytes
        checks = [
            Check(f"sent_{mode}", mode.capitalize(), State.NOTE, format_bytes(count))
            for mode, count in sent.most_common()
        ]
        pictures = format_bytes(self.console.graphics.sent_bytes)
        checks.append(Check("sent_pictures", "of it pictures", State.NOTE, pictures))
        return Section("traffic", "Sent to the terminal, by screen", tuple(checks))

    def _fetched(self) -> Section:
        """Bytes that came from servers for the outputs, by what for."""
        traffic = self.console.previews.traffic
        checks = [
            Check(f"fetched_{use}", use.capitalize(), State.NOTE, f"{format_bytes(count)} in {files}")
            for use, count in traffic.fetched_bytes.most_common()
            for files in (count_of(traffic.fetched_files[use], "file"),)
        ]
        spared = count_of(traffic.spared_files, "file")
        checks.append(
            Check("spared", "Spared", State.NOTE, f"{spared} known already, in memory or on the disk")
        )
        return Section("fetched", "Fetched for the outputs", tuple(checks))

    def action_refresh_now(self) -> None:
        """Look again."""
        self.console.action_refresh_now()
        self._examine()

    def action_copy_row(self) -> None:
        """Copy the whole report."""
        self.console.copy(as_text(report(self._sections, plain=True)), "doctor's report")


def _line(told: Told) -> Line:
    if told.kind == "heading":
        return Line(told.text, "heading")
    look = {"remedy": "dim", "line": "accent"}.get(told.kind, _LOOKS[told.state or State.OK])
    return Line(told.text, look, told.indent, lead=told.lead)


def proof_picture() -> Decoded:
    """A sun before a gradient above a checkerboard: whatever is drawn wrongly is seen."""
    from PIL import ImageDraw

    ramp = Image.linear_gradient("L").resize((_SIDE, _SIDE))
    across = ramp.rotate(90)
    image = Image.merge("RGB", (across, ramp.transpose(Image.Transpose.FLIP_TOP_BOTTOM), ramp))
    draw = ImageDraw.Draw(image)
    draw.ellipse((64, 32, 192, 160), fill=(255, 210, 60))
    for row in range(2):
        for column in range(16):
            colour = (255, 255, 255) if (row + column) % 2 else (0, 0, 0)
            draw.rectangle((column * 16, 224 + row * 16, column * 16 + 15, 239 + row * 16), fill=colour)
    return Decoded(image, _SIDE, _SIDE, "PNG", 0)
