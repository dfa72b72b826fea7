"""The catalogue that is shipped: models and classes of ComfyUI's own templates (MIT).

Made by ``tests/tools/build_catalogue.py`` from the package comfyui-workflow-templates-json.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from comfy_tui.workflow.advice.commands import safe_url
from comfy_tui.workflow.advice.knowledge import Catalogue, ModelSource
from comfy_tui.workflow.advice.types import Origin

FILE = "models.json.gz"


@cache
def load_catalogue() -> Catalogue:
    """The catalogue, read when it is first asked for; empty where the installation lacks it."""
    try:
        content = (files("comfy_tui") / "data" / FILE).read_bytes()
        return read_catalogue(json.loads(gzip.decompress(content)))
    except (OSError, ValueError, EOFError):
        return Catalogue()


def read_catalogue(data: Any) -> Catalogue:
    """Make it from its JSON; what is not as it should be is left out."""
    models: dict[str, list[ModelSource]] = {}
    for folder, entries in _items(data, "models"):
        for name, entry in entries.items() if isinstance(entries, Mapping) else ():
            url = safe_url(entry[0]) if isinstance(entry, list) and entry else None
            digest = entry[1] if isinstance(entry, list) and len(entry) > 1 else None
            if url is not None:
                source = ModelSource(name, folder, url, Origin.CATALOGUE, sha256=digest)
                models.setdefault(name, []).append(source)
    core = {name: tuple(listed) for name, listed in _items(data, "core") if isinstance(listed, list)}
    return Catalogue({name: tuple(listed) for name, listed in models.items()}, core)


def _items(data: Any, key: str) -> Any:
    held = data.get(key) if isinstance(data, Mapping) else None
    return held.items() if isinstance(held, Mapping) else ()
