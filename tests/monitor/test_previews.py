"""What is shown of outputs: fetched as far as needed, kept within bounds, small on a thin line."""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import random
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.file_version import FileVersion
from comfy_tui.comfy.types import JobState, OutputFile
from comfy_tui.config import profile_from_url
from comfy_tui.content import isolated
from comfy_tui.content.sniff import Medium
from comfy_tui.errors import BadReply, ComfyError
from comfy_tui.monitor import preview_content
from comfy_tui.monitor.ahead import Ahead
from comfy_tui.monitor.kept import Kept
from comfy_tui.monitor.outputs import Output, written_later
from comfy_tui.monitor.preview_cache import PreviewCache
from comfy_tui.monitor.previews import Level, Previews
from comfy_tui.monitor.state import Job
from comfy_tui.pictures.decode import FORMATS
from support import until

Answer = Callable[[dict[str, str], asyncio.StreamWriter], Awaitable[None]]


def output(name: str = "a.png", job: str = "job") -> Output:
    made = Job(job, JobState.COMPLETED, 0, "title", True, ended_at_s=1.0)
    return Output(f"{job}/0", made, file=OutputFile(name, "", "output", "1"))


def ran(started_at_s: float, ended_at_s: float, job: str = "job") -> Output:
    made = Job(job, JobState.COMPLETED, 0, "", True, started_at_s=started_at_s, ended_at_s=ended_at_s)
    return Output(f"{job}/0", made, file=OutputFile("a.png", "", "output", "1"))


def noise(side: int, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (side, side), random.Random(1).randbytes(3 * side * side)).save(out, form)
    return out.getvalue()


async def send(writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK", length: int = -1) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length < 0 else length}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    await writer.drain()


class Site:
    """A server of files that does as it is told."""

    def __init__(self, client: ComfyClient, asked: list[dict[str, str]]) -> None:
        self.client = client
        self.asked = asked


@asynccontextmanager
async def site(answer: Answer) -> AsyncIterator[Site]:
    asked: list[dict[str, str]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            query = {k: v[0] for k, v in parse_qs(urlsplit(head.split()[1]).query).items()}
            for name in ("if-none-match", "if-modified-since"):
                found = [line for line in head.split("\r\n") if line.lower().startswith(f"{name}: ")]
                if found:
                    query[name] = found[0].partition(": ")[2]
            query["range"] = next((x[7:] for x in head.split("\r\n") if x.lower().startswith("range: ")), "")
            asked.append(query)
            await answer(query, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    client = ComfyClient(profile_from_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    try:
        yield Site(client, asked)
    finally:
        await client.close()
        server.close()


def serves(content: bytes) -> Answer:
    async def answer(query: dict[str, str], writer: asyncio.StreamWriter) -> None:
        await send(writer, content)

    return answer


class Dated:
    """Sends a file with its version, as ComfyUI does (aiohttp's file answers)."""

    def __init__(self, content: bytes, written_at_s: float) -> None:
        self.number = 0
        self.status = ""
        self.write(content, written_at_s)

    def write(self, content: bytes, written_at_s: float) -> None:
        self.content = content
        self.number += 1
        self.etag, self.modified = f'"{self.number}-1"', formatdate(math.ceil(written_at_s), usegmt=True)

    async def answer(self, query: dict[str, str], writer: asyncio.StreamWriter) -> None:
        same = query.get("if-none-match") == self.etag
        status = self.status or ("304 Not Modified" if same else "200 OK")
        body = b"" if same or self.status else self.content
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nETag: {self.etag}\r\n"
        writer.write(f"{head}Last-Modified: {self.modified}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()


class TestKinds:
    async def test_told_by_content_not_by_name(self) -> None:
        async with site(serves(noise(40, "JPEG"))) as here:
            found = await Previews().load(here.client, output("clip.mp4"))
        assert found.sort is not None
        assert (found.sort.medium, found.sort.format) == (Medium.PICTURE, "JPEG")
        assert found.decoded is not None
        assert found.decoded.width == 40

    async def test_json_is_laid_out(self) -> None:
        async with site(serves(b'{"a": [1, "\xc3\xb6"]}')) as here:
            assert (await Previews().load(here.client, output("a.json"))).text == (
                '{\n  "a": [\n    1,\n    "ö"\n  ]\n}'
            )

    async def test_tiff_is_read_in_a_process_of_its_own(self, capfd: pytest.CaptureFixture[str]) -> None:
        out = io.BytesIO()
        Image.new("RGB", (30, 20), "red").save(out, "TIFF", compression="tiff_lzw")
        async with site(serves(out.getvalue())) as here:
            found = await Previews().load(here.client, output("a.tif"))
            assert found.decoded is not None
            assert (found.decoded.width, found.decoded.image.getpixel((3, 3))) == (30, (255, 0, 0))
        broken = bytearray(out.getvalue())
        broken[8:60] = bytes(52)
        async with site(serves(bytes(broken))) as here:
            with pytest.raises(BadReply):
                await Previews().load(here.client, output("a.tif"))
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("form", ["BMP", "PPM", "TGA", "ICO", "QOI"])
    async def test_readers_written_in_python_run_in_a_process_of_their_own(self, form: str) -> None:
        assert form not in FORMATS
        out = io.BytesIO()
        Image.new("RGB", (32, 32), "red").save(out, form)
        async with site(serves(out.getvalue())) as here:
            found = await Previews().load(here.client, output(f"a.{form.lower()}"))
        assert found.decoded is not None
        assert (found.decoded.format, found.decoded.image.getpixel((3, 3))) == (form, (255, 0, 0))

    async def test_all_pixels_of_a_large_tiff_come(self) -> None:
        out = io.BytesIO()
        Image.new("RGB", (4000, 2600), "red").save(out, "TIFF", compression="tiff_lzw")
        async with site(serves(out.getvalue())) as here:
            found = await Previews().load(here.client, output("a.tif"), Level.FULL)
        assert found.decoded is not None
        assert found.decoded.image.size == (4000, 2600)

    async def test_what_cannot_be_drawn_says_what_it_is(self) -> None:
        async with site(serves(b"\xff\x0a" + bytes(100_000))) as here:
            found = await Previews().load(here.client, output("a.jxl"))
        assert found.note.endswith("is not drawn here; v opens it on a desktop")

    async def test_a_broken_exr_is_a_fault_of_the_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = b"v/1\x01\x02\0\0\0" + bytes(100_000)
        async with site(serves(broken)) as here:
            with pytest.raises(BadReply):
                await Previews().load(here.client, output("a.exr"))
            monkeypatch.setattr(isolated, "has_media_library", lambda: False)
            found = await Previews().load(here.client, output("b.exr"))
        assert "comfy-tui[media]" in found.note

    async def test_without_the_extra_there_are_facts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(isolated, "has_media_library", lambda: False)
        head = b"\0\0\0\x10ftypisom\0\0\0\0"
        mvhd = b"mvhd" + bytes(12) + struct.pack(">II", 1000, 4200) + bytes(80)
        mvhd = struct.pack(">I", len(mvhd) + 4) + mvhd
        moov = struct.pack(">I", len(mvhd) + 8) + b"moov" + mvhd
        async with site(serves(head + moov)) as here:
            found = await Previews().load(here.client, output("a.mp4"))
        assert found.info is not None
        assert found.info.duration_s == 4.2
        assert "comfy-tui[media]" in found.note


class TestHostile:
    async def test_endless_bytes_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(preview_content, "FETCH_LIMIT_BYTES", 2_000_000)
        sent = 0

        async def endless(query: dict[str, str], writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n\x89PNG\r\n\x1a\n")
            while True:
                writer.write(bytes(65536))
                await writer.drain()
                sent += 65536

        async with site(endless) as here:
            with pytest.raises(BadReply, match="too large to show"):
                await Previews().load(here.client, output())
        assert sent < 20_000_000

    async def test_a_trickle_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(preview_content, "FETCH_S", 0.3)

        async def trickle(query: dict[str, str], writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(b"\x89")
                await writer.drain()
                await asyncio.sleep(0.02)

        async with site(trickle) as here:
            with pytest.raises(ComfyError, match="does not come"):
                await Previews().load(here.client, output())

    async def test_of_a_video_of_two_gigabytes_only_the_header_is_fetched(self) -> None:
        mvhd = b"mvhd" + bytes(12) + struct.pack(">II", 600, 600 * 90) + bytes(80)
        mvhd = struct.pack(">I", len(mvhd) + 4) + mvhd
        moov = struct.pack(">I", len(mvhd) + 8) + b"moov" + mvhd
        size = 2_000_000_000
        head = b"\0\0\0\x10ftypisom\0\0\0\0" + struct.pack(">I", size - 16 - len(moov)) + b"mdat"
        sent = 0

        async def video(query: dict[str, str], writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            if query["range"]:
                assert query["range"].startswith(f"bytes={size - len(moov)}-")
                await send(writer, moov, "206 Partial Content")
                return
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + head)
            while True:
                writer.write(bytes(65536))
                await writer.drain()
                sent += 65536

        async with site(video) as here:
            found = await Previews().load(here.client, output("a.mp4"))
        assert found.size_bytes == size
        assert found.info is not None
        assert found.info.duration_s == 90
        assert "not fetched to be shown" in found.note
        assert sent < 20_000_000

    async def test_a_bomb_of_sixty_thousand_pixels_a_side(self) -> None:
        data = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
        packed = b"IDAT" + zlib.compress(bytes(60_000 * 1000), 9)
        content = b"\x89PNG\r\n\x1a\n"
        for chunk in (data, packed, b"IEND"):
            content += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for level in (Level.PREVIEW, Level.THUMB, Level.FULL, Level.FRAMES):
            async with site(serves(content)) as here:
                with pytest.raises(BadReply, match="too large"):
                    await Previews().load(here.client, output(), level)


def thin(content: bytes, small: bytes, rate: list[float]) -> Answer:
    """A line of that many bytes a second; ``preview=`` is answered with the small copy."""

    async def answer(query: dict[str, str], writer: asyncio.StreamWriter) -> None:
        if query["range"] == "bytes=0-0":
            writer.write(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\nConnection: close\r\n")
            writer.write(f"Content-Range: bytes 0-0/{len(content)}\r\n\r\n".encode() + content[:1])
            await writer.drain()
            return
        body = small if "preview" in query else content
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        step = max(1, int(rate[0] / 50))
        for start in range(0, len(body), step):
            writer.write(body[start : start + step])
            await writer.drain()
            await asyncio.sleep(1 / 50)

    return answer


class TestThinLine:
    async def test_a_slow_file_is_left_for_the_small_copy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(preview_content, "_JUDGE_S", 0.2)
        content, small, rate = noise(600), _webp(600), [200_000.0]
        previews = Previews()
        async with site(thin(content, small, rate)) as here:
            url = here.client.profile.url
            found = await previews.load(here.client, output())
            assert found.small_bytes == len(small)
            assert found.size_bytes == len(content)
            assert found.decoded is not None
            assert (found.decoded.width, found.decoded.format) == (600, "")
            assert previews.speed(url).is_slow
            # Now it is known: the next one is asked for small at once.
            here.asked.clear()
            await previews.load(here.client, output("b.png", "other"))
            assert here.asked[0]["preview"] == "webp;60"
            # Who enlarges gets the original.
            rate[0] = 1e9
            full = await previews.load(here.client, output(), Level.FULL)
            assert full.size_bytes == len(content)
            assert full.decoded is not None
            assert full.decoded.format == "PNG"
        assert set(previews.traffic.fetched_bytes) == {"preview", "original"}

    async def test_a_fast_line_gets_the_file(self) -> None:
        previews = Previews()
        async with site(serves(noise(300))) as here:
            found = await previews.load(here.client, output())
            assert found.small_bytes is None
            assert [query.get("preview") for query in here.asked] == [None]
            assert not previews.speed(here.client.profile.url).is_slow

    async def test_a_server_that_makes_no_copies_sends_the_file(self) -> None:
        async def answer(query: dict[str, str], writer: asyncio.StreamWriter) -> None:
            if "preview" in query:
                await send(writer, b"", "500 Internal Server Error")
            else:
                await send(writer, noise(50))

        previews = Previews()
        async with site(answer) as here:
            previews.speed(here.client.profile.url).note(100_000, 2.0)
            found = await previews.load(here.client, output())
        assert found.small_bytes is None
        assert found.decoded is not None


def _webp(side: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), "green").save(out, "WEBP", quality=60)
    return out.getvalue()


async def kept_on_disk(folder: Path) -> None:
    """Wait for an entry in its place: it is written beside it first."""
    await until(lambda: [place for place in folder.glob("*/*") if place.suffix != ".part"])


class TestKept:
    def test_bytes_bound_it_not_the_number(self) -> None:
        kept: Kept[str] = Kept(100)
        for name in "abc":
            kept.put(name, name, 40)
        assert (kept.get("a"), kept.get("b"), kept.used_bytes) == (None, "b", 80)
        kept.put("d", "d", 40)
        assert (kept.get("c"), kept.get("b")) == (None, "b")
        kept.put("huge", "huge", 101)
        assert kept.get("huge") is None
        assert kept.used_bytes == 80

    async def test_memory_stays_within_its_budget(self) -> None:
        previews = Previews(budget_bytes=3_000_000)
        async with site(serves(noise(500))) as here:
            for number in range(12):
                await previews.load(here.client, output(job=str(number)))
                assert previews.memory_bytes <= 3_000_000

    async def test_the_disk_spares_the_line(self, tmp_path: Path) -> None:
        async with site(serves(noise(300))) as here:
            one, two = Previews(PreviewCache(tmp_path)), Previews(PreviewCache(tmp_path))
            first = await one.load(here.client, output())
            await kept_on_disk(tmp_path)
            again = await two.load(here.client, output())
            thumb = await two.load(here.client, output(), Level.THUMB)
            assert again.decoded is not None
            assert first.decoded is not None
            assert (again.decoded.width, again.decoded.format, again.size_bytes) == (
                *(first.decoded.width, "PNG"),
                first.size_bytes,
            )
            assert thumb.decoded is not None
            assert max(thumb.decoded.image.size) == 256
            # Without a date it may be another file by now.
            assert [("if-none-match" in query, query["range"]) for query in here.asked] == [(False, "")] * 2

    async def test_the_date_of_a_file_shows_which_job_wrote_it(self, tmp_path: Path) -> None:
        dated = Dated(noise(300), written_at_s=105.4)
        async with site(dated.answer) as here:
            one, two = Previews(PreviewCache(tmp_path)), Previews(PreviewCache(tmp_path))
            await one.load(here.client, ran(100.0, 105.5))
            await kept_on_disk(tmp_path)
            again = await two.load(here.client, ran(100.0, 105.5))
            assert (again.version.etag, again.kept_why) == ('"1-1"', "")
            assert len(here.asked) == 1
            # A later job that lists the same name: what is kept is not its file.
            await two.load(here.client, ran(200.0, 205.0, "later"))
            assert len(here.asked) == 2

    async def test_a_file_that_was_written_over_is_not_shown_as_it_was(self, tmp_path: Path) -> None:
        dated = Dated(noise(300), written_at_s=50.0)
        async with site(dated.answer) as here:
            first = await Previews(PreviewCache(tmp_path)).load(here.client, ran(100.0, 105.5))
            await kept_on_disk(tmp_path)
            same = await Previews(PreviewCache(tmp_path)).load(here.client, ran(100.0, 105.5))
            assert here.asked[1]["if-none-match"] == '"1-1"'
            assert (same.size_bytes, len(here.asked)) == (first.size_bytes, 2)
            dated.write(noise(200), written_at_s=60.0)
            other = await Previews(PreviewCache(tmp_path)).load(here.client, ran(100.0, 105.5))
            assert other.decoded is not None
            assert (other.decoded.width, other.kept_why) == (200, "")

    async def test_a_copy_that_nobody_vouches_for_says_so(self, tmp_path: Path) -> None:
        dated = Dated(noise(300), written_at_s=50.0)
        async with site(dated.answer) as here:
            await Previews(PreviewCache(tmp_path)).load(here.client, ran(100.0, 105.5))
            await kept_on_disk(tmp_path)
            previews = Previews(PreviewCache(tmp_path))
            dated.status = "404 Not Found"
            gone = await previews.load(here.client, ran(100.0, 105.5))
            assert (gone.decoded is not None, gone.kept_why) == (
                True,
                "kept here; the server has no such file any more",
            )
            dated.status = ""
            previews.doubt_again()
            assert (await previews.load(here.client, ran(100.0, 105.5))).kept_why == ""
            client, dated.status = here.client, "404 Not Found"
        away = await Previews(PreviewCache(tmp_path)).load(client, ran(100.0, 105.5))
        assert away.kept_why == "kept here; the server does not answer"
        await client.close()

    @pytest.mark.parametrize(
        ("written_at_s", "ended_at_s", "late_s"), [(105.0, 105.5, None), (400.0, 105.0, 295.0)]
    )
    def test_what_was_written_after_its_job_is_not_its_own(
        self, written_at_s: float, ended_at_s: float, late_s: float | None
    ) -> None:
        version = FileVersion("", formatdate(written_at_s, usegmt=True))
        assert written_later(ran(100.0, ended_at_s), version) == late_s

    def test_the_disk_is_bounded_and_forgets_the_oldest(self, tmp_path: Path) -> None:
        cache = PreviewCache(tmp_path, limit_bytes=200_000)
        image = Image.frombytes("RGB", (300, 300), random.Random(2).randbytes(270_000))
        for number in range(10):
            cache.write((number,), {"n": number}, image)
            cache.prune()
            assert cache.size_bytes() <= 200_000
        assert cache.read((9,), 1024) is not None
        assert cache.read((0,), 1024) is None

    @pytest.mark.parametrize("content", [b"", b"x", b"comfy-tui preview 1\n{}\nnot a picture", b"\0" * 9000])
    def test_a_broken_entry_is_none(self, tmp_path: Path, content: bytes) -> None:
        cache = PreviewCache(tmp_path)
        cache.write(("k",), {}, None)
        (place,) = tmp_path.glob("*/*")
        place.write_bytes(content)
        assert cache.read(("k",), 64) is None
        assert not place.exists()

    def test_a_folder_that_cannot_be_written_does_no_harm(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        cache = PreviewCache(tmp_path / "file")
        cache.write(("k",), {}, None)
        assert cache.read(("k",), 64) is None
        assert cache.size_bytes() == 0


class TestPassed:
    async def test_a_transfer_that_nobody_waits_for_is_given_up(self) -> None:
        ended = asyncio.Event()

        async def slow(query: dict[str, str], writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\x89PNG")
            try:
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.01)
            finally:
                ended.set()

        previews = Previews()
        async with site(slow) as here:
            waiting = [asyncio.create_task(previews.load(here.client, output())) for _ in range(2)]
            await until(lambda: here.asked)
            waiting[0].cancel()
            await asyncio.wait(waiting[:1])
            assert not ended.is_set()
            assert len(here.asked) == 1
            waiting[1].cancel()
            await asyncio.wait_for(ended.wait(), 5)

    async def test_only_what_is_wanted_now_is_loaded(self) -> None:
        started: list[int] = []
        gates: dict[int, asyncio.Event] = {}

        given_up: list[int] = []

        async def load(thing: int) -> None:
            started.append(thing)
            try:
                await gates.setdefault(thing, asyncio.Event()).wait()
            except asyncio.CancelledError:
                given_up.append(thing)
                raise

        ahead: Ahead[int] = Ahead(load, parallel=2)
        ahead.want([1, 2, 3])
        await until(lambda: started == [1, 2])
        ahead.want([2, 9, 8])
        await until(lambda: started == [1, 2, 9])
        assert given_up == [1]
        gates[2].set()
        await until(lambda: started == [1, 2, 9, 8])
        ahead.close()
        await until(lambda: ahead.is_idle)
