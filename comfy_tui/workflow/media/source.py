"""The bytes of a media file, read within limits, and the texts found in them.

A media file is hostile until read: sizes in it may point anywhere and parts may overlap. Every read is
checked against the end of the file and paid from a budget of reads and bytes, so that no file, however
made, costs more than a fraction of a second and :data:`TEXT_LIMIT` of memory a few times over.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Any, BinaryIO

from comfy_tui.json_weight import loads

TEXT_LIMIT = 32 * 1024 * 1024
"""The most text that is taken out of one file, in bytes, unpacked."""

_READS = 150_000
_BYTES = 3 * TEXT_LIMIT
WANTED = ("prompt", "workflow")
_WRAPPERS = ("comment", "description", "usercomment", "synopsis")
_OTHERS = ("parameters",)


class Damaged(Exception):
    """The file's structure is broken at this point, or asks for more than is read."""


class TooMuch(Exception):
    """The text in the file is larger than what is read."""


class Source:
    """Random access to a file's bytes.

    Args:
        data: the content, or a binary file that can seek; the caller opens and closes it.
    """

    def __init__(self, data: bytes | BinaryIO) -> None:
        self._file: BinaryIO = io.BytesIO(data) if isinstance(data, bytes | bytearray | memoryview) else data
        self.size = self._file.seek(0, io.SEEK_END)
        self._reads, self._bytes = _READS, _BYTES

    def take(self, offset: int, count: int) -> bytes:
        """Exactly these bytes.

        Raises:
            Damaged: the file ends before them, or was read too often.
            TooMuch: that is more than what is read of one file.
        """
        if offset < 0 or count < 0 or offset + count > self.size:
            raise Damaged("it ends in the middle of a part")
        self._reads -= 1
        if self._reads < 0:
            raise Damaged("it has too many parts")
        self._bytes -= count
        if self._bytes < 0:
            raise TooMuch
        self._file.seek(offset)
        found = self._file.read(count)
        if len(found) != count:
            raise Damaged("it ends in the middle of a part")
        return found

    def unpack(self, form: str, offset: int) -> tuple[Any, ...]:
        """Numbers at an offset, as :mod:`struct` reads them."""
        return struct.unpack(form, self.take(offset, struct.calcsize(form)))

    def starts(self, *beginnings: bytes) -> bool:
        """Whether the file begins like one of these."""
        longest = max(map(len, beginnings))
        return self.take(0, min(longest, self.size)).startswith(beginnings)


class Tags:
    """The texts that were found, by their lower-case names. Of several of one name the first counts."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._room = TEXT_LIMIT

    def wants(self, name: str) -> bool:
        """Whether a text of this name can be of use."""
        name = name.strip().lower()
        return name in WANTED or name in _WRAPPERS or name in _OTHERS

    def add(self, name: str, value: str | bytes) -> None:
        """Keep a text.

        Raises:
            TooMuch: all texts together are larger than what is read.
        """
        if not self.wants(name) or not value:
            return
        self._room -= len(value)
        if self._room < 0:
            raise TooMuch
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        text = text.strip("\0 \t\r\n")
        key = name.strip().lower()
        if key in WANTED:
            text = _unquoted(text)
            if not text.startswith("{"):
                return
        self._texts.setdefault(key, text)

    def add_pair(self, text: str, otherwise: str) -> None:
        """Keep a text of the form ``name:value``; one of another form under the name ``otherwise``."""
        name, colon, value = text.partition(":")
        if colon and name.strip().lower() in WANTED:
            self.add(name, value)
        else:
            self.add(otherwise, text)

    def add_packed(self, name: str, packed: bytes) -> None:
        """Keep a text that is packed with zlib, never unpacking more than there is room for."""
        if not self.wants(name):
            return
        unpacker = zlib.decompressobj()
        try:
            text = unpacker.decompress(packed, self._room + 1)
        except zlib.error as error:
            raise Damaged("a packed text cannot be unpacked") from error
        self.add(name, text)

    @property
    def complete(self) -> bool:
        """Whether both the prompt and the workflow were found."""
        return all(name in self._texts for name in WANTED)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all texts that were kept."""
        return tuple(self._texts)

    def found(self) -> dict[str, str]:
        """The texts of the prompt and the workflow, as far as there are any."""
        plain = {name: self._texts[name] for name in WANTED if name in self._texts}
        if plain:
            return plain
        for name in _WRAPPERS:
            inner = _inside(self._texts.get(name, ""))
            if inner:
                return inner
        return {}


def _unquoted(text: str) -> str:
    """Texts of videos that were saved again are JSON texts of JSON texts."""
    for _ in range(4):
        if not text.startswith('"'):
            break
        try:
            inner = loads(text)
        except (ValueError, RecursionError):
            break
        text = inner.strip() if isinstance(inner, str) else ""
    return text


def _inside(text: str) -> dict[str, str]:
    """Some packs write one comment, ``{"prompt": ..., "workflow": ...}``, values as objects or texts."""
    if not text.startswith("{") or not any(f'"{name}"' in text for name in WANTED):
        return {}
    try:
        value = loads(text)
    except (ValueError, RecursionError):
        return {}
    found = {}
    for name in WANTED:
        inner = value.get(name) if isinstance(value, dict) else None
        if isinstance(inner, dict) and inner:
            found[name] = json.dumps(inner)
        elif isinstance(inner, str) and inner.lstrip().startswith("{"):
            found[name] = inner
    return found
