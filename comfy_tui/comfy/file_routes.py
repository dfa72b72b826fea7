"""The routes that take files into a server and bring them out.  Their traps: comfyui-api."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from comfy_tui.comfy import wire
from comfy_tui.comfy.file_version import FileHead, FileVersion, version_of
from comfy_tui.comfy.types import OutputFile, UploadedFile
from comfy_tui.comfy.unpacking import pieces
from comfy_tui.errors import BadReply

if TYPE_CHECKING:
    import httpx

    from comfy_tui.comfy.http import HttpConnection


def _upload_form(subfolder: str, overwrite: bool) -> dict[str, str]:
    return {"type": "input", "subfolder": subfolder, **({"overwrite": "true"} if overwrite else {})}


def _reference(file: OutputFile) -> dict[str, str]:
    return {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}


class FileRoutes:
    """What a client does with the files of its server's folders.

    Args:
        http: the connection.
    """

    def __init__(self, http: HttpConnection) -> None:
        self._http = http

    async def upload_image(
        self, name: str, content: bytes, *, subfolder: str = "", overwrite: bool = False
    ) -> UploadedFile:
        """``POST /upload/image`` into the input folder: the returned name counts.

        Unless it may overwrite, the server chooses another name where that one is taken by other content.
        """
        data = _upload_form(subfolder, overwrite)
        name = name.encode("utf-8", "replace").decode("utf-8")
        files = {"image": (name, content, "application/octet-stream")}
        return wire.read_upload(await self._http.send_files("/upload/image", data, files))

    async def upload_mask(
        self,
        name: str,
        content: bytes,
        original: OutputFile,
        *,
        subfolder: str = "",
        overwrite: bool = False,
    ) -> UploadedFile:
        """``POST /upload/mask``: the original with the alpha of ``content``, as a new input picture.

        The server answers with a name even where it wrote nothing (comfyui-api, section 11.3): whoever
        calls this looks whether the file is there.
        """
        data = {**_upload_form(subfolder, overwrite), "original_ref": json.dumps(_reference(original))}
        files = {"image": (name, content, "image/png")}
        return wire.read_upload(await self._http.send_files("/upload/mask", data, files))

    @asynccontextmanager
    async def view(
        self, file: OutputFile, *, preview: str = "", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """``GET /view``: an output's bytes, piece by piece; ``preview`` such as ``webp;80`` re-encodes."""
        params = _reference(file)
        if preview:
            params["preview"] = preview
        async with self._http.stream("/view", params, headers) as response:
            yield response

    async def view_bytes(self, file: OutputFile, *, limit_bytes: int, preview: str = "") -> bytes:
        """An output's bytes.

        Raises:
            BadReply: it is larger than ``limit_bytes``.
        """
        content = bytearray()
        async with self.view(file, preview=preview) as response:
            async for chunk in pieces(response):
                content += chunk
                if len(content) > limit_bytes:
                    limit = f"more than {limit_bytes // (1024 * 1024)} MB"
                    raise BadReply("The file is too large to show", limit, "Save it instead.")
        return bytes(content)

    async def view_size(self, file: OutputFile) -> int | None:
        """How large an output is; None where the server does not tell."""
        head = await self.view_head(file)
        return head.size_bytes if head is not None else None

    async def view_head(self, file: OutputFile, unless: FileVersion | None = None) -> FileHead | None:
        """Which version of an output the server has, by asking for its first byte.

        Args:
            file: the output.
            unless: the version that is known; None is returned where it is still that one.
        """
        params = _reference(file)
        headers = {"Range": "bytes=0-0", **(unless.conditions() if unless is not None else {})}
        async with self._http.stream("/view", params, headers) as response:
            if response.status_code == 304:
                return None
            total = response.headers.get("content-range", "").rpartition("/")[2]
            if response.status_code == 200:
                total = response.headers.get("content-length", "")
            size = int(total) if total.isascii() and total.isdigit() and len(total) < 19 else None
            return FileHead(size, version_of(response.headers))

    async def view_range(self, file: OutputFile, offset: int, count: int) -> bytes:
        """At most ``count`` bytes of an output from an offset on; empty where the server sends no parts."""
        params = _reference(file)
        wanted = {"Range": f"bytes={offset}-{offset + count - 1}"}
        content = bytearray()
        async with self._http.stream("/view", params, wanted) as response:
            if response.status_code != 206:
                return b""
            async for chunk in pieces(response):
                content += chunk
                if len(content) >= count:
                    break
        return bytes(content[:count])
