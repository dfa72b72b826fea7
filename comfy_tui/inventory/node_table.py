"""The answer of ``/object_info`` as text with an index: a class is parsed when somebody asks for it.

A workflow uses a few dozen of a server's hundreds or thousands of classes. The text of all of them
takes a tenth of the memory of the parsed values, is kept on disk as it is, and can be split in small
steps, so that an event loop beside it goes on (one ``json.loads`` of 20 MB would hold it for as long).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from comfy_tui.json_weight import check_weight

Span = tuple[int, int]

_SPACE = re.compile(r"[ \t\n\r]*")
_KEY = re.compile(r'"[^"\\\x00-\x1f]*"')
_DECODER = json.JSONDecoder()


class NodeTable(Mapping[str, Any]):
    """Node classes by name, in the server's order; compares equal to the parsed answer.

    Args:
        body: UTF-8 text that holds the JSON of every class.
        spans: where in it the JSON of each class begins and ends, in bytes.
    """

    __slots__ = ("_body", "_read", "_spans")

    def __init__(self, body: bytes, spans: Mapping[str, Span]) -> None:
        self._body = body
        self._spans = dict(spans)
        self._read: dict[str, Any] = {}

    @classmethod
    def split(cls, text: bytes) -> Self:
        """Index the JSON of an object by its keys.

        Raises:
            ValueError: it is not JSON, or not an object.
        """
        source = text.decode("utf-8-sig", "replace")
        plain = source.isascii() and len(source) == len(text)
        body = text if plain else source.encode("utf-8", "replace")
        try:
            return cls(body, _index(source, plain))
        except RecursionError as error:
            raise ValueError("nested too deep") from error

    @classmethod
    def of(cls, nodes: Mapping[str, Any]) -> Self:
        """Make it from parsed classes; those that are not JSON are left out."""
        if isinstance(nodes, cls):
            return nodes
        pieces: dict[str, bytes] = {}
        for name, node in nodes.items():
            try:
                pieces[str(name)] = json.dumps(node, separators=(",", ":")).encode("ascii")
            except (TypeError, ValueError, RecursionError):
                continue
        return cls(b"".join(pieces.values()), _laid_out(pieces))

    def packed(self) -> tuple[bytes, list[tuple[str, int]]]:
        """The classes' JSON one after the other, and the name and length of each: what is kept on disk."""
        pieces = {name: self._body[start:end] for name, (start, end) in self._spans.items()}
        return b"".join(pieces.values()), [(name, len(piece)) for name, piece in pieces.items()]

    @classmethod
    def unpacked(cls, body: bytes, lengths: Sequence[tuple[str, int]]) -> Self:
        """The reverse of :meth:`packed`.

        Raises:
            ValueError: the lengths do not fit the text.
        """
        spans: dict[str, Span] = {}
        at = 0
        for name, length in lengths:
            if type(name) is not str or type(length) is not int or length < 1:
                raise ValueError("not an index")
            spans[name] = (at, at + length)
            at += length
        if at != len(body):
            raise ValueError("the index does not fit")
        return cls(body, spans)

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            self._read[name] = self.peek(name)
        return self._read[name]

    def peek(self, name: str) -> Any:
        """The same without keeping what was parsed: for one look at many classes."""
        start, end = self._spans[name]
        try:
            return json.loads(self._body[start:end])
        except (ValueError, RecursionError):  # a class that cannot be read is as one that is absent
            return None

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __contains__(self, name: object) -> bool:
        return name in self._spans

    def __repr__(self) -> str:
        return f"<{len(self)} node classes>"

    @property
    def size_bytes(self) -> int:
        """How long the text is."""
        return len(self._body)


def _laid_out(pieces: Mapping[str, bytes]) -> dict[str, Span]:
    spans: dict[str, Span] = {}
    at = 0
    for name, piece in pieces.items():
        spans[name] = (at, at + len(piece))
        at += len(piece)
    return spans


def _index(source: str, plain: bool) -> dict[str, Span]:
    """Where the values of the outermost object are; each is parsed once to find its end."""
    check_weight(source)
    at = _after_space(source, 0)
    if source[at : at + 1] != "{":
        json.loads(source)  # tells what is wrong with it, if that is not JSON at all
        raise ValueError("not an object")
    spans: dict[str, Span] = {}
    at = _after_space(source, at + 1)
    counted = _ByteCount(source, plain)
    more = source[at : at + 1] != "}"
    while more:
        name, at = _key(source, at)
        start = at
        _, at = _DECODER.raw_decode(source, start)
        spans[name] = (counted.to(start), counted.to(at))
        at = _after_space(source, at)
        more = source[at : at + 1] == ","
        at = _after_space(source, at + 1) if more else at
    if source[at : at + 1] != "}" or _after_space(source, at + 1) != len(source):
        raise json.JSONDecodeError("Expecting ',' or the end of the object", source, at)
    return spans


def _key(source: str, at: int) -> tuple[str, int]:
    """The name at this place and where its value begins."""
    found = _KEY.match(source, at)
    if found is not None:
        name, at = found[0][1:-1], found.end()
    else:
        if source[at : at + 1] != '"':
            raise json.JSONDecodeError("Expecting a name in double quotes", source, at)
        name, at = _DECODER.raw_decode(source, at)
    at = _after_space(source, at)
    if source[at : at + 1] != ":":
        raise json.JSONDecodeError("Expecting ':'", source, at)
    return name, _after_space(source, at + 1)


def _after_space(source: str, at: int) -> int:
    found = _SPACE.match(source, at)
    return found.end() if found is not None else at


class _ByteCount:
    """Turns growing places in a text into places in its UTF-8 form."""

    def __init__(self, source: str, plain: bool) -> None:
        self._source, self._plain = source, plain
        self._at = self._bytes = 0

    def to(self, at: int) -> int:
        if self._plain:
            return at
        self._bytes += len(self._source[self._at : at].encode("utf-8", "replace"))
        self._at = at
        return self._bytes
