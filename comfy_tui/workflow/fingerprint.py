"""Which workflow a prompt comes from, as far as its own shape tells: a stable mark of its structure.

Two prompts have the same fingerprint where they have the same nodes, wired the same way, whatever their
ids, titles, texts and seeds are.  How long a run takes depends on some of the values too: those are in the
timing fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from comfy_tui.workflow.parameters import FieldKind, fields, is_link, nodes

#: What the time of a run depends on, beside the structure.
_TIMING_KINDS = frozenset((FieldKind.MODEL, FieldKind.STEPS, FieldKind.SAMPLER))
_TIMING_INPUTS = frozenset(("width", "height", "batch_size", "length", "steps", "frames", "upscale_by"))
_ROUNDS_LIMIT = 64


def fingerprint(prompt: Mapping[str, Any]) -> str:
    """The mark of a prompt's structure: 32 hexadecimal characters; never raises."""
    return fingerprints(prompt)[0]


def fingerprints(prompt: Mapping[str, Any]) -> tuple[str, str]:
    """Both: of the structure, and of that and the values that make a run longer."""
    marks = _node_marks(prompt)
    shape = sorted(marks.values())
    values = sorted(
        f"{marks.get(field.node_id, '')} {field.input} {_plain(field.value)}"
        for field in fields(prompt)
        if field.kind in _TIMING_KINDS or field.input.rsplit(".", 1)[-1] in _TIMING_INPUTS
    )
    return _digest(shape), _digest([*shape, *values])


def _node_marks(prompt: Mapping[str, Any]) -> dict[str, str]:
    """A mark for each node, made of its class, its inputs and of the marks of the nodes around it."""
    known = {node_id: (class_type, inputs) for node_id, class_type, inputs, _ in nodes(prompt)}
    own = {
        node_id: _digest([class_type, *sorted(map(str, inputs))])
        for node_id, (class_type, inputs) in known.items()
    }
    links = {node_id: _links(inputs) for node_id, (_, inputs) in known.items()}
    readers: dict[str, list[tuple[str, str, str]]] = {node_id: [] for node_id in known}
    for node_id, read in links.items():
        for name, source, slot in read:
            readers.get(source, []).append((f"to {name}", node_id, slot))
    near = {node_id: [*read, *readers[node_id]] for node_id, read in links.items()}
    marks, kinds = own, len(set(own.values()))
    # Until no more nodes are told apart, so that a graph with a cycle comes to an end, too.
    for _ in range(_ROUNDS_LIMIT):
        marks = {
            node_id: _digest(
                [
                    own[node_id],
                    *sorted(f"{name} {slot} {marks.get(other, '')}" for name, other, slot in found),
                ]
            )
            for node_id, found in near.items()
        }
        before, kinds = kinds, len(set(marks.values()))
        if kinds == before:
            break
    return marks


def _links(inputs: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return sorted(
        (str(name), str(value[0]) if value else "", str(value[1]) if len(value) > 1 else "")
        for name, value in inputs.items()
        if is_link(value)
    )


def _plain(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, default=str)
    except (ValueError, RecursionError):
        return ""


def _digest(parts: list[str]) -> str:
    joined = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()
