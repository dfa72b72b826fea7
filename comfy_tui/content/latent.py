"""A latent (or any safetensors file) in numbers: the shapes in its header."""

from __future__ import annotations

import json
import struct

from comfy_tui.content.facts import Fact

_HEADER_LIMIT = 4 * 1024 * 1024


def latent_facts(content: bytes) -> tuple[Fact, ...]:
    """The tensors of a file; ``content`` may be its beginning."""
    try:
        (length,) = struct.unpack_from("<Q", content)
        if length > min(_HEADER_LIMIT, len(content) - 8):
            return ()
        header = json.loads(content[8 : 8 + length])
        found = [
            Fact(str(name)[:60], _words(entry))
            for name, entry in list(header.items())[:8]
            if name != "__metadata__" and isinstance(entry, dict)
        ]
        return tuple(fact for fact in found if fact.value)
    except (ValueError, RecursionError, struct.error, AttributeError):
        return ()


def _words(entry: dict[str, object]) -> str:
    shape, form = entry.get("shape"), entry.get("dtype")
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(side) is int for side in shape):
        return ""
    words = " x ".join(str(side)[:12] for side in shape)
    return f"{words} {str(form)[:12]}".strip()
