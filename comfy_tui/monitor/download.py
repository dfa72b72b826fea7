"""Fetches a server's file into a part of one here: goes on where the line was cut, checks every length."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import OutputFile
from comfy_tui.comfy.unpacking import pieces
from comfy_tui.errors import BadReply, ComfyError, ExportError, Refused, TimedOut, Unreachable
from comfy_tui.monitor.part import Part
from comfy_tui.text import format_bytes

if TYPE_CHECKING:
    import httpx

#: Waits before each attempt to go on after the line was cut, in seconds; what comes meanwhile resets them.
RETRY_S = (0.5, 1.0, 2.0, 4.0, 8.0)
#: How often a file is asked for again from its beginning, where it cannot be gone on with.
_FROM_THE_START = 1
#: A server that cuts the line after every few bytes is not asked for ever.
_MOST_ATTEMPTS = 200
_WRITE_BYTES = 1024 * 1024
#: The largest file that is saved where the server does not say how large it is.
UNTOLD_LIMIT_BYTES = 16 * 1024**3
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")

#: Told how many bytes are here, and how many there are; None where the server does not say.
Told = Callable[[int, int | None], None]


class _AnotherFile(Exception):
    """The rest that came is not the rest of what is here."""


class Stopped(ExportError):
    """A person stopped the saving."""


@dataclass
class _Known:
    """What the first answer said of the file."""

    total_bytes: int | None = None
    #: ETag and date: what they say must stay the same from part to part.
    marks: tuple[str, str] = ("", "")
    resumable: bool = False


async def download(
    client: ComfyClient,
    file: OutputFile,
    part: Part,
    *,
    told: Told | None = None,
    stopped: Callable[[], bool] | None = None,
) -> None:
    """Fetch all of a file.

    Raises:
        ApiError: the server did not give all of it, however often it was asked.
        OSError: it could not be written.
        Stopped: ``stopped`` said so.
    """
    known = _Known()
    waits = list(RETRY_S)
    for _ in range(_MOST_ATTEMPTS):
        before = part.size_bytes
        try:
            await _fetch(client, file, part, known, told, stopped)
            return
        except (Unreachable, TimedOut) as error:
            if known.resumable and part.size_bytes > before:
                waits = list(RETRY_S)
            elif len(waits) <= (0 if known.resumable else len(RETRY_S) - _FROM_THE_START):
                raise _incomplete(error, part.size_bytes, known) from error
        except (Refused, _AnotherFile) as error:
            if isinstance(error, Refused) and (error.status != 416 or not part.size_bytes):
                raise
            known.resumable = False  # it is another file by now, or a part that was not asked for
        await asyncio.sleep(waits.pop(0) if waits else RETRY_S[-1])
    raise BadReply("The file came incomplete", f"{part.size_bytes} bytes", "Nothing was saved; try again.")


def _incomplete(error: ComfyError, size_bytes: int, known: _Known) -> ComfyError:
    if size_bytes:
        of = f" of {format_bytes(known.total_bytes)}" if known.total_bytes is not None else ""
        error.message = f"{error.message}; {format_bytes(size_bytes)}{of} had come, nothing was saved"
    return error


async def _fetch(
    client: ComfyClient,
    file: OutputFile,
    part: Part,
    known: _Known,
    told: Told | None,
    stopped: Callable[[], bool] | None,
) -> None:
    # Packed on the way, a file could not be gone on with.
    headers = {"Accept-Encoding": "identity"}
    if known.resumable and part.size_bytes:
        # aiohttp looks at a date there and at nothing else: the marks are compared here as well.
        headers |= {"Range": f"bytes={part.size_bytes}-", "If-Range": known.marks[1] or known.marks[0]}
    async with client.view(file, headers=headers) as response:
        if not _goes_on(response, part.size_bytes, known):
            if part.size_bytes:
                await asyncio.to_thread(part.restart)
            _learn(response, known)
            if known.total_bytes is not None:
                await asyncio.to_thread(part.make_room, known.total_bytes)
        waiting = bytearray()
        try:
            async for chunk in pieces(response):
                waiting += chunk
                _check_room(part.size_bytes + len(waiting), known)
                if told is not None:
                    told(part.size_bytes + len(waiting), known.total_bytes)
                if stopped is not None and stopped():
                    raise Stopped("Stopped", "nothing of this file was kept")
                if len(waiting) >= _WRITE_BYTES:
                    await asyncio.to_thread(part.write, bytes(waiting))
                    waiting.clear()
        finally:
            # What came before the line was cut is kept, to go on from there.
            await asyncio.to_thread(part.write, bytes(waiting))
        _check_length(response, part, known)


def _goes_on(response: httpx.Response, have_bytes: int, known: _Known) -> bool:
    """Whether the answer is the rest of what is here already."""
    if response.status_code != 206:
        return False
    found = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
    told = _marks(response)
    if (
        found is None
        or int(found[1]) != have_bytes
        or int(found[3]) != known.total_bytes
        or told != known.marks
    ):
        raise _AnotherFile
    return True


def _marks(response: httpx.Response) -> tuple[str, str]:
    return response.headers.get("etag", ""), response.headers.get("last-modified", "")


def _learn(response: httpx.Response, known: _Known) -> None:
    headers = response.headers
    packed = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
    known.total_bytes = None if packed else _number(headers.get("content-length", ""))
    known.marks = _marks(response)
    known.resumable = any(known.marks) and known.total_bytes is not None and not packed


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _check_room(size_bytes: int, known: _Known) -> None:
    """An endless answer ends here."""
    limit = UNTOLD_LIMIT_BYTES if known.total_bytes is None else known.total_bytes
    if size_bytes > limit:
        raise BadReply(
            "The file is larger than it may be",
            f"more than {format_bytes(limit)} came",
            "Nothing was saved. Copy it from the server by other means.",
        )


def _check_length(response: httpx.Response, part: Part, known: _Known) -> None:
    promised, came = _number(response.headers.get("content-length", "")), response.num_bytes_downloaded
    if promised is not None and promised != came:
        raise BadReply(
            "The file came incomplete", f"{came} of {promised} bytes", "Nothing was saved; try again."
        )
    if known.total_bytes is not None and part.size_bytes != known.total_bytes:
        raise BadReply(
            "The file came incomplete",
            f"{part.size_bytes} of {known.total_bytes} bytes",
            "Nothing was saved; try again.",
        )
