"""What a node left behind: files and texts, wherever in its output object they stand.

Nodes put lists under keys of their own invention (``images``, ``gifs``, ``audio``, ``3d``, ``result``), and
some put an object where a list belongs, or lists in lists.  A file is an object with a ``filename``,
whatever it stands under.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from comfy_tui.comfy.types import OutputFile, OutputText

#: No node nests deeper; what does is not looked into.
_DEPTH = 4
#: Of one node's output so many entries are looked at.
_ENTRIES = 20_000
#: Keys whose plain strings are meant for a person's eyes.
_TEXT_KEYS = ("text", "string", "texts", "markdown", "html", "json", "message", "messages")
#: Keys under which a 3D preview names its file by a path below the output folder (Preview3D, Load3D).
_PATH_KEYS = ("result", "model_file", "3d", "mesh")
_MODEL_ENDINGS = (".glb", ".gltf", ".obj", ".ply", ".stl", ".fbx", ".usdz", ".spz", ".splat", ".ksplat")
_NAME_LIMIT = 4096


def read_outputs(data: Any) -> tuple[tuple[OutputFile, ...], tuple[OutputText, ...]]:
    """Find the files and texts of every node of a job."""
    files: list[OutputFile] = []
    texts: list[OutputText] = []
    for node_id, output in data.items() if isinstance(data, Mapping) else ():
        if not isinstance(output, Mapping):
            continue
        flags = output.get("animated")
        seen: set[tuple[str, str, str]] = set()
        for key, entries in output.items():
            animated = iter(flags) if isinstance(flags, list) and key != "animated" else iter(())
            for entry in _flat(entries):
                found = _file(entry, str(node_id), str(key), animated)
                if found is not None:
                    # Some nodes name a file under two keys: for the old and for the new editor.
                    place = (found.type, found.subfolder, found.filename)
                    if place not in seen:
                        seen.add(place)
                        files.append(found)
                elif isinstance(entry, str) and str(key).lower() in _TEXT_KEYS:
                    texts.append(OutputText(entry, str(node_id), str(key)))
    return tuple(files), tuple(texts)


def _flat(value: Any) -> Iterator[Any]:
    """Objects with a file name and strings, in their order; bounded in depth and number."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    looked = 0
    while waiting and looked < _ENTRIES:
        entry, depth = waiting.pop()
        looked += 1
        if isinstance(entry, str) or (isinstance(entry, Mapping) and isinstance(entry.get("filename"), str)):
            yield entry
        elif depth < _DEPTH and isinstance(entry, Mapping | list):
            inner = entry if isinstance(entry, list) else list(entry.values())
            waiting += [(part, depth + 1) for part in reversed(inner[:_ENTRIES])]


def _file(entry: Any, node_id: str, key: str, animated: Iterator[Any]) -> OutputFile | None:
    if isinstance(entry, str):
        return _by_path(entry, node_id, key)
    if not entry["filename"] or len(entry["filename"]) > _NAME_LIMIT:
        return None
    subfolder, folder = entry.get("subfolder"), entry.get("type")
    return OutputFile(
        filename=entry["filename"],
        subfolder=subfolder if isinstance(subfolder, str) else "",
        type=folder if isinstance(folder, str) and folder else "output",
        node_id=node_id,
        key=key,
        animated=next(animated, False) is True,
    )


def _by_path(entry: str, node_id: str, key: str) -> OutputFile | None:
    """A 3D preview says ``3d/mesh.glb`` or ``mesh.glb [output]``."""
    if key not in _PATH_KEYS or not 0 < len(entry) < _NAME_LIMIT:
        return None
    path, folder = entry.strip(), "output"
    for name in ("output", "input", "temp"):
        if path.endswith(f" [{name}]"):
            path, folder = path.removesuffix(f" [{name}]"), name
    if not path.lower().endswith(_MODEL_ENDINGS) or path.startswith(("/", "\\")) or ":" in path:
        return None
    subfolder, _, filename = path.replace("\\", "/").rpartition("/")
    return OutputFile(filename, subfolder, folder, node_id, key) if filename else None
