"""Shows one output: its picture or text, or why there is none, above what is known of it."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from comfy_tui.monitor.outputs import Output
from comfy_tui.monitor.previews import Preview
from comfy_tui.monitor.state import Problem
from comfy_tui.text import clean, clean_lines, format_bytes
from comfy_tui.widgets.line_view import Line, LineView
from comfy_tui.widgets.output_text import facts_text, kind_words, known_facts, short_facts
from comfy_tui.widgets.picture import Picture
from comfy_tui.widgets.waveform import Waveform

_TEXT_LIMIT = 420_000


class OutputPane(Vertical):
    """The preview of one output."""

    DEFAULT_CSS = """
    OutputPane {
        background: $surface;
        & #note { height: 1fr; content-align: center middle; text-align: center; color: $text-muted;
            padding: 0 2; }
        & #words { height: 1fr; }
        & #note.-below { height: auto; max-height: 50%; }
        & #facts { height: auto; max-height: 14; padding: 0 1; }
        & #facts.-stale { text-style: dim; }
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: dict[str, object] = {}
        self._told: tuple[Output | None, Preview | None, float, str] = (None, None, 0.0, "")

    def compose(self) -> ComposeResult:
        """The picture, the text and the note stand in one place; one of them is shown."""
        picture = Picture(id="picture")
        picture.words = "Fetching ..."
        yield picture
        yield LineView(id="words")
        yield Waveform(id="wave")
        yield Static(id="note", markup=False)
        yield Static(id="facts", markup=False)

    def show_content(self, output: Output | None, preview: Preview | None, problem: Problem | None) -> None:
        """Show the picture, sound or text; without a preview the problem, or that it is on its way."""
        decoded = preview.decoded if preview is not None else None
        picture = self.query_one(Picture)
        awaited = output is not None and preview is None and problem is None
        # What comes is a picture nearly always: where it stands already it is drawn without another layout.
        picture.display = decoded is not None or awaited
        picture.show(decoded)
        text = preview.text if preview is not None else None
        self._show_text(text)
        wave = self.query_one(Waveform)
        wave.display = preview is not None and bool(preview.peaks)
        wave.show(preview.peaks if preview is not None else ())
        note = self.query_one("#note", Static)
        note.display = not picture.display and text is None
        note.set_class(wave.display, "-below")
        if note.display:
            note.update(_note(output, preview, problem))

    def _show_text(self, text: str | None) -> None:
        words = self.query_one(LineView)
        words.display = text is not None
        lines = clean_lines(text, _TEXT_LIMIT).split("\n") if text is not None else ()
        if self._shown.get("lines") != lines:
            self._shown["lines"] = lines
            words.set_lines(Line(line) for line in lines)
            words.scroll_to(y=0, animate=False)

    def show_facts(
        self, output: Output | None, preview: Preview | None, now_s: float, *, place: str = "", stale: bool
    ) -> None:
        """Show what is known.

        Args:
            output: what it is about.
            preview: what is known of its content.
            now_s: the time, for ages.
            place: such as ``3/12``; where it is given, the pane has the whole window.
            stale: the data is old.
        """
        self.query_one("#facts", Static).set_class(stale, "-stale")
        self._told = (output, preview, now_s, place)
        self._paint_facts()

    def on_resize(self) -> None:
        """The lines are made for a width."""
        self._paint_facts()

    def _paint_facts(self) -> None:
        output, preview, now_s, place = self._told
        facts = self.query_one("#facts", Static)
        facts.display = output is not None
        width = max(10, self.size.width - 2)
        text = Text()
        if output is not None and place:
            text = short_facts(output, preview, place, width)
        elif output is not None:
            text = facts_text(output, preview, now_s, width, 2 if self.size.height < 30 else 4)
        before = self._shown.get("facts")
        if before != text:
            self._shown["facts"] = text
            lines = before.plain.count("\n") if isinstance(before, Text) else -1
            facts.update(text, layout=text.plain.count("\n") != lines)


def _note(output: Output | None, preview: Preview | None, problem: Problem | None) -> Text:
    if problem is not None:
        return Text.assemble(
            (f"! {clean(problem.title, 200)}", "bold"),
            f"\n{clean(problem.message, 500)}\n{clean(problem.hint, 300)}",
        )
    if output is None or preview is None:
        return Text()
    size = f", {format_bytes(preview.size_bytes)}" if preview.size_bytes is not None else ""
    lines = [f"{clean(kind_words(output, preview), 60)}{size}: s saves it"]
    lines += [f"{clean(fact.name, 60)}: {clean(fact.value, 200)}" for fact in known_facts(preview)]
    if preview.note:
        lines.append(clean(preview.note, 300))
    return Text("\n".join(lines))
