"""Putting files into the server's input folder: where, whether something is there, and what became of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.file_version import UNTOLD, FileVersion
from comfy_tui.comfy.types import OutputFile, UploadedFile
from comfy_tui.comfy.unpacking import pieces
from comfy_tui.errors import ComfyError, Refused, ServerError, WorkflowError
from comfy_tui.library.mask import read_mask
from comfy_tui.library.picture import UPLOAD_LIMIT_BYTES, read_picture
from comfy_tui.naming import safe_name
from comfy_tui.text import DROP, format_bytes

_PART_BYTES = 255
_DOTS = re.compile(r"\.{2,}")
#: How ComfyUI marks the folder that a name is in (comfyui-api, section 11.1).
_MARKS = (" [input]", " [output]", " [temp]")


@dataclass(frozen=True, slots=True)
class Place:
    """A file in the server's input folder."""

    subfolder: str
    name: str

    @property
    def reference(self) -> str:
        """As a loader's input says it."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name

    @property
    def file(self) -> OutputFile:
        """As ``GET /view`` wants it."""
        return OutputFile(self.name, self.subfolder, "input", "")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is at a place already."""

    size_bytes: int | None
    version: FileVersion
    #: It holds what is to be uploaded, to the byte.
    is_same: bool = False

    @property
    def words(self) -> str:
        """Its size, in a person's words."""
        return format_bytes(self.size_bytes) if self.size_bytes is not None else "of unknown size"


def read_place(text: str) -> Place:
    """What a person typed: ``name`` or ``folder/name``, below the input folder.

    Raises:
        WorkflowError: it leads elsewhere, or the server could not give the file back under that name.
    """
    parts = [part.strip() for part in text.replace("\\", "/").split("/")]
    if text.strip().startswith(("/", "\\", "~")) or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise _bad_place("it is below the server's input folder, so it begins with a folder or the name")
    parts = [part for part in parts[:-1] if part not in ("", ".")] + parts[-1:]
    if parts[-1] in ("", "."):
        raise _bad_place("the file's name is missing at the end")
    if any(".." in part for part in parts):
        raise _bad_place("ComfyUI gives out no file with .. in its name")
    if parts[-1].endswith(_MARKS):
        raise _bad_place("ComfyUI would read the end of that name as the mark of a folder")
    if any(part.translate(DROP) != part for part in parts):
        raise _bad_place("it holds control characters")
    if any(len(part.encode("utf-8", "replace")) > _PART_BYTES for part in parts):
        raise _bad_place(f"a name has at most {_PART_BYTES} bytes")
    return Place("/".join(parts[:-1]), parts[-1])


def offered_name(name: str) -> str:
    """A name to offer for a file: without what the server could not give back."""
    name = _DOTS.sub(".", name.replace("/", "_").replace("\\", "_").translate(DROP)).strip()
    for mark in _MARKS:
        name = name.removesuffix(mark)
    return name if name.strip(".") else "file"


@dataclass(slots=True)
class Upload:
    """A file on its way into the input folder: its content is read once, when it is first needed.

    Args:
        client: the server.
        name: the name to offer.
        read: gives the content.
        mask_of: the output that it is a mask for.
    """

    client: ComfyClient
    name: str
    read: Callable[[], Awaitable[bytes]]
    mask_of: OutputFile | None = None
    _content: bytes | None = None

    async def content(self) -> bytes:
        """What is uploaded.

        Raises:
            ComfyError: it cannot be read.
        """
        if self._content is None:
            self._content = await self.read()
        return self._content

    async def look(self, place: Place) -> Standing | None:
        """What is at that place now; None where nothing is.

        Raises:
            ComfyError: the file cannot be read, or the server does not tell.
        """
        content = await self.content()
        try:
            head = await self.client.view_head(place.file)
        except Refused as error:
            if error.status == 404:
                return None
            if error.status == 416:  # a first byte was asked for, and it has none
                return Standing(0, UNTOLD)
            raise
        assert head is not None, "only a conditional question is answered by nothing"
        # Of a mask the server makes another file than it was sent.
        comparable = self.mask_of is None and head.size_bytes == len(content)
        return Standing(head.size_bytes, head.version, comparable and await self._is_same(place, content))

    async def _is_same(self, place: Place, content: bytes) -> bool:
        offset = 0
        async with self.client.view(place.file) as response:
            async for chunk in pieces(response):
                if content[offset : offset + len(chunk)] != chunk:
                    return False
                offset += len(chunk)
        return offset == len(content)

    async def send(self, place: Place, standing: Standing | None, *, overwrite: bool) -> UploadedFile:
        """Upload it to that place.

        Args:
            place: where.
            standing: what was there when it was looked at.
            overwrite: write over what is there; else the server chooses another name.

        Raises:
            ComfyError: it was not taken, or nothing was made of a mask.
        """
        content = await self.content()
        folder = place.subfolder
        if self.mask_of is None:
            return await self.client.upload_image(place.name, content, subfolder=folder, overwrite=overwrite)
        try:
            made = await self.client.upload_mask(
                place.name, content, self.mask_of, subfolder=folder, overwrite=overwrite
            )
        except ServerError as error:
            width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
            error.hint = f"The mask is {width}x{height}: it must have the picture's size."
            raise
        await self._require_made(made, standing if overwrite else None)
        return made

    async def _require_made(self, made: UploadedFile, before: Standing | None) -> None:
        """The server answers with a name even where it wrote nothing (comfyui-api, section 11.3)."""
        file = OutputFile(made.name, made.subfolder, made.type, "")
        try:
            head = await self.client.view_head(file)
            if before is None or head is None or not before.version.is_told or head.version != before.version:
                return
        except ComfyError as error:
            raise _not_made() from error
        raise _not_made()


def file_upload(client: ComfyClient, path: Path) -> Upload:
    """A local file."""

    async def read() -> bytes:
        return (await asyncio.to_thread(read_picture, path))[1]

    return Upload(client, offered_name(path.name.encode("utf-8", "replace").decode("utf-8")), read)


def output_upload(client: ComfyClient, file: OutputFile, source: ComfyClient | None = None) -> Upload:
    """An output of this server, or of the one that ``source`` speaks to."""

    async def read() -> bytes:
        return await (source or client).view_bytes(file, limit_bytes=UPLOAD_LIMIT_BYTES)

    return Upload(client, offered_name(safe_name(file.filename)), read)


def mask_upload(client: ComfyClient, original: OutputFile, path: Path) -> Upload:
    """A local picture as the mask of an output."""

    async def read() -> bytes:
        return await asyncio.to_thread(read_mask, path)

    stem = safe_name(original.filename).rpartition(".")[0] or "picture"
    return Upload(client, offered_name(f"{stem[:80]}-masked.png"), read, original)


def _bad_place(reason: str) -> WorkflowError:
    return WorkflowError("Not a place in the input folder", reason, "Write name.png or folder/name.png.")


def _not_made() -> ComfyError:
    return ComfyError(
        "The mask was not put on the picture",
        "the server took the mask and made nothing of it",
        "The original is gone from the server, or it is no picture.",
    )
