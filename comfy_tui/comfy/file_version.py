"""Which version of a file a server has: what its answers say, and how to ask whether it is still that one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_LIMIT = 200


@dataclass(frozen=True, slots=True)
class FileVersion:
    """``ETag`` and ``Last-Modified`` as they were sent; empty where the server says nothing."""

    etag: str = ""
    modified: str = ""

    @property
    def is_told(self) -> bool:
        """Whether the server said anything."""
        return bool(self.etag or self.modified)

    @property
    def modified_at_s(self) -> float | None:
        """When the file was last written, in whole Unix seconds; the server may round up."""
        try:
            return parsedate_to_datetime(self.modified).timestamp() if self.modified else None
        except (ValueError, TypeError, OverflowError, OSError):
            return None

    def conditions(self) -> dict[str, str]:
        """The headers that ask for the file only if it is another version."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.modified} if self.modified else {}


#: The server said nothing of its file.
UNTOLD = FileVersion()


@dataclass(frozen=True, slots=True)
class FileHead:
    """What a server says of a file without sending it."""

    size_bytes: int | None
    version: FileVersion


def version_of(headers: Mapping[str, str]) -> FileVersion:
    """What the headers of an answer say."""
    return FileVersion(_value(headers, "etag"), _value(headers, "last-modified"))


def _value(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    return value if len(value) <= _LIMIT and value.isascii() and value.isprintable() else ""
