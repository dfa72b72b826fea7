"""What can be done with outputs, by keys: getting them out, what made them, queueing them again, deleting."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from comfy_tui import desktop, picture_clipboard
from comfy_tui.config import Config
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ExportError
from comfy_tui.monitor.submit import Submission
from comfy_tui.naming import NameTemplate
from comfy_tui.screens.made import DiffScreen
from comfy_tui.screens.outputs import OutputsScreen
from comfy_tui.screens.workflows import WorkflowsScreen
from support import Console, console, until


def flow(seed: int, text: str = "a fox") -> dict[str, Any]:
    """A picture by a sampler, its seed by a primitive."""
    return {
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "demo_sd15.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": text, "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": ["9", 0],
                "steps": 2,
                "cfg": 7.5,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "PrimitiveInt", "inputs": {"value": seed}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "flow"}},
    }


async def submit(server: DemoServer, prompt: dict[str, Any], name: str = "") -> str:
    prompt_id = str(uuid.uuid4())
    extra = {"extra_pnginfo": {"workflow": {"name": name, "nodes": []}}} if name else {}
    body = {"prompt": prompt, "prompt_id": prompt_id, "client_id": "someone", "extra_data": extra}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(server.url + "/prompt", json=body)
        assert answer.status_code == 200, answer.text
    await server.wait_idle()
    return prompt_id


@asynccontextmanager
async def opened(server: DemoServer, count: int = 1, **options: Any) -> AsyncIterator[Console]:
    async with console(server.url, **{"size": (96, 30), **options}) as ui:
        await ui.online()
        await ui.press("4")
        await until(lambda: isinstance(ui.app.screen, OutputsScreen), "the outputs")
        await ui.see(f"{count} output")
        yield ui


def program(folder: Path, name: str, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in front of the PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def prompts(server: DemoServer) -> list[dict[str, Any]]:
    return [dict(entry["prompt"][2]) for entry in server.state.queue.history().values()]


def plain_picture() -> dict[str, Any]:
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 1}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "plain"}},
    }


class TestMade:
    async def test_the_page(self) -> None:
        async with DemoServer() as server:
            await submit(server, flow(77, "a fox\nin [bold]snow[/]"), "foxes")
            async with opened(server, size=(80, 50)) as ui:
                await ui.press("w")
                await ui.see("What made flow_00001_.png", "the server's history")
                screen = await ui.see("a fox", "in [bold]snow[/]", "blurry", "77", "7.5", "euler", "foxes")
                assert "demo_sd15.safetensors  CheckpointLoaderSimple" in screen
                assert "64x64" in screen
                await ui.press("w")
                await ui.see("from the file itself", "a fox", "77")
                await ui.press("w")
                await ui.see("from the server's history")
                await ui.press("escape")
                await until(lambda: isinstance(ui.app.screen, OutputsScreen))

    async def test_a_job_that_is_gone_is_told_by_its_file(self) -> None:
        async with DemoServer() as server:
            prompt_id = await submit(server, flow(77))
            async with opened(server) as ui:
                await ui.app.session.client.delete_history([prompt_id])  # type: ignore[union-attr]
                ui.app.session.pause(True)  # type: ignore[union-attr]
                await ui.press("w")
                await ui.see("from the journal", "a fox")
                await ui.press("w")
                await ui.see("from the file itself", "a fox")
                server.faults.set("/view", status=404)
                await ui.press("r")
                await ui.see("! ", "w looks into")

    async def test_the_values_follow_the_cursor_where_there_is_room(self) -> None:
        async with DemoServer() as server:
            await submit(server, flow(77, "a fox"), "one")
            await submit(server, flow(78, "a dog"), "two")
            async with opened(server, 2, size=(120, 64)) as ui:
                await ui.see("Negative prompt", "blurry", "demo_sd15.safetensors  CheckpointLoaderSimple")
                await until(lambda: ui.text().count("a dog") >= 2)
                await ui.press("j")
                await until(lambda: ui.text().count("a fox") >= 2 and "a dog" not in ui.text())
                await ui.press("M")
                await ui.gone("Negative prompt")
                await ui.press("M")
                await ui.see("Negative prompt")
            async with opened(server, 2) as ui:
                assert not ui.app.screen.query_one("#made").display
                await ui.press("M")
                await ui.see("What made flow_")

    async def test_differences(self) -> None:
        async with DemoServer() as server:
            await submit(server, flow(77), "one")
            await submit(server, flow(77, "a dog"), "two")
            async with opened(server, 2, size=(96, 60)) as ui:
                await ui.press("d")
                await ui.see("mark two with space")
                await ui.press("space", "space", "d")
                await until(lambda: isinstance(ui.app.screen, DiffScreen))
                await ui.see("A  a dog", "B  a fox", "The same seed: 77", "1 value differs")
                await ui.press("escape")
                await submit(server, plain_picture(), "another")
                await ui.see("3 outputs")
                await ui.press("escape", "g", "space", "space", "d")
                await ui.see("only in A", "only in B", "(not there)", "Node by node")


class TestAgain:
    @pytest.mark.parametrize(("key", "same"), [("u", True), ("U", False)])
    async def test_queue_again(self, key: str, same: bool) -> None:
        async with DemoServer() as server:
            await submit(server, flow(77), "foxes")
            async with opened(server) as ui:
                await ui.press(key)
                await ui.see("Queued again", "foxes")
                await until(lambda: len(prompts(server)) == 2)
                first, second = prompts(server)
                assert (first == second) is same
                assert (second["9"]["inputs"]["value"] == 77) is same
                assert second["3"]["inputs"]["seed"] == ["9", 0]

    async def test_from_the_file_itself(self) -> None:
        async with DemoServer() as server:
            await submit(server, flow(77), "foxes")
            async with opened(server) as ui:
                await ui.press("w", "w")
                await ui.see("from the file itself")
                await ui.press("u")
                await ui.see("Read from the file itself")
                await until(lambda: len(prompts(server)) == 2)
                first, second = prompts(server)
                assert first == second

    async def test_read_only_changes_nothing(self) -> None:
        async with DemoServer() as server:
            await submit(server, flow(77))
            async with opened(server, readonly=True) as ui:
                before = [item for item in server.faults.requests if item[0] != "GET"]
                await ui.press("u", "U", "D", "i")
                await ui.press("w")
                await ui.see("What made")
                await ui.press("u", "D")
                assert [item for item in server.faults.requests if item[0] != "GET"] == before


class TestOpenRun:
    async def test_its_workflow_with_the_values_of_the_run(self) -> None:
        async with DemoServer() as server:
            await submit(server, flow(78, "a very special fox"), "foxes")
            async with opened(server, size=(120, 40)) as ui:
                await ui.press("e")
                await until(lambda: isinstance(ui.app.screen, WorkflowsScreen), "the workflows")
                await ui.see("Workflow of that run", "a very special fox", "78")
                await ui.press("Q")
                await until(lambda: len(prompts(server)) == 2)
                first, second = prompts(server)
                assert second["6"]["inputs"]["text"] == "a very special fox"
                assert second["9"]["inputs"]["value"] == 78
                assert first.keys() == second.keys()

    async def test_the_editor_s_document_with_what_the_run_had_instead(self) -> None:
        """The document says one colour, the run had another: the run's is set as an edit."""
        document = {
            "version": 0.4,
            "last_node_id": 2,
            "last_link_id": 1,
            "nodes": [
                {
                    "id": 1,
                    "type": "EmptyImage",
                    "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
                    "widgets_values": [64, 48, 1, 255],
                },
                {
                    "id": 2,
                    "type": "SaveImage",
                    "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
                    "widgets_values": ["plain"],
                },
            ],
            "links": [[1, 1, 0, 2, 0, "IMAGE"]],
        }
        ran: dict[str, Any] = {
            "1": {
                "class_type": "EmptyImage",
                "inputs": {"width": 64, "height": 48, "batch_size": 1, "color": 65280},
            },
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "plain"}},
        }
        async with DemoServer() as server:
            body = {
                "prompt": ran,
                "prompt_id": str(uuid.uuid4()),
                "client_id": "someone",
                "extra_data": {"extra_pnginfo": {"workflow": document}},
            }
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.post(server.url + "/prompt", json=body)).status_code == 200
            await server.wait_idle()
            async with opened(server, size=(120, 40)) as ui:
                await ui.press("e")
                await ui.see("edited: 1 value")
                await ui.press("Q")
                await until(lambda: len(prompts(server)) == 2)
                first, second = prompts(server)
                assert second["1"]["inputs"] == first["1"]["inputs"]


class TestDelete:
    @pytest.mark.parametrize("legacy", [False, True])
    async def test_asks_and_keeps_the_files(self, legacy: bool, tmp_path: Path) -> None:
        async with DemoServer(legacy=legacy) as server:
            await submit(server, flow(1), "old")
            await submit(server, flow(2), "new")
            async with opened(server, 2, config=Config(save_folder=tmp_path)) as ui:
                await ui.press("j", "s")
                await until(lambda: list(tmp_path.glob("*.png")))
                await ui.press("D")
                await ui.see("Delete 1 job from the history?", "old (not ours")
                await ui.press("n", "D", "y")
                await ui.see("1 output of")
                assert len(server.state.queue.history()) == 1
                assert (server.state.folders.root / "output" / "flow_00001_.png").exists()
                assert list(tmp_path.glob("*.png"))


class TestSaveOtherwise:
    async def test_without_metadata(self, tmp_path: Path) -> None:
        async with DemoServer() as server:
            await submit(server, flow(1))
            async with opened(server, config=Config(save_folder=tmp_path)) as ui:
                await ui.press("W", "m")
                await ui.see("Saved")
                (saved,) = tmp_path.glob("*.png")
                source = server.state.folders.root / "output" / "flow_00001_.png"
                assert b"KSampler" in source.read_bytes()
                assert b"KSampler" not in saved.read_bytes()
                with Image.open(saved) as bare, Image.open(source) as whole:
                    assert bare.tobytes() == whole.tobytes()

    async def test_all_that_are_new_by_the_template(self, tmp_path: Path) -> None:
        config = Config(
            save_folder=tmp_path, save_name=NameTemplate.parse("{workflow}/{seed}_{n}.{ext}"), file=Path("x")
        )
        async with DemoServer() as server:
            for seed in (5, 6, 6):
                await submit(server, flow(seed), "my flow")
            async with opened(server, 3, config=config) as ui:
                await ui.press("s")
                await until((tmp_path / "my flow" / "6_00001.png").exists)
                await ui.press("W", "n")
                await ui.see("2 files in")
                await ui.press("W", "n")
                await ui.see("Nothing is new")
                names = sorted(path.name for path in tmp_path.rglob("*.png"))
                assert names == ["5_00001.png", "6_00001.png", "6_00002.png"]

    async def test_by_itself(self, tmp_path: Path) -> None:
        config = Config(save_folder=tmp_path, auto_save=True)
        async with DemoServer() as server, console(server.url, config=config) as ui:
            await ui.online()
            state = Path(os.environ["XDG_STATE_HOME"])
            await until(lambda: any(state.rglob("*.baseline")), "a baseline")
            session = ui.app.session
            assert session is not None
            await session.submit(Submission(flow(9), "mine"))
            await server.wait_idle()
            await submit(server, flow(10), "theirs")
            await until((tmp_path / "flow_00001_.png").exists, "the file")
            await ui.see("Saved by itself")
            await ui.press("4")
            await ui.see("new ones of yours are saved")
            await ui.press("A")
            await ui.see("Not saved by itself any more")
            await session.submit(Submission(flow(11), "mine"))
            await server.wait_idle()
            await ui.see("3 outputs")
            assert [path.name for path in tmp_path.iterdir()] == ["flow_00001_.png"]
            await ui.press("A")
            await until(lambda: len(list(tmp_path.iterdir())) == 2, "the one that came meanwhile")

    async def test_it_asks_for_a_folder_where_there_is_none(self, isolated: Path) -> None:
        async with DemoServer() as server:
            await submit(server, flow(1))
            async with opened(server) as ui:
                await ui.press("A")
                await ui.see("Every new output of your jobs")
                await ui.press("enter")
                await ui.see("Saved by itself", "comfy-outputs")

    async def test_it_can_be_stopped(self, tmp_path: Path) -> None:
        async with DemoServer() as server:
            await submit(server, flow(1))
            async with opened(server, config=Config(save_folder=tmp_path)) as ui:
                await ui.press("X")
                await ui.see("Nothing to stop")
                server.faults.set("/view", delay_s=30)
                await ui.press("s")
                await ui.see("Saving  flow_00001_.png", "X stops")
                await ui.press("X")
                server.faults.clear()
                await ui.see("Stopped: 1 file left")
                assert list(tmp_path.iterdir()) == []


class TestOutside:
    async def test_without_a_desktop(self) -> None:
        async with DemoServer() as server:
            await submit(server, flow(1))
            async with opened(server) as ui:
                await ui.press("v")
                await ui.see("there is no desktop where the console runs")
                await ui.press("y")
                await ui.see("The picture itself")
                await ui.press("i")
                await ui.see("The picture cannot be copied", "no desktop here")

    @pytest.mark.skipif(sys.platform != "linux", reason="the fake program is xdg-open")
    async def test_the_saved_file_and_the_browser(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program(tmp_path / "bin", "xdg-open", f'echo "$@" >> {tmp_path}/opened', monkeypatch)
        monkeypatch.setenv("DISPLAY", ":9")
        async with DemoServer() as server:
            await submit(server, flow(1))
            async with opened(server, config=Config(save_folder=tmp_path / "in")) as ui:
                await ui.press("v")
                await ui.see("Save it, then open the file")
                await ui.press("f")
                await ui.see("Opened", "by xdg-open")
                await ui.press("v")
                await ui.see("The saved file")
                await ui.press("b")
                await until(lambda: (tmp_path / "opened").read_text().count("\n") == 2)
                first, second = (tmp_path / "opened").read_text().splitlines()
                assert first == str(tmp_path / "in" / "flow_00001_.png")
                assert second.startswith(server.url + "/view?filename=flow_00001_.png")

    @pytest.mark.skipif(sys.platform != "linux", reason="the fake tool is xclip")
    async def test_the_picture_on_the_clipboard(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put = f'echo "$@" > {tmp_path}/args; cat > {tmp_path}/kept'
        body = f'case "$*" in *-o*) cat {tmp_path}/kept;; *) {put};; esac'
        program(tmp_path / "bin", "xclip", body, monkeypatch)
        monkeypatch.setenv("DISPLAY", ":9")
        async with DemoServer() as server:
            await submit(server, flow(1))
            async with opened(server) as ui:
                await ui.press("y")
                await ui.see("The picture itself")
                await ui.press("i")
                await ui.see("on the desktop's clipboard (xclip)")
                source = server.state.folders.root / "output" / "flow_00001_.png"
                assert (tmp_path / "kept").read_bytes() == source.read_bytes()
                assert "-t image/png" in (tmp_path / "args").read_text()

    def test_other_pictures_become_png(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program(tmp_path / "bin", "wl-copy", f"cat > {tmp_path}/kept", monkeypatch)
        out = io.BytesIO()
        Image.new("RGB", (8, 8), (255, 0, 0)).save(out, "WEBP", lossless=True)
        environ = {"PATH": os.environ["PATH"], "WAYLAND_DISPLAY": "wayland-9"}
        if sys.platform == "linux":
            assert picture_clipboard.copy_picture(out.getvalue(), environ) == "wl-copy"
            with Image.open(tmp_path / "kept") as kept:
                assert (kept.format, kept.getpixel((0, 0))) == ("PNG", (255, 0, 0))
            with pytest.raises(ExportError, match="cannot be decoded"):
                picture_clipboard.copy_picture(b"no picture", environ)
        with pytest.raises(ExportError, match="over SSH"):
            picture_clipboard.copy_picture(b"", {**environ, "SSH_TTY": "/dev/pts/1"})

    @pytest.mark.skipif(sys.platform != "linux", reason="the fake program is xdg-open")
    def test_what_is_never_opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program(tmp_path / "bin", "xdg-open", f"touch {tmp_path}/ran; exit 3", monkeypatch)
        environ = {"PATH": os.environ["PATH"], "DISPLAY": ":9"}
        (tmp_path / "evil.desktop").write_text("")
        for target in (
            tmp_path / "evil.desktop",
            "file:///etc/passwd",
            "javascript:x",
            tmp_path / "gone.png",
        ):
            with pytest.raises(ExportError):
                desktop.open_outside(target, environ)
        assert not (tmp_path / "ran").exists()
        (tmp_path / "good.png").write_text("")
        with pytest.raises(ExportError, match="ended with 3"):
            desktop.open_outside(tmp_path / "good.png", environ)
        monkeypatch.setattr(desktop, "_PATIENCE_S", 0.05)
        program(tmp_path / "slow", "xdg-open", "exec sleep 5", monkeypatch)
        assert (
            desktop.open_outside(tmp_path / "good.png", {**environ, "PATH": os.environ["PATH"]}) == "xdg-open"
        )

    @pytest.mark.skipif(sys.platform != "linux", reason="the fake programs are scripts")
    @pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
    @pytest.mark.parametrize(
        "name", ['it\'s "&calc&" %PATH% $(id) `id` ;x.png', "-a Calculator.png", "a\nb.png", "é ü^.png"]
    )
    def test_a_hostile_name_is_one_word(
        self, name: str, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever is in a name or a folder's: it reaches the desktop as it is, and is no option."""
        heard: list[str] = []
        for tool in ("xdg-open", "open"):
            program(tmp_path / "bin", tool, f"printf '%s\\0' \"$@\" > '{tmp_path}/heard'", monkeypatch)
        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setattr(os, "startfile", heard.append, raising=False)
        (tmp_path / name).write_bytes(b"")
        monkeypatch.chdir(tmp_path)
        desktop.open_outside(Path(name), {"PATH": os.environ["PATH"], "DISPLAY": ":9"})
        if platform != "win32":
            heard = (tmp_path / "heard").read_bytes().decode().split("\0")[:-1]
        assert heard == [str(tmp_path / name)]

    @pytest.mark.skipif(sys.platform != "linux", reason="the fake programs are scripts")
    @pytest.mark.parametrize(("platform", "tool"), [("darwin", "osascript"), ("win32", "powershell")])
    def test_a_picture_by_a_file_of_whatever_name(
        self, platform: str, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "it's \") & $(id)"
        folder.mkdir()
        body = f'printf "%s\\0" "$@" > {tmp_path}/args; cat "$COMFY_TUI_PICTURE" > {tmp_path}/kept'
        program(tmp_path / "bin", tool, body, monkeypatch)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        monkeypatch.setattr(sys, "platform", platform)
        png = io.BytesIO()
        Image.new("RGB", (4, 4)).save(png, "PNG")
        assert picture_clipboard.copy_picture(png.getvalue(), {"PATH": os.environ["PATH"]}) == tool
        assert (tmp_path / "kept").read_bytes() == png.getvalue()
        words = (tmp_path / "args").read_text().split("\0")[:-1]
        assert [str(folder) in word for word in words] == [False] * (len(words) - 1) + [platform == "darwin"]
        assert not list(folder.iterdir())


class TestCopied:
    async def test_what_was_copied_can_be_shown_and_saved(
        self, isolated: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
        async with DemoServer() as server:
            await submit(server, flow(1))
            async with opened(server) as ui:
                await ui.press("ctrl+y")
                await ui.see("Nothing was copied yet")
                await ui.press("y")
                await ui.see("Negative: blurry")
                await ui.press("n")
                await ui.see("it never says", "ctrl+y")
                await ui.press("ctrl+y")
                await ui.see("Copied last", "blurry")
                await ui.press("s")
                await ui.see("Into which file?")
                await ui.press("enter")
                await until((isolated / "comfy-tui-copied.txt").exists)
                assert (isolated / "comfy-tui-copied.txt").read_text() == "blurry"
                await ui.press("s")
                await ui.see("Into which file?")
                await ui.press("enter")
                await ui.see("is there already")
