"""The nodes of a workflow as a tree in execution order, for :mod:`comfy_tui.workflow.outline`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from comfy_tui.workflow.conversion.load import DEPTH_LIMIT
from comfy_tui.workflow.conversion.model import BYPASS, INPUT_PANEL, NEVER, OUTPUT_PANEL, index_of, key_of
from comfy_tui.workflow.conversion.packs import kind_of_type
from comfy_tui.workflow.conversion.read import Renumbering, entries, read_definitions


class NodeState(StrEnum):
    """Whether a node runs (graph-to-prompt, section 2.3)."""

    ACTIVE = "active"
    MUTED = "muted"
    BYPASSED = "bypassed"


_STATES = {NEVER: NodeState.MUTED, BYPASS: NodeState.BYPASSED}
_GROUP_PREFIXES = ("workflow>", "workflow/")

Edge = tuple[Any, Any]


@dataclass(slots=True, eq=False)
class Branch:
    """A node of the tree."""

    id: str
    class_type: str
    title: str = ""
    state: NodeState = NodeState.ACTIVE
    is_group: bool = False
    children: list[Branch] = field(default_factory=list)


@dataclass(slots=True)
class Tree:
    """The branches of the root, in execution order."""

    branches: list[Branch] = field(default_factory=list)
    left_out: int = 0

    def inside_out(self) -> Iterator[Branch]:
        """All branches, children before their owner."""
        ordered: list[Branch] = []
        stack = list(self.branches)
        while stack:
            branch = stack.pop()
            ordered.append(branch)
            stack.extend(branch.children)
        return reversed(ordered)


def in_order(keys: Iterable[Any], edges: Iterable[Edge]) -> list[Any]:
    """Sources first, else as given; where a cycle stops that, the first one left goes ahead."""
    waiting: dict[Any, int] = dict.fromkeys(keys, 0)
    following: dict[Any, list[Any]] = {}
    for origin, target in dict.fromkeys(edges):
        if origin in waiting and target in waiting and origin != target:
            following.setdefault(origin, []).append(target)
            waiting[target] += 1
    ready = deque(key for key, count in waiting.items() if not count)
    rest = deque(waiting)
    ordered: dict[Any, None] = {}
    while ready or rest:
        key = ready.popleft() if ready else rest.popleft()
        if key in ordered:
            continue
        ordered[key] = None
        for target in following.get(key, ()):
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return list(ordered)


def prompt_edges(prompt: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Which node feeds which, by the prompt's links."""
    for node_id, node in prompt.items():
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        for value in inputs.values() if isinstance(inputs, Mapping) else ():
            if isinstance(value, list) and value and isinstance(value[0], str):
                yield value[0], node_id


def flat_tree(prompt: Mapping[Any, Any], limit: int) -> Tree:
    """The nodes of a prompt, one list."""
    usable = {key: node for key, node in prompt.items() if isinstance(key, str) and isinstance(node, Mapping)}
    ordered = in_order(usable, prompt_edges(usable))
    branches = [Branch(key, _class(usable[key])) for key in ordered[:limit]]
    return Tree(branches, max(0, len(ordered) - limit))


def saved_tree(workflow: Mapping[str, Any], prompt: Mapping[Any, Any], limit: int) -> Tree:
    """The nodes of an editor workflow; prompt nodes that are found in none of its graphs come last."""
    return _Reader(workflow, prompt, limit).tree()


class _Reader:
    """Walks the saved graphs from the root into the subgraphs, in the way that ids are given (13.6)."""

    def __init__(self, workflow: Mapping[str, Any], prompt: Mapping[Any, Any], limit: int) -> None:
        self._prompt, self._room, self._left_out = prompt, limit, 0
        self._root = workflow
        self._definitions = {key: raw for key, (raw, _) in read_definitions(self._root).items()}
        renumbering = Renumbering(self._root)
        self._ids = {key: renumbering.renumber(raw) for key, raw in self._definitions.items()}
        extra = self._root.get("extra")
        groups = extra.get("groupNodes") if isinstance(extra, Mapping) else None
        self._groups = groups if isinstance(groups, Mapping) else {}
        self._around: dict[str, tuple[str, ...]] = {}
        self._levels: dict[str, list[Edge]] = {}
        # what may be read in all: a small multiple of the file, however often a subgraph is used
        self._steps = 20 * limit + 4 * sum(map(_size, (self._root, *self._definitions.values())))

    def tree(self) -> Tree:
        """The whole tree."""
        made = Tree()
        self._read(self._root, ({}, {}), "", made.branches, (), NodeState.ACTIVE)
        for key, node in self._prompt.items():
            if key not in self._around and isinstance(node, Mapping) and isinstance(key, str):
                self._add(Branch(key, _class(node)), made.branches, ("",))
        self._split_edges()
        self._sort(made)
        made.left_out = self._left_out
        return made

    def _read(
        self,
        raw: Mapping[str, Any],
        ids: tuple[Mapping[int, str], Mapping[str, str]],
        prefix: str,
        into: list[Branch],
        around: tuple[str, ...],
        state: NodeState,
    ) -> None:
        """Read one graph; subgraphs lie at most :data:`DEPTH_LIMIT` deep in each other."""
        around = (*around, prefix)
        for index, saved in enumerate(entries(raw, "nodes")):
            key = key_of(saved.get("id")) if isinstance(saved, Mapping) else None
            if key is None or f"{prefix}{ids[0].get(index, key)}" in self._around:
                continue
            self._read_node(saved, f"{prefix}{ids[0].get(index, key)}", into, around, state)
        edges = self._levels.setdefault(prefix, [])
        for origin, target in _saved_edges(raw):
            edges.append((prefix + ids[1].get(origin, origin), prefix + ids[1].get(target, target)))

    def _read_node(
        self,
        saved: Mapping[str, Any],
        node_id: str,
        into: list[Branch],
        around: tuple[str, ...],
        state: NodeState,
    ) -> None:
        kind, title = saved.get("type"), saved.get("title")
        class_type = kind if isinstance(kind, str) else ""
        own = _STATES.get(index_of(saved.get("mode")) or 0, NodeState.ACTIVE)
        own = own if state is NodeState.ACTIVE else state
        inner, group = self._definitions.get(class_type), self._group(class_type, around)
        known = node_id in self._prompt
        branch = Branch(node_id, class_type, title if isinstance(title, str) else "", own)
        if known or (inner is None and group is None):
            hidden = not known and (kind_of_type(class_type) is not None or not class_type)
            self._add(branch, [] if hidden else into, around, counted=not hidden)
            return
        branch.is_group = True
        branch.title = branch.title or _name(inner) or class_type
        if not self._add(branch, into, around) or len(around) > DEPTH_LIMIT:
            return
        self._steps -= _size(inner if inner is not None else group)
        if self._steps < 0:
            return
        passed = own if len(around) == 1 or own is state else NodeState.ACTIVE  # section 13.2
        if inner is not None:
            self._read(inner, self._ids[class_type], f"{node_id}:", branch.children, around, passed)
        elif group is not None:
            self._read(_numbered(group), ({}, {}), f"{node_id}:", branch.children, around, passed)

    def _group(self, class_type: str, around: tuple[str, ...]) -> Mapping[str, Any] | None:
        if len(around) != 1 or not class_type.startswith(_GROUP_PREFIXES):
            return None
        group = self._groups.get(class_type[len(_GROUP_PREFIXES[0]) :])
        return group if isinstance(group, Mapping) else None

    def _add(
        self, branch: Branch, into: list[Branch], around: tuple[str, ...], *, counted: bool = True
    ) -> bool:
        self._around[branch.id] = around
        if counted and self._room <= 0:
            self._left_out += 1
            return False
        self._room -= counted
        into.append(branch)
        return True

    def _split_edges(self) -> None:
        """Give each link of the prompt to the graph in which the ways to its two ends part."""
        for origin, target in prompt_edges(self._prompt):
            first, second = self._around.get(origin), self._around.get(target)
            if first is None or second is None:
                continue
            depth = 0
            while depth + 1 < min(len(first), len(second)) and first[depth + 1] == second[depth + 1]:
                depth += 1
            ends = (_at(origin, first, depth), _at(target, second, depth))
            self._levels.setdefault(first[depth], []).append(ends)

    def _sort(self, made: Tree) -> None:
        stack = [("", made.branches)]
        while stack:
            prefix, branches = stack.pop()
            by_id = {branch.id: branch for branch in branches}
            edges = self._levels.get(prefix, [])
            every = dict.fromkeys([*by_id, *(end for edge in edges for end in edge)])
            branches[:] = [by_id[key] for key in in_order(every, edges) if key in by_id]
            stack.extend((f"{branch.id}:", branch.children) for branch in branches if branch.children)


def _at(node_id: str, around: tuple[str, ...], depth: int) -> str:
    """The node itself, or the instance around it in the graph at ``depth``."""
    return around[depth + 1].removesuffix(":") if depth + 1 < len(around) else node_id


def _saved_edges(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Which node feeds which, by a graph's link table (graph-to-prompt, section 2.1)."""
    for link in entries(raw, "links"):
        if isinstance(link, list) and len(link) >= 5:
            ends = link[1], link[3]
        elif isinstance(link, Mapping):
            ends = link.get("origin_id"), link.get("target_id")
        else:
            continue
        origin, target = key_of(ends[0]), key_of(ends[1])
        if origin not in (None, INPUT_PANEL) and target not in (None, OUTPUT_PANEL):
            yield origin, target


def _numbered(group: Mapping[str, Any]) -> dict[str, Any]:
    """A group node's inside as a graph: ids are the places in its list (graph-to-prompt, section 14)."""
    nodes = [
        {**node, "id": index}
        for index, node in enumerate(entries(group, "nodes"))
        if isinstance(node, Mapping)
    ]
    links = [
        [0, link[0], 0, link[2], 0]
        for link in entries(group, "links")
        if isinstance(link, list) and len(link) >= 4
    ]
    return {"nodes": nodes, "links": links}


def _size(raw: Mapping[str, Any] | None) -> int:
    return len(entries(raw, "nodes")) + len(entries(raw, "links"))


def _class(node: Mapping[str, Any]) -> str:
    class_type = node.get("class_type")
    return class_type if isinstance(class_type, str) else ""


def _name(raw: Mapping[str, Any] | None) -> str:
    name = raw.get("name") if raw is not None else None
    return name if isinstance(name, str) else ""
