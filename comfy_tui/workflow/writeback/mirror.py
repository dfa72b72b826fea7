"""Second places of a promoted value: what an instance keeps beside ``proxyWidgets`` (graph-to-prompt, 13.4).

Frontends before 1.46 read the inner widget, later ones the instance. A file that holds both gets the
new value in both, so that every version shows the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from comfy_tui.workflow.conversion.model import Node, key_of
from comfy_tui.workflow.writeback.origin import Origins
from comfy_tui.workflow.writeback.source import Source


def mirrors(origins: Origins) -> dict[Source, list[Source]]:
    """The second places by the place that counts."""
    found: dict[Source, list[Source]] = {}
    for path, node in origins.nodes.items():
        values = node.raw.get("widgets_values")
        if node.subgraph is None or node.is_group or not isinstance(values, list):
            continue
        for position, source in _entries(origins, node):
            if position < len(values):
                found.setdefault(source, []).append(Source(path, position))
    return found


def _entries(origins: Origins, instance: Node) -> Iterator[tuple[int, Source]]:
    """The places that an instance's ``proxyWidgets`` name, by their position."""
    listed, graph = instance.property("proxyWidgets"), instance.subgraph
    if not isinstance(listed, list) or graph is None or not listed:
        return
    inner = {key_of(node.raw.get("id")): node for node in graph.nodes.values()}
    for position, entry in enumerate(listed):
        if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
            continue
        owner, name = key_of(entry[0]), entry[1]
        if owner == "-1":
            source = origins.promoted_source(instance, name)
        else:
            source = origins.own_source(inner.get(owner), name)
        if source is not None:
            yield position, source
