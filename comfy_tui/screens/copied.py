"""What was copied last, to be selected with the mouse or saved: for terminals that drop what is copied."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from comfy_tui.errors import ComfyError, ExportError
from comfy_tui.library.atomic import write_atomic
from comfy_tui.text import clean, clean_lines
from comfy_tui.widgets.leavable import Leavable
from comfy_tui.widgets.line_view import Line, LineView

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp

_SHOWN = 200_000


class CopiedScreen(Leavable, ModalScreen[None]):
    """The text without a frame, so that nothing else is selected with it.

    Args:
        text: what was copied.
    """

    DEFAULT_CSS = """
    CopiedScreen {
        background: $background;
        & LineView { height: 1fr; padding: 0; background: $background; }
        & .keys { height: 1; background: $panel; color: $text-muted; padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close"),
        Binding("s", "save", "Save"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The text above its keys."""
        with Vertical():
            yield LineView()
            yield Static(
                Text(
                    "Copied last. Select it with the mouse (and shift), s saves it to a file, escape leaves"
                ),
                classes="keys",
                markup=False,
            )

    def on_mount(self) -> None:
        """Show it."""
        lines = clean_lines(self._text, _SHOWN).split("\n")
        self.query_one(LineView).set_lines(Line(line) for line in lines)
        self.query_one(LineView).focus()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_save(self) -> None:
        """Ask where, then write the file; never over another."""
        from comfy_tui.screens.ask import AskDialog

        console = cast("ComfyApp", self.app)

        def answered(answer: str | None) -> None:
            if answer:
                console.run_worker(partial(_write, console, Path(answer), self._text), group="copied")

        self.app.push_screen(
            AskDialog("Save the text", "Into which file?", "~/comfy-tui-copied.txt"), answered
        )


async def _write(console: ComfyApp, path: Path, text: str) -> None:
    try:
        written = await asyncio.to_thread(_write_new, path, text)
    except ComfyError as error:
        console.tell_error(error)
        return
    console.tell("Saved", str(written))


def _write_new(path: Path, text: str) -> Path:
    try:
        path = path.expanduser().absolute()
        write_atomic(path, text.encode("utf-8"), replace=False)
    except FileExistsError as error:
        raise ExportError("Not saved", f"{path} is there already", "Give another name.") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ExportError("Not saved", clean(f"{path}: {reason}"), "Give another name.") from error
    return path
