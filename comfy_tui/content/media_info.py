"""Length, size and codecs of a video or a sound, read from its container without a decoder."""

from __future__ import annotations

import io
import struct
import wave
from dataclasses import dataclass, field, replace
from typing import Any

from comfy_tui.content.facts import Fact
from comfy_tui.workflow.media import isobmff, matroska, vorbis
from comfy_tui.workflow.media.source import Damaged, Source, TooMuch

_LONGEST_S = 10 * 365 * 86400.0


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a video or a sound is; what is not known is None or empty."""

    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    video_codec: str = ""
    audio_codec: str = ""
    sample_rate_hz: int | None = None
    channels: int | None = None
    #: Title, artist and the like, as the file says them.
    tags: tuple[Fact, ...] = field(default=())


def media_info(content: bytes, form: str, size_bytes: int | None = None) -> MediaInfo:
    """Read the container's own words; an unreadable one gives what was read before.

    Args:
        content: the file, or the part of it that holds its header.
        form: as :func:`comfy_tui.content.sniff.sniff` calls it.
        size_bytes: of the whole file, where that is known: a header may claim more.
    """
    readers = {
        "MP4": _mp4,
        "MOV": _mp4,
        "M4A": _mp4,
        "WebM or MKV": _matroska,
        "WAV": _wav,
        "FLAC": _flac,
        "MP3": _mp3,
    }
    read = _ogg if form.startswith(("Ogg", "Opus")) else readers.get(form)
    if read is None:
        return MediaInfo()
    info = MediaInfo()
    try:
        for changes in _wav(content, size_bytes) if form == "WAV" else read(content):
            info = replace(info, **changes)
    except _BROKEN:
        pass
    length = info.duration_s
    if length is not None and not 0 < length < _LONGEST_S:
        info = replace(info, duration_s=None)
    return info


_BROKEN = (
    Damaged,
    TooMuch,
    struct.error,
    wave.Error,
    ValueError,
    EOFError,
    IndexError,
    ArithmeticError,
)


def header_place(head: bytes, size_bytes: int) -> int | None:
    """Where in an MP4 file its header (``moov``) begins, if not within ``head``: the offset to fetch from."""
    offset = 0
    for _ in range(16):
        if offset + 16 > len(head):
            return offset if 0 < offset < size_bytes else None
        size, kind = struct.unpack_from(">I4s", head, offset)
        if kind == b"moov":
            return None if offset + size <= len(head) else offset
        if size == 1:
            (size,) = struct.unpack_from(">Q", head, offset + 8)
        if size < 8:
            return None
        offset += size
    return None


# -- MP4 -------------------------------------------------------------------------------------------

_Changes = dict[str, Any]


def _mp4(content: bytes) -> list[_Changes]:
    source = Source(content)
    found: list[_Changes] = []
    try:
        for kind, inner, after in isobmff.boxes(source, 0, source.size):
            if kind == b"moov":
                _moov(source, inner, after, found)
    except Damaged:
        if not found:
            raise
    return found


def _moov(source: Source, start: int, end: int, found: list[_Changes]) -> None:
    for kind, inner, after in isobmff.boxes(source, start, end):
        if kind == b"mvhd":
            scale, length = _times(source, inner)
            if scale:
                found.append({"duration_s": length / scale})
        elif kind == b"trak":
            found.append(_track(source, inner, after))


def _times(source: Source, inner: int) -> tuple[int, int]:
    """Time scale and duration of ``mvhd`` and ``mdhd``."""
    if source.take(inner, 1)[0] == 1:
        scale, length = source.unpack(">IQ", inner + 20)
    else:
        scale, length = source.unpack(">II", inner + 12)
    return int(scale), int(length)


def _track(source: Source, start: int, end: int) -> _Changes:
    boxes: dict[bytes, tuple[int, int]] = {}
    _collect(source, start, end, boxes, 0)
    handler = source.take(boxes[b"hdlr"][0] + 8, 4) if b"hdlr" in boxes else b""
    codec = ""
    if b"stsd" in boxes:
        codec = source.take(boxes[b"stsd"][0] + 12, 4).decode("latin-1").strip("\0 ")
    changes: _Changes = {}
    if handler == b"vide":
        changes["video_codec"] = _CODECS.get(codec, codec)
        if b"stsd" in boxes:
            changes["width"], changes["height"] = source.unpack(">HH", boxes[b"stsd"][0] + 40)
        changes |= _frame_rate(source, boxes)
    elif handler == b"soun":
        changes["audio_codec"] = _CODECS.get(codec, codec)
        if b"stsd" in boxes:
            (channels,) = source.unpack(">H", boxes[b"stsd"][0] + 32)
            (rate,) = source.unpack(">H", boxes[b"stsd"][0] + 40)
            changes |= {"channels": channels, "sample_rate_hz": rate or None}
    return changes


def _frame_rate(source: Source, boxes: dict[bytes, tuple[int, int]]) -> _Changes:
    if b"stts" not in boxes or b"mdhd" not in boxes:
        return {}
    scale, length = _times(source, boxes[b"mdhd"][0])
    (entries,) = source.unpack(">I", boxes[b"stts"][0] + 4)
    frames = 0
    for index in range(min(entries, 2000)):
        frames += source.unpack(">I", boxes[b"stts"][0] + 8 + 8 * index)[0]
    return {"frame_rate": frames * scale / length} if length and entries <= 2000 else {}


def _collect(source: Source, start: int, end: int, boxes: dict[bytes, tuple[int, int]], depth: int) -> None:
    for kind, inner, after in isobmff.boxes(source, start, end):
        boxes.setdefault(kind, (inner, after))
        if kind in (b"mdia", b"minf", b"stbl") and depth < 4:
            _collect(source, inner, after, boxes, depth + 1)


_CODECS = {
    **{"avc1": "H.264", "avc3": "H.264", "hvc1": "H.265", "hev1": "H.265", "vp09": "VP9", "av01": "AV1"},
    **{"mp4a": "AAC", "Opus": "Opus", "fLaC": "FLAC", "ap4h": "ProRes", "apch": "ProRes", ".mp3": "MP3"},
    **{"V_VP8": "VP8", "V_VP9": "VP9", "V_AV1": "AV1", "V_MPEG4/ISO/AVC": "H.264"},
    **{"V_MPEGH/ISO/HEVC": "H.265", "A_OPUS": "Opus", "A_VORBIS": "Vorbis", "A_AAC": "AAC"},
}

# -- WebM and MKV ----------------------------------------------------------------------------------

_SEGMENT, _INFO, _TRACKS, _TRACK, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0x1F43B675
_SCALE, _DURATION, _CODEC, _VIDEO, _AUDIO = 0x2AD7B1, 0x4489, 0x86, 0xE0, 0xE1
_NUMBERS = {0xB0: "width", 0xBA: "height", 0x9F: "channels"}
_FRAME_NS = 0x23E383


def _matroska(content: bytes) -> list[_Changes]:
    source, found = Source(content), list[_Changes]()
    try:
        _segment(source, 0, source.size, found)
    except Damaged:
        # Of a file that is only read in part the first cluster ends behind it.
        if not found:
            raise
    return found


def _segment(source: Source, start: int, end: int, found: list[_Changes]) -> None:
    # A segment that is cut off is longer than what is here: its inside is walked all the same.
    place = start
    while place < end:
        kind, inner = matroska.number(source, place, end, keep_mark=True)
        size, inner = matroska.number(source, inner, end, keep_mark=False)
        after = end if size is None else min(end, inner + size)
        if kind == _SEGMENT:
            place, end = inner, after
            continue
        if kind == _CLUSTER:
            return
        if kind == _INFO:
            found.append(_length(source, inner, after))
        elif kind == _TRACKS:
            for part, begin, stop in matroska.elements(source, inner, after):
                if part == _TRACK:
                    found.append(_entry(source, begin, stop))
        place = after


def _length(source: Source, start: int, end: int) -> _Changes:
    scale, length = 1_000_000, None
    for kind, inner, after in matroska.elements(source, start, end):
        raw = source.take(inner, min(8, after - inner))
        if kind == _SCALE:
            scale = int.from_bytes(raw, "big")
        elif kind == _DURATION and len(raw) in (4, 8):
            (length,) = struct.unpack(">f" if len(raw) == 4 else ">d", raw)
    return {"duration_s": length * scale / 1e9} if length is not None and length == length else {}


def _entry(source: Source, start: int, end: int) -> _Changes:
    codec, changes = "", _Changes()
    for kind, inner, after in matroska.elements(source, start, end):
        if kind == _CODEC:
            codec = source.take(inner, min(40, after - inner)).decode("latin-1")
        elif kind == _FRAME_NS:
            length = int.from_bytes(source.take(inner, min(8, after - inner)), "big")
            if length:
                changes["frame_rate"] = 1e9 / length
        elif kind in (_VIDEO, _AUDIO):
            for part, begin, stop in matroska.elements(source, inner, after):
                if part in _NUMBERS:
                    raw = source.take(begin, min(8, stop - begin))
                    changes[_NUMBERS[part]] = int.from_bytes(raw, "big")
    name = _CODECS.get(codec, codec[2:])
    return {**changes, "audio_codec" if codec.startswith("A_") else "video_codec": name}


# -- sound -----------------------------------------------------------------------------------------


def _wav(content: bytes, size_bytes: int | None = None) -> list[_Changes]:
    """Also of a WAV that the standard library refuses (floating point): the header says enough."""
    found: list[_Changes] = []
    source, place, rate = Source(content), 12, 0
    while place + 8 <= source.size:
        kind, size = source.unpack("<4sI", place)
        if kind == b"fmt ":
            tag, channels, hertz, rate = source.unpack("<HHII", place + 8)
            (bits,) = source.unpack("<H", place + 22)
            name = {1: "PCM", 3: "PCM, floating point", 65534: "PCM"}.get(tag, "WAV")
            found.append({"channels": channels, "sample_rate_hz": hertz, "audio_codec": f"{name} {bits} bit"})
        elif kind == b"data":
            if size_bytes is not None:
                size = min(size, size_bytes - place - 8)
            # Who writes while it sounds, and cannot go back, claims the most that there can be.
            return [*found, {"duration_s": size / rate}] if rate and size < 0xFFFFFF00 else found
        place += 8 + size + size % 2
    return found


def _flac(content: bytes) -> list[_Changes]:
    head = Source(content).take(8, 34)
    packed = int.from_bytes(head[10:18], "big")
    rate, channels, samples = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    bits = (packed >> 36 & 31) + 1
    found: _Changes = {"audio_codec": f"FLAC {bits} bit", "sample_rate_hz": rate, "channels": channels}
    if rate and samples:
        found["duration_s"] = samples / rate
    return [found, {"tags": _comments(content)}]


def _comments(content: bytes) -> tuple[Fact, ...]:
    """The comments of a FLAC file other than the workflow."""
    source, place, last = Source(content), 4, False
    while not last:
        (head,) = source.unpack(">I", place)
        last, kind, length = bool(head >> 31), head >> 24 & 0x7F, head & 0xFFFFFF
        if kind == vorbis.COMMENT_BLOCK:
            return vorbis_tags(source.take(place + 4, length))
        place += 4 + length
    return ()


_SHOWN_TAGS = ("title", "artist", "album", "date", "genre", "comment", "encoder", "description")


def vorbis_tags(block: bytes) -> tuple[Fact, ...]:
    """The short comments that people write, of a block of Vorbis comments."""
    found: list[Fact] = []
    (length,) = struct.unpack_from("<I", block)
    offset = 4 + length
    (count,) = struct.unpack_from("<I", block, offset)
    offset += 4
    for _ in range(min(count, 1000)):
        (length,) = struct.unpack_from("<I", block, offset)
        name, mark, text = block[offset + 4 : offset + 4 + min(length, 2000)].partition(b"=")
        offset += 4 + length
        if mark and name.decode("latin-1").lower() in _SHOWN_TAGS:
            found.append(Fact(name.decode("latin-1").lower(), text.decode("utf-8", "replace")[:400]))
    return tuple(found[:12])


def _ogg(content: bytes) -> list[_Changes]:
    found: list[_Changes] = []
    rate = 0
    place = content.find(b"OpusHead", 0, 4096)
    if place >= 0:
        channels, skip = content[place + 9], struct.unpack_from("<H", content, place + 10)[0]
        rate = 48_000
        found.append({"audio_codec": "Opus", "channels": channels, "sample_rate_hz": 48_000})
    else:
        place, skip = content.find(b"\x01vorbis", 0, 4096), 0
        if place < 0:
            return []
        channels, rate = struct.unpack_from("<BI", content, place + 11)
        found.append({"audio_codec": "Vorbis", "channels": channels, "sample_rate_hz": rate})
    last = content.rfind(b"OggS")
    (position,) = struct.unpack_from("<q", content, last + 6)
    if position > skip and rate:
        found.append({"duration_s": (position - skip) / rate})
    for mark, skipped in ((b"OpusTags", 8), (b"\x03vorbis", 7)):
        place = content.find(mark, 0, 65_536)
        if place >= 0:
            found.append({"tags": vorbis_tags(content[place + skipped : place + 65_536])})
    return found


#: The first frame is looked for in so many bytes behind the tag.
_MP3_SEARCH_BYTES = 64 * 1024
_BITRATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3(content: bytes) -> list[_Changes]:
    place = 0
    if content[:3] == b"ID3":
        place = 10 + sum((content[6 + i] & 0x7F) << (21 - 7 * i) for i in range(4))
    place = content.find(b"\xff", place)
    last = min(len(content) - 4, place + _MP3_SEARCH_BYTES)
    while 0 <= place < last:
        version, layer = content[place + 1] >> 3 & 3, content[place + 1] >> 1 & 3
        rate_index, bits = content[place + 2] >> 2 & 3, content[place + 2] >> 4
        if content[place + 1] & 0xE0 == 0xE0 and layer == 1 and version in _RATES and rate_index < 3:
            break
        place = content.find(b"\xff", place + 1)
    else:
        return []
    rate = _RATES[version][rate_index]
    kbit = (_BITRATES if version == 3 else _BITRATES_2)[bits]
    channels = 1 if content[place + 3] >> 6 == 3 else 2
    found: _Changes = {"audio_codec": "MP3", "sample_rate_hz": rate, "channels": channels}
    xing = max(content.find(b"Xing", place, place + 64), content.find(b"Info", place, place + 64))
    if xing > 0 and content[xing + 7] & 1:
        (frames,) = struct.unpack_from(">I", content, xing + 8)
        found["duration_s"] = frames * (1152 if version == 3 else 576) / rate
    elif kbit:
        found["duration_s"] = (len(content) - place) * 8 / (kbit * 1000)
    return [found]


def wav_peaks(content: bytes, columns: int) -> tuple[float, ...]:
    """How loud a WAV file is in each of so many equal parts, 0 to 1; empty where it cannot be told."""
    try:
        with wave.open(io.BytesIO(content)) as opened:
            width, channels, frames = opened.getsampwidth(), opened.getnchannels(), opened.getnframes()
            frames = min(frames, len(content) // max(1, width * channels))
            if width not in (1, 2, 3, 4) or frames < 1 or columns < 1:
                return ()
            step = max(1, frames // columns)
            return tuple(_peak(opened.readframes(step), width) for _ in range(min(columns, frames)))
    except (wave.Error, EOFError, ValueError, struct.error, OverflowError):
        return ()


def _peak(raw: bytes, width: int) -> float:
    if not raw:
        return 0.0
    if width == 1:
        return max(max(raw) - 128, 128 - min(raw)) / 128
    # The most significant byte of each sample is enough for a drawing; of 16 bits both are taken.
    if width == 2:
        values = memoryview(raw[: len(raw) // 2 * 2]).cast("h")
        return max(max(values), -min(values)) / 32768
    tops = raw[width - 1 :: width]
    signed = memoryview(tops).cast("b")
    return max(max(signed), -min(signed)) / 128
