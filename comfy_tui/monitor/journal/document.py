"""What a job was asked, as it is kept: its prompt and what travelled beside it, packed, without keys."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from comfy_tui.workflow.parameters import nodes, summarize

#: No prompt that a server takes is larger (its limit for a request is 100 MB by default).
LIMIT_BYTES = 256 * 1024 * 1024
_SEARCH_LIMIT = 8_000
_KEY_WORDS = ("token", "api_key", "apikey", "password", "secret", "authorization")


def pack(prompt: Mapping[str, Any], extra_data: Mapping[str, Any]) -> bytes:
    """Prompt and extra data in a few kilobytes; keys for paid nodes are left out."""
    kept = {key: value for key, value in extra_data.items() if not is_key(key)}
    return zlib.compress(json.dumps({"prompt": prompt, "extra_data": kept}).encode("ascii"), 6)


def unpack(packed: bytes | None) -> tuple[Mapping[str, Any] | None, Mapping[str, Any]]:
    """The prompt and the extra data; None where nothing is kept, or where it is damaged."""
    if not packed:
        return None, {}
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(packed, LIMIT_BYTES)
        data = json.loads(text) if not unpacker.unconsumed_tail else {}
    except (zlib.error, ValueError, RecursionError):
        return None, {}
    data = data if isinstance(data, dict) else {}
    prompt, extra_data = data.get("prompt"), data.get("extra_data")
    return (
        prompt if isinstance(prompt, dict) else None,
        extra_data if isinstance(extra_data, dict) else {},
    )


def is_key(name: str) -> bool:
    """Whether an entry of the extra data is a secret by its name: ``api_key_comfy_org`` and like ones."""
    return any(word in name.lower() for word in _KEY_WORDS)


def has_keys(extra_data: Mapping[str, Any]) -> bool:
    """Whether there is a secret that is not kept."""
    return any(is_key(key) and value for key, value in extra_data.items())


def to_send(extra_data: Mapping[str, Any]) -> dict[str, Any]:
    """Extra data as a server gave it out, without what the server put in itself."""
    return {key: value for key, value in extra_data.items() if key not in ("create_time", "client_id")}


def search_text(prompt: Mapping[str, Any]) -> str:
    """What a person may look for in a prompt: its texts, nodes, models and files."""
    return " ".join(_words(prompt)).casefold()[:_SEARCH_LIMIT].encode("utf-8", "replace").decode("utf-8")


def _words(prompt: Mapping[str, Any]) -> Iterator[str]:
    summary = summarize(prompt)
    yield from (summary.positive, summary.negative, *summary.models, *summary.files)
    seen: set[str] = set()
    for _, class_type, inputs, title in nodes(prompt):
        for word in (class_type, title):
            if word not in seen:
                seen.add(word)
                yield word
        for value in inputs.values():
            # Texts of nodes that no table knows are texts all the same.
            if isinstance(value, str) and len(value) > 12 and value not in seen:
                seen.add(value)
                yield value
