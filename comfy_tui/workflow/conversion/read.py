"""Reading links, definitions and ids out of an editor document (graph-to-prompt, sections 2 and 13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from comfy_tui.workflow.conversion.model import INPUT_PANEL, OUTPUT_PANEL, Graph, Link, Port, index_of, key_of
from comfy_tui.workflow.conversion.report import Report

_MAX_ID = (1 << 53) - 1


def entries(owner: Any, name: str) -> list[Any]:
    """The list under a key; empty when it is anything else. Object forms give their values."""
    found = owner.get(name) if isinstance(owner, Mapping) else None
    if isinstance(found, Mapping):
        return list(found.values())
    return found if isinstance(found, list) else []


def read_definitions(
    document: Mapping[str, Any],
) -> dict[str, tuple[Mapping[str, Any], tuple[str | int, ...]]]:
    """All subgraph definitions by id, with the path to each; the first of two namesakes counts."""
    found: dict[str, tuple[Mapping[str, Any], tuple[str | int, ...]]] = {}
    waiting: list[tuple[Any, tuple[str | int, ...]]] = [(document, ())]
    while waiting:
        owner, path = waiting.pop()
        listed = owner.get("definitions")
        for index, raw in enumerate(entries(listed, "subgraphs")):
            here = (*path, "definitions", "subgraphs", index)
            key = raw.get("id") if isinstance(raw, Mapping) else None
            if isinstance(key, str) and key not in found:
                found[key] = (raw, here)
                if "definitions" in raw:
                    waiting.append((raw, here))
    return found


def read_links(raw: Mapping[str, Any], ids: Mapping[str, str], report: Report, where: str) -> dict[str, Link]:
    """The link table by link id; arrays and objects are told apart by looking (a deviation, section 2.1)."""
    links: dict[str, Link] = {}
    unreadable = 0
    for entry in entries(raw, "links"):
        link_id, link = _read_link(entry, ids)
        if link_id is None or link is None:
            unreadable += entry is not None
            continue
        links[link_id] = link
    if unreadable:
        report.warn("unreadable_link", f"{unreadable} links of {where} cannot be read and are left out")
    return links


def _read_link(entry: Any, ids: Mapping[str, str]) -> tuple[str | None, Link | None]:
    if isinstance(entry, list) and len(entry) >= 5:
        fields = entry[:5]
    elif isinstance(entry, Mapping):
        fields = [entry.get(n) for n in ("id", "origin_id", "origin_slot", "target_id", "target_slot")]
    else:
        return None, None
    origin, target = key_of(fields[1]), key_of(fields[3])
    origin_slot = index_of(fields[2])
    if origin is None or origin_slot is None:
        return None, None
    target_slot = index_of(fields[4])
    return key_of(fields[0]), Link(
        ids.get(origin, origin),
        origin_slot,
        ids.get(target, target) if target is not None else "",
        -1 if target_slot is None else target_slot,
    )


def read_ports(graph: Graph) -> None:
    """The inputs and outputs of a subgraph definition; needs the link table."""
    graph.inputs = [_port(raw) for raw in entries(graph.raw, "inputs")]
    graph.outputs = [_port(raw) for raw in entries(graph.raw, "outputs")]
    _derive_links(graph)


def _port(raw: Any) -> Port:
    if not isinstance(raw, Mapping):
        return Port("", "*", [])
    name, kind = raw.get("name"), raw.get("type")
    listed = raw.get("linkIds")
    ids = [key for key in map(key_of, listed) if key is not None] if isinstance(listed, list) else []
    return Port(name if isinstance(name, str) else "", type_of(kind), ids)


def _derive_links(graph: Graph) -> None:
    """Where a port has no ``linkIds`` the link table tells; an empty list means none (section 13.1)."""
    bare = {
        side: {i for i, raw in enumerate(entries(graph.raw, side)) if _lacks_ids(raw)}
        for side in ("inputs", "outputs")
    }
    if not bare["inputs"] and not bare["outputs"]:
        return
    for link_id, link in graph.links.items():
        if link.origin == INPUT_PANEL and link.origin_slot in bare["inputs"]:
            graph.inputs[link.origin_slot].links.append(link_id)
        if link.target == OUTPUT_PANEL and link.target_slot in bare["outputs"]:
            graph.outputs[link.target_slot].links.append(link_id)


def _lacks_ids(raw: Any) -> bool:
    return not isinstance(raw, Mapping) or not isinstance(raw.get("linkIds"), list)


def type_of(kind: Any) -> str:
    """A saved type as text; a list of choices is a combo, anything odd matches everything."""
    if isinstance(kind, str):
        return kind
    return "COMBO" if isinstance(kind, list) else "*"


class Renumbering:
    """New ids for nodes whose id is taken (graph-to-prompt, section 13.6, and 2.4 for the root)."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        last = key_of(document.get("last_node_id"))
        if last is None:
            state = document.get("state")
            last = key_of(state.get("lastNodeId")) if isinstance(state, Mapping) else None
        self._last = _number(last) or 0
        self._used: set[str] = {key for _, key in numbered(document)}

    def renumber(self, raw: Mapping[str, Any]) -> tuple[dict[int, str], dict[str, str]]:
        """Ids for one definition: by place in its list, and for its links by old id."""
        by_index: dict[int, str] = {}
        by_id: dict[str, str] = {}
        for index, key in numbered(raw):
            if key in self._used:
                by_index[index] = by_id[key] = self.fresh()
            else:
                self._used.add(key)
                self._last = max(self._last, _number(key) or 0)
        return by_index, by_id

    def fresh(self) -> str:
        """The next free number above all seen so far."""
        while True:
            self._last += 1
            key = str(self._last)
            if key not in self._used:
                self._used.add(key)
                return key


def numbered(raw: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Place and id of each node whose id is a number."""
    for index, node in enumerate(entries(raw, "nodes")):
        value = node.get("id") if isinstance(node, Mapping) else None
        if not isinstance(value, str):
            key = key_of(value)
            if key is not None:
                yield index, key


def _number(key: str | None) -> int | None:
    try:
        value = int(key) if key is not None and len(key) < 20 else None
    except ValueError:
        return None
    return value if value is not None and abs(value) <= _MAX_ID else None
