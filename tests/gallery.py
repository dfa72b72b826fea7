"""A small app for the tests of pictures: started as the console is, it shows a picture and what covers it.

``python gallery.py PICTURE [HOW]``.  d: a dialog, t: a toast, w: another screen, n: the second picture,
m: many small ones that scroll, c: a part of it, p: another way, x: an exception, z: suspend, q: quit.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from PIL import Image

from comfy_tui.commands.console import tell_textual
from comfy_tui.pictures.decode import Decoded
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.terminal.probe import asking


def decoded(image: Image.Image) -> Decoded:
    return Decoded(image, image.width, image.height, "PNG", 0)


def main(arguments: Sequence[str]) -> None:
    with asking(os.environ) as probe:
        facts = probe.finish()
        tell_textual(facts, os.environ)
        run(arguments, facts, probe.restore)


def run(arguments: Sequence[str], facts: Any, restore: Any) -> None:
    from textual.app import App, ComposeResult
    from textual.containers import VerticalScroll
    from textual.driver import Driver
    from textual.screen import ModalScreen, Screen
    from textual.widgets import Footer, Static

    from comfy_tui.terminal.choose import offered
    from comfy_tui.widgets.graphics import Graphics
    from comfy_tui.widgets.picture import Picture
    from comfy_tui.widgets.picture_driver import paint_after_suspend, picture_driver
    from comfy_tui.widgets.typed_keys import key_events

    first = Image.open(arguments[0]).convert("RGB")
    mode = ImageMode(arguments[1]) if len(arguments) > 1 else facts.images

    class Dialog(ModalScreen[None]):
        CSS = "Dialog { align: center middle; } Dialog Static { width: 30; height: 5; background: red; }"
        BINDINGS: ClassVar = [("escape", "dismiss", "Close")]

        def compose(self) -> ComposeResult:
            yield Static("a dialog")

    class Other(Screen[None]):
        BINDINGS: ClassVar = [("escape", "dismiss", "Close")]

        def compose(self) -> ComposeResult:
            yield Static("another screen")

    class Gallery(App[None]):
        CSS = """
        #state { background: rgb(90,90,90); }
        #small { display: none; }
        #small Picture { height: 6; }
        Screen { background: rgb(1,2,3); } Picture { background: rgb(1,2,3); }
        """
        BINDINGS: ClassVar = [
            *(("d", "dialog", "d"), ("t", "toast", "t"), ("w", "other", "w"), ("n", "second", "n")),
            *(
                ("m", "many", "m"),
                ("c", "crop", "c"),
                ("p", "next", "p"),
                ("x", "crash", "x"),
                ("q", "quit", "q"),
            ),
            ("z", "suspend_process", "z"),
        ]

        def __init__(self) -> None:
            super().__init__()
            self.graphics = Graphics(self, mode, facts)
            self.graphics.before_start = restore
            self.asked = ""

        def get_driver_class(self) -> type[Driver]:
            return picture_driver(super().get_driver_class())

        def compose(self) -> ComposeResult:
            yield Static(
                f"mode {mode} typed {facts.answers.typed!r} took {facts.answers.took_ms:.0f}", id="state"
            )
            yield Picture(id="large")
            with VerticalScroll(id="small"):
                for _ in range(12):
                    yield Picture()
            yield Footer()

        def on_mount(self) -> None:
            paint_after_suspend(self)
            self.query_one("#large", Picture).show(decoded(first))
            for event in key_events(facts.answers.typed):
                self.call_after_refresh(self.post_message, event)

        def action_dialog(self) -> None:
            self.push_screen(Dialog())

        def action_other(self) -> None:
            self.push_screen(Other())

        def action_toast(self) -> None:
            self.notify("a toast " * 12, timeout=1.0)

        def action_second(self) -> None:
            self.query_one("#large", Picture).show(decoded(first.rotate(180)))

        def action_crop(self) -> None:
            large = self.query_one("#large", Picture)
            large.show(large.decoded, crop=(0, 0, first.width // 2, first.height // 2), keep=True)

        def action_many(self) -> None:
            small = self.query_one("#small")
            self.query_one("#large").display = small.display
            small.display = not small.display
            small.focus()
            for number, picture in enumerate(small.query(Picture)):
                picture.show(decoded(first.rotate(90 * number)))

        def action_next(self) -> None:
            modes = offered(facts)
            self.graphics.set_mode(modes[(modes.index(self.graphics.mode) + 1) % len(modes)])
            self.query_one("#state", Static).update(f"mode {self.graphics.mode}")

        def action_crash(self) -> None:
            raise RuntimeError("a crash of the test's")

    Gallery().run()


if __name__ == "__main__":
    main(sys.argv[1:])
