"""What made an output: a page of its values, and what differs between two outputs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.making import FILE, HISTORY, Making, making_of
from comfy_tui.monitor.outputs import Output
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.output_actions import OutputActions
from comfy_tui.text import clean
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.line_view import Line, LineView
from comfy_tui.widgets.made_lines import diff_lines, made_lines
from comfy_tui.workflow.value_diff import differences

_KEYS = (
    *("output.save", "output.save_to", "output.save_otherwise", "output.stop", "output.workflow"),
    *("output.requeue", "output.reseed", "output.view", "output.upload", "output.delete"),
)
_SHOWN = ("output.workflow", "output.requeue", "output.reseed", "output.save")


class _Page(ConsoleScreen, OutputActions):
    """A page above the outputs."""

    MODE = "outputs"
    AREA = "output"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in bindings("app") if binding.id in ("app.back", "app.refresh")),
        *(binding for binding in bindings("list") if binding.id == "list.copy"),
        Binding("q", "go_back", "Back", show=True),
    ]
    DEFAULT_CSS = """
    _Page {
        & #head { height: 1; padding: 0 1; text-style: bold; }
        & LineView { height: 1fr; }
    }
    """

    def compose_body(self) -> ComposeResult:
        """A line above the long text."""
        yield Static(id="head", markup=False)
        yield LineView()

    def on_mount(self) -> None:
        """The keys go to the text."""
        self.query_one(LineView).focus()
        self._start()

    def _start(self) -> None:
        self.query_one(LineView).set_lines((Line("Reading ...", "dim"),))
        self.run_worker(self._read, group="made", exclusive=True)

    async def _read(self) -> None:
        """Read and show it."""

    def _say(self, words: str) -> None:
        self.query_one("#head", Static).update(Text(clean(words, 300), no_wrap=True))

    def _show_error(self, error: ComfyError, *more: Line) -> None:
        lines = (
            Line(f"! {clean(error.title)}", "bad"),
            Line(clean(error.message, 2000)),
            Line(clean(error.hint, 1000), "dim"),
        )
        self.query_one(LineView).set_lines((*lines, *more))

    def action_refresh_now(self) -> None:
        """Read it again."""
        self.console.action_refresh_now()
        self._start()

    def action_go_back(self) -> None:
        """Back to the outputs."""
        self.dismiss(None)


class MadeScreen(_Page):
    """What made one output.

    Args:
        output: the output.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            replace(binding, show=binding.id in _SHOWN)
            for binding in bindings("output")
            if binding.id in _KEYS
        ),
        Binding("w", "other_source", "History/file", show=True),
    ]

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output
        self._source = ""
        self._making: Making | None = None

    async def _read(self) -> None:
        output, session = self._output, self.console.session
        self._say(f"What made {output.name}")
        try:
            if session is None:
                raise ComfyError("The console is not connected yet", "", "r asks again.")
            saved = await self.console.saves.path_of(output)
            making = await making_of(self.sources(session, output, saved), output, self._source)
        except ComfyError as error:
            other = "the file" if self._source != FILE else "the history"
            self._show_error(error, Line(""), Line(f"w looks into {other} instead.", "dim"))
            return
        self._making = making
        self._say(f"What made {output.name} · from {making.source}")
        url = output.url(self.console.server_of(output))
        lines = await asyncio.to_thread(made_lines, output, making, url=url, saved=saved)
        self.query_one(LineView).set_lines(lines)

    def action_other_source(self) -> None:
        """From the file itself instead of the history, or the other way round."""
        now = self._making.source if self._making is not None and not self._source else self._source
        self._source = HISTORY if now == FILE else FILE
        self._start()

    def chosen_outputs(self) -> tuple[Output, ...]:
        """The output of this page."""
        return (self._output,)

    @property
    def making(self) -> Making | None:
        """What is shown: the actions of the page are for it."""
        return self._making


class DiffScreen(_Page):
    """What differs between two outputs.

    Args:
        first: A.
        second: B.
    """

    def __init__(self, first: Output, second: Output) -> None:
        super().__init__()
        self._both = (first, second)

    async def _read(self) -> None:
        session = self.console.session
        first, second = self._both
        self._say("What differs")
        try:
            if session is None:
                raise ComfyError("The console is not connected yet", "", "r asks again.")
            a = await making_of(self.sources(session, first), first)
            b = await making_of(self.sources(session, second), second)
        except ComfyError as error:
            self._show_error(error)
            return

        def compare() -> tuple[Line, ...]:
            found, same = differences(a.prompt, b.prompt)
            return diff_lines(first, second, (a.told, b.told), found, same)

        self.query_one(LineView).set_lines(await asyncio.to_thread(compare))

    def chosen_outputs(self) -> tuple[Output, ...]:
        """Both."""
        return self._both
