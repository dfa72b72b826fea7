"""Writing changed values back into the editor workflow that a prompt was converted from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow.conversion import Converter
from comfy_tui.workflow.conversion.emit import title_of
from comfy_tui.workflow.diagnostic import Diagnostic, Severity
from comfy_tui.workflow.formats import is_editor
from comfy_tui.workflow.typed import write_value
from comfy_tui.workflow.writeback.encode import encode
from comfy_tui.workflow.writeback.mirror import mirrors
from comfy_tui.workflow.writeback.origin import FirstChoice, Key, Origins
from comfy_tui.workflow.writeback.rebuild import needs_rebuild, rebuild
from comfy_tui.workflow.writeback.source import Draft, Path, Source, copied, put, same
from comfy_tui.workflow.writeback.verify import Group, differences

_NAMED = 3
_SHORT = 80


@dataclass(frozen=True, slots=True)
class WrittenBack:
    """A workflow with changed values; shares nothing with the one it was made from.

    ``written`` are the changes that it holds. Each other one is a warning ``not_written`` in
    ``diagnostics`` with its node and input; infos say what else comes with a change.
    """

    workflow: dict[str, Any]
    diagnostics: tuple[Diagnostic, ...] = ()
    written: frozenset[Key] = frozenset()


def write_back(
    workflow: Mapping[str, Any],
    changes: Mapping[Key, Any],
    converter: Converter,
    *,
    now: datetime | None = None,
) -> WrittenBack:
    """Write changed values where the editor keeps them; layout, notes and everything unknown stay.

    Converting the result gives the prompt of ``workflow`` with the changes that were written, and
    nothing else changed: each result is converted again to see that. A changed choice of a dynamic
    combo brings the inputs of that choice instead of those of the old one.

    Args:
        workflow: the editor document, format 0.4 or 1; it is not changed.
        changes: new values by node id and input name of the converted prompt.
        converter: the converter that made the prompt.
        now: the time for dates in texts, the clock's by default.

    Raises:
        WorkflowError: ``workflow`` is not an editor workflow, or something is too deep.
    """
    _need_editor(workflow)
    try:
        return _Writer(workflow, changes, converter, now or datetime.now()).run()
    except RecursionError as error:
        raise WorkflowError("Workflow too deep", "values lie too deeply in each other") from error


def shared_inputs(workflow: Mapping[str, Any], converter: Converter) -> dict[Key, tuple[Key, ...]]:
    """The inputs of the prompt that have their value from one place with others, and those others.

    Only all of them together can be changed in the editor: a promoted value that goes to several nodes,
    and a value inside a subgraph that is there more than once.

    Raises:
        WorkflowError: as :func:`write_back`.
    """
    _need_editor(workflow)
    try:
        fed = Origins(workflow, converter.definitions, datetime.now()).fed
    except RecursionError as error:
        raise WorkflowError("Workflow too deep", "values lie too deeply in each other") from error
    groups = [keys for keys in fed.values() if len(keys) > 1]
    return {key: tuple(other for other in keys if other != key) for keys in groups for key in keys}


def _need_editor(workflow: Any) -> None:
    if not is_editor(workflow):
        raise WorkflowError("Not an editor workflow", "it has no list of nodes")


@dataclass(slots=True)
class _Change:
    """What is to be done to one saved node."""

    values: dict[Source, Any] = field(default_factory=dict)
    children: dict[str, Any] = field(default_factory=dict)


class _Writer:
    """One writing back: finds the places, writes, converts again, and takes back what went wrong."""

    def __init__(
        self, workflow: Mapping[str, Any], changes: Mapping[Key, Any], converter: Converter, now: datetime
    ) -> None:
        self._workflow, self._changes = workflow, dict(changes)
        self._converter, self._now = converter, now
        self._origins = Origins(workflow, converter.definitions, now)
        self._mirrors = mirrors(self._origins)
        self._said: list[Diagnostic] = []
        self._explained: set[Key] = set()
        self._came_out: dict[Key, Any] = {}

    def run(self) -> WrittenBack:
        groups = self._groups()
        done = self._accept([], groups) if groups else []
        draft = self._draft(done)
        written = frozenset(key for group in done for key in group.values)
        for key in sorted(written & self._filled(done), key=str):
            text = "the browser will fill in what stands between the % signs"
            self._say(key, "filled_text", text, severity=Severity.INFO)
        for group in done:
            for key in sorted(group.selectors):
                text = "the inputs of the old choice are gone; those of the new one have their first values"
                self._say(key, "new_choice", text, severity=Severity.INFO)
        unwritten = self._changes.keys() - written - self._explained
        for key in self._changes:
            if key in unwritten and not self._holds(key):
                self._say(key, "not_written", self._why_not(key))
        return WrittenBack(copied(draft.document), tuple(self._said), written)

    # -- what belongs together

    def _groups(self) -> list[Group]:
        """Changes that only make sense together: of one place, and of a dynamic combo with its children."""
        selectors = [key for key in self._changes if self._is_selector(key)]
        by_place: dict[Any, Group] = {}
        for key, value in self._changes.items():
            if isinstance(value, list) or not _is_key(key):
                continue
            head = min((s for s in selectors if _inside(key, s)), key=lambda s: len(s[1]), default=key)
            place = self._origins.sources.get(head)
            if place is None:
                continue
            group = by_place.setdefault(place, Group())
            group.values[key] = value
            if head in selectors:
                group.selectors.add(head)
        return [group for group in by_place.values() if self._is_agreed(group)]

    def _is_selector(self, key: Key) -> bool:
        source = self._origins.sources.get(key) if _is_key(key) else None
        widget = self._origins.widget(key) if source is not None and source.widget >= 0 else None
        return widget is not None and widget.spec.branches is not None

    def _is_agreed(self, group: Group) -> bool:
        """Whether all inputs that a place feeds are to have the same value; says so where they are not."""
        for source in {self._origins.sources.get(key) for key in group.values} - {None}:
            fed = self._origins.fed[source] if source is not None else []
            wanted = [(key, self._changes.get(key, self._present(key))) for key in fed]
            if all(same(value, wanted[0][1]) for _, value in wanted):
                continue
            for key in group.values:
                others = [other for other, value in wanted if not same(value, self._changes[key])]
                if not self._holds(key):
                    self._say_shared(key, others or [other for other, _ in wanted if other != key])
            return False
        return True

    def _say_shared(self, key: Key, others: list[Key]) -> None:
        names = ", ".join(f"{node_id} {name}" for node_id, name in others[:_NAMED])
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        text = f"the workflow keeps one value for this and for {names}{more}"
        self._explained.add(key)
        self._say(key, "not_written", text, hint="Give all of them the same value, or export in API format.")

    # -- writing and looking

    def _accept(self, base: list[Group], groups: list[Group]) -> list[Group]:
        """The groups that can be written on top of others; halves are tried where not all can."""
        if self._is_sound([*base, *groups]):
            return [*base, *groups]
        if len(groups) == 1:
            alone = replace(groups[0], alone=True)
            return [*base, alone] if self._is_sound([*base, alone]) else self._accept_some(base, groups[0])
        middle = len(groups) // 2
        return self._accept(self._accept(base, groups[:middle]), groups[middle:])

    def _accept_some(self, base: list[Group], group: Group) -> list[Group]:
        """A new choice of a dynamic combo with those of the values below it that the choice has."""
        bare = Group({key: group.values[key] for key in group.selectors}, set(group.selectors))
        if len(bare.values) in (0, len(group.values)) or not self._is_sound([*base, bare]):
            return base
        for key in group.values.keys() - bare.values.keys():
            more = Group({**bare.values, key: group.values[key]}, bare.selectors)
            bare = more if self._is_sound([*base, more]) else bare
        return [*base, bare]

    def _is_sound(self, groups: list[Group]) -> bool:
        try:
            draft = self._draft(groups)
            made = self._converter.convert(draft.document, now=self._now, rng=FirstChoice())
        except (LookupError, WorkflowError):
            return False
        found = differences(self._origins, made.prompt, groups)
        for node_id, name in found:
            inputs = made.prompt.get(node_id, {}).get("inputs", {})
            if name in inputs:
                self._came_out[node_id, name] = inputs[name]
        return not found

    def _draft(self, groups: list[Group]) -> Draft:
        """The document with these changes.

        Raises:
            LookupError: a place is not there.
        """
        nodes: dict[Path, _Change] = {}
        for group in groups:
            for key, value in group.values.items():
                source = self._origins.sources.get(key)
                if source is None or (group.selectors and _is_child(key, group)):
                    self._add_child(key, value, group, nodes)
                    continue
                change = nodes.setdefault(source.path, _Change())
                change.values[source] = encode(value, self._origins, self._origins.fed[source])
        draft = Draft(self._workflow)
        rebuilt = {path for path, change in nodes.items() if self._write(draft, path, change)}
        alone = {self._origins.sources.get(key) for group in groups if group.alone for key in group.values}
        for change in nodes.values():
            for source, value in change.values.items():
                for copy in self._mirrors.get(source, ()) if source not in alone else ():
                    if copy.path not in rebuilt:
                        put(draft.node(copy.path), copy, value)
        return draft

    def _add_child(self, key: Key, value: Any, group: Group, nodes: dict[Path, _Change]) -> None:
        """A value below a dynamic combo whose choice changes: it goes to the place of the new input."""
        head = next(selector for selector in group.selectors if _inside(key, selector))
        source = self._origins.sources[head]
        nodes.setdefault(source.path, _Change()).children[key[1]] = encode(value, self._origins, [key])

    def _write(self, draft: Draft, path: Path, change: _Change) -> bool:
        """Change one node; whether its list of values was made anew."""
        raw = draft.node(path)
        node = self._origins.nodes.get(path)
        own = {source.widget: value for source, value in change.values.items() if source.widget >= 0}
        layout = None if node is None else self._origins.layout(node)
        if node is not None and layout is not None and needs_rebuild(node, own):
            rebuild(raw, node, layout, self._origins.values, own, change.children)
            return True
        for source, value in change.values.items():
            put(raw, source, value)
        for name, value in change.children.items():
            put(raw, Source(path, name, name=name), value)
        return False

    # -- words

    def _present(self, key: Key) -> Any:
        node = self._origins.prompt.get(key[0])
        return node["inputs"].get(key[1]) if node is not None else None

    def _holds(self, key: Key) -> bool:
        """Whether the prompt has the wanted value already."""
        node = self._origins.prompt.get(key[0]) if _is_key(key) else None
        return node is not None and key[1] in node["inputs"] and same(self._present(key), self._changes[key])

    def _filled(self, groups: list[Group]) -> set[Key]:
        return {
            key
            for group in groups
            for key, value in group.values.items()
            if isinstance(value, str) and "%" in value and self._origins.is_filled(key)
        }

    def _why_not(self, key: Key) -> str:
        node = self._origins.prompt.get(key[0]) if _is_key(key) else None
        if node is None:
            return "the converted workflow has no such node"
        if isinstance(self._changes[key], list):
            return "a list would be a link; links are not written"
        if isinstance(self._present(key), list):
            return "the input is linked in the workflow; its value comes from there"
        if key not in self._origins.sources:
            known = key[1] in node["inputs"]
            return "the editor keeps no value of it" if known else "the node has no such value"
        if key in self._came_out and not isinstance(self._came_out[key], list | dict):
            return f"the workflow would make {write_value(self._came_out[key])[:_SHORT]} of it"
        return "written into the workflow it would change other values too"

    def _say(
        self,
        key: Key,
        code: str,
        text: str,
        *,
        severity: Severity = Severity.WARNING,
        hint: str | None = None,
    ) -> None:
        node_id, name = (str(key[0]), str(key[1])) if _is_key(key) else (str(key), "")
        node = self._origins.emitted.get(node_id)
        self._said.append(
            Diagnostic(
                severity,
                code,
                text,
                node_id=node_id,
                node_title=title_of(node) if node is not None else None,
                class_type=node.type if node is not None else None,
                input=name,
                hint=hint,
            )
        )


def _is_key(key: Any) -> bool:
    return isinstance(key, tuple) and len(key) == 2 and all(isinstance(part, str) for part in key)


def _inside(key: Key, selector: Key) -> bool:
    return key == selector or (key[0] == selector[0] and key[1].startswith(f"{selector[1]}."))


def _is_child(key: Key, group: Group) -> bool:
    return key not in group.selectors and any(_inside(key, selector) for selector in group.selectors)
