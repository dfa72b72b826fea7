"""What a file is, going by its first bytes; its name is only believed where the bytes say nothing."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

#: So many first bytes tell everything that can be told.
HEAD_BYTES = 4096


class Medium(StrEnum):
    """What a file is."""

    PICTURE = "picture"
    VIDEO = "video"
    AUDIO = "audio"
    MODEL = "3D model"
    LATENT = "latent"
    TEXT = "text"
    OTHER = "file"


_ENDINGS = {
    Medium.PICTURE: "png jpg jpeg jfif webp gif bmp avif apng ppm tga ico qoi tif tiff jxl heic exr jp2 svg",
    Medium.VIDEO: "mp4 webm mkv mov avi m4v",
    Medium.AUDIO: "flac mp3 wav opus ogg m4a aac",
    Medium.MODEL: "glb gltf obj ply stl fbx usdz spz splat ksplat",
    Medium.LATENT: "latent",
    Medium.TEXT: "txt json csv md srt vtt log yaml yml xml",
}
_BY_ENDING = {ending: medium for medium, endings in _ENDINGS.items() for ending in endings.split()}


def medium_by_ending(ending: str) -> Medium:
    """A guess from the small letters behind the dot."""
    return _BY_ENDING.get(ending, Medium.OTHER)


@dataclass(frozen=True, slots=True)
class Sort:
    """A kind of file: the medium, and the format as people call it."""

    medium: Medium
    format: str


_PICTURE, _VIDEO, _AUDIO, _MODEL = Medium.PICTURE, Medium.VIDEO, Medium.AUDIO, Medium.MODEL
_BEGINNINGS: tuple[tuple[bytes, Sort], ...] = (
    (b"\x89PNG\r\n\x1a\n", Sort(_PICTURE, "PNG")),
    (b"\xff\xd8\xff", Sort(_PICTURE, "JPEG")),
    (b"GIF87a", Sort(_PICTURE, "GIF")),
    (b"GIF89a", Sort(_PICTURE, "GIF")),
    (b"II*\0", Sort(_PICTURE, "TIFF")),
    (b"MM\0*", Sort(_PICTURE, "TIFF")),
    (b"II+\0", Sort(_PICTURE, "BigTIFF")),
    (b"v/1\x01", Sort(_PICTURE, "EXR")),
    (b"qoif", Sort(_PICTURE, "QOI")),
    (b"\0\0\x01\0", Sort(_PICTURE, "ICO")),
    (b"\xff\x0a", Sort(_PICTURE, "JPEG XL")),
    (b"\0\0\0\x0cJXL ", Sort(_PICTURE, "JPEG XL")),
    (b"\0\0\0\x0cjP  ", Sort(_PICTURE, "JPEG 2000")),
    (b"\x1a\x45\xdf\xa3", Sort(_VIDEO, "WebM or MKV")),
    (b"fLaC", Sort(_AUDIO, "FLAC")),
    (b"ID3", Sort(_AUDIO, "MP3")),
    (b"glTF", Sort(_MODEL, "GLB")),
    (b"ply\n", Sort(_MODEL, "PLY")),
    (b"ply\r\n", Sort(_MODEL, "PLY")),
    (b"Kaydara FBX Binary", Sort(_MODEL, "FBX")),
    (b"PK\x03\x04", Sort(Medium.OTHER, "ZIP")),
    (b"%PDF-", Sort(Medium.OTHER, "PDF")),
    (b"\x1f\x8b", Sort(Medium.OTHER, "gzip")),
    (b"<svg", Sort(_PICTURE, "SVG")),
)
_MP4_PICTURES = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC"}
_MP4_PICTURES |= {b"mif1": "HEIF", b"msf1": "HEIF"}
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp")


def sniff(head: bytes, ending: str = "") -> Sort:
    """What a file is that begins with these bytes.

    Args:
        head: the first :data:`HEAD_BYTES`, or the whole of a shorter file.
        ending: what its name ends in; decides only among things that look alike, such as kinds of text.
    """
    for beginning, sort in _BEGINNINGS:
        if head.startswith(beginning):
            return sort
    return _container(head) or _plain(head, ending)


def _container(head: bytes) -> Sort | None:
    if head[:4] == b"RIFF":
        riff = {b"WEBP": Sort(_PICTURE, "WebP"), b"WAVE": Sort(_AUDIO, "WAV"), b"AVI ": Sort(_VIDEO, "AVI")}
        return riff.get(head[8:12])
    if head[:4] == b"OggS":
        video = b"\x80theora" in head[:300]
        return Sort(_VIDEO, "Ogg video") if video else Sort(_AUDIO, _ogg_name(head))
    if head[4:8] in _MP4_BOXES:
        brand = head[8:12]
        if brand in _MP4_PICTURES and head[4:8] == b"ftyp":
            # A general brand, and the kind among those that it goes with.
            general = brand in (b"mif1", b"msf1")
            return Sort(_PICTURE, "AVIF" if general and b"avif" in head[16:64] else _MP4_PICTURES[brand])
        if brand in (b"M4A ", b"M4B "):
            return Sort(_AUDIO, "M4A")
        return Sort(_VIDEO, "MOV" if brand == b"qt  " else "MP4")
    if head[:2] == b"BM" and len(head) > 26 and head[14] in (12, 40, 52, 56, 108, 124):
        return Sort(_PICTURE, "BMP")
    if len(head) > 4 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 not in (0, 15):
        return Sort(_AUDIO, "MP3")
    if len(head) > 4 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return Sort(_AUDIO, "AAC")
    return _safetensors(head)


def _ogg_name(head: bytes) -> str:
    for mark, name in ((b"OpusHead", "Opus"), (b"\x01vorbis", "Ogg Vorbis"), (b"\x7fFLAC", "Ogg FLAC")):
        if mark in head[:300]:
            return name
    return "Ogg"


def _safetensors(head: bytes) -> Sort | None:
    """Latents and models are saved in it: the length of a JSON text, then the text."""
    if len(head) < 10 or head[8:9] != b"{":
        return None
    (length,) = struct.unpack_from("<Q", head)
    if not 2 <= length < 100_000_000:
        return None
    latent = b"latent" in head[: 8 + length]
    return Sort(Medium.LATENT if latent else Medium.OTHER, "latent" if latent else "safetensors")


def _plain(head: bytes, ending: str) -> Sort:
    """Text, or what its name claims where bytes cannot tell (binary STL has no mark of its own)."""
    claimed = medium_by_ending(ending)
    if _is_text(head):
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith(b"solid") and b"facet" in head:
            return Sort(_MODEL, "STL")
        if start[:1] in b"{[" and start:
            gltf = ending == "gltf" or (b'"asset"' in head and b'"version"' in head and b'"meshes"' in head)
            return Sort(_MODEL, "glTF") if gltf else Sort(Medium.TEXT, "JSON")
        if ending == "obj" or (start.startswith((b"# Blender", b"mtllib ", b"v ")) and b"\nv " in head):
            return Sort(_MODEL, "OBJ")
        if start.startswith((b"<?xml", b"<!--")) and b"<svg" in head:
            return Sort(_PICTURE, "SVG")
        if start[:2] in (b"P1", b"P2", b"P3") and ending in ("ppm", "pgm", "pbm", "pnm"):
            return Sort(_PICTURE, "PPM")
        return Sort(Medium.TEXT, ending if claimed is Medium.TEXT and ending != "json" else "text")
    if ending in ("stl", "tga", "usdz", "spz", "splat", "ksplat", "ppm"):
        return Sort(claimed, "STL" if ending == "stl" else ending.upper())
    if head[:2] in (b"P5", b"P6"):
        return Sort(_PICTURE, "PPM")
    return Sort(Medium.OTHER, "")


def _is_text(head: bytes) -> bool:
    """Readable as UTF-8, but for a character cut off at the end, and nearly without control characters."""
    if not head or b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) < HEAD_BYTES or error.start < len(head) - 4:
            return False
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    return controls * 50 <= len(head)
