"""A websocket that stays with the host that was named."""

from __future__ import annotations

from websockets.asyncio.client import connect


class Connect(connect):
    """``websockets.connect`` without redirects.

    It follows them by itself, to other hosts as well, and takes our headers there: all of them in its
    older versions, all but ``Authorization`` and ``Cookie`` in 17.
    """

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Leave the redirect unfollowed: it is the error that it came as."""
        return exc
