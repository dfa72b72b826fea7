"""An answer's bytes, unpacked in pieces that are never large, with a turn for the keys between any two.

httpx unpacks each 64 kB of the line at once: 64 MB where gzip was made to swell, and the keys wait for it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

import httpx

#: What an answer may be packed with, once: brotli and zstd unpack a few kilobytes to gigabytes.
ENCODINGS = ("", "identity", "gzip", "deflate")
#: At most so much is unpacked in one go: about a millisecond of work.
PIECE_BYTES = 256 * 1024


def encoding_of(response: httpx.Response) -> str:
    """What the answer says it is packed with; empty where it is not."""
    return str(response.headers.get("content-encoding", "")).strip().lower()


async def pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes, unpacked: each piece of ``PIECE_BYTES`` at most, or what the line gave at once.

    Raises:
        httpx.DecodingError: it is packed in another way than it says, or not to its end.
    """
    encoding, unpacker = encoding_of(response), None
    async for raw in response.aiter_raw():
        if encoding not in ("gzip", "deflate"):
            yield raw
            await asyncio.sleep(0)
            continue
        unpacker = unpacker or zlib.decompressobj(_window_bits(encoding, raw))
        while raw:
            yield _unpack(unpacker, raw)
            raw = unpacker.unconsumed_tail or unpacker.unused_data
            await asyncio.sleep(0)
    while unpacker is not None and not unpacker.eof:
        piece = _unpack(unpacker, b"")
        if not piece and not unpacker.eof:
            raise httpx.DecodingError("it ends too early")
        yield piece


def _unpack(unpacker: zlib._Decompress, raw: bytes) -> bytes:
    if unpacker.eof:
        raise httpx.DecodingError("more follows than was packed")
    try:
        return unpacker.decompress(raw, PIECE_BYTES)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from None


def _window_bits(encoding: str, first: bytes) -> int:
    if encoding == "gzip":
        return zlib.MAX_WBITS | 16
    try:  # "deflate" is zlib's format by the standard, and bare with some servers
        zlib.decompressobj().decompress(first, 1)
    except zlib.error:
        return -zlib.MAX_WBITS
    return zlib.MAX_WBITS
