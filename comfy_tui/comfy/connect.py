"""A websocket that stays with the host that was named, and does not keep the keys from their turn."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

#: So much of a handshake is taken in at once.  A refusal's body is read by the library to a megabyte, and in
#: chunks of one byte what asyncio takes at once, 256 kB, is three seconds of work.
_HANDSHAKE_BYTES = 4096


class Connect(connect):
    """``websockets.connect`` without redirects.

    It follows them by itself, to other hosts as well, and takes our headers there: all of them in its
    older versions, all but ``Authorization`` and ``Cookie`` in 17.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, create_connection=_Connection, **options)

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Leave the redirect unfollowed: it is the error that it came as."""
        return exc


class _Connection(ClientConnection):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Not a documented attribute, and without effect for TLS: a bound on lag, on which nothing else rests.
        transport.max_size = _HANDSHAKE_BYTES  # type: ignore[attr-defined]

    async def handshake(self, *args: Any, **options: Any) -> None:
        await super().handshake(*args, **options)
        del self.transport.max_size  # type: ignore[attr-defined]
