"""A line that is cut: passes requests on to a server, and breaks off answers after some bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Cutter:
    """What goes through, and what is cut next."""

    def __init__(self) -> None:
        #: After how many bytes of the body the next answers to ``/view`` break off.
        self.cuts: list[int] = []
        #: The request lines and headers of every ``/view``.
        self.asked: list[str] = []
        self.url = ""


@asynccontextmanager
async def cut_line(port: int) -> AsyncIterator[Cutter]:
    """A proxy in front of a server on the loopback."""
    cutter = Cutter()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
            up_writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            answer = await up_reader.read(-1)
            up_writer.close()
            if b" /view" in head.split(b"\r\n")[0]:
                cutter.asked.append(head.decode("latin-1"))
                if cutter.cuts:
                    answer = answer[: answer.index(b"\r\n\r\n") + 4 + cutter.cuts.pop(0)]
            writer.write(answer)
            await writer.drain()
        writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    cutter.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield cutter
    finally:
        listener.close()
