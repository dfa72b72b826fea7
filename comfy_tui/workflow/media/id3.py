"""ID3v2 tags: ``TXXX`` and comment frames of MP3 files, versions 2.2 to 2.4."""

from __future__ import annotations

from comfy_tui.workflow.media.source import Damaged, Source, Tags

_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_TEXTS = (b"TXXX", b"TXX")
_COMMENTS = (b"COMM", b"COM")
_MOST_FRAMES = 10_000


def tag_length(source: Source) -> int:
    """How many bytes of the file its ID3 tag takes; 0 where it has none."""
    if source.size < 10 or source.take(0, 3) != b"ID3":
        return 0
    head = source.take(0, 10)
    return 10 + _syncsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)


def read_id3(source: Source, tags: Tags) -> None:
    """Read the frames of the tag at the begin of the file."""
    head = source.take(0, 10)
    version, flags = head[3], head[5]
    if version not in (2, 3, 4):
        raise Damaged(f"an ID3 tag of version 2.{version} is not read")
    body = source.take(10, min(_syncsafe(head[6:10]), source.size - 10))
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\0", b"\xff")
    offset = 0
    if flags & 0x40 and version > 2 and len(body) >= 4:
        size = _syncsafe(body[:4]) if version == 4 else int.from_bytes(body[:4], "big") + 4
        offset = max(4, size)
    _read_frames(body, offset, version, tags)


def _read_frames(body: bytes, offset: int, version: int, tags: Tags) -> None:
    id_length, head_length = (3, 6) if version == 2 else (4, 10)
    frames = 0
    while offset + head_length <= len(body) and body[offset]:
        kind = body[offset : offset + id_length]
        field = body[offset + id_length : offset + 2 * id_length]
        size = _syncsafe(field) if version == 4 else int.from_bytes(field, "big")
        form = body[offset + 9] if version > 2 else 0
        offset += head_length
        frames += 1
        if offset + size > len(body) or frames > _MOST_FRAMES:
            raise Damaged("a frame of its ID3 tag is cut off, or there are too many")
        if kind in _TEXTS + _COMMENTS:
            _read_frame(kind, _plain(body[offset : offset + size], form, version), tags)
        offset += size


def _plain(frame: bytes | None, form: int, version: int) -> bytes | None:
    """Undo what 2.4 does to single frames; None for packed or encrypted ones, which nobody writes."""
    if frame is None or form & (0x0C if version == 4 else 0xC0):
        return None
    if version == 4 and form & 0x02:
        frame = frame.replace(b"\xff\0", b"\xff")
    return frame[4:] if version == 4 and form & 0x01 else frame


def _read_frame(kind: bytes, frame: bytes | None, tags: Tags) -> None:
    if not frame or frame[0] not in _ENCODINGS:
        return
    encoding = _ENCODINGS[frame[0]]
    rest = frame[4 if kind in _COMMENTS else 1 :]
    name, text = _split(rest, wide=frame[0] in (1, 2))
    title = name.decode(encoding, "replace").removeprefix("\ufeff")
    if tags.wants(title):
        tags.add(title, text.decode(encoding, "replace").removeprefix("\ufeff"))
    elif kind in _COMMENTS:
        tags.add("comment", text.decode(encoding, "replace").removeprefix("\ufeff"))


def _split(data: bytes, *, wide: bool) -> tuple[bytes, bytes]:
    """The name before the zero character and the text after it."""
    if not wide:
        name, _, text = data.partition(b"\0")
        return name, text
    end = data.find(b"\0\0")
    while end >= 0 and end % 2:
        end = data.find(b"\0\0", end + 1)
    return (data, b"") if end < 0 else (data[:end], data[end + 2 :])


def _syncsafe(field: bytes) -> int:
    """A number of which each byte has seven bits."""
    value = 0
    for byte in field:
        value = value << 7 | byte & 0x7F
    return value
