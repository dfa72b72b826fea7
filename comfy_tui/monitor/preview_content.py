"""From a server's file to a preview: fetched as far as needed, told by its content, read within limits."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.file_version import UNTOLD, FileHead, FileVersion, version_of
from comfy_tui.comfy.types import OutputFile
from comfy_tui.comfy.unpacking import pieces
from comfy_tui.content import isolated
from comfy_tui.content.document import document
from comfy_tui.content.facts import Fact
from comfy_tui.content.latent import latent_facts
from comfy_tui.content.media_info import MediaInfo, header_place, media_info, wav_peaks
from comfy_tui.content.model import model_facts
from comfy_tui.content.picture_info import INFO_BYTES, picture_size
from comfy_tui.content.sniff import HEAD_BYTES, Medium, Sort, sniff
from comfy_tui.errors import BadReply, ServerError, TimedOut
from comfy_tui.monitor.line_speed import LineSpeed, Traffic
from comfy_tui.monitor.outputs import Output
from comfy_tui.pictures.animation import Animation, read_animation
from comfy_tui.pictures.decode import KEEP_PX, Decoded, decode, decode_full, full_side

if TYPE_CHECKING:
    from PIL import Image

#: The largest file that is fetched to be shown.
FETCH_LIMIT_BYTES = 64 * 1024 * 1024
#: So much of a text file is shown, and of one that is laid out first (JSON).
TEXT_LIMIT_BYTES = 64 * 1024
JSON_LIMIT_BYTES = 256 * 1024
#: So much of a 3D file is read to count what is in it, and of other files for what their beginning says.
MODEL_LIMIT_BYTES = 32 * 1024 * 1024
HEADER_LIMIT_BYTES = 4 * 1024 * 1024
#: A file that has not come after so many seconds is given up.
FETCH_S = 120.0
#: After so long it is known how fast the line is, in the middle of a file.
_JUDGE_S = 1.0
#: Whoever waits longer than this for the rest is given the small preview.
_PATIENCE_S = 2.0
#: What a thin line asks the server for; it keeps the size in pixels and loses everything the file says.
SMALL = "webp;60"
PEAK_COLUMNS = 400
VIDEO_FRAMES = 60
VIDEO_FRAME_PX = 480
_UNREADABLE = ("EXR", "JPEG XL", "HEIC", "HEIF", "SVG", "BigTIFF")
_ISOLATED = ("TIFF", "JPEG 2000", "BMP", "PPM", "TGA", "ICO", "QOI")


class Level(StrEnum):
    """How much of an output is wanted."""

    THUMB = "thumbnail"
    PREVIEW = "preview"
    #: All pixels, for zooming.
    FULL = "original"
    #: The frames of an animation or a video.
    FRAMES = "frames"


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """What is known of an output's content; ``text`` may be only its beginning (``cut``)."""

    decoded: Decoded | None = None
    text: str | None = None
    cut: bool = False
    size_bytes: int | None = None
    #: What it is, by its content; None where only its name has been looked at.
    sort: Sort | None = None
    info: MediaInfo | None = None
    facts: tuple[Fact, ...] = ()
    #: How loud each part of a sound is, 0 to 1.
    peaks: tuple[float, ...] = ()
    animation: Animation | None = None
    #: Why there is no picture, or what it lacks.
    note: str = ""
    #: It is the server's small copy, so many bytes; the original was not fetched.
    small_bytes: int | None = None
    #: Which version of the file it is.
    version: FileVersion = UNTOLD
    #: Why it is an older copy from the disk, whose server could not tell whether it is still the file.
    kept_why: str = ""

    @property
    def memory_bytes(self) -> int:
        """What it takes, roughly."""
        pixels = self.decoded.memory_bytes if self.decoded is not None else 0
        frames = self.animation.memory_bytes if self.animation is not None else 0
        return 2000 + pixels + frames + 4 * len(self.text or "") + 40 * len(self.peaks)


@dataclass(slots=True)
class _Fetched:
    content: bytes
    size_bytes: int | None
    whole: bool
    sort: Sort
    version: FileVersion


class _TooSlow(Exception):
    """The line is thin: the small preview is the better way."""


class Reader:
    """Fetches and reads files of one server.

    Args:
        speed: what was measured on this server's line; grows with every file.
        traffic: counts what is fetched.
    """

    def __init__(self, speed: LineSpeed, traffic: Traffic) -> None:
        self.speed = speed
        self.traffic = traffic
        self._decoding = asyncio.Semaphore(2)

    async def read(self, client: ComfyClient, output: Output, level: Level) -> Preview:
        """The content of an output.

        Raises:
            ApiError: the server did not give it, or it cannot be read.
        """
        file = output.file
        assert file is not None
        try:
            async with asyncio.timeout(FETCH_S):
                if level in (Level.THUMB, Level.PREVIEW) and output.medium is Medium.PICTURE:
                    return await self._still(client, output, file, level)
                fetched = await self._fetch(client, output, file, level)
        except TimeoutError:
            raise TimedOut(
                "The file does not come", f"not all of it within {FETCH_S:g} s", "s saves it, however long."
            ) from None
        return await self._read(client, file, fetched, level)

    async def _still(self, client: ComfyClient, output: Output, file: OutputFile, level: Level) -> Preview:
        """A picture to be seen small: on a thin line the server's own small copy."""
        if self.speed.is_slow:
            small = await self._small(client, file, level)
            if small is not None:
                return small
            return await self._read(client, file, await self._fetch(client, output, file, level), level)
        try:
            fetched = await self._fetch(client, output, file, level, may_be_small=True)
        except _TooSlow:
            small = await self._small(client, file, level)
            if small is not None:
                return small
            fetched = await self._fetch(client, output, file, level)
        return await self._read(client, file, fetched, level)

    async def _small(self, client: ComfyClient, file: OutputFile, level: Level) -> Preview | None:
        """The server's re-encoded copy; None where it cannot make one."""
        started = time.monotonic()
        try:
            content, head = await asyncio.gather(
                client.view_bytes(file, limit_bytes=FETCH_LIMIT_BYTES, preview=SMALL), client.view_head(file)
            )
        except ServerError:
            return None
        self._count(level, len(content), time.monotonic() - started)
        try:
            async with self._decoding:
                decoded = await asyncio.to_thread(decode, content)
        except BadReply:
            return None
        head = head or FileHead(None, UNTOLD)
        size = head.size_bytes
        # Its format and size are those of the copy: nothing is said of the original but what is known.
        decoded = replace(decoded, format="", size_bytes=size or 0)
        return Preview(decoded=decoded, size_bytes=size, small_bytes=len(content), version=head.version)

    def _count(self, level: Level, count_bytes: int, elapsed_s: float) -> None:
        self.speed.note(count_bytes, elapsed_s)
        self.traffic.note(level.value, count_bytes)

    async def _fetch(
        self,
        client: ComfyClient,
        output: Output,
        file: OutputFile,
        level: Level,
        *,
        may_be_small: bool = False,
    ) -> _Fetched:
        """The file, or as much of it as its kind needs."""
        content = bytearray()
        sort: Sort | None = None
        limit = FETCH_LIMIT_BYTES
        async with client.view(file) as response:
            size = _length(response.headers.get("content-length", ""))
            version = version_of(response.headers)
            started = time.monotonic()
            async for chunk in pieces(response):
                content += chunk
                if sort is None and len(content) >= HEAD_BYTES:
                    sort = sniff(bytes(content[:HEAD_BYTES]), output.ending)
                    limit = _limit(sort, size, level)
                if len(content) > limit:
                    break
                if may_be_small and sort is not None and sort.medium is Medium.PICTURE:
                    self._judge(len(content), size, time.monotonic() - started)
            else:
                self._count(level, len(content), time.monotonic() - started)
                sort = sort or sniff(bytes(content), output.ending)
                return _Fetched(bytes(content), len(content), True, sort, version)
        self._count(level, len(content), time.monotonic() - started)
        assert sort is not None
        if len(content) > FETCH_LIMIT_BYTES:
            limit_words = f"more than {FETCH_LIMIT_BYTES // (1024 * 1024)} MB"
            raise BadReply("The file is too large to show", limit_words, "Save it instead.")
        return _Fetched(bytes(content[:limit]), size, False, sort, version)

    def _judge(self, count_bytes: int, size: int | None, elapsed_s: float) -> None:
        if elapsed_s < _JUDGE_S or size is None:
            return
        left_s = (size - count_bytes) * elapsed_s / max(1, count_bytes)
        if left_s > _PATIENCE_S:
            self._count(Level.PREVIEW, count_bytes, elapsed_s)
            raise _TooSlow

    async def _read(self, client: ComfyClient, file: OutputFile, fetched: _Fetched, level: Level) -> Preview:
        known = Preview(
            size_bytes=fetched.size_bytes, sort=fetched.sort, cut=not fetched.whole, version=fetched.version
        )
        medium = fetched.sort.medium
        if medium is Medium.PICTURE:
            return await self._picture(fetched, known, level)
        if medium is Medium.VIDEO:
            return await self._video(client, file, fetched, known, level)
        if medium is Medium.AUDIO:
            return await self._audio(fetched, known)
        if medium is Medium.TEXT:
            text = await asyncio.to_thread(
                document, fetched.content[:JSON_LIMIT_BYTES], fetched.sort.format, whole=fetched.whole
            )
            return replace(known, text=text)
        if medium is Medium.MODEL:
            facts = await asyncio.to_thread(
                model_facts, fetched.content, fetched.sort.format, whole=fetched.whole
            )
            return replace(known, facts=facts)
        if medium is Medium.LATENT:
            return replace(known, facts=latent_facts(fetched.content))
        return known

    async def _picture(self, fetched: _Fetched, known: Preview, level: Level) -> Preview:
        content, form = fetched.content, fetched.sort.format
        if form in _UNREADABLE and not _is_drawn_exr(form):
            return _named_only(fetched, known)
        if form in (*_ISOLATED, "EXR"):
            side = full_side(8000, 8000) if level is Level.FULL else KEEP_PX
            read = isolated.read_exr if form == "EXR" else isolated.read_picture
            found = await read(content, side_px=side)
            return replace(known, decoded=_decoded(found.frames[0], found.info, found.format, len(content)))
        async with self._decoding:
            if level is Level.FRAMES:
                animation = await asyncio.to_thread(read_animation, content)
                return replace(known, animation=animation)
            made = await asyncio.to_thread(decode_full if level is Level.FULL else decode, content)
        return replace(known, decoded=made)

    async def _video(
        self, client: ComfyClient, file: OutputFile, fetched: _Fetched, known: Preview, level: Level
    ) -> Preview:
        info = await asyncio.to_thread(media_info, fetched.content, fetched.sort.format)
        if not fetched.whole:
            place = header_place(fetched.content, fetched.size_bytes or 0)
            if place is not None:
                header = await client.view_range(file, place, HEADER_LIMIT_BYTES)
                info = await asyncio.to_thread(media_info, header, fetched.sort.format)
            limit = FETCH_LIMIT_BYTES // (1024 * 1024)
            return replace(known, info=info, note=f"over {limit} MB: not fetched to be shown")
        if not isolated.has_media_library():
            return replace(known, info=info, note=MEDIA_NOTE)
        frames = VIDEO_FRAMES if level is Level.FRAMES else 1
        try:
            found = await isolated.read_video(fetched.content, frames=frames, side_px=VIDEO_FRAME_PX)
        except BadReply as error:
            return replace(known, info=info, note=f"its pictures cannot be read: {error.message}")
        if not found.frames:
            return replace(known, info=info, note="there are no pictures in it")
        merged = _merged(info, found.info)
        first = _decoded(found.frames[0], merged, fetched.sort.format, len(fetched.content))
        animation = None
        if level is Level.FRAMES:
            animation = await asyncio.to_thread(_played, found, merged.duration_s)
        return replace(known, decoded=first, info=merged, animation=animation)

    async def _audio(self, fetched: _Fetched, known: Preview) -> Preview:
        info = await asyncio.to_thread(media_info, fetched.content, fetched.sort.format, fetched.size_bytes)
        if not fetched.whole:
            limit = FETCH_LIMIT_BYTES // (1024 * 1024)
            return replace(known, info=info, note=f"over {limit} MB: not fetched to be drawn")
        peaks: tuple[float, ...] = ()
        if fetched.sort.format == "WAV":
            peaks = await asyncio.to_thread(wav_peaks, fetched.content, PEAK_COLUMNS)
        note = ""
        if not peaks and isolated.has_media_library():
            try:
                found = await isolated.read_audio(fetched.content, columns=PEAK_COLUMNS)
                peaks, info = found.peaks, _merged(info, found.info)
            except BadReply as error:
                note = f"its sound cannot be read: {error.message}"
        elif not peaks:
            note = MEDIA_NOTE
        return replace(known, info=info, peaks=peaks, note=note)


MEDIA_NOTE = "pip install 'comfy-tui[media]' (PyAV) shows more"


def _is_drawn_exr(form: str) -> bool:
    return form == "EXR" and isolated.has_media_library()


def _named_only(fetched: _Fetched, known: Preview) -> Preview:
    """A picture that nothing here can draw: its size, and what would."""
    form = fetched.sort.format
    size = picture_size(fetched.content, form)
    facts = (Fact("size", f"{size[0]:,} x {size[1]:,}"),) if size is not None else ()
    note = MEDIA_NOTE if form == "EXR" else f"{form} is not drawn here; v opens it on a desktop"
    return replace(known, facts=facts, note=note)


def _length(header: str) -> int | None:
    return int(header) if header.isascii() and header.isdigit() and len(header) < 19 else None


def _limit(sort: Sort, size: int | None, level: Level) -> int:
    """How much of a file of that kind is fetched."""
    if sort.medium is Medium.PICTURE:
        drawn = sort.format not in _UNREADABLE or _is_drawn_exr(sort.format)
        return FETCH_LIMIT_BYTES if drawn else INFO_BYTES
    if sort.medium is Medium.VIDEO:
        playable = isolated.has_media_library() and (size is None or size <= FETCH_LIMIT_BYTES)
        return FETCH_LIMIT_BYTES if playable else HEAD_BYTES * 16
    if sort.medium is Medium.AUDIO:
        drawn = isolated.has_media_library() or sort.format == "WAV"
        small = size is None or size <= FETCH_LIMIT_BYTES
        # Ogg and MP3 say how long they are at their end only.
        return FETCH_LIMIT_BYTES if drawn and small else HEADER_LIMIT_BYTES
    if sort.medium is Medium.TEXT:
        return JSON_LIMIT_BYTES if sort.format == "JSON" else TEXT_LIMIT_BYTES
    if sort.medium is Medium.MODEL:
        return MODEL_LIMIT_BYTES if sort.format in ("OBJ", "STL", "glTF") else HEADER_LIMIT_BYTES
    return HEADER_LIMIT_BYTES if sort.medium is Medium.LATENT else HEAD_BYTES


def _decoded(image: Image.Image, info: MediaInfo, form: str, size_bytes: int) -> Decoded:
    return Decoded(
        image, info.width or image.width, info.height or image.height, form, size_bytes, animated=False
    )


def _merged(own: MediaInfo, library: MediaInfo) -> MediaInfo:
    """What the container says in its own words first: those names are people's."""
    return MediaInfo(
        duration_s=library.duration_s or own.duration_s,
        width=own.width or library.width,
        height=own.height or library.height,
        frame_rate=library.frame_rate or own.frame_rate,
        video_codec=own.video_codec or library.video_codec,
        audio_codec=own.audio_codec or library.audio_codec,
        sample_rate_hz=own.sample_rate_hz or library.sample_rate_hz,
        channels=own.channels or library.channels,
        tags=own.tags or library.tags,
    )


def _played(found: isolated.Isolated, length_s: float | None) -> Animation:
    """A video's frames, each shown until the next one comes."""
    times = found.times_s
    end = max(length_s or 0.0, times[-1] + 0.25)
    durations = [max(0.05, after - at) for at, after in zip(times, (*times[1:], end), strict=True)]
    return Animation(found.frames, tuple(durations), found.frames_total, cut=found.late)
