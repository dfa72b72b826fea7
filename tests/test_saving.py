"""Saving: whole or not at all, over nothing, nowhere else."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import OutputFile
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ApiError, BadReply, ExportError, Refused
from comfy_tui.monitor.part import Part
from comfy_tui.monitor.saving import How, NotStripped, Wanted, save_file, save_files
from comfy_tui.naming import NameTemplate, safe_name


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer() as running:
        yield running


@pytest.fixture
async def client(server: DemoServer) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(profile_from_url(server.url)) as opened:
        yield opened


def output(server: DemoServer, name: str, content: bytes, subfolder: str = "") -> Wanted:
    folder = server.state.folders.root / "output" / subfolder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return Wanted(OutputFile(name, subfolder, "output", "9", "images"))


@pytest.mark.parametrize(
    ("given_name", "saved_as"),
    [
        ("ComfyUI_00001_.png", "ComfyUI_00001_.png"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/absolute.png", "absolute.png"),
        ("..", "output"),
        ("", "output"),
        (".png", "png"),
        (".bashrc", "bashrc"),
        ("-rf.png", "rf.png"),
        (" - .~x.png", "x.png"),
        ("a\x1b]0;x\x07\u202egnp.exe\n.png", "a]0;xgnp.exe.png"),
        ('a:b?"<>|*.png', "a_b______.png"),
        ("CON.png", "_CON.png"),
        ("com1", "_com1"),
        ("console.png", "console.png"),
        ("картина 画.png", "картина 画.png"),
        ("\udcff.png", "png"),
        ("x.png...", "x.png"),
        ("a\0b.png", "ab.png"),
    ],
)
def test_names(given_name: str, saved_as: str) -> None:
    assert safe_name(given_name) == saved_as


def test_a_long_name_keeps_its_ending_and_whole_characters() -> None:
    name = safe_name("画" * 300 + ".webp")
    assert name.endswith("画.webp")
    assert 190 < len(name.encode()) <= 200


@given(st.text(max_size=400) | st.text(alphabet="./\\-~ \0\x1b:CONcon1\u202e画", max_size=40))
def test_every_name_is_one_harmless_component(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert safe[0] not in ".-~ "
    assert not set(safe) & set('/\\\0<>:"|?*')
    assert safe.isprintable() or all(ord(ch) > 0x9F for ch in safe if not ch.isprintable())
    assert len(safe.encode()) <= 210
    assert Path("folder", safe).parent == Path("folder")
    assert safe_name(safe) == safe


async def test_saves_the_same_bytes_and_leaves_nothing_else(
    server: DemoServer, client: ComfyClient, tmp_path: Path
) -> None:
    content = os.urandom(3_000_000)
    file = output(server, "film.mp4", content, "sub/deeper")
    saved = await save_files(client, [file], tmp_path / "new" / "folder")
    assert saved.files == (tmp_path / "new" / "folder" / "film.mp4",)
    assert saved.files[0].read_bytes() == content
    assert os.listdir(saved.folder) == ["film.mp4"]
    umask = os.umask(0)
    os.umask(umask)
    assert saved.files[0].stat().st_mode & 0o777 == 0o666 & ~umask


async def test_an_empty_file_is_saved(server: DemoServer, client: ComfyClient, tmp_path: Path) -> None:
    path = await save_file(client, output(server, "nothing.txt", b""), tmp_path)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("links", [True, False])
async def test_never_overwrites(
    server: DemoServer,
    client: ComfyClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    links: bool,
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _failing(errno.EPERM))
    file = output(server, "a.b.png", b"new")
    (tmp_path / "a.b.png").write_bytes(b"mine")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-target"
    (tmp_path / "a.b (1).png").symlink_to(elsewhere)
    paths = await asyncio.gather(*(save_file(client, file, tmp_path) for _ in range(3)))
    assert sorted(path.name for path in paths) == ["a.b (2).png", "a.b (3).png", "a.b (4).png"]
    assert (tmp_path / "a.b.png").read_bytes() == b"mine"
    assert not elsewhere.exists()
    assert all(path.read_bytes() == b"new" for path in paths)
    assert len(os.listdir(tmp_path)) == 5


async def test_a_folder_in_the_name_leads_nowhere(
    server: DemoServer, client: ComfyClient, tmp_path: Path
) -> None:
    output(server, "x.png", b"x")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "sub").symlink_to(tmp_path)
    # ComfyUI serves x.png for this name; a server of another mind might serve anything.
    path = await save_file(client, Wanted(OutputFile("sub/x.png", "", "output", "1")), inside)
    assert path == inside / "x.png"
    assert not (tmp_path / "x.png").exists()


NASTY_NAMES = (
    "..",
    "../../up.png",
    "/etc/passwd",
    "..\\..\\win.ini",
    "C:\\boot.ini",
    "nul\0in.png",
    "\x1b]0;title\x07.png",
    "\u202egnp.exe",
    "x" * 300 + ".png",
    "画" * 300,
    "CON.png",
    "aux",
    "COM1.tar.gz",
    ".hidden",
    "-rf",
    " ",
    "",
    "\ud800.png",
    ".comfy-tui-0.part",
)


@pytest.mark.parametrize("template", ["{name}.{ext}", "{date}/{workflow}_{seed}_{n}.{ext}", "{prompt}"])
async def test_names_of_all_kinds_end_up_below_the_folder(
    server: DemoServer, client: ComfyClient, tmp_path: Path, template: str
) -> None:
    server.faults.set("/view", body=b"content", content_type="image/png")
    folder = tmp_path / "in"
    wanted = [
        Wanted(OutputFile(name, name, "output", "1"), {"workflow": name, "date": name, "prompt": name})
        for name in NASTY_NAMES
    ]
    saved = await save_files(client, wanted, folder, How(NameTemplate.parse(template)))
    assert saved.failed == ()
    assert len(set(saved.files)) == len(NASTY_NAMES)
    for path in saved.files:
        assert path.resolve().is_relative_to(folder.resolve())
        assert path.read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["in"]
    assert not list(folder.rglob(".comfy-tui-*"))


async def test_a_link_in_the_folder_does_not_lead_out(
    server: DemoServer, client: ComfyClient, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "flow").symlink_to(tmp_path / "outside")
    file = output(server, "x.png", b"x")
    how = How(NameTemplate.parse("{workflow}/{name}.{ext}"))
    with pytest.raises(ExportError, match="leads out of the folder"):
        await save_files(client, [Wanted(file.file, {"workflow": "flow"})], tmp_path / "in", how)
    assert os.listdir(tmp_path / "outside") == []
    assert os.listdir(tmp_path / "in") == ["flow"]


async def test_a_cut_body_leaves_nothing(server: DemoServer, client: ComfyClient, tmp_path: Path) -> None:
    file = output(server, "x.png", b"x" * 100)
    server.faults.set("/view", cut=True)
    with pytest.raises(ApiError):
        await save_files(client, [file], tmp_path)
    assert os.listdir(tmp_path) == []


async def test_a_short_body_is_noticed(
    server: DemoServer, client: ComfyClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    file = output(server, "x.png", b"x" * 100)
    monkeypatch.setattr(httpx.Response, "num_bytes_downloaded", property(lambda self: 60))
    with pytest.raises(BadReply, match="60 of 100 bytes"):
        await save_files(client, [file], tmp_path)
    assert os.listdir(tmp_path) == []


def _failing(number: int) -> Any:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


async def test_a_full_disk_leaves_nothing_and_says_so(
    server: DemoServer, client: ComfyClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = output(server, "x.png", b"x" * 100)
    monkeypatch.setattr(os, "fsync", _failing(errno.ENOSPC))
    with pytest.raises(ExportError, match="No space left") as caught:
        await save_files(client, [file], tmp_path)
    assert "full" in caught.value.hint
    assert str(tmp_path) in caught.value.message
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("links", [True, False])
async def test_a_failure_at_the_last_step_leaves_nothing(
    server: DemoServer, client: ComfyClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    monkeypatch.setattr(os, "link", _failing(errno.EIO if links else errno.EPERM))
    monkeypatch.setattr(os, "replace", _failing(errno.EIO))
    with pytest.raises(ExportError):
        await save_file(client, output(server, "x.png", b"x"), tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="locks of files")
async def test_what_a_killed_console_left_is_removed(
    server: DemoServer, client: ComfyClient, tmp_path: Path
) -> None:
    """But no part that another process writes to, however long nothing came."""
    code = (
        "import os, pathlib, signal, sys\n"
        "from comfy_tui.monitor.part import Part\n"
        "part = Part(pathlib.Path(sys.argv[1]), [('x.png',)])\n"
        "part.write(b'half')\n"
        "part.content()\n"
        "print(part.path, flush=True)\n"
        "sys.stdin.read()\n"
    )

    def writer() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    (killed, left), (living, held) = writer(), writer()
    killed.kill()
    killed.communicate()
    young = tmp_path / ".comfy-tui-0123456789abcdef.part"
    for path in (young, tmp_path / "mine.part"):
        path.write_bytes(b"x")
    for path in (left, held, tmp_path / "mine.part"):
        os.utime(path, (1, 1))
    try:
        saved = await save_files(client, [output(server, "a.png", b"whole")], tmp_path)
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {held.name, young.name, "mine.part", "a.png"}
        assert saved.files[0].read_bytes() == b"whole"
    finally:
        living.kill()
        living.communicate()


async def test_a_folder_that_cannot_be(server: DemoServer, client: ComfyClient, tmp_path: Path) -> None:
    file = output(server, "x.png", b"x")
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("~nobody-of-that-name/x")):
        with pytest.raises(ExportError, match="Not saved"):
            await save_files(client, [file], folder)
    if os.getuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(ExportError) as caught:
            await save_files(client, [file], tmp_path / "closed")
        assert "may not write" in caught.value.hint


async def test_one_failure_of_several_does_not_stop_the_others(
    server: DemoServer, client: ComfyClient, tmp_path: Path
) -> None:
    files = [
        output(server, "a.png", b"a"),
        Wanted(OutputFile("gone.png", "", "output", "1")),
        output(server, "b.png", b"b"),
    ]
    saved = await save_files(client, files, tmp_path)
    assert [path.name for path in saved.files] == ["a.png", "b.png"]
    assert [name for name, _ in saved.failed] == ["gone.png"]
    with pytest.raises(Refused):
        await save_files(client, files[1:2], tmp_path)


async def test_a_cancelled_save_leaves_nothing(
    server: DemoServer, client: ComfyClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = output(server, "x.png", b"x" * 10_000_000)
    writing = threading.Event()
    go_on = threading.Event()
    real = Part.write

    def write(self: Part, content: bytes) -> None:
        real(self, content)
        writing.set()
        go_on.wait(10)

    monkeypatch.setattr(Part, "write", write)
    task = asyncio.create_task(save_file(client, file, tmp_path))
    await asyncio.to_thread(writing.wait, 10)
    assert len(os.listdir(tmp_path)) == 1
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert os.listdir(tmp_path) == []


async def test_what_still_holds_its_prompt_is_not_kept(
    server: DemoServer, client: ComfyClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from comfy_tui.workflow.media import strip

    info = PngInfo()
    info.add_text("prompt", "{}")
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG", pnginfo=info)
    file = output(server, "x.png", picture.getvalue())
    monkeypatch.setattr(strip, "strip", lambda opened: iter([opened.read()]))
    with pytest.raises(NotStripped, match="cannot be taken out"):
        await save_files(client, [file], tmp_path, How(strip=True))
    assert os.listdir(tmp_path) == []
