"""What versions of the browser's frontend do otherwise, for those who want their very prompt (section 13.4).

Without a version the recommended way is taken: a file says itself who owns promoted values, and links
are read as they look (sections 2.1 and 13.4). With one, these two follow that version; the rest is the
same for all versions here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.errors import ConfigError
from comfy_tui.workflow.conversion.model import INPUT_PANEL, Graph, Node, key_of

_INNER_FROM, _INSTANCE_FROM = (1, 37), (1, 46)
_NUMBERS = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Frontend:
    """One version's ways.

    Attributes:
        strict_links: the number 0.4 as ``version`` means links as arrays, anything else objects; links of
            the other shape are lost.
        inner_values: promoted values are those of the inner widgets, whatever the instance says.
        instance_values: they are those of the instance, beside ``proxyWidgets`` too.
    """

    strict_links: bool = False
    inner_values: bool = False
    instance_values: bool = False


RECOMMENDED = Frontend()


def frontend_of(version: str | None) -> Frontend:
    """The ways of a version such as "1.45.19"; the recommended ones for None.

    Raises:
        ConfigError: it is no version.
    """
    if version is None:
        return RECOMMENDED
    found = _NUMBERS.fullmatch(version.strip().lstrip("v"))
    if found is None:
        raise ConfigError(
            "Wrong usage", f"{version[:40]} is no frontend version", "Write it as in: --frontend 1.45.19"
        )
    numbers = (int(found[1]), int(found[2]))
    newer = numbers >= _INSTANCE_FROM
    return Frontend(True, not newer and numbers >= _INNER_FROM, newer)


def readable_links(document: Mapping[str, Any], frontend: Frontend) -> Mapping[str, Any]:
    """The document with only those links of its root that this version reads."""
    links = document.get("links")
    if not frontend.strict_links or not isinstance(links, list):
        return document
    version = document.get("version")
    arrays = version == 0.4 and not isinstance(version, bool)
    kept = [link for link in links if isinstance(link, list) == arrays]
    return document if len(kept) == len(links) else {**document, "links": kept}


def proxied_values(node: Node, graph: Graph, values: list[Any]) -> Iterator[tuple[int, int, Any]]:
    """Input index, position and value of the entries of ``proxyWidgets`` that a linked input stands for."""
    listed = node.property("proxyWidgets")
    if not isinstance(listed, list):
        return
    inner = {key_of(one.raw.get("id")): one for one in graph.nodes.values()}
    names = {port.name: index for index, port in enumerate(graph.inputs)}
    for position, (entry, value) in enumerate(zip(listed, values, strict=False)):
        if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
            continue
        owner = key_of(entry[0])
        index = names.get(entry[1]) if owner == "-1" else _linked(inner.get(owner), entry[1], graph)
        if index is not None:
            yield index, position, value


def _linked(owner: Node | None, name: str, graph: Graph) -> int | None:
    """The input of the definition that feeds a widget."""
    for slot in owner.slots if owner is not None else ():
        link = graph.links.get(slot.link) if slot.name == name and slot.link is not None else None
        if link is not None and link.origin == INPUT_PANEL and 0 <= link.origin_slot < len(graph.inputs):
            return link.origin_slot
    return None
