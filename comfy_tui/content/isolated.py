"""Runs :mod:`comfy_tui.content.worker` and reads its answer, within limits of time and size."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import struct
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_tui.content.facts import Fact
from comfy_tui.content.media_info import MediaInfo
from comfy_tui.errors import BadReply
from comfy_tui.own_process import module_command
from comfy_tui.pictures.decode import FULL_PIXELS

if TYPE_CHECKING:
    from PIL import Image

#: The wall clock's limit for one file, and a worker's own for decoding.
TIMEOUT_S = 30.0
DECODE_S = 8.0
#: The frames of one file take so much at most.
FRAMES_BYTES = 24 * 1024 * 1024
#: A picture that is kept for zooming, in four bands.
_MOST_BYTES = 4 * FULL_PIXELS + 1024 * 1024
_HEAD_BYTES = 1024 * 1024
_HINT = "s saves the file as it is."


@dataclass(frozen=True, slots=True, eq=False)
class Isolated:
    """What a worker found: facts, frames with their times, and how loud each part is."""

    info: MediaInfo
    frames: tuple[Image.Image, ...] = ()
    times_s: tuple[float, ...] = ()
    peaks: tuple[float, ...] = ()
    #: Of pictures: the format's name.
    format: str = ""
    frames_total: int | None = None
    #: It was not read to its end: the time was over.
    late: bool = False


def has_media_library() -> bool:
    """Whether PyAV (the extra ``media``) is installed; it is not imported here."""
    return importlib.util.find_spec("av") is not None


async def read_video(content: bytes, *, frames: int, side_px: int, step_s: float = 0.25) -> Isolated:
    """Facts and frames of a video; see :func:`run_worker`."""
    options = {
        "frames": frames,
        "side": side_px,
        "step_s": step_s,
        "seconds": DECODE_S,
        "bytes": FRAMES_BYTES,
    }
    return await run_worker("video", content, options)


async def read_audio(content: bytes, *, columns: int) -> Isolated:
    """Facts and loudness of a sound; see :func:`run_worker`."""
    return await run_worker("audio", content, {"columns": columns, "seconds": DECODE_S})


async def read_picture(content: bytes, *, side_px: int) -> Isolated:
    """A picture of a format whose reader is not run in the console's own process."""
    return await run_worker("picture", content, {"side": side_px})


async def read_exr(content: bytes, *, side_px: int) -> Isolated:
    """An EXR picture in a screen's colours; needs PyAV."""
    return await run_worker("exr", content, {"side": side_px})


async def run_worker(task: str, content: bytes, options: dict[str, Any]) -> Isolated:
    """Let a worker read a file; it is killed when it takes too long or when nobody waits any more.

    Raises:
        BadReply: it is no such file, a broken one, or took too much time or memory.
    """
    worker = _Worker(task, options)
    try:
        return await asyncio.to_thread(worker.run, content)
    except asyncio.CancelledError:
        worker.kill()
        raise


class _Worker:
    """One process.  Not asyncio's: its watcher writes to the terminal where a process ends by surprise."""

    def __init__(self, task: str, options: dict[str, Any]) -> None:
        self._command = module_command("comfy_tui.content.worker", task, json.dumps(options))
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = self._late = False

    def kill(self) -> None:
        """End it, also before it has begun."""
        self._killed = True
        if self._process is not None:
            self._process.kill()

    def _end_late(self) -> None:
        self._late = True
        self.kill()

    def run(self, content: bytes) -> Isolated:
        """Blocks."""
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            with subprocess.Popen(
                self._command,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            ) as process:
                self._process = process
                timer = threading.Timer(TIMEOUT_S, self._end_late)
                timer.start()
                try:
                    if self._killed:
                        process.kill()
                    head, pixels = self._read(process)
                finally:
                    timer.cancel()
                    process.kill()
        return _result(head, pixels)

    def _read(self, process: subprocess.Popen[bytes]) -> tuple[dict[str, Any], bytes]:
        assert process.stdout is not None
        try:
            (length,) = struct.unpack(">I", process.stdout.read(4))
            if length > _HEAD_BYTES:
                raise _broken("its reader answers nonsense")
            head = json.loads(process.stdout.read(length))
        except (struct.error, ValueError):
            if self._late:
                raise BadReply(
                    "The file takes too long to read", f"more than {TIMEOUT_S:g} s", _HINT
                ) from None
            raise _broken("its reader broke down on it: too much memory or time, or an error in it") from None
        pixels = process.stdout.read(_MOST_BYTES + 1)
        if len(pixels) > _MOST_BYTES:
            raise _broken("its reader answers without end")
        return head, pixels


def _broken(why: str) -> BadReply:
    return BadReply("The file cannot be read", why, _HINT)


def _result(head: dict[str, Any], pixels: bytes) -> Isolated:
    frames: list[Image.Image] = []
    times: list[float] = []
    offset = 0
    if head.get("error"):
        raise _broken(_plain(str(head["error"])))
    from PIL import Image as pillow

    mode = "RGBA" if head.get("mode") == "RGBA" else "RGB"
    try:
        for width, height, at in head.get("frames") or ():
            size = width * height * len(mode)
            frames.append(pillow.frombytes(mode, (width, height), pixels[offset : offset + size]))
            times.append(float(at))
            offset += size
        return Isolated(
            _info(head),
            tuple(frames),
            tuple(times),
            tuple(min(1.0, max(0.0, float(peak))) for peak in head.get("peaks") or ()),
            str(head.get("format") or ""),
            head.get("frames_total"),
            bool(head.get("late")),
        )
    except (ValueError, TypeError) as error:
        raise _broken("its reader answers nonsense") from error


def _plain(error: str) -> str:
    """The library's words without its numbers and names of classes."""
    return re.sub(r"^\w+: |\[Errno -?\d+\] |: '<none>'$", "", error)


def _info(head: dict[str, Any]) -> MediaInfo:
    return MediaInfo(
        duration_s=head.get("duration_s"),
        width=head.get("width"),
        height=head.get("height"),
        frame_rate=head.get("frame_rate"),
        video_codec=str(head.get("video_codec") or ""),
        audio_codec=str(head.get("audio_codec") or ""),
        sample_rate_hz=head.get("sample_rate_hz"),
        channels=head.get("channels"),
        tags=tuple(Fact(str(name), str(value)) for name, value in head.get("tags") or ()),
    )
