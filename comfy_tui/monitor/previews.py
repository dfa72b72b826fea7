"""What can be shown of an output: its picture, made small, its text, or at least its size."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import OutputFile
from comfy_tui.monitor.outputs import Medium, Output
from comfy_tui.pictures.decode import Decoded, decode

#: The largest picture file that is fetched to be drawn.
FETCH_LIMIT_BYTES = 64 * 1024 * 1024
#: So much of a text file is shown.
TEXT_LIMIT_BYTES = 64 * 1024
#: How many previews are kept: 32 pictures of 1024x1024 are 100 MB, which is where it ends.
KEPT = 32


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """What is known of an output's content; ``text`` may be only its beginning (``cut``)."""

    decoded: Decoded | None = None
    text: str | None = None
    cut: bool = False
    size_bytes: int | None = None


class Previews:
    """Fetches previews and keeps the last ones, across servers.

    A file's name may be used again by a later job: what is kept is known by the job's end as well.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[tuple[object, ...], Preview] = OrderedDict()

    def known(self, server_url: str, output: Output) -> Preview | None:
        """The preview, if it can be had without asking the server."""
        if output.text is not None:
            return Preview(text=output.text.text, size_bytes=len(output.text.text.encode("utf-8", "replace")))
        key = _key(server_url, output)
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    async def load(self, client: ComfyClient, output: Output) -> Preview:
        """The preview, fetched where it is not kept.

        Raises:
            ApiError: the server did not give it, or it is no picture that can be drawn.
        """
        server_url = client.profile.url
        known = self.known(server_url, output)
        if known is not None or output.file is None:
            return known or Preview()
        preview = await _fetch(client, output.file, output.medium)
        self._known[_key(server_url, output)] = preview
        while len(self._known) > self._kept:
            self._known.popitem(last=False)
        return preview


def _key(server_url: str, output: Output) -> tuple[object, ...]:
    file = output.file
    assert file is not None
    return (server_url, file.type, file.subfolder, file.filename, output.job.prompt_id, output.job.ended_at_s)


async def _fetch(client: ComfyClient, file: OutputFile, medium: Medium) -> Preview:
    if medium is Medium.PICTURE:
        content = await client.view_bytes(file, limit_bytes=FETCH_LIMIT_BYTES)
        return Preview(decoded=await asyncio.to_thread(decode, content), size_bytes=len(content))
    if medium is Medium.TEXT:
        return await _fetch_text(client, file)
    return Preview(size_bytes=await client.view_size(file))


async def _fetch_text(client: ComfyClient, file: OutputFile) -> Preview:
    """The beginning of a text file; the rest is not fetched."""
    content = bytearray()
    async with client.view(file) as response:
        length = response.headers.get("content-length", "")
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > TEXT_LIMIT_BYTES:
                break
    cut = len(content) > TEXT_LIMIT_BYTES
    size = int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
    text = bytes(content[:TEXT_LIMIT_BYTES]).decode("utf-8", "replace")
    return Preview(text=text, cut=cut, size_bytes=size if cut else len(content))
