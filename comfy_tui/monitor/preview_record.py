"""What is known of a file as a JSON object, for the disk."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from comfy_tui.comfy.file_version import FileVersion
from comfy_tui.content.facts import Fact
from comfy_tui.content.media_info import MediaInfo
from comfy_tui.content.sniff import Medium, Sort
from comfy_tui.monitor.preview_content import MEDIA_NOTE, Preview
from comfy_tui.pictures.decode import Decoded

if TYPE_CHECKING:
    from PIL import Image


def to_record(preview: Preview) -> dict[str, Any]:
    """Everything but pixels and texts."""
    decoded = preview.decoded
    found: dict[str, Any] = {
        "cut": preview.cut,
        "size_bytes": preview.size_bytes,
        "small_bytes": preview.small_bytes,
        "note": preview.note,
        "peaks": list(preview.peaks),
        "facts": [[fact.name, fact.value] for fact in preview.facts],
        "version": [preview.version.etag, preview.version.modified],
    }
    if preview.sort is not None:
        found["sort"] = [preview.sort.medium.value, preview.sort.format]
    if preview.info is not None:
        info = asdict(preview.info)
        info["tags"] = [[fact.name, fact.value] for fact in preview.info.tags]
        found["info"] = info
    if decoded is not None:
        found["picture"] = [decoded.width, decoded.height, decoded.format, decoded.animated]
    return found


def from_record(record: dict[str, Any], image: Image.Image | None) -> Preview | None:
    """The preview; None where the record is of another make."""
    try:
        if record["note"] == MEDIA_NOTE:
            return None  # the library may have come since
        size = record["size_bytes"]
        decoded = None
        if image is not None:
            width, height, form, animated = record["picture"]
            decoded = Decoded(image, int(width), int(height), str(form), int(size or 0), bool(animated))
        sort = record.get("sort")
        return Preview(
            decoded=decoded,
            cut=bool(record["cut"]),
            size_bytes=size,
            sort=Sort(Medium(sort[0]), str(sort[1])) if sort else None,
            info=_info(record["info"]) if "info" in record else None,
            facts=_facts(record["facts"]),
            peaks=tuple(float(peak) for peak in record["peaks"]),
            note=str(record["note"]),
            small_bytes=record["small_bytes"],
            version=FileVersion(*map(str, record["version"])),
        )
    except (KeyError, ValueError, TypeError, IndexError):
        return None


def _facts(pairs: Any) -> tuple[Fact, ...]:
    return tuple(Fact(str(name), str(value)) for name, value in pairs)


def _info(record: dict[str, Any]) -> MediaInfo:
    known = {field.name: record[field.name] for field in fields(MediaInfo) if field.name in record}
    return MediaInfo(**{**known, "tags": _facts(record["tags"])})
