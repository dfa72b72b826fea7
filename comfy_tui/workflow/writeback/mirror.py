"""Second places of a value: copies in the document that other browsers read, or that a person sees.

A promoted value counts where the instance keeps it (graph-to-prompt, 13.4) or in the inner widget
(13.3), as the file and the browser's version have it; a widget that a primitive feeds shows a copy
of its own (section 11). All are written alike, so that every version shows and sends the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from comfy_tui.workflow.conversion.model import Node, key_of
from comfy_tui.workflow.conversion.promote import inner_widgets
from comfy_tui.workflow.writeback.origin import Origins
from comfy_tui.workflow.writeback.source import Source


def mirrors(origins: Origins) -> dict[Source, list[Source]]:
    """The second places by the place that counts."""
    found: dict[Source, list[Source]] = {}
    for source, copy in (*origins.fed_widgets(), *_instances(origins), *_inside(origins)):
        known = found.setdefault(source, [])
        if copy != source and copy not in known and _is_there(origins, copy):
            known.append(copy)
    return found


def _is_there(origins: Origins, copy: Source) -> bool:
    """Whether the document has this place; a dynamic combo's choice is more than its value."""
    node = origins.nodes[copy.path]
    if copy.widget >= 0 and node.widgets[copy.widget].spec.branches is not None:
        return False
    values = node.raw.get("widgets_values")
    if isinstance(copy.position, str):
        return isinstance(values, dict) and copy.position in values
    return isinstance(values, list) and 0 <= copy.position < len(values)


def _instances(origins: Origins) -> Iterator[tuple[Source, Source]]:
    """What an instance keeps beside ``proxyWidgets``, for browsers from 1.46 on."""
    for path, node in origins.nodes.items():
        if node.subgraph is not None and not node.is_group:
            for position, source in _entries(origins, node):
                yield source, Source(path, position)


def _inside(origins: Origins) -> Iterator[tuple[Source, Source]]:
    """The inner widgets of an instance that owns its values, for browsers before 1.46.

    Those share the inner widgets between all instances: of several, none is written there.
    """
    owners = [node for node in origins.nodes.values() if node.host_values and node.subgraph is not None]
    count = Counter(id(node.subgraph) for node in origins.nodes.values() if node.subgraph is not None)
    for instance in owners:
        if count[id(instance.subgraph)] > 1:
            continue
        for index in instance.host_values or ():
            source = origins.host_source(instance, index)
            for widget in inner_widgets(instance, index):
                home = origins.home(widget)
                if source is not None and home is not None:
                    yield source, home


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
