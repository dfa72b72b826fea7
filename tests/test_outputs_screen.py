"""Mode 4: what the jobs left behind."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from comfy_tui.config import Config
from comfy_tui.content.sniff import Medium
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.outputs import outputs_of
from comfy_tui.screens.outputs import OutputsScreen
from comfy_tui.terminal.choose import concluded
from comfy_tui.terminal.console_font import COMMON
from comfy_tui.terminal.facts import TerminalFacts
from comfy_tui.text import cell_len
from comfy_tui.widgets.graphics import Drawn, Graphics
from comfy_tui.widgets.picture import Picture
from comfy_tui.widgets.row_list import RowList
from support import Console, console, until

RED, GREEN, BLUE = 0xFF0000, 0x00FF00, 0x0000FF


def plain(colour: int, name: str = "plain", *, temporary: bool = False, side: int = 64) -> dict[str, Any]:
    """A prompt that makes a picture of one colour."""
    size = {"width": side, "height": side, "batch_size": 1, "color": colour}
    made: dict[str, Any] = {"1": {"class_type": "EmptyImage", "inputs": size}}
    if temporary:
        made["2"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    else:
        inputs = {"images": ["1", 0], "filename_prefix": name}
        made["2"] = {"class_type": "SaveImage", "inputs": inputs}
    return made


async def run(server: DemoServer, *prompts: dict[str, Any]) -> None:
    """Run prompts one after the other."""
    async with httpx.AsyncClient() as client:
        for prompt in prompts:
            body = {"prompt": prompt, "prompt_id": str(uuid.uuid4()), "client_id": "test"}
            answer = await client.post(server.url + "/prompt", json=body)
            assert answer.status_code == 200, answer.text
            await server.wait_idle()


def output_folder(server: DemoServer) -> Path:
    return server.state.folders.root / "output"


@asynccontextmanager
async def opened(server: DemoServer, **options: Any) -> AsyncIterator[Console]:
    async with console(server.url, **options) as ui:
        await ui.online()
        await ui.press("4")
        await until(lambda: isinstance(ui.app.screen, OutputsScreen), "the outputs screen")
        yield ui


def picture(ui: Console) -> Picture:
    return ui.app.screen.query_one(Picture)


def listed(ui: Console) -> list[str]:
    rows = ui.app.screen.query_one("#outputs", RowList).rows
    return [cell if isinstance(cell, str) else cell.text for row in rows for cell in row.cells[:1]]


def drawn_colours(ui: Console) -> set[int]:
    """The background colours of the picture's cells, as it is on the screen."""
    shown = picture(ui)
    if not shown.drawn:
        return set()
    (ground,) = {s.style.bgcolor for s in shown.blank(1) if s.style is not None}
    strips = [shown.render_line(y) for y in range(shown.size.height)]
    found = {s.style.bgcolor for strip in strips for s in strip if s.style is not None} - {ground}
    return {
        (c.get_truecolor().red << 16) + (c.get_truecolor().green << 8) + c.get_truecolor().blue
        for c in found
        if c is not None
    }


async def sees(ui: Console, colour: int) -> None:
    await until(lambda: drawn_colours(ui) == {colour}, f"a picture of {colour:06x}")


class TestList:
    async def test_newest_first_with_the_picture_of_the_chosen_one(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "first"), plain(BLUE, "second"))
            async with opened(server) as ui:
                await ui.see("second_00001_.png", "64x64 · PNG", "2 outputs of the last 2 jobs")
                assert listed(ui) == ["second_00001_.png", "first_00001_.png"]
                await sees(ui, BLUE)
                await ui.press("j")
                await sees(ui, RED)
                await run(server, plain(GREEN, "third"))
                await ui.see("third_00001_.png")
                # The cursor stays where it was put.
                assert drawn_colours(ui) == {RED}
                await ui.press("g")
                await sees(ui, GREEN)

    async def test_facts_of_a_picture_from_words(self) -> None:
        async with DemoServer(warm_up=True) as server, opened(server, size=(120, 40)) as ui:
            await ui.see(
                "a lighthouse on a cliff", "seed 2 · 20 steps · cfg 7 · euler", "demo_xl.safetensors"
            )
            await ui.see("768x512 · PNG", "other · node 9")
            await until(lambda: picture(ui).drawn)
            assert set("▀▄▌▐▘▝▖▗▚▞") & set(ui.text())

    async def test_temporary_files_are_marked(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, temporary=True))
            async with opened(server) as ui:
                await ui.see("~ ComfyUI_temp_", "temporary: gone when the server is started again")
                await sees(ui, RED)

    async def test_who_passes_over_rows_fetches_the_one_and_its_neighbours(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with DemoServer() as server:
            draw, asked = Graphics.draw_here, list[int]()

            def counted(self: Graphics, *given: Any) -> Drawn:
                drawn = draw(self, *given)
                asked.append(server.faults.count("/view"))
                return drawn

            monkeypatch.setattr(Graphics, "draw_here", counted)
            await run(server, *(plain(0x100000 + n, f"p{n}") for n in range(12)))
            async with opened(server) as ui:
                await sees(ui, 0x10000B)
                await until(lambda: server.faults.count("/view") == 3, "two neighbours fetched ahead")
                await ui.press("j")
                await sees(ui, 0x10000A)
                await until(lambda: server.faults.count("/view") == 4, "one more neighbour")
                server.faults.forget()
                asked.clear()
                server.faults.set("/view", delay_s=0.2, times=1)
                await ui.press("G")
                await ui.see("Fetching ...")
                await sees(ui, 0x100000)
                assert asked[0] == 1  # drawn before anything else is asked for
                await until(lambda: ui.app.screen._next.is_idle)
                # The one that was stayed on and the one before it: those between were passed.
                await until(lambda: server.faults.count("/view") == 2)
                server.faults.forget()
                await ui.press("g")
                await sees(ui, 0x10000B)
                assert server.faults.count("/view") == 0

    @pytest.mark.parametrize("size", [(80, 24), (60, 16), (120, 40), (200, 50)])
    async def test_every_size_shows_list_picture_and_facts(self, size: tuple[int, int]) -> None:
        async with DemoServer(warm_up=True) as server, opened(server, size=size) as ui:
            screen = await ui.see("demo_00002_.png", "768x512 · PNG")
            assert all(cell_len(line) <= size[0] for line in screen.splitlines())
            await until(lambda: picture(ui).drawn)
            assert picture(ui).size.height >= (4 if size[1] < 20 else 10)


class TestFilter:
    async def test_words_of_name_and_prompt(self) -> None:
        async with DemoServer(warm_up=True) as server, opened(server) as ui:
            await ui.see("3 outputs")
            await ui.press("slash")
            await ui.type("lighthouse 00001")
            await ui.see("1 of 3 outputs")
            await ui.press("enter")
            assert listed(ui) == ["demo_00001_.png"]
            await ui.see("seed 0")
            await ui.press("slash")
            await ui.type("nowhere")
            await ui.see("No output holds", "escape clears")
            await ui.press("escape")
            await ui.see("3 outputs of")
            await ui.press("n")
            assert ui.app.screen.query_one("#outputs", RowList).cursor == 1


class TestWindow:
    async def test_enter_gives_the_picture_the_window(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "first"), plain(BLUE, "second"))
            async with opened(server, size=(80, 24)) as ui:
                await sees(ui, BLUE)
                small = picture(ui).size
                await ui.press("enter")
                await until(lambda: picture(ui).size.width == 80 and picture(ui).drawn)
                assert picture(ui).size.height > small.height
                await ui.see("second_00001_.png  64x64", "1/2")
                assert "Outputs" not in ui.text()
                await ui.press("right")
                await sees(ui, RED)
                await ui.see("2/2")
                await ui.press("k")
                await sees(ui, BLUE)
                await ui.press("l")
                await sees(ui, RED)
                await ui.press("escape")
                await ui.see("first_00001_.png", "4 Outputs")
                await sees(ui, RED)
                await ui.press("up")
                await sees(ui, BLUE)

    async def test_q_leaves_the_window_before_the_console(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED))
            async with opened(server) as ui:
                await sees(ui, RED)
                await ui.press("enter")
                await ui.gone("4 Outputs")
                await ui.press("q")
                await ui.see("4 Outputs")
                assert ui.app.is_running


class TestStates:
    async def test_loading(self) -> None:
        server = DemoServer()
        await server.start()
        server.faults.set("*", hang=True)
        try:
            async with console(server.url) as ui:
                await ui.press("4")
                await ui.see("Asking http://127.0.0.1")
        finally:
            await server.stop()

    async def test_empty_names_the_key_that_helps(self) -> None:
        async with DemoServer() as server, opened(server) as ui:
            await ui.see("The server's history is empty", "2 goes to the workflows")
            await ui.press("s", "enter", "y")
            await ui.see("There is nothing to copy")

    async def test_offline_keeps_list_and_pictures_and_comes_back(self) -> None:
        server = DemoServer()
        await server.start()
        port = server.port
        await run(server, plain(RED, "first"), *[plain(BLUE, "second")] * 4)
        async with opened(server) as ui:
            await sees(ui, BLUE)
            await server.stop()
            await ui.see("OFFLINE", "second_00001_.png")
            await sees(ui, BLUE)
            await ui.press("G")
            await ui.see("! ComfyUI is not running at this address")
            assert drawn_colours(ui) == set()
            await ui.press("g")
            await sees(ui, BLUE)
            await ui.see("stale: as of")
            assert ui.app.screen.query_one("#outputs").has_class("stale")
            async with DemoServer(port=port) as again:
                await run(again, plain(GREEN, "third"))
                await ui.gone("OFFLINE")
                # What the server has forgotten is listed still: its file may be there.
                await ui.see("1 output of the last 1 job + 5 from the journal")
                await ui.press("g")
                await sees(ui, GREEN)

    async def test_never_reached(self) -> None:
        async with console("http://127.0.0.1:9") as ui:
            await ui.press("4")
            await ui.see("ComfyUI is not running at this address", "r asks again")

    async def test_a_preview_that_failed_is_fetched_when_the_server_is_back(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "first"))
            server.faults.set("/view", close=True)
            async with opened(server) as ui:
                await ui.see("! The connection broke")
                server.faults.set("*", close=True)
                await ui.see("OFFLINE")
                server.faults.clear()
                await sees(ui, RED)

    async def test_refresh_asks_again_for_a_preview_that_failed(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "first"))
            server.faults.set("/view", status=500)
            async with opened(server) as ui:
                await ui.see("! The server failed")
                server.faults.clear()
                await ui.press("r")
                await sees(ui, RED)

    async def test_jobs_that_cannot_be_read_are_an_error_that_can_be_copied(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
        async with DemoServer() as server:
            for path in ("/api/jobs", "/history", "/queue", "/history/*"):
                server.faults.set(path, status=500)
            async with console(server.url) as ui:
                await until(lambda: ui.app.health.stats is not None)
                await ui.press("4")
                await ui.see("The server failed", "Look at its log")
                await ui.press("y")
                await ui.see("error: sent to the terminal's clipboard")
                assert "The server failed" in ui.app.clipboard

    async def test_an_error_beside_data(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "first"))
            async with opened(server) as ui:
                await sees(ui, RED)
                for path in ("/api/jobs", "/history", "/queue", "/history/*"):
                    server.faults.set(path, status=500)
                await ui.see("! The server failed", "first_00001_.png")
                assert ui.app.screen.query_one("#outputs").has_class("stale")

    async def test_another_server(self) -> None:
        from comfy_tui.config import profile_from_url

        async with DemoServer() as one, DemoServer() as two:
            await run(one, plain(RED, "same"))
            await run(two, plain(BLUE, "same"))
            async with opened(one) as ui:
                await sees(ui, RED)
                ui.app.watch_server(profile_from_url(two.url))
                await sees(ui, BLUE)


class TestContent:
    async def test_a_bomb_is_refused_and_can_be_saved(self) -> None:
        from test_picture import png_head

        async with DemoServer() as server:
            await run(server, plain(RED, "bomb"))
            (output_folder(server) / "bomb_00001_.png").write_bytes(png_head(9000, 9000))
            async with opened(server) as ui:
                await ui.see("too large to draw", "81 megapixels", "s saves the file as it is")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"<html>", ("<html>", "text · 6 B · named .png")),
            (b"", ("unknown content, 0 B", "nothing in it is like png")),
            (None, ("! The picture is broken",)),
        ],
        ids=["html", "empty", "half"],
    )
    async def test_a_broken_picture_says_so(self, content: bytes | None, words: tuple[str, ...]) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "broken", side=300))
            file = output_folder(server) / "broken_00001_.png"
            file.write_bytes(content if content is not None else file.read_bytes()[:-200])
            async with opened(server) as ui:
                await ui.see(*words)

    async def test_a_file_larger_than_the_limit_is_not_fetched_whole(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("comfy_tui.monitor.preview_content.FETCH_LIMIT_BYTES", 1024 * 1024)
        async with DemoServer() as server:
            await run(server, plain(RED, "large"))
            (output_folder(server) / "large_00001_.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5_000_000))
            async with opened(server) as ui:
                await ui.see("The file is too large to show", "more than 1 MB", "Save it instead")

    async def test_files_that_are_no_pictures_and_texts(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "any"))
            folder = output_folder(server)
            (folder / "clip.mp4").write_bytes(b"\0\0\0\x08moov" + bytes(3 * 1024 * 1024))
            (folder / "notes.txt").write_text("line one\x1b]0;x\x07\n[/nope] größe\n" + "x" * 70_000)
            entry = _newest(server)
            entry["outputs"]["5"] = {
                "gifs": [{"filename": "clip.mp4", "subfolder": "", "type": "output"}],
                "files": [{"filename": "notes.txt", "subfolder": "", "type": "output"}],
                "text": ["an answer\nof [bold]two[/] lines"],
            }
            async with opened(server) as ui:
                await ui.see("clip.mp4", "notes.txt", "an answer")
                await ui.press("j")
                await ui.see("video, MP4, 3 MB: s saves it")
                await ui.press("j")
                await ui.see("line one␛]0;x␇", "[/nope] größe", "its beginning")
                await ui.press("j")
                await ui.see("of [bold]two[/] lines")
                await ui.press("s")
                await ui.see("A text of a node is not a file")
                await ui.press("enter")
                await ui.see("4/4", "of [bold]two[/] lines")

    async def test_a_name_that_a_later_job_used_again_is_another_picture(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "one"))
            async with opened(server) as ui:
                await sees(ui, RED)
                file = output_folder(server) / "one_00001_.png"
                file.unlink()
                await run(server, plain(GREEN, "one"))
                assert file.exists()
                await until(lambda: len(listed(ui)) == 2)
                await ui.press("g")
                await sees(ui, GREEN)

    async def test_ascii_draws_in_ascii(self) -> None:
        async with DemoServer() as server:
            await run(server, plain(0xFFFFFF, "white"))
            async with opened(server, ascii=True) as ui:
                await until(lambda: picture(ui).drawn)
                assert "@" * 20 in await ui.see("white_00001_.png", "@" * 20)
                assert all(
                    segment.text.isascii()
                    for y in range(picture(ui).size.height)
                    for segment in picture(ui).render_line(y)
                )

    async def test_no_color_is_grey(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        async with DemoServer() as server:
            await run(server, plain(GREEN, "green"))
            async with opened(server) as ui:
                await until(lambda: drawn_colours(ui))
                (colour,) = drawn_colours(ui)
                assert colour % 0x010101 == 0

    async def test_the_linux_console_gets_what_its_font_has(self) -> None:
        facts = concluded(TerminalFacts(term="linux", glyphs=COMMON | set("▀▄")), {})
        async with DemoServer(warm_up=True) as server, opened(server, terminal=facts) as ui:
            await until(lambda: picture(ui).drawn)
            assert {ch for ch in ui.text() if not ch.isascii()} <= {*COMMON, *"▀▄"}
            drawn = "".join(
                s.text for y in range(picture(ui).size.height) for s in picture(ui).render_line(y)
            )
            assert set(drawn) <= {" ", "▀", "▄", "█"}
            assert "▀" in drawn

    async def test_a_hostile_server_is_only_text(self) -> None:
        async with DemoServer(hostile=True, warm_up=True) as server, opened(server) as ui:
            await ui.see("demo [bold red]x", "[@click=app.quit]z")
            await until(lambda: picture(ui).drawn)
            await ui.press("enter")
            await ui.see("[bold red]x", "1/3")
            await ui.press("escape", "y")
            await ui.see("Path on the server")
            screen = ui.text()
            assert not any(
                ord(ch) < 32 or 0x7F <= ord(ch) < 0xA0 or ch in "\u202e\u2066" for ch in screen if ch != "\n"
            )
            await ui.press("escape", "s")
            await ui.see("into which folder")


class TestSave:
    async def test_asks_for_the_folder_once_and_saves_the_same_bytes(self, isolated: Path) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "first"), plain(BLUE, "second"))
            async with opened(server) as ui:
                await sees(ui, BLUE)
                await ui.press("s")
                await ui.see("second_00001_.png: into which folder?", "~/comfy-outputs")
                await ui.press("enter")
                saved = isolated / "comfy-outputs" / "second_00001_.png"
                await ui.see("Saved", "second_00001_.png")
                assert saved.read_bytes() == (output_folder(server) / saved.name).read_bytes()
                await ui.press("s")
                await until((saved.parent / "second_00001_ (1).png").exists)
                await ui.press("S")
                await ui.see("into which folder?", "comfy-outputs")
                await ui.press("escape")
                assert len(list(saved.parent.iterdir())) == 2

    async def test_marked_ones_go_to_the_folder_of_the_config(self, tmp_path: Path) -> None:
        config = Config(save_folder=tmp_path / "here")
        async with DemoServer() as server:
            await run(server, *(plain(RED, name) for name in ("a", "b", "c")))
            async with opened(server, config=config) as ui:
                await ui.see("3 outputs")
                await ui.press("space", "space")
                await ui.see("2 marked")
                await ui.press("s")
                await ui.see("2 files in")
                assert {file.name for file in config.save_folder.iterdir()} == {
                    "c_00001_.png",
                    "b_00001_.png",
                }
                await ui.gone("2 marked")

    async def test_a_project_has_a_folder_for_them(self, tmp_path: Path) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED))
            async with opened(server, project=tmp_path) as ui:
                await sees(ui, RED)
                await ui.press("s", "enter")
                await until((tmp_path / "outputs" / "plain_00001_.png").exists)

    async def test_a_failure_names_the_file_and_the_others_are_saved(self, tmp_path: Path) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "a"), plain(RED, "b"))
            async with opened(server, config=Config(save_folder=tmp_path)) as ui:
                await ui.see("2 outputs")
                (output_folder(server) / "a_00001_.png").unlink()
                await ui.press("space", "space", "s")
                await ui.see("1 of 2 files", "a_00001_.png: The server said no")
                assert [file.name for file in tmp_path.iterdir()] == ["b_00001_.png"]

    async def test_what_is_cut_or_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED))
            (tmp_path / "file").write_text("")
            async with opened(server, config=Config(save_folder=tmp_path / "file")) as ui:
                await sees(ui, RED)
                await ui.press("s")
                await ui.see("Not saved", "file: ", "hoose another folder with S")
            async with opened(server, config=Config(save_folder=tmp_path / "new")) as ui:
                await sees(ui, RED)
                server.faults.set("/view", cut=True)
                await ui.press("s")
                await ui.see("The connection broke")
                assert list((tmp_path / "new").iterdir()) == []

    async def test_hostile_names_stay_in_the_folder(self, tmp_path: Path) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED, "x"))
            image = (output_folder(server) / "x_00001_.png").read_bytes()
            entry = _newest(server)
            entry["outputs"]["2"]["images"][0]["filename"] = "../../\x1b[2J-evil.png"
            server.faults.set("/view", body=image, content_type="image/png")
            async with opened(server, config=Config(save_folder=tmp_path / "in")) as ui:
                await sees(ui, RED)
                await ui.press("s")
                await ui.see("Saved")
                assert [file.name for file in (tmp_path / "in").iterdir()] == ["[2J-evil.png"]
                assert [file.name for file in tmp_path.iterdir()] == ["in"]

    async def test_saving_is_no_change_of_the_server(self, tmp_path: Path) -> None:
        async with DemoServer() as server:
            await run(server, plain(RED))
            async with opened(server, readonly=True, config=Config(save_folder=tmp_path)) as ui:
                await sees(ui, RED)
                await ui.press("s")
                await ui.see("Saved")


class TestCopy:
    @pytest.mark.parametrize(
        ("key", "text"),
        [
            ("p", "output/demo_00002_.png"),
            ("u", "/view?filename=demo_00002_.png&subfolder=&type=output"),
            ("t", "a lighthouse on a cliff, evening light, oil painting"),
            ("s", "2"),
        ],
    )
    async def test_what_can_be_copied(self, monkeypatch: pytest.MonkeyPatch, key: str, text: str) -> None:
        monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
        async with DemoServer(warm_up=True) as server, opened(server) as ui:
            await ui.see("demo_00002_.png")
            await ui.press("y")
            await ui.see("Path on the server")
            await ui.press(key)
            await ui.see("sent to the terminal's clipboard")
            assert ui.app.clipboard == (server.url + text if key == "u" else text)

    async def test_a_url_never_holds_credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
        async with DemoServer(require_auth="Basic bWU6c2VjcmV0", warm_up=True) as server:
            url = server.url.replace("http://", "http://me:secret@")
            async with console(url) as ui:
                await ui.online()
                await ui.press("4")
                await ui.see("demo_00002_.png")
                await ui.press("y", "u")
                await ui.see("sent to the terminal's clipboard")
                assert "secret" not in ui.app.clipboard
                assert "/view?" in ui.app.clipboard

    async def test_several_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
        async with DemoServer() as server:
            await run(server, plain(RED, "a"), plain(RED, "b"))
            async with opened(server) as ui:
                await ui.see("2 outputs")
                await ui.press("space", "space", "y")
                await ui.see("Copy from 2 outputs")
                await ui.press("p")
                await ui.see("sent to the terminal's clipboard")
                assert ui.app.clipboard == "output/b_00001_.png\noutput/a_00001_.png"


def _newest(server: DemoServer) -> dict[str, Any]:
    """The newest entry of the server's history, to be changed in place."""
    history = server.state.queue.history()
    entry: dict[str, Any] = history[next(reversed(history))]
    return entry


def test_kinds_of_files() -> None:
    from comfy_tui.comfy.types import JobState, OutputFile, OutputText
    from comfy_tui.monitor.state import Job

    names = ["a.PNG", "b.mp4", "c.flac", "d.glb", "e.txt", "noending", ".hidden", "x.verylongending", "a.b/c"]
    files = [OutputFile(name, "", "output", "1") for name in names]
    files.append(OutputFile("t.png", "", "temp", "1"))
    files.insert(0, OutputFile("first.png", "s&b", "temp", "1"))
    job = Job("id", JobState.COMPLETED, 0, "title", True, outputs=tuple(files), texts=(OutputText("x", "2"),))
    found = outputs_of([job])
    assert [output.name for output in found] == [*names, "first.png", "t.png", "x"]
    media = [output.medium for output in found[:9]]
    assert media == [
        Medium.PICTURE,
        Medium.VIDEO,
        Medium.AUDIO,
        Medium.MODEL,
        Medium.TEXT,
        *[Medium.OTHER] * 4,
    ]
    assert len({output.key for output in found}) == len(found)
    assert found[9].url("http://h/p") == "http://h/p/view?filename=first.png&subfolder=s%26b&type=temp"
    assert found[9].path == "temp/s&b/first.png"
