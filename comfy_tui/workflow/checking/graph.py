"""Walks over the graph of a prompt, without recursion: chains of any length are fine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Edges = Mapping[str, Sequence[str]]


def reachable(starts: Iterable[str], edges: Edges) -> set[str]:
    """Every node that can be come to from the starts, they themselves included."""
    found = set(starts)
    pending = list(found)
    while pending:
        for target in edges.get(pending.pop(), ()):
            if target not in found:
                found.add(target)
                pending.append(target)
    return found


def reverse(edges: Edges) -> dict[str, list[str]]:
    """The same edges, the other way round."""
    turned: dict[str, list[str]] = {}
    for source, targets in edges.items():
        for target in targets:
            turned.setdefault(target, []).append(source)
    return turned


def cycles(nodes: Iterable[str], edges: Edges) -> list[list[str]]:
    """The groups of nodes that go round in a cycle (Tarjan's components, kept on a list of our own)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    trail: list[str] = []
    on_trail: set[str] = set()
    groups: list[list[str]] = []
    for start in nodes:
        if start in index:
            continue
        work: list[tuple[str, int]] = [(start, 0)]
        while work:
            node, step = work.pop()
            if step == 0:
                index[node] = low[node] = len(index)
                trail.append(node)
                on_trail.add(node)
            targets = edges.get(node, ())
            if step > 0:
                low[node] = min(low[node], low[targets[step - 1]])
            for position in range(step, len(targets)):
                target = targets[position]
                if target not in index:
                    work.append((node, position + 1))
                    work.append((target, 0))
                    break
                if target in on_trail:
                    low[node] = min(low[node], index[target])
            else:
                if low[node] == index[node]:
                    group = _cut(trail, on_trail, node)
                    if len(group) > 1 or node in targets:
                        groups.append(group)
    return groups


def _cut(trail: list[str], on_trail: set[str], node: str) -> list[str]:
    at = len(trail) - 1
    while trail[at] != node:
        at -= 1
    group = trail[at:]
    del trail[at:]
    on_trail.difference_update(group)
    return group


def round_trip(group: Sequence[str], edges: Edges) -> list[str]:
    """A shortest way from a group's first node back to it, both ends named; the group is from `cycles`."""
    start, inside = group[0], set(group)
    came: dict[str, str] = {}
    pending = [start]
    for node in pending:
        for target in edges.get(node, ()):
            if target == start:
                way = [start, node] if node != start else [start]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return [*reversed(way), start] if node != start else [start, start]
            if target in inside and target not in came:
                came[target] = node
                pending.append(target)
    return [start, start]


def longest(starts: Iterable[str], edges: Edges) -> int:
    """How many nodes the longest chain from the starts has; where cycles are, at least so many."""
    depth: dict[str, int] = {}
    work = [(start, False) for start in starts]
    while work:
        node, left = work.pop()
        if left:
            depth[node] = 1 + max((depth[target] for target in edges.get(node, ())), default=0)
        elif node not in depth:
            depth[node] = 0
            work.append((node, True))
            work += [(target, False) for target in edges.get(node, ()) if target not in depth]
    return max(depth.values(), default=0)
