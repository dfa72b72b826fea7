"""Shows one output: its picture or text, or why there is none, above what is known of it."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from comfy_tui.monitor.outputs import Medium, Output
from comfy_tui.monitor.previews import Preview
from comfy_tui.monitor.state import Problem
from comfy_tui.text import clean, clean_lines, format_bytes
from comfy_tui.widgets.line_view import Line, LineView
from comfy_tui.widgets.output_text import facts_text, short_facts
from comfy_tui.widgets.picture import Picture

_TEXT_LIMIT = 70_000


class OutputPane(Vertical):
    """The preview of one output."""

    DEFAULT_CSS = """
    OutputPane {
        background: $surface;
        & #note { height: 1fr; content-align: center middle; text-align: center; color: $text-muted;
            padding: 0 2; }
        & #words { height: 1fr; }
        & #facts { height: auto; max-height: 14; padding: 0 1; }
        & #facts.-stale { text-style: dim; }
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: dict[str, object] = {}

    def compose(self) -> ComposeResult:
        """The picture, the text and the note stand in one place; one of them is shown."""
        yield Picture(id="picture")
        yield LineView(id="words")
        yield Static(id="note", markup=False)
        yield Static(id="facts", markup=False)

    def show_content(self, output: Output | None, preview: Preview | None, problem: Problem | None) -> None:
        """Show the picture or the text; without a preview the problem, or that it is on its way."""
        picture, words = self.query_one(Picture), self.query_one(LineView)
        decoded = preview.decoded if preview is not None else None
        text = preview.text if preview is not None else None
        picture.display = decoded is not None
        picture.show(decoded)
        words.display = text is not None
        lines = clean_lines(text, _TEXT_LIMIT).split("\n") if text is not None else ()
        if self._shown.get("lines") != lines:
            self._shown["lines"] = lines
            words.set_lines(Line(line) for line in lines)
            words.scroll_to(y=0, animate=False)
        note = self.query_one("#note", Static)
        note.display = decoded is None and text is None
        note.update(_note(output, preview, problem))

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
        facts = self.query_one("#facts", Static)
        facts.display = output is not None
        facts.set_class(stale, "-stale")
        width = max(10, self.size.width - 2)
        text = Text()
        if output is not None and place:
            text = short_facts(output, preview, place, width)
        elif output is not None:
            text = facts_text(output, preview, now_s, width, 2 if self.size.height < 30 else 4)
        if self._shown.get("facts") != text:
            self._shown["facts"] = text
            facts.update(text)


def _note(output: Output | None, preview: Preview | None, problem: Problem | None) -> Text:
    if output is None:
        return Text()
    if problem is not None:
        return Text.assemble(
            (f"! {clean(problem.title, 200)}", "bold"),
            f"\n{clean(problem.message, 500)}\n{clean(problem.hint, 300)}",
        )
    if preview is None:
        return Text("Fetching ...", "dim")
    what = clean(output.kind if output.medium is Medium.OTHER else output.medium.value, 40)
    size = f", {format_bytes(preview.size_bytes)}" if preview.size_bytes is not None else ""
    return Text(f"{what}{size}: s saves it")
