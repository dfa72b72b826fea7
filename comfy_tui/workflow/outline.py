"""A readable outline of a workflow: its nodes in execution order, subgraphs folded.

Of a prompt the nodes are one list. Of an editor workflow the subgraph instances are nodes with the
inner ones as children (graph-to-prompt, section 13), and muted and bypassed nodes (section 2.3), which
no prompt holds, have their place too. Notes, reroutes, primitives and Set/Get nodes are left out: their
links and values are resolved in the prompt. Linear in the size of what is shown.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.workflow.definition import Definitions, NodeDefinition
from comfy_tui.workflow.outline_tree import Branch, NodeState, Tree, flat_tree, saved_tree

__all__ = [
    "NodeState",
    "Outline",
    "OutlineLine",
    "OutlineLink",
    "OutlineNode",
    "OutlineValue",
    "outline_of",
    "short",
]

MAX_NODES = 2000
"""How many nodes an outline shows; see :attr:`Outline.left_out`."""
MAX_INPUTS = 60
MAX_TEXT = 60


@dataclass(frozen=True, slots=True)
class OutlineValue:
    """A literal of a node's input, short enough for a line."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class OutlineLink:
    """A linked input, with the output that it reads; ``type`` is empty where it is not known."""

    name: str
    node_id: str
    slot: int
    title: str = ""
    type: str = ""

    @property
    def text(self) -> str:
        """For a line: ``← 4:0 Load Checkpoint · MODEL``."""
        title = f" {self.title}" if self.title else ""
        kind = f" · {self.type}" if self.type else ""
        return f"← {self.node_id}:{self.slot}{title}{kind}"


@dataclass(frozen=True, slots=True)
class OutlineNode:
    """A node; with ``children`` a subgraph instance. ``id`` is the id in the prompt ("5:12" inside "5").

    ``inner_count`` is the number of nodes inside, at any depth.
    """

    id: str
    title: str
    class_type: str
    values: tuple[OutlineValue, ...] = ()
    links: tuple[OutlineLink, ...] = ()
    children: tuple[OutlineNode, ...] = ()
    state: NodeState = NodeState.ACTIVE
    is_group: bool = False
    inner_count: int = 0


@dataclass(frozen=True, slots=True)
class OutlineLine:
    """A node at its depth; ``folded`` tells an instance whose inner nodes are not among the lines."""

    depth: int
    node: OutlineNode
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """A workflow's nodes in execution order; ``left_out`` counts those beyond the limit."""

    nodes: tuple[OutlineNode, ...] = ()
    left_out: int = 0

    def lines(self, unfolded: Collection[str] | None = ()) -> Iterator[OutlineLine]:
        """The lines to show.

        Args:
            unfolded: ids of the instances whose inner nodes are shown; None shows all.
        """
        stack = [iter(self.nodes)]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                continue
            opened = bool(node.children) and (unfolded is None or node.id in unfolded)
            yield OutlineLine(len(stack) - 1, node, node.is_group and not opened)
            if opened:
                stack.append(iter(node.children))

    def path_to(self, node_id: str) -> tuple[str, ...]:
        """The ids of the instances around a node, outermost first: unfold these to see it."""
        for line, around in self._walk():
            if line.id == node_id:
                return around
        return ()

    def _walk(self) -> Iterator[tuple[OutlineNode, tuple[str, ...]]]:
        stack: list[tuple[Iterator[OutlineNode], tuple[str, ...]]] = [(iter(self.nodes), ())]
        while stack:
            nodes, around = stack[-1]
            node = next(nodes, None)
            if node is None:
                stack.pop()
                continue
            yield node, around
            if node.children:
                stack.append((iter(node.children), (*around, node.id)))


def outline_of(
    prompt: Mapping[str, Any],
    workflow: Mapping[str, Any] | None = None,
    definitions: Definitions | None = None,
    *,
    limit: int = MAX_NODES,
) -> Outline:
    """Make the outline of a prompt, with the structure of the editor workflow it was converted from.

    Never raises, whatever the JSON holds.

    Args:
        prompt: the prompt in API format, or that of a conversion.
        workflow: the editor document; without it the nodes are one list.
        definitions: the server's classes, for the types of outputs and the names of classes.
        limit: how many nodes are shown.
    """
    tree = flat_tree(prompt, limit) if workflow is None else saved_tree(workflow, prompt, limit)
    return Outline(_Describer(prompt, definitions).nodes(tree), tree.left_out)


class _Describer:
    """Puts values, links and titles to the nodes of a tree."""

    def __init__(self, prompt: Mapping[str, Any], definitions: Definitions | None) -> None:
        self._prompt, self._definitions = prompt, definitions

    def nodes(self, tree: Tree) -> tuple[OutlineNode, ...]:
        """The nodes of the tree, inner ones first: nothing here goes deeper than a loop."""
        made: dict[int, OutlineNode] = {}
        for branch in tree.inside_out():
            children = tuple(made.pop(id(child)) for child in branch.children)
            made[id(branch)] = self._node(branch, children)
        return tuple(made[id(branch)] for branch in tree.branches)

    def _node(self, branch: Branch, children: tuple[OutlineNode, ...]) -> OutlineNode:
        inputs = self._entry(branch.id).get("inputs")
        pairs = list(inputs.items())[:MAX_INPUTS] if isinstance(inputs, Mapping) else []
        return OutlineNode(
            branch.id,
            self._title(branch.id, branch.title or branch.class_type),
            branch.class_type,
            tuple(OutlineValue(str(n), short(v)) for n, v in pairs if not isinstance(v, list)),
            tuple(self._link(str(n), v) for n, v in pairs if isinstance(v, list)),
            children,
            branch.state,
            branch.is_group,
            sum(1 + child.inner_count for child in children),
        )

    def _link(self, name: str, value: list[Any]) -> OutlineLink:
        origin = value[0] if value and isinstance(value[0], str) else "?"
        slot = value[1] if len(value) > 1 and type(value[1]) is int else 0
        entry = self._entry(origin)
        return OutlineLink(name, origin, slot, self._title(origin, ""), self._type(entry, slot))

    def _entry(self, node_id: str) -> Mapping[str, Any]:
        entry = self._prompt.get(node_id)
        return entry if isinstance(entry, Mapping) else {}

    def _title(self, node_id: str, fallback: str) -> str:
        entry = self._entry(node_id)
        meta = entry.get("_meta")
        title = meta.get("title") if isinstance(meta, Mapping) else None
        if isinstance(title, str) and title:
            return title
        found = self._definition(entry)
        if found is not None:
            return found.display_name
        class_type = entry.get("class_type")
        return fallback or (class_type if isinstance(class_type, str) else "")

    def _type(self, entry: Mapping[str, Any], slot: int) -> str:
        found = self._definition(entry)
        outputs = found.outputs if found is not None else ()
        kind = outputs[slot] if 0 <= slot < len(outputs) else ""
        return "" if kind == "*" else kind

    def _definition(self, entry: Mapping[str, Any]) -> NodeDefinition | None:
        class_type = entry.get("class_type")
        if self._definitions is None or not isinstance(class_type, str):
            return None
        return self._definitions.get(class_type)


def short(value: Any, limit: int = MAX_TEXT) -> str:
    """A value on one line, cut after ``limit`` characters."""
    if isinstance(value, str):
        text = value[: 4 * limit]
        cut = len(value) > len(text)
    else:
        text, cut = _written(value), False
    text = " ".join(text.split())
    return f"{text[: limit - 1]}…" if cut or len(text) > limit else text


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        if isinstance(value.get("__value__"), list):
            value = value["__value__"]
        elif len(value) > MAX_INPUTS:
            return f"{{… {len(value)} entries}}"
    if isinstance(value, list) and len(value) > MAX_INPUTS:
        return f"[… {len(value)} entries]"
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError, TypeError):
        return "…"
