"""A proxy between a console and a server that misbehaves on request, in ways that a seed decides.

It speaks HTTP and websocket frames only as far as it must to know what passes: requests come whole to it,
answers are read whole from the server, frames are forwarded one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_HTML = b"<html><head><title>Log in</title></head><body><h1>a proxy</h1></body></html>"
_TROUBLE = b"500 Internal Server Error\n\nServer got itself in trouble"


class Fault(StrEnum):
    """What happens to a request, or to a socket."""

    #: Cut before the server sees it.
    RESET = "reset"
    #: The server answers, and the answer is lost.
    RESET_LATE = "reset late"
    #: The client hears nothing, and the server gets the request after the client has given up.
    LATE = "delivered late"
    #: The answer comes after a while.
    DELAY = "delay"
    #: The server sees it; no answer comes.
    SILENT = "silent"
    #: Nobody reads it.
    DEAF = "deaf"
    #: Half an answer.
    TRUNCATED = "truncated"
    ERROR = "500"
    #: The server takes it; the proxy answers 502.
    ERROR_LATE = "502 late"
    HTML = "html"
    #: Sockets: frames are dropped, here and there.
    DROPS = "drops frames"
    #: Sockets: nothing comes any more, and nothing is closed.
    FROZEN = "frozen"
    #: Sockets: cut after some frames.
    CUT = "cut"


HTTP_FAULTS = (
    Fault.RESET,
    Fault.RESET_LATE,
    Fault.LATE,
    Fault.DELAY,
    Fault.SILENT,
    Fault.DEAF,
    Fault.TRUNCATED,
    Fault.ERROR,
    Fault.ERROR_LATE,
    Fault.HTML,
)
SOCKET_FAULTS = (Fault.RESET, Fault.ERROR, Fault.HTML, Fault.DROPS, Fault.FROZEN, Fault.CUT)


def route_of(method: str, path: str) -> str:
    """The kind of a request: ``GET /history``, ``POST /prompt``; ids do not count."""
    path = path.partition("?")[0].removeprefix("/api")
    parts = path.strip("/").split("/")
    return f"{method} /{parts[0]}"


@dataclass(frozen=True)
class Storm:
    """Faults by route (``*`` for all others), each with how likely it is for one request."""

    faults: Mapping[str, tuple[float, tuple[Fault, ...]]]

    def of(self, route: str) -> tuple[float, tuple[Fault, ...]]:
        """The likelihood and the faults for a route."""
        return self.faults.get(route, self.faults.get("*", (0.0, ())))


CALM = Storm({})


class FaultProxy:
    """Listens on a port of its own in front of a server.

    Which fault hits a request follows from the seed, the route, and how many requests of that route came
    before it: not from the order in which requests of different routes come.

    Args:
        target: the server's port.
        seed: of the dice.
        delay_s: how long a delay is; a request that is delivered late comes after twice that.
    """

    def __init__(self, target: int, seed: object = 0, *, delay_s: float = 0.05) -> None:
        self._target = target
        self._seed = seed
        self._delay_s = delay_s
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._late: set[asyncio.Task[None]] = set()
        self._sockets: set[asyncio.StreamWriter] = set()
        self._calm = asyncio.Event()
        self._count: Counter[str] = Counter()
        self.port = 0
        self.storm = CALM
        #: The faults that happened: route, how many of it came before, fault.
        self.done: list[tuple[str, int, Fault]] = []
        #: Bytes of answers and of socket frames, by route.
        self.bytes_down: Counter[str] = Counter()
        #: Requests, by route.
        self.requests: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """The address that the console is given."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> FaultProxy:
        await self.listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.refuse()
        await self.cut()
        for task in (*self._tasks, *self._late):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._late, return_exceptions=True)

    async def listen(self) -> None:
        """Take connections, on the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Take no new connection."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def cut(self) -> None:
        """Break every connection that is open."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cut_sockets(self) -> None:
        """Break the websockets."""
        for writer in list(self._sockets):
            writer.transport.abort()

    def begin(self, seed: object) -> None:
        """Throw the dice of another seed from now on."""
        self._seed = seed
        self._count.clear()

    def brew(self, storm: Storm) -> None:
        """Faults from now on."""
        self.storm = storm
        self._calm = asyncio.Event()

    async def calm(self) -> None:
        """No more faults: what was held back is let go, what was to come late comes now."""
        self.storm = CALM
        self._calm.set()
        await self.listen()
        await asyncio.gather(*self._late, return_exceptions=True)

    # -- one connection ------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                while await self._serve(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        method, path = head.split(b" ", 2)[:2]
        is_socket = b"upgrade: websocket" in head.lower()
        route = route_of(method.decode(), path.decode())
        fault = self._draw(route, SOCKET_FAULTS if is_socket else HTTP_FAULTS)
        self.requests[route] += 1
        if fault is Fault.RESET:
            return False
        if fault in (Fault.ERROR, Fault.HTML):
            writer.write(_answer(500, _TROUBLE, "text/plain") if fault is Fault.ERROR else _page())
            await writer.drain()
            return not is_socket
        if is_socket:
            await self._pass_socket(head, reader, writer, fault)
            return False
        if fault is Fault.DEAF:
            await self._calm.wait()
            return False
        if fault is Fault.LATE:
            task = asyncio.create_task(self._deliver_late(head, body))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            return False
        answer = await self._ask(head, body)
        return await self._give(answer, writer, route, fault)

    async def _give(
        self, answer: bytes, writer: asyncio.StreamWriter, route: str, fault: Fault | None
    ) -> bool:
        if not answer or fault is Fault.RESET_LATE:
            return False
        if fault is Fault.SILENT:
            await self._calm.wait()
            return False
        if fault is Fault.ERROR_LATE:
            answer = _answer(502, _HTML, "text/html")
        elif fault is Fault.DELAY:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._calm.wait(), self._delay_s)
        elif fault is Fault.TRUNCATED:
            head_size = answer.index(b"\r\n\r\n") + 4
            writer.write(answer[: head_size + (len(answer) - head_size) // 2])
            await writer.drain()
            return False
        self.bytes_down[route] += len(answer)
        writer.write(answer)
        await writer.drain()
        return True

    def _draw(self, route: str, possible: tuple[Fault, ...]) -> Fault | None:
        number = self._count[route]
        self._count[route] += 1
        likely, faults = self.storm.of(route)
        faults = tuple(fault for fault in faults if fault in possible)
        dice = random.Random(f"{self._seed} {route} {number}")
        if not faults or dice.random() >= likely:
            return None
        fault = dice.choice(faults)
        self.done.append((route, number, fault))
        return fault

    async def _deliver_late(self, head: bytes, body: bytes) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._calm.wait(), 2 * self._delay_s)
        with contextlib.suppress(OSError):
            await self._ask(head, body)

    async def _ask(self, head: bytes, body: bytes) -> bytes:
        """The server's whole answer; nothing where it does not answer."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return _answer(502, _HTML, "text/html")
        try:
            writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
            await writer.drain()
            answer = await reader.read(-1)
        finally:
            writer.close()
        return answer.replace(b"Connection: close\r\n", b"", 1)

    # -- sockets -------------------------------------------------------------------------------

    async def _pass_socket(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault | None
    ) -> None:
        lines = head.split(b"\r\n")
        # Without compression a frame can be left out and the next ones still be read.
        head = b"\r\n".join(line for line in lines if not line.lower().startswith(b"sec-websocket-ext"))
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._sockets.add(writer)
        up = asyncio.create_task(_pour(reader, up_writer))
        try:
            up_writer.write(head)
            writer.write(await up_reader.readuntil(b"\r\n\r\n"))
            await self._pass_frames(up_reader, writer, fault)
        finally:
            self._sockets.discard(writer)
            up.cancel()
            _reset(up_writer)
            await asyncio.gather(up, return_exceptions=True)

    async def _pass_frames(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault | None
    ) -> None:
        dice = random.Random(f"{self._seed} frames {self._count['GET /ws']}")
        left = dice.randrange(1, 12)
        while True:
            frame = await _frame(reader)
            left -= 1
            if fault is Fault.CUT and left < 0:
                return
            if fault is Fault.FROZEN and left < 0:
                await self._calm.wait()
                fault = None
            if fault is Fault.DROPS and dice.random() < 0.5:
                continue
            self.bytes_down["socket"] += len(frame)
            writer.write(frame)
            await writer.drain()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """A frame of the server (not masked), with its header."""
    head = await reader.readexactly(2)
    size = head[1] & 127
    if size == 126:
        more = await reader.readexactly(2)
        size = struct.unpack(">H", more)[0]
    elif size == 127:
        more = await reader.readexactly(8)
        size = struct.unpack(">Q", more)[0]
    else:
        more = b""
    return head + more + await reader.readexactly(size)


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    _reset(writer)  # the other half ends with it


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line[15:])
    return 0


def _answer(status: int, body: bytes, content_type: str) -> bytes:
    head = f"HTTP/1.1 {status} Proxy\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _page() -> bytes:
    return _answer(200, _HTML, "text/html")


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a crash does: with RST where that is possible."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
