"""Small media files of our own making, with texts where ComfyUI and ffmpeg put them."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping

from PIL import Image
from PIL.PngImagePlugin import PngInfo

PROMPT = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 1}, "_meta": {"title": "☃"}}})
WORKFLOW = json.dumps({"nodes": [{"id": 3, "type": "KSampler"}], "links": [], "version": 0.4})
BOTH = {"prompt": PROMPT, "workflow": WORKFLOW}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, end: bool = True) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    parts = [b"\x89PNG\r\n\x1a\n", head, *chunks, chunk(b"IDAT", zlib.compress(bytes(4)))]
    return b"".join(parts) + (chunk(b"IEND", b"") if end else b"")


def png_by_pillow(texts: Mapping[str, str], *, packed: bool = False, itxt: bool = False) -> bytes:
    info = PngInfo()
    for key, value in texts.items():
        (info.add_itxt if itxt else info.add_text)(key, value, zip=packed)
    return picture("PNG", pnginfo=info)


def picture(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, kind, **options)
    return out.getvalue()


def exif(values: Mapping[int, object]) -> Image.Exif:
    made = Image.Exif()
    for tag, value in values.items():
        made[tag] = value
    return made


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content


def long_box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content


def item(number: int | bytes, value: str) -> bytes:
    kind = number if isinstance(number, bytes) else number.to_bytes(4, "big")
    return box(kind, box(b"data", struct.pack(">II", 1, 0), value.encode()))


def meta(texts: Mapping[str, str], *, quicktime: bool = False) -> bytes:
    names = b"".join(struct.pack(">I4s", 8 + len(k), b"mdta") + k.encode() for k in texts)
    keys = box(b"keys", struct.pack(">II", 0, len(texts)), names)
    items = b"".join(item(number, value) for number, value in enumerate(texts.values(), 1))
    handler = box(b"hdlr", bytes(8), b"mdta", bytes(13))
    return box(b"meta", b"" if quicktime else bytes(4), handler, keys, box(b"ilst", items))


def mp4(texts: Mapping[str, str], *, quicktime: bool = False) -> bytes:
    inner = meta(texts, quicktime=quicktime)
    movie = box(b"moov", box(b"mvhd", bytes(100)), inner if quicktime else box(b"udta", inner))
    return box(b"ftyp", b"qt  " if quicktime else b"isom", bytes(4)) + long_box(b"mdat", bytes(64)) + movie


def element(kind: int, content: bytes, *, unknown: bool = False) -> bytes:
    head = kind.to_bytes((kind.bit_length() + 7) // 8, "big")
    return (
        head + (b"\x01" + b"\xff" * 7 if unknown else (len(content) | 1 << 56).to_bytes(8, "big")) + content
    )


def mkv(texts: Mapping[str, str], *, live: bool = False, upper: bool = True) -> bytes:
    simple = b"".join(
        element(
            0x67C8,
            element(0x45A3, (k.upper() if upper else k).encode()) + element(0x4487, v.encode()),
        )
        for k, v in texts.items()
    )
    cluster = element(0x1F43B675, element(0xE7, b"\0") + element(0xA3, bytes(40)), unknown=live)
    body = cluster + element(0x1254C367, element(0x7373, element(0x63C0, b"") + simple))
    return element(0x1A45DFA3, element(0x4282, b"webm")) + element(0x18538067, body, unknown=live)


def comments(texts: Mapping[str, str]) -> bytes:
    out = struct.pack("<I", 4) + b"Lavf" + struct.pack("<I", len(texts))
    for key, value in texts.items():
        line = f"{key}={value}".encode()
        out += struct.pack("<I", len(line)) + line
    return out


def flac(texts: Mapping[str, str]) -> bytes:
    block = comments(texts)
    return (
        b"fLaC"
        + bytes(1)
        + (34).to_bytes(3, "big")
        + bytes(34)
        + b"\x84"
        + len(block).to_bytes(3, "big")
        + block
    )


def page(serial: int, table: bytes, payload: bytes, *, first: bool = False) -> bytes:
    head = b"OggS\0" + bytes([2 if first else 0]) + bytes(8) + struct.pack("<III", serial, 0, 0)
    return head + bytes([len(table)]) + table + payload


def ogg(packet: bytes, *, serial: int = 7) -> bytes:
    """A stream whose second packet goes over several pages."""
    out = page(serial, b"\x08", b"OpusHead", first=True)
    table = b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    for start in range(0, len(table), 3):
        part = table[start : start + 3]
        out += page(serial, part, packet[start * 255 :][: sum(part)])
    return out + page(serial, b"\x01", b"x")


def syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(texts: Mapping[str, str], *, version: int = 4, wide: bool = False) -> bytes:
    body = b""
    for key, value in texts.items():
        if wide:
            text = b"\1" + key.encode("utf-16") + b"\0\0" + value.encode("utf-16")
        else:
            text = b"\3" + key.encode() + b"\0" + value.encode()
        if version == 2:
            body += b"TXX" + len(text).to_bytes(3, "big") + text
        else:
            size = syncsafe(len(text)) if version == 4 else len(text).to_bytes(4, "big")
            body += b"TXXX" + size + bytes(2) + text
    body += bytes(20)
    return b"ID3" + bytes([version, 0, 0]) + syncsafe(len(body)) + body + b"\xff\xfb\x90\0" + bytes(40)


def glb(texts: Mapping[str, str]) -> bytes:
    text = json.dumps({"asset": {"version": "2.0", "extras": dict(texts)}}).encode()
    return b"glTF" + struct.pack("<III4s", 2, 20 + len(text), len(text), b"JSON") + text


def safetensors(texts: Mapping[str, str]) -> bytes:
    text = json.dumps({"__metadata__": dict(texts)}).encode()
    return struct.pack("<Q", len(text)) + text


def svg(texts: Mapping[str, str]) -> bytes:
    inner = json.dumps({key: json.loads(value) for key, value in texts.items()}, indent=2)
    return f'<svg xmlns="x"><metadata>\n<![CDATA[\n{inner}\n]]>\n</metadata><g/></svg>'.encode()
