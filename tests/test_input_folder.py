"""Outputs and local files as inputs: under which name, what of a file that is there, and masks; by keys."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from textual.widgets import Input

from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import WorkflowError
from comfy_tui.library.input_folder import Place, offered_name, read_place
from comfy_tui.library.mask import read_mask
from support import Console, until
from test_output_actions import flow, opened, submit


async def choose(ui: Console, what: str) -> None:
    """Begin an upload."""
    await ui.press("i")
    await ui.see("Upload as an input")
    await ui.press(what)


async def asked(ui: Console) -> None:
    """Wait for the question for the name."""
    await ui.see("Under which name?")
    await until(lambda: isinstance(ui.app.screen.focused, Input), "the line to type in")


async def place(ui: Console, name: str) -> None:
    """Answer the question for the name, from an empty line on."""
    await asked(ui)
    await ui.press("ctrl+u")
    await ui.type(name)
    await ui.press("enter")


class TestPlace:
    async def test_folder_and_a_name_that_is_taken(self) -> None:
        async with DemoServer() as server:
            await submit(server, flow(1))
            await submit(server, flow(2))
            folder = server.state.folders.root / "input"
            first, second = (
                (server.state.folders.root / "output" / f"flow_0000{n}_.png").read_bytes() for n in (1, 2)
            )
            async with opened(server, 2) as ui:
                await ui.press("j")
                await choose(ui, "o")
                await place(ui, "../x.png")
                await ui.see("no file with ..")
                await place(ui, "faces/a.png")
                await ui.see("It is faces/a.png on the server.")
                assert (folder / "faces" / "a.png").read_bytes() == first
                assert ui.app.inputs_changed == 1
                # The folder is offered again; the same content is not asked about.
                await choose(ui, "o")
                await ui.see("Under which name?", "faces/flow_00001_.png")
                await place(ui, "faces/a.png")
                await ui.see("faces/a.png was on the server already")
                # Another one under that name: asked first, and not by an escape.
                await ui.press("k")
                await choose(ui, "o")
                await place(ui, "faces/a.png")
                await ui.see("The name is taken", "faces/a.png", "with other content")
                await ui.press("escape")
                await ui.gone("The name is taken")
                await ui.press("enter")
                await ui.see("The name is taken")
                await ui.press("k")
                await ui.see("It is faces/a (1).png on the server")
                assert (folder / "faces" / "a (1).png").read_bytes() == second
                assert (folder / "faces" / "a.png").read_bytes() == first
                # What is there by now is what counts, not what was there before.
                (folder / "faces" / "b.png").touch()
                await choose(ui, "o")
                await place(ui, "faces/b.png")
                await ui.see("(0 B) is there")
                await ui.press("n")
                await place(ui, "faces/a.png")
                await ui.see("The name is taken")
                await ui.press("w")
                await ui.see("in place of")
                assert (folder / "faces" / "a.png").read_bytes() == second

    async def test_an_answer_that_does_not_come_uploads_nothing(self) -> None:
        async with DemoServer() as server:
            await submit(server, flow(1))
            async with opened(server) as ui:
                await choose(ui, "o")
                await asked(ui)
                server.faults.set("/view", status=500)
                await ui.press("enter")
                await ui.see("Under which name?", "500")
                await ui.press("escape")
                await ui.gone("Under which name?")
                assert ("POST", "/upload/image") not in server.requests

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("a.png", Place("", "a.png")),
            (" faces / x y.png ", Place("faces", "x y.png")),
            ("a//b/./c.png", Place("a/b", "c.png")),
            ("a\\b.png", Place("a", "b.png")),
        ],
    )
    def test_what_is_a_place(self, text: str, place: Place) -> None:
        assert read_place(text) == place

    @pytest.mark.parametrize(
        "text",
        [
            *("", "  ", "a/", ".", "/etc/x", "\\\\host\\x", "~/x", "C:/x", "C:\\x", "../x", "a/../x"),
            *("a..b.png", "x.png [output]", "a\x1bb.png", "a\u202eb.png", "x" * 256, "a/b..c/d.png"),
        ],
    )
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(WorkflowError):
            read_place(text)

    @pytest.mark.parametrize(
        "name", ["a..b.png", "x.png [temp]", "a/b\\c.png", "a\x1b\nb.png", "...", "é.png"]
    )
    def test_an_offered_name_is_a_place(self, name: str) -> None:
        assert read_place(offered_name(name)).subfolder == ""


class TestMask:
    async def test_a_mask(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        mask = Image.new("L", (64, 64))
        mask.paste(255, (0, 0, 32, 64))
        mask.save(tmp_path / "mask.png")
        Image.new("L", (64, 64)).save(tmp_path / "none.png")
        Image.new("L", (10, 10)).save(tmp_path / "small.png")
        async with DemoServer() as server:
            await submit(server, flow(1))
            made = server.state.folders.root / "input" / "flow_00001_-masked.png"

            async def send(ui: Console, name: str) -> None:
                await choose(ui, "m")
                await ui.see("white, or transparent, is masked")
                await ui.see(f"{name}.png")
                await ui.type(name)
                await ui.press("enter")
                await asked(ui)
                await ui.press("enter")

            def alphas() -> tuple[object, object]:
                with Image.open(made) as opened_picture:
                    alpha = opened_picture.getchannel("A")
                    return alpha.getpixel((5, 5)), alpha.getpixel((60, 5))

            async with opened(server) as ui:
                await send(ui, "mask")
                await ui.see("Uploaded", "It is flow_00001_-masked.png")
                assert alphas() == (0, 255)
                await send(ui, "none")
                await ui.see("The name is taken")
                await ui.press("w")
                await ui.see("in place of")
                assert alphas() == (255, 255)
                await send(ui, "small")
                await ui.see("The name is taken")
                await ui.press("k")
                await ui.see("The server failed", "10x10")

    @pytest.mark.parametrize("over_another", [False, True])
    async def test_a_mask_that_the_server_swallows(
        self, over_another: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file of that name from before is no success."""
        monkeypatch.chdir(tmp_path)
        Image.new("L", (64, 64)).save(tmp_path / "mask.png")
        async with DemoServer() as server:
            await submit(server, flow(1))
            folder = server.state.folders.root
            async with opened(server) as ui:
                (folder / "output" / "flow_00001_.png").unlink()
                if over_another:
                    (folder / "input" / "flow_00001_-masked.png").write_bytes(b"older")
                await choose(ui, "m")
                await ui.see("white, or transparent, is masked")
                await ui.see("mask.png")
                await ui.press("m", "enter")
                await asked(ui)
                await ui.press("enter")
                if over_another:
                    await ui.see("The name is taken")
                    await ui.press("w")
                await ui.see("The mask was not put on the picture")

    def test_masks_with_an_alpha_of_their_own(self, tmp_path: Path) -> None:
        picture = Image.new("RGBA", (4, 4), (0, 0, 0, 255))
        picture.putpixel((1, 1), (0, 0, 0, 0))
        picture.save(tmp_path / "m.png")
        with Image.open(io.BytesIO(read_mask(tmp_path / "m.png"))) as opened_picture:
            alpha = opened_picture.getchannel("A")
            assert alpha.size == (4, 4)
            assert (alpha.getpixel((1, 1)), alpha.getpixel((2, 2))) == (0, 255)
