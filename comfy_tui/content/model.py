"""3D files in numbers: glTF and GLB, OBJ, STL, PLY.  Bounded; blocks: call it in a thread."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Any

from comfy_tui.content.facts import Fact

#: A JSON header that is larger is not parsed.
_JSON_LIMIT = 8 * 1024 * 1024
_TOP = 10**12


def model_facts(content: bytes, form: str, *, whole: bool) -> tuple[Fact, ...]:
    """What is known of a 3D file; empty where it cannot be read.

    Args:
        content: the file, or its beginning.
        form: as :func:`comfy_tui.content.sniff.sniff` calls it.
        whole: the content is all of it: what is counted line by line is only told then.
    """
    read = {"GLB": _glb, "glTF": _gltf_text, "STL": _stl, "PLY": _ply}.get(form)
    try:
        if read is not None:
            return tuple(read(content))
        if form == "OBJ":
            return tuple(_obj(content, whole=whole))
    except (ValueError, RecursionError, struct.error, TypeError, KeyError, OverflowError):
        pass
    return ()


def _glb(content: bytes) -> list[Fact]:
    version, _total, length, kind = struct.unpack_from("<IIII", content, 4)
    found = [Fact("format", f"GLB, glTF {version}")]
    if kind == 0x4E4F534A and length <= min(_JSON_LIMIT, len(content) - 20):
        found += _gltf(json.loads(content[20 : 20 + length]))
    return found


def _gltf_text(content: bytes) -> list[Fact]:
    if len(content) > _JSON_LIMIT:
        return []
    return _gltf(json.loads(content))


def _gltf(data: Any) -> list[Fact]:
    if not isinstance(data, Mapping):
        return []
    accessors = _list(data, "accessors")
    corners = triangles = 0
    for mesh in _list(data, "meshes")[:10_000]:
        for part in _list(mesh, "primitives")[:10_000]:
            attributes = part.get("attributes") if isinstance(part, Mapping) else None
            place = attributes.get("POSITION") if isinstance(attributes, Mapping) else None
            points = _count(accessors, place)
            corners += points
            if isinstance(part, Mapping) and part.get("mode", 4) == 4:
                triangles += (_count(accessors, part["indices"]) if "indices" in part else points) // 3
    found = [Fact("vertices", f"{corners:,}"), Fact("triangles", f"{triangles:,}")] if corners else []
    for name in ("meshes", "materials", "textures", "images", "animations"):
        if _list(data, name):
            found.append(Fact(name, f"{len(_list(data, name)):,}"))
    asset = data.get("asset")
    maker = asset.get("generator") if isinstance(asset, Mapping) else None
    return [*found, *([Fact("made by", maker[:200])] if isinstance(maker, str) else [])]


def _list(data: Any, name: str) -> list[Any]:
    value = data.get(name) if isinstance(data, Mapping) else None
    return value if isinstance(value, list) else []


def _count(accessors: list[Any], index: Any) -> int:
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(accessors):
        return 0
    entry = accessors[index]
    count = entry.get("count") if isinstance(entry, Mapping) else None
    return count if isinstance(count, int) and 0 <= count < _TOP else 0


def _obj(content: bytes, *, whole: bool) -> list[Fact]:
    if not whole:
        return []
    content = b"\n" + content
    counted = {"vertices": rb"\nv[ \t]", "faces": rb"\nf[ \t]", "parts": rb"\n[og][ \t]"}
    counts = {name: sum(1 for _ in re.finditer(pattern, content)) for name, pattern in counted.items()}
    return [Fact(name, f"{count:,}") for name, count in counts.items() if count or name != "parts"]


def _stl(content: bytes) -> list[Fact]:
    if content.lstrip()[:5] == b"solid" and b"facet" in content[:4096]:
        return [Fact("format", "STL, text"), Fact("triangles", f"{content.count(b'endfacet'):,} read")]
    (count,) = struct.unpack_from("<I", content, 80)
    return [Fact("format", "STL, binary"), Fact("triangles", f"{count:,}")]


def _ply(content: bytes) -> list[Fact]:
    head, mark, _ = content[:65_536].partition(b"end_header")
    if not mark:
        return []
    found = []
    for line in head.decode("ascii", "replace").splitlines():
        words = line.split()
        if words[:1] == ["format"] and len(words) > 1:
            found.append(Fact("format", f"PLY, {words[1][:40]}"))
        elif words[:1] == ["element"] and len(words) == 3 and words[2].isdigit() and len(words[2]) < 19:
            found.append(Fact(words[1][:40], f"{int(words[2]):,}"))
    return found
