"""Nodes that exist in the browser only: the core's own and those of common packs.

Nothing in ``/object_info`` tells them (graph-to-prompt, section 3), so they are listed by name. A class
that the server does have is never taken for one of these.
"""

from __future__ import annotations

from comfy_tui.workflow.conversion.model import Kind, Node

_KINDS: dict[str, Kind] = {
    "PrimitiveNode": Kind.PRIMITIVE,
    "Reroute": Kind.REROUTE,
    "Note": Kind.NOTE,
    "MarkdownNote": Kind.NOTE,
    # KJNodes, Easy-Use
    "SetNode": Kind.SET,
    "GetNode": Kind.GET,
    "easy setNode": Kind.SET,
    "easy getNode": Kind.GET,
    # rgthree
    "Reroute (rgthree)": Kind.REROUTE,
} | dict.fromkeys(
    (
        "Label (rgthree)",
        "Bookmark (rgthree)",
        "Fast Muter (rgthree)",
        "Fast Bypasser (rgthree)",
        "Fast Groups Muter (rgthree)",
        "Fast Groups Bypasser (rgthree)",
        "Fast Actions Button (rgthree)",
        "Mute / Bypass Relay (rgthree)",
        "Mute / Bypass Repeater (rgthree)",
        "Random Unmuter (rgthree)",
        "Node Collector (rgthree)",
    ),
    Kind.NOTE,
)

BROADCASTS = frozenset(
    (
        "Anything Everywhere",
        "Anything Everywhere?",
        "Anything Everywhere3",
        "Prompts Everywhere",
        "Seed Everywhere",
    )
)
"""Nodes of cg-use-everywhere: their links are made in the browser and are not in the file's link table."""


def kind_of_type(class_type: str) -> Kind | None:
    """The kind of a browser-only node type, None for any other."""
    return _KINDS.get(class_type)


def set_name(node: Node) -> str:
    """The name that a Set node sets or a Get node gets; empty when it has none."""
    values = node.raw.get("widgets_values")
    if isinstance(values, dict):
        values = list(values.values())
    name = values[0] if isinstance(values, list) and values else None
    return name if isinstance(name, str) else ""
