"""Fetching a file over a line that is cut, from servers that lie, onto disks that are full."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import OutputFile
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ApiError, BadReply, ExportError
from comfy_tui.monitor import download, part
from comfy_tui.monitor.saving import How, SaveProgress, Wanted, save_files
from cutting import cut_line

CONTENT = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "RETRY_S", (0.0, 0.0, 0.0))


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer() as running:
        (running.state.folders.root / "output").mkdir(parents=True, exist_ok=True)
        (running.state.folders.root / "output" / "x.png").write_bytes(CONTENT)
        yield running


WANTED = Wanted(OutputFile("x.png", "", "output", "9"))


async def save(url: str, folder: Path, how: How = How()) -> Path:
    async with ComfyClient(profile_from_url(url)) as client:
        return (await save_files(client, [WANTED], folder, how)).files[0]


async def test_goes_on_where_the_line_was_cut(server: DemoServer, tmp_path: Path) -> None:
    async with cut_line(server.port) as line:
        line.cuts = [300_000, 0, 0, 100_000]
        path = await save(line.url, tmp_path)
    assert path.read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["x.png"]
    assert len(line.asked) == 5
    assert "range: bytes=300000-" in line.asked[1].lower()
    assert "range: bytes=400000-" in line.asked[4].lower()
    assert "accept-encoding: identity" in line.asked[0].lower()


async def test_a_file_that_changed_meanwhile_is_begun_again(server: DemoServer, tmp_path: Path) -> None:
    async with cut_line(server.port) as line:
        line.cuts = [300_000]
        file = server.state.folders.root / "output" / "x.png"

        def told(progress: SaveProgress) -> None:
            if progress.done_bytes >= 300_000 and file.read_bytes() == CONTENT:
                file.write_bytes(CONTENT[::-1])
                os.utime(file, (1, 1))

        path = await save(line.url, tmp_path, How(told=told))
    assert path.read_bytes() == CONTENT[::-1]


async def test_it_is_given_up_when_nothing_more_comes(server: DemoServer, tmp_path: Path) -> None:
    async with cut_line(server.port) as line:
        line.cuts = [1000, *[0] * 50]
        with pytest.raises(ApiError, match=r"1000 B of .* had come, nothing was saved"):
            await save(line.url, tmp_path)
        assert len(line.asked) < 10
    assert os.listdir(tmp_path) == []


async def _serve(answer: bytes, then: bytes = b"", times: int = 0) -> asyncio.Server:
    """A server of another mind: one answer for all, and something again and again."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            for _ in range(times):
                writer.write(then)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", 0)


def _url(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"


async def _answers(*answers: bytes) -> asyncio.Server:
    """A server that says one thing after the other."""
    left = list(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0) if left else b"")
        writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", 0)


def _whole(size: int, sent: int) -> bytes:
    return OK + b'ETag: "1"\r\nContent-Length: %d\r\n\r\n' % size + CONTENT[:sent]


def _part(span: bytes, body: bytes) -> bytes:
    head = b'HTTP/1.1 206 Partial\r\nETag: "1"\r\nContent-Range: bytes ' + span
    return head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    ("second", "size"),
    [
        (_part(b"0-59/100", CONTENT[:60]), 100),
        (_part(b"41-99/100", CONTENT[41:100]), 100),
        (_part(b"40-99/200", CONTENT[40:100]), 100),
        (_part(b"nonsense", CONTENT[40:100]), 100),
        (_whole(10, 10), 10),
    ],
    ids=["from the start", "from elsewhere", "of another size", "of nothing", "a shorter file"],
)
async def test_a_part_that_is_not_the_rest_is_not_put_behind_what_is_here(
    second: bytes, size: int, tmp_path: Path
) -> None:
    server = await _answers(_whole(100, 40), second, _whole(100, 100))
    path = await save(_url(server), tmp_path)
    server.close()
    assert path.read_bytes() == CONTENT[:size]


async def test_a_rest_that_is_too_short_is_no_rest(tmp_path: Path) -> None:
    server = await _answers(_whole(100, 40), _part(b"40-99/100", CONTENT[40:70]))
    with pytest.raises(BadReply, match="70 of 100 bytes"):
        await save(_url(server), tmp_path)
    server.close()
    assert os.listdir(tmp_path) == []


async def test_endless_bytes_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "UNTOLD_LIMIT_BYTES", 3_000_000)
    endless = await _serve(OK + b"\r\n", b"x" * 100_000, 10_000)
    with pytest.raises(BadReply, match="larger than it may be"):
        await save(_url(endless), tmp_path)
    endless.close()
    assert os.listdir(tmp_path) == []


async def test_endless_bytes_end_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [2 * part.DISK_RESERVE_BYTES + 4_000_000]
    monkeypatch.setattr(part, "_LOOK_EVERY_BYTES", 1_000_000)
    monkeypatch.setattr(part.shutil, "disk_usage", lambda _: SimpleNamespace(free=_fall(free)))
    endless = await _serve(OK + b"\r\n", b"x" * 100_000, 10_000)
    with pytest.raises(ExportError, match="No space left") as caught:
        await save(_url(endless), tmp_path)
    endless.close()
    assert "full" in caught.value.hint
    assert os.listdir(tmp_path) == []


def _fall(free: list[int]) -> int:
    free[0] -= 1_000_000
    return free[0]


async def test_a_small_file_goes_on_a_disk_that_is_nearly_full(
    server: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part.shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))
    assert (await save(server.url, tmp_path)).read_bytes() == CONTENT


async def test_what_does_not_fit_is_not_begun(tmp_path: Path) -> None:
    huge = await _serve(OK + b"Content-Length: 900000000000000\r\n\r\n", b"x" * 1000, 1)
    with pytest.raises(ExportError, match="No space left"):
        await save(_url(huge), tmp_path)
    huge.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("length", [b"5", b"99", b"-1", b"x", b"5, 6"])
async def test_a_length_that_lies(tmp_path: Path, length: bytes) -> None:
    liar = await _serve(OK + b"Content-Length: " + length + b"\r\nConnection: close\r\n\r\n0123456789")
    try:
        path = await save(_url(liar), tmp_path)
    except ApiError:
        assert os.listdir(tmp_path) == []
    else:
        assert path.read_bytes() == b"0123456789"[: int(length)]
    liar.close()


async def test_another_part_than_was_asked_for(tmp_path: Path) -> None:
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789"
    liar = await _serve(head)
    with pytest.raises(ApiError):
        await save(_url(liar), tmp_path)
    liar.close()
    assert os.listdir(tmp_path) == []


async def test_a_person_stops_it(server: DemoServer, tmp_path: Path) -> None:
    seen: list[SaveProgress] = []
    async with ComfyClient(profile_from_url(server.url)) as client:
        how = How(told=seen.append, stopped=lambda: len(seen) > 3 and seen[-1].number == 2)
        saved = await save_files(client, [WANTED, WANTED, WANTED], tmp_path, how)
    assert [path.name for path in saved.files] == ["x.png"]
    assert saved.left == 2
    assert os.listdir(tmp_path) == ["x.png"]
    assert seen[-1].total_bytes == len(CONTENT)


async def test_a_read_only_folder(
    server: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def opened(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if "x" in mode:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))
        return real(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(ExportError, match="Read-only file system") as caught:
        await save(server.url, tmp_path)
    assert "read-only" in caught.value.hint
