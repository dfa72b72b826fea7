"""The websocket of a ComfyUI server: one connection, read without pause so that no other client stalls.

The facts are in comfyui-api, section 7.  Losing the socket loses nothing but detail: polling goes on.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import quote

from comfy_tui.comfy.events import Event, read_event, read_picture

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from comfy_tui.config import ServerProfile

#: Seconds between our pings: the server sends none (section 7.1).
PING_S = 20.0
#: The largest message: pictures and whole tensors come this way, so it is far above any library's default;
#: but a server that never ends a message must not fill the memory.  The limit holds while a message is
#: unpacked, so that no compressed megabyte becomes gigabytes.
MESSAGE_LIMIT_BYTES = 128 * 1024 * 1024
#: A connection that is given up is waited for so long: its other end may be dead.
_CLOSE_S = 2.0
#: Longer frames are parsed in a thread, so that no key waits for them.
_THREAD_PARSE_BYTES = 128 * 1024


async def listen(profile: ServerProfile, client_id: str) -> AsyncGenerator[Event]:
    """Connect and give events until the connection ends; raises what :func:`read_messages` raises."""
    async with aclosing(read_messages(profile, client_id)) as messages:
        async for message in messages:
            event: Event | None
            if isinstance(message, bytes):
                event = read_picture(message)
            elif len(message) > _THREAD_PARSE_BYTES:
                event = await asyncio.to_thread(read_event, message)
            else:
                event = read_event(message)
            if event is not None:
                yield event


async def read_messages(profile: ServerProfile, client_id: str) -> AsyncGenerator[str | bytes]:
    """Connect and give all frames as they came, until the connection ends.

    Raises:
        OSError, websockets.WebSocketException: it could not connect, or the connection broke.
        ConfigError: the credentials or the certificates cannot be had, or the proxy cannot be used.
    """
    from comfy_tui.comfy.reach import unusable_proxy

    url = "ws" + profile.url.removeprefix("http") + "/ws?clientId=" + quote(client_id, safe="")
    try:
        socket = await _connect(profile, url)
    except ImportError:  # a SOCKS proxy
        raise unusable_proxy() from None
    except socket_errors():
        raise
    except Exception as error:
        # A mistake: its frames hold the headers, and a crash report prints what frames hold.
        place = traceback.extract_tb(error.__traceback__)[-1]
        words = f"{type(error).__name__} in line {place.lineno} of {place.filename}"
        raise RuntimeError(f"the websocket could not be opened: {words}") from None
    async with socket:
        hello = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
        await socket.send(json.dumps(hello))
        async for message in socket:
            yield message


async def _connect(profile: ServerProfile, url: str) -> ClientConnection:
    from comfy_tui.comfy.connect import Connect
    from comfy_tui.comfy.reach import is_loopback, ssl_context

    credentials = await asyncio.to_thread(profile.credentials)
    return await Connect(
        url,
        additional_headers={name: value.reveal() for name, value in credentials},
        max_size=MESSAGE_LIMIT_BYTES,
        ping_interval=PING_S,
        ping_timeout=PING_S,
        close_timeout=_CLOSE_S,
        proxy=None if is_loopback(profile.url) else True,
        ssl=ssl_context(profile) if url.startswith("wss:") else None,
        user_agent_header=None,
    )


async def greet(profile: ServerProfile, client_id: str, timeout_s: float) -> str:
    """Connect once and wait for the first message; gives why that failed, empty where it did not."""
    try:
        async with asyncio.timeout(timeout_s), aclosing(listen(profile, client_id)) as events:
            async for _ in events:
                return ""
    except TimeoutError:
        return f"nothing came within {timeout_s:g} s"
    except socket_errors() as error:
        return trouble(error)
    return "the server ended the connection"


def trouble(error: Exception) -> str:
    """Why there is no connection, in words without an address or a secret."""
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

    from comfy_tui.errors import ConfigError

    if isinstance(error, InvalidStatus):
        return f"the websocket was answered with {error.response.status_code}, perhaps by a proxy"
    if isinstance(error, InvalidHandshake):
        return "the websocket was not understood, perhaps by a proxy"
    if isinstance(error, ConnectionClosed):
        return "the connection broke"
    if isinstance(error, ConfigError):
        return error.title
    return "no connection for the websocket"


def socket_errors() -> tuple[type[Exception], ...]:
    """What a connection may end with; the library is imported only where there is one."""
    from websockets.exceptions import WebSocketException

    from comfy_tui.errors import ConfigError

    return (OSError, TimeoutError, ValueError, ConfigError, WebSocketException)
