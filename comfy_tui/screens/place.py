"""Where in the server's input folder a file goes, and what of a file that is there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from comfy_tui.errors import ComfyError
from comfy_tui.library.input_folder import Place, Standing, Upload, read_place
from comfy_tui.screens.ask import ASK_CSS
from comfy_tui.screens.dialogs import ChoiceDialog
from comfy_tui.text import clean

_KEYS = "name or folder/name · enter uploads · escape leaves"


@dataclass(frozen=True, slots=True)
class Placed:
    """A place that a person chose, as it was found."""

    place: Place
    standing: Standing | None
    overwrite: bool = False


class PlaceDialog(ModalScreen[Placed | None]):
    """Asks for a name below the input folder, and looks whether it is taken before it gives it.

    Args:
        upload: what is to be put there.
        offered: the name that stands there first.
    """

    DEFAULT_CSS = f"PlaceDialog {{ {ASK_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Close")]

    def __init__(self, upload: Upload, offered: str) -> None:
        super().__init__()
        self._upload = upload
        self._offered = offered

    def compose(self) -> ComposeResult:
        """The question, the line and its keys."""
        with Vertical() as box:
            box.border_title = "Upload into the server's input folder"
            yield Static("Under which name?", classes="question", markup=False)
            yield Input(self._offered, compact=True, select_on_focus=False)
            yield Static(_KEYS, classes="keys", markup=False)

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(Input).focus()

    def action_leave(self) -> None:
        """Close; nothing is uploaded."""
        self.dismiss(None)

    def _say(self, words: str) -> None:
        self.query_one(".keys", Static).update(Text(clean(words)))

    @on(Input.Changed)
    def _typed(self) -> None:
        self._say(_KEYS)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._look(event.value)

    @work(group="look", exclusive=True)
    async def _look(self, text: str) -> None:
        try:
            place = read_place(text)
            self._say("Looking whether it is there ...")
            standing = await self._upload.look(place)
        except ComfyError as error:
            self._say(f"{error.message or error.title}. {error.hint}")
            return
        if standing is None or standing.is_same:
            self.dismiss(Placed(place, standing))
            return
        self._say(_KEYS)
        await self._ask(Placed(place, standing), standing)

    async def _ask(self, found: Placed, standing: Standing) -> None:
        stem, dot, ending = found.place.name.rpartition(".")
        another = f"{stem} (1).{ending}" if dot and stem else f"{found.place.name} (1)"
        choices = (
            ("both", "k", f"Keep both: the server takes a name like {clean(another, 60)}"),
            ("name", "n", "Another name"),
            ("over", "w", "Write over it: what is there is lost"),
        )
        message = f"{clean(found.place.reference, 200)} ({standing.words}) is there, with other content."
        choice = await self.app.push_screen_wait(ChoiceDialog("The name is taken", choices, message))
        if choice in ("both", "over"):
            self.dismiss(Placed(found.place, standing, choice == "over"))
