"""Two outputs side by side, or one in place of the other: what differs, and what is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.outputs import Output, settings_of
from comfy_tui.monitor.previews import Level, Preview
from comfy_tui.pictures.zoom import Zoom
from comfy_tui.screens.zooming import Zooming
from comfy_tui.text import cell_len, clean, shorten
from comfy_tui.widgets.bindings import bindings, help_binding
from comfy_tui.widgets.hint_bar import HintBar
from comfy_tui.widgets.output_text import content_words
from comfy_tui.widgets.picture import Picture

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp

_IDS = (
    *("output.flick", "output.zoom_in", "output.zoom_out", "output.fit", "output.native"),
    "app.back",
)


class OutputCompare(Zooming):
    """A and B; both are enlarged and moved about together."""

    AREA = "output"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        *(b for b in bindings("output", "app") if b.id in _IDS),
        help_binding(),
        Binding("q", "go_back", "Back"),
        Binding("right,l", "pan(1, 0)", show=False),
        Binding("left,h", "pan(-1, 0)", show=False),
        Binding("down,j", "pan(0, 1)", show=False),
        Binding("up,k", "pan(0, -1)", show=False),
    ]
    DEFAULT_CSS = """
    OutputCompare {
        background: $surface;
        & #same { height: 1; padding: 0 1; background: $panel; color: $text-primary; }
        & .side { width: 1fr; }
        & #b { border-left: solid $panel; }
        & .facts { height: 3; padding: 0 1; }
        &.-one #b { border-left: none; }
    }
    """

    def __init__(self, first: Output, second: Output) -> None:
        super().__init__()
        self._pair = (first, second)
        self._previews: list[Preview | None] = [None, None]
        self._originals: list[Preview | None] = [None, None]
        self._notes = ["Fetching ...", "Fetching ..."]
        self._zoom = Zoom()
        #: Which one has all of the window; None: both are seen.
        self._alone: int | None = None

    def compose(self) -> ComposeResult:
        """A line of what is the same, and the two."""
        yield Static(id="same", markup=False)
        with Horizontal():
            for name in ("a", "b"):
                with Vertical(id=name, classes="side"):
                    yield Picture(id=f"picture-{name}")
                    yield Static(id=f"facts-{name}", classes="facts", markup=False)
        yield HintBar()

    @property
    def _tui(self) -> ComfyApp:
        return cast("ComfyApp", self.app)

    def on_mount(self) -> None:
        """Fetch both."""
        for index in (0, 1):
            self._fetch(index, Level.PREVIEW)
        self._paint()

    def on_resize(self, event: events.Resize) -> None:
        """Words have another width."""
        self._paint()

    def on_picture_resized(self, message: Picture.Resized) -> None:
        """Another part of it fits."""
        self._paint()

    @work(exit_on_error=True)
    async def _fetch(self, index: int, level: Level) -> None:
        output = self._pair[index]
        client = self._tui.client_of(output)
        if client is None:
            return
        try:
            found = await self._tui.previews.load(client, output, level)
        except ComfyError as error:
            self._notes[index] = f"! {error.title}: {error.message}"
        else:
            (self._originals if level is Level.FULL else self._previews)[index] = found
            self._notes[index] = "" if found.decoded is not None else "it is no picture"
        self._paint()

    # -- painting ------------------------------------------------------------------------------

    def _paint(self) -> None:
        self.set_class(self._alone is not None, "-one")
        for index, name in enumerate("ab"):
            self.query_one(f"#{name}").display = self._alone in (None, index)
            self._paint_side(index, name)
        width = max(10, self.size.width - 2)
        shown = "A | B" if self._alone is None else f"only {'AB'[self._alone]}"
        words = " · ".join(part for part in (shown, self._zoom.words(), *relation(*self._pair)) if part)
        self.query_one("#same", Static).update(Text(shorten(words, width), no_wrap=True))

    def _paint_side(self, index: int, name: str) -> None:
        picture = self.query_one(f"#picture-{name}", Picture)
        preview = self._previews[index]
        original = self._originals[index]
        best = original if original is not None and original.decoded is not None else preview
        decoded = best.decoded if best is not None else None
        dots = (picture.pixels.width, picture.pixels.height)
        if decoded is not None and picture.size.area:
            size = (decoded.width, decoded.height)
            picture.show(decoded, crop=self._zoom.crop(size, dots, decoded.image.size), keep=True)
        facts = self.query_one(f"#facts-{name}", Static)
        width = max(10, (self.size.width if self._alone is not None else self.size.width // 2) - 4)
        output = self._pair[index]
        text = Text(no_wrap=True)
        text.append(shorten(f"{name.upper()}  {clean(output.name, 200)}", width), "bold")
        note = self._notes[index] or content_words(output, preview)
        text.append("\n" + shorten(clean(note, 300), width))
        text.append("\n" + shorten(settings_of(output), width), "dim")
        facts.update(text)

    # -- keys ----------------------------------------------------------------------------------

    def action_flick(self) -> None:
        """A alone, then B in its place, and so on."""
        self._alone = 0 if self._alone is None else 1 - self._alone
        self._paint()

    def action_go_back(self) -> None:
        """Both again, all of them again, then back to the outputs."""
        if self._alone is not None or not self._zoom.is_fitted:
            self._alone, self._zoom = None, Zoom()
            self._paint()
        else:
            self.dismiss(None)

    def _sizes(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        index = self._alone or 0
        picture = self.query_one(f"#picture-{'ab'[index]}", Picture)
        preview = self._previews[index]
        if preview is None or preview.decoded is None or not picture.pixels.area:
            return None
        return (preview.decoded.width, preview.decoded.height), (picture.pixels.width, picture.pixels.height)

    def _look(self, zoom: Zoom) -> None:
        self._zoom = zoom
        if not zoom.is_fitted:
            for index, preview in enumerate(self._previews):
                known = preview.decoded if preview is not None else None
                if known is not None and self._originals[index] is None and known.width > known.image.width:
                    self._fetch(index, Level.FULL)
        self._paint()

    def action_pan(self, right: int, down: int) -> None:
        """Move about in both."""
        self.pan(right, down)


def relation(first: Output, second: Output) -> list[str]:
    """What two outputs have in common, and where their values differ; only what is known of both."""
    found: list[str] = []
    if first.job.prompt_id == second.job.prompt_id:
        found.append("same job")
    one, two = first.job.summary, second.job.summary
    if first.job.title and first.job.title == second.job.title:
        found.append("= same workflow")
    if one is None or two is None:
        return found
    if one.seed is not None and one.seed == two.seed:
        found.append("= same seed")
    if one.positive and one.positive == two.positive:
        found.append("= same prompt")
    for name in ("seed", "steps", "cfg", "sampler", "size", "models"):
        before, after = getattr(one, name), getattr(two, name)
        if before != after and before not in (None, "", ()) and after not in (None, "", ()):
            found.append(f"{name} {_value(before)} | {_value(after)}")
    return found


def _value(value: object) -> str:
    if isinstance(value, tuple):
        words = ("x" if all(isinstance(part, int) for part in value) else ", ").join(map(str, value))
    else:
        words = str(value)
    return shorten(clean(words, 60), 24) if cell_len(words) > 24 else clean(words, 60)
