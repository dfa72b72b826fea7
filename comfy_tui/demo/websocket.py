"""The sockets of the demo server: who is connected, who hears what, and the frames."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import struct
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web
from PIL import Image

Message = tuple[str | bytes, str | None]

_PREVIEW, _TEXT, _PREVIEW_WITH_METADATA = 1, 3, 4
_JPEG = 1
_PATIENCE_S = 2.0


class Hub:
    """All open sockets by client id, and one queue through which every message goes.

    One queue and awaited sends are what the real server has, with its faults: a second socket takes over
    an id, the end of the first removes it, and a slow reader stalls everybody.

    Args:
        features: the object that answers the feature handshake.
        remaining: how many prompts are running or waiting.
    """

    def __init__(self, features: Callable[[], dict[str, Any]], remaining: Callable[[], int]) -> None:
        self._features = features
        self._remaining = remaining
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._open: dict[web.WebSocketResponse, asyncio.Transport | None] = {}
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self._metadata: dict[str, bool] = {}
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        #: The prompt at work: its client, and the node it is at.
        self.client_id: str | None = None
        self.node_id: str | None = None
        self.on_gone: Callable[[str], None] = lambda sid: None

    def start(self) -> None:
        """Begin to deliver; called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._deliver())

    async def stop(self) -> None:
        """Close everything."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.drop()

    async def drop(self) -> None:
        """Cut every socket, as a broken link would."""
        for transport in list(self._open.values()):
            if transport is not None:
                transport.abort()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_gone.wait(), _PATIENCE_S)

    def forget_all(self) -> None:
        """Send nothing more to those who are connected now, without telling them."""
        self._sockets.clear()

    @property
    def client_ids(self) -> tuple[str, ...]:
        """Who is connected."""
        return tuple(self._sockets)

    # Sending, from any thread.

    def send(self, event: str, data: dict[str, Any], client_id: str | None) -> None:
        """Send a JSON message to one client, or to everybody."""
        self._put((json.dumps({"type": event, "data": data}), client_id))

    def send_status(self) -> None:
        """Tell everybody how many prompts are left."""
        self.send("status", {"status": {"exec_info": {"queue_remaining": self._remaining()}}}, None)

    def send_raw(self, message: str | bytes, client_id: str | None = None) -> None:
        """Send anything at all: for tests of what a client makes of it."""
        self._put((message, client_id))

    def send_text(self, node_id: str, text: str) -> None:
        """A text frame, which goes to everybody."""
        name = node_id.encode()
        self._put((struct.pack(">II", _TEXT, len(name)) + name + text.encode(), None))

    def send_preview(self, picture: Image.Image, metadata: dict[str, Any], client_id: str | None) -> None:
        """The first of the two forms of a preview: only for a client that asked for metadata."""
        if not self.wants_metadata(client_id):
            return
        head = json.dumps({**metadata, "image_type": "image/jpeg"}).encode()
        body = struct.pack(">II", _PREVIEW_WITH_METADATA, len(head)) + head + _jpeg(picture)
        self._put((body, client_id))

    def send_plain_preview(self, picture: Image.Image, client_id: str | None) -> None:
        """The second form, for everyone else."""
        if not self.wants_metadata(client_id):
            self._put((struct.pack(">II", _PREVIEW, _JPEG) + _jpeg(picture), client_id))

    def wants_metadata(self, client_id: str | None) -> bool:
        """Whether the client said that it understands previews with metadata."""
        return client_id is not None and self._metadata.get(client_id, False)

    def _put(self, message: Message) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._messages.put_nowait, message)

    async def _deliver(self) -> None:
        while True:
            message, client_id = await self._messages.get()
            if client_id is None:
                sockets = list(self._sockets.values())
            else:
                sockets = [self._sockets[client_id]] if client_id in self._sockets else []
            for socket in sockets:
                await self._send_to(socket, message)

    async def _send_to(self, socket: web.WebSocketResponse, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_str(message)
        except (ConnectionError, RuntimeError):
            pass

    # A connection.

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket until it closes."""
        socket = web.WebSocketResponse(max_msg_size=4 * 1024 * 1024)
        await socket.prepare(request)
        sid = request.rel_url.query.get("clientId", "") or uuid.uuid4().hex
        self._sockets[sid] = socket
        self._metadata.pop(sid, None)
        self._open[socket] = request.transport
        self._all_gone.clear()
        try:
            await self._greet(socket, sid)
            await self._listen(socket, sid)
        finally:
            del self._open[socket]
            if not self._open:
                self._all_gone.set()
            self._sockets.pop(sid, None)
            self._metadata.pop(sid, None)
            self.on_gone(sid)
        return socket

    async def _greet(self, socket: web.WebSocketResponse, sid: str) -> None:
        status = {"exec_info": {"queue_remaining": self._remaining()}}
        await self._send_to(socket, json.dumps({"type": "status", "data": {"status": status, "sid": sid}}))
        if self.client_id == sid and self.node_id is not None:
            await self._send_to(socket, json.dumps({"type": "executing", "data": {"node": self.node_id}}))

    async def _listen(self, socket: web.WebSocketResponse, sid: str) -> None:
        first = True
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                said = json.loads(message.data)
            except ValueError:
                continue
            if not isinstance(said, dict):
                continue
            if first and said.get("type") == "feature_flags":
                flags = said.get("data")
                wants = isinstance(flags, dict) and flags.get("supports_preview_metadata") is True
                self._metadata[sid] = wants
                answer = {"type": "feature_flags", "data": self._features()}
                await self._send_to(socket, json.dumps(answer))
            first = False


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=95)
    return out.getvalue()
