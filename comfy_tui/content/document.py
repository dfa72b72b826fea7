"""Texts as they are shown: JSON laid out, everything else as it is.  Blocks: call it in a thread."""

from __future__ import annotations

import json

#: A JSON text that grows beyond this when it is laid out is shown as it is.
_LARGEST = 400_000


def document(content: bytes, form: str, *, whole: bool) -> str:
    """The text of a file.

    Args:
        content: its bytes, or the first of them.
        form: as :func:`comfy_tui.content.sniff.sniff` calls it.
        whole: the content is all of it; half a JSON text cannot be laid out.
    """
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    return laid_out(text) if whole and form == "JSON" else text


def laid_out(text: str) -> str:
    """A JSON text with an entry a line; anything else as it is."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        parts: list[str] = []
        size = 0
        for part in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(json.loads(text)):
            parts.append(part)
            size += len(part)
            if size > _LARGEST:
                return text
        return "".join(parts)
    except (ValueError, RecursionError):
        return text
