"""Reading the prompt and the workflow that ComfyUI leaves in the media it saves.

Pictures (PNG, animated PNG, WebP, JPEG, AVIF, SVG, EXR), videos (MP4, MOV, WebM, MKV), sound (FLAC, MP3, Ogg,
Opus) and what else it saves (GLB, safetensors, latents). What a file is, is decided by its content,
never by its name. Pure: bytes, or an open file, in; texts out. No decoder and no other library is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow.media import exif, exr, heif, id3, isobmff, matroska, other, png, vorbis
from comfy_tui.workflow.media.source import TEXT_LIMIT, Damaged, Source, Tags, TooMuch

#: How the names of pictures, videos and sound end that may hold a workflow: for lists. What a file is, its
#: content decides.
MEDIA_ENDINGS = (
    *(".png", ".webp", ".jpg", ".jpeg", ".avif", ".svg", ".exr"),
    *(".mp4", ".mov", ".m4v", ".webm", ".mkv"),
    *(".flac", ".mp3", ".ogg", ".oga", ".opus"),
)

_NO_WORKFLOW_HINT = (
    "ComfyUI writes none when started with --disable-metadata; chats and web sites remove it from copies. "
    "Ask for the original file or the workflow's JSON."
)
_DAMAGED_HINT = "Copy or download the file again."


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    read: Callable[[Source, Tags], None]


def media_format(data: bytes | BinaryIO) -> str | None:
    """What kind of media file this is, in words; None where it is none that can hold a workflow."""
    found = _format_of(Source(data))
    return found.name if found is not None else None


def read_media(data: bytes | BinaryIO, name: str = "") -> dict[str, str]:
    """The JSON texts that a media file holds, under ``prompt`` and ``workflow``; at least one.

    Args:
        data: the content, or a binary file that can seek: then only what is needed is read of it.
        name: what to call the file in an error.

    Raises:
        WorkflowError: it is no media file, damaged, or holds neither.
    """
    called = name or "The file"
    source, tags = Source(data), Tags()
    kind = _format_of(source)
    if kind is None:
        raise WorkflowError(
            f"{called} is not a file that can hold a workflow", "it is none of the known media", ""
        )
    damage = ""
    try:
        kind.read(source, tags)
    except Damaged as error:
        damage = str(error)
    except TooMuch as error:
        limit = f"more than {TEXT_LIMIT // (1024 * 1024)} MB of text is not read"
        raise WorkflowError(f"The text in {called} is too large", limit) from error
    found = tags.found()
    if found:
        return found
    if damage:
        message = f"as {kind.name} it is damaged: {damage}"
        raise WorkflowError(f"{called} cannot be read", message, _DAMAGED_HINT)
    message = f"it is {kind.name} without ComfyUI's prompt and workflow"
    if "parameters" in tags.names:
        message += "; it has the parameters of another program (A1111), which are not a workflow"
    raise WorkflowError(f"{called} holds no workflow", message, _NO_WORKFLOW_HINT)


def _format_of(source: Source) -> _Format | None:
    if source.size < 4:
        return None
    head = source.take(0, min(12, source.size))
    if head[:8] == png.SIGNATURE:
        return _Format("a PNG picture", png.read_png)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _Format("a WebP picture", exif.read_webp)
    if head[:3] == b"\xff\xd8\xff":
        return _Format("a JPEG picture", exif.read_jpeg)
    if head[:4] == exr.SIGNATURE:
        return _Format("an EXR picture", exr.read_exr)
    if head[4:8] == b"ftyp" and head[8:12] in heif.BRANDS:
        return _Format("an AVIF or HEIF picture", heif.read_heif)
    if head[4:8] in isobmff.FIRST_BOXES:
        return _Format("an MP4 or MOV video", isobmff.read_isobmff)
    if head[:4] == matroska.SIGNATURE:
        return _Format("a WebM or MKV video", matroska.read_matroska)
    return _sound_of(source, head) or _other_of(source, head)


def _sound_of(source: Source, head: bytes) -> _Format | None:
    if head[:4] == b"fLaC":
        return _Format("a FLAC sound", vorbis.read_flac)
    if head[:4] == b"OggS":
        return _Format("an Ogg file", vorbis.read_ogg)
    if head[:3] == b"ID3":
        return _Format("an MP3 sound", _read_after_id3)
    if head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return _Format("an MP3 sound", _read_nothing)
    return None


def _other_of(source: Source, head: bytes) -> _Format | None:
    if head[:4] == b"glTF":
        return _Format("a GLB model", other.read_glb)
    if other.is_safetensors(source):
        return _Format("a safetensors file", other.read_safetensors)
    if other.is_svg(source):
        return _Format("an SVG picture", other.read_svg)
    return None


def _read_after_id3(source: Source, tags: Tags) -> None:
    """An ID3 tag, and the FLAC file that some programs put behind one."""
    id3.read_id3(source, tags)
    after = id3.tag_length(source)
    if not tags.complete and after + 4 <= source.size and source.take(after, 4) == b"fLaC":
        vorbis.read_flac(source, tags, after)


def _read_nothing(source: Source, tags: Tags) -> None:
    """An MP3 file without an ID3 tag has no place for a text."""
