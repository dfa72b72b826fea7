"""The live objects that a workflow is loaded into: graphs, nodes, sockets, widgets, links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from comfy_tui.workflow.definition import NodeDefinition
from comfy_tui.workflow.layout import Layout, WidgetSpec

ALWAYS, NEVER, BYPASS = 0, 2, 4
INPUT_PANEL, OUTPUT_PANEL = "-10", "-20"


class Kind(Enum):
    """What a node is to the conversion (graph-to-prompt, section 3)."""

    BACKEND = auto()
    UNKNOWN = auto()
    SUBGRAPH = auto()
    PRIMITIVE = auto()
    REROUTE = auto()
    NOTE = auto()
    SET = auto()
    GET = auto()
    BROKEN = auto()
    """A subgraph instance that cannot be entered: it contains itself, or lies too deep."""

    @property
    def is_emitted(self) -> bool:
        """Whether nodes of this kind appear in the prompt."""
        return self in (Kind.BACKEND, Kind.UNKNOWN)


@dataclass(slots=True)
class Widget:
    """A live widget; ``position`` is its place in ``widgets_values``, -1 where it has none there."""

    spec: WidgetSpec
    value: Any
    position: int | str = -1


@dataclass(slots=True)
class Slot:
    """A live input socket. ``widget`` is the widget it belongs to, ``marked`` what the file said of that."""

    name: str
    type: str
    link: str | None = None
    widget: Widget | None = None
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of a link table; node ids are texts."""

    origin: str
    origin_slot: int
    target: str
    target_slot: int


@dataclass(slots=True, eq=False)
class Node:
    """A live node. ``key`` is its id as text, ``index`` its place in the file's list of nodes."""

    key: str
    index: int
    type: str
    raw: Mapping[str, Any]
    mode: int
    kind: Kind
    title: str
    slots: list[Slot] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    widgets: list[Widget] = field(default_factory=list)
    definition: NodeDefinition | None = None
    subgraph: Graph | None = None
    """The graph behind a subgraph instance or group node."""
    is_group: bool = False
    host_values: dict[int, Any] | None = None
    """Promoted values that the instance itself owns, by input index; None: inner widgets own them."""
    host_positions: dict[int, int] = field(default_factory=dict)
    """Where in ``widgets_values`` a host value stands."""

    @property
    def is_save_node(self) -> bool:
        """Whether the browser puts ``%...%`` text into the node's ``filename_prefix``."""
        return self.type in SAVE_NODES

    def output_links(self, slot: int) -> list[str]:
        """The link ids that the file lists at an output."""
        outputs = self.raw.get("outputs")
        output = outputs[slot] if isinstance(outputs, list) and 0 <= slot < len(outputs) else None
        links = output.get("links") if isinstance(output, Mapping) else None
        return [key for key in map(key_of, links) if key is not None] if isinstance(links, list) else []

    def property(self, name: str) -> Any:
        """A value of the node's ``properties``, None where absent."""
        properties = self.raw.get("properties")
        return properties.get(name) if isinstance(properties, Mapping) else None


@dataclass(slots=True)
class Port:
    """An input or output of a subgraph definition; ``links`` are ids of inner links."""

    name: str
    type: str
    links: list[str]


@dataclass(slots=True, eq=False)
class Graph:
    """The root graph or a subgraph definition. ``path`` leads to it inside the workflow document."""

    id: str
    raw: Mapping[str, Any]
    path: tuple[str | int, ...]
    nodes: dict[str, Node] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    setters: dict[str, Node] = field(default_factory=dict)
    """Set nodes by the name they set."""
    named: set[str] = field(default_factory=set)
    """Links that the file's own inputs name."""
    marked: set[str] = field(default_factory=set)
    """Those of them that are marked as a widget's, even where the server lacks the input."""

    def target(self, link_id: str) -> tuple[Node, int] | None:
        """The node and input index that a link ends in, by the input that names it."""
        return self._targets.get(link_id)

    _targets: dict[str, tuple[Node, int]] = field(default_factory=dict)
    _origins: dict[str, list[str]] | None = None

    def links_from(self, key: str) -> list[str]:
        """The ids of all links that begin at a node."""
        if self._origins is None:
            self._origins = {}
            for link_id, link in self.links.items():
                self._origins.setdefault(link.origin, []).append(link_id)
        return self._origins.get(key, [])

    def index_targets(self) -> None:
        """Record which input names which link; the saved ``target_slot`` is not trusted (section 6)."""
        self._targets.clear()
        for node in self.nodes.values():
            for index, slot in enumerate(node.slots):
                if slot.link is not None:
                    self._targets.setdefault(slot.link, (node, index))


@dataclass(slots=True, eq=False)
class Scope:
    """A graph at one place of the hierarchy: the root, or the inside of one subgraph instance."""

    graph: Graph
    prefix: str
    parent: Scope | None = None
    instance: Node | None = None
    children: dict[str, Scope] = field(default_factory=dict)

    def node_id(self, node: Node) -> str:
        """The node's id in the prompt (graph-to-prompt, section 10.7)."""
        return f"{self.prefix}{node.key}"


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A node class ready for use."""

    definition: NodeDefinition
    layout: Layout


SAVE_NODES = frozenset(
    (
        "SaveImage",
        "SaveVideo",
        "SaveAnimatedWEBP",
        "SaveWEBM",
        "SaveAudio",
        "SaveGLB",
        "SaveAnimatedPNG",
        "CLIPSave",
        "VAESave",
        "ModelSave",
        "LoraSave",
        "SaveLatent",
        "SaveAudioMP3",
        "SaveAudioOpus",
        "SaveAudioAdvanced",
        "SaveImageAdvanced",
        "SaveSVGNode",
        "Save3DAdvanced",
    )
)
"""Nodes whose ``filename_prefix`` is replaced (graph-to-prompt, section 12.2, with 1.58.1's additions)."""


def key_of(value: Any) -> str | None:
    """An id as text: JavaScript keeps ``7``, ``7.0`` and ``"7"`` apart nowhere it matters."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value) if -(1 << 63) <= value < 1 << 64 else None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return str(int(value))
    return None


def index_of(value: Any) -> int | None:
    """A slot number; texts are read as 1.45.19 reads them (graph-to-prompt, section 2.4)."""
    key = key_of(value)
    if key is None or len(key) > 9:
        return None
    try:
        return int(key)
    except ValueError:
        return None
