"""``--set``, ``--image`` and ``--seed``: which node and input of a prompt is meant, and its new value."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy_tui import paths
from comfy_tui.errors import ConfigError
from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.text import clean
from comfy_tui.workflow.choices import with_choices
from comfy_tui.workflow.definition import InputSpec
from comfy_tui.workflow.parameters import Field, FieldKind, fields, is_link, nodes, with_values
from comfy_tui.workflow.typed import Typed, ValueKind, ValueRule, find_spec, read_value, rule_for, write_value

Key = tuple[str, str]
_USAGE = "Wrong usage"
_SHOWN = 8
_UPLOADS = ("image_upload", "animated_image_upload", "video_upload", "audio_upload", "file_upload")


@dataclass(frozen=True, slots=True)
class PromptNode:
    """One node of a prompt, as a person may call it."""

    id: str
    class_type: str
    title: str
    inputs: Mapping[str, Any]

    @property
    def words(self) -> str:
        """Its id, class and title, for a list."""
        title = f' "{clean(self.title, 40)}"' if self.title != self.class_type else ""
        return f"{clean(self.id, 40)} {clean(self.class_type, 60)}{title}"


def changed_prompt(prompt: Mapping[str, Any], values: Mapping[Key, Any], info: NodeInfo) -> dict[str, Any]:
    """The prompt with these values, and with the inputs that a new choice among them brings."""
    return with_values(with_choices(prompt, values, info.definitions), values)


def assignments(
    prompt: Mapping[str, Any], info: NodeInfo, texts: Sequence[str]
) -> tuple[dict[Key, Any], Targets]:
    """What several ``--set`` mean together, in any order: one may choose the inputs that others set.

    Raises:
        ConfigError: one of them is none of this prompt.
    """
    chosen: Mapping[str, Any] = prompt
    while True:
        targets, values, wrong = Targets(chosen, info), dict[Key, Any](), list[ConfigError]()
        for text in texts:
            try:
                key, value = targets.assignment(text)
            except ConfigError as error:
                wrong.append(error)
            else:
                values[key] = value
        further = with_choices(chosen, values, info.definitions)
        if further is chosen:
            break
        chosen = further
    if wrong:
        raise wrong[0]
    return values, targets


class Targets:
    """Finds what is named on the command line in a prompt.

    Args:
        prompt: in API format.
        info: the node classes of the server.
    """

    def __init__(self, prompt: Mapping[str, Any], info: NodeInfo) -> None:
        self._prompt = prompt
        self._info = info
        self._nodes = [
            PromptNode(node_id, class_type, title, inputs)
            for node_id, class_type, inputs, title in nodes(prompt)
        ]

    # -- --set ---------------------------------------------------------------------------------

    def assignment(self, text: str) -> tuple[Key, Any]:
        """The input and the value that ``NODE.INPUT=VALUE`` means.

        Titles may have dots and equals signs in them: the first reading that names a node counts,
        and of several with the same value one whose input is there.

        Raises:
            ConfigError: it is none of this prompt; names what is near.
        """
        for name, value in _splits(text, "="):
            readings = [(node, input_) for node, input_ in _splits(name, ".") if self._called(node)]
            for node_name, input_ in readings:
                called = self._called(node_name)
                if any(self._takes(node, input_) for node in called):
                    node = self._only(node_name, f"--set {text}")
                    return (node.id, input_), self._value(node, input_, value)
            if readings:
                node = self._only(readings[0][0], f"--set {text}")
                raise self._no_input(node, readings[0][1])
        name, equals, _ = text.partition("=")
        if not equals or "." not in name:
            raise _usage(f"--set {text}: expected NODE.INPUT=VALUE", "For example: --set 3.steps=20")
        raise self._no_node(name.partition(".")[0])

    def _value(self, node: PromptNode, name: str, text: str) -> Any:
        held = node.inputs.get(name)
        if is_link(held):
            source = next((other for other in self._nodes if held and other.id == held[0]), None)
            where = f"node {source.words}" if source is not None else "another node"
            raise _usage(
                f"{_place(node, name)} is connected: its value comes from {where}",
                "Set the value there, or change the workflow in the editor.",
            )
        spec = self._spec(node, name)
        kind = FieldKind.SEED if name.rsplit(".", 1)[-1] in ("seed", "noise_seed") else FieldKind.OTHER
        rule = rule_for(Field(node.id, node.class_type, node.title, name, kind, held), spec)
        typed = _read(text, rule, known=spec is not None or name in node.inputs)
        if typed.problem:
            raise _usage(f"{_place(node, name)}={clean(text, 80)}: {typed.problem}", _help_with(text, rule))
        return typed.value

    # -- --image -------------------------------------------------------------------------------

    def upload(self, text: str) -> tuple[Key, Path]:
        """The input and the file that ``NODE=PATH`` means, or ``PATH`` where one node loads a file.

        Raises:
            ConfigError: no node, or more than one, is meant.
        """
        for name, path in _splits(text, "="):
            if self._called(name):
                node = self._only(name, f"--image {text}")
                found = self._file_inputs(node)
                if not found:
                    raise _usage(f"node {node.words} loads no file", self._loaders_words())
                return (node.id, found[0]), paths.expanded(path)
        if "=" in text and not paths.expanded(text).is_file():
            raise self._no_node(text.partition("=")[0])
        loaders = self._loaders()
        if len(loaders) != 1:
            what = "no node of this workflow loads a file" if not loaders else "several nodes load a file"
            raise _usage(f"--image {text}: {what}", self._loaders_words())
        return (loaders[0].id, self._file_inputs(loaders[0])[0]), paths.expanded(text)

    def _loaders(self) -> list[PromptNode]:
        return [node for node in self._nodes if self._file_inputs(node)]

    def _loaders_words(self) -> str:
        listed = _list_of(self._loaders())
        return f"Give --image NODE=PATH; nodes that load a file: {listed}." if listed else ""

    def _file_inputs(self, node: PromptNode) -> list[str]:
        """The inputs that hold the name of a file in the server's input folder."""
        definition = self._info.definition(node.class_type)
        declared = definition.declared if definition is not None else ()
        found = [spec.name for spec in declared if any(spec.options.get(mark) for mark in _UPLOADS)]
        if not found:
            own = fields({node.id: self._prompt[node.id]})
            found = [field.input for field in own if field.kind is FieldKind.FILE]
        return [name for name in found if not is_link(node.inputs.get(name))]

    # -- --seed --------------------------------------------------------------------------------

    def seeds(self) -> tuple[Key, ...]:
        """Every input that is a seed.

        Raises:
            ConfigError: there is none.
        """
        found = tuple(field.key for field in fields(self._prompt) if field.kind is FieldKind.SEED)
        if found:
            return found
        linked = [
            _place(node, name)
            for node in self._nodes
            for name in ("seed", "noise_seed")
            if is_link(node.inputs.get(name))
        ]
        if linked:
            hint = "Set the value where it comes from: --set NODE.INPUT=VALUE."
            raise _usage(f"--seed: {', '.join(linked[:_SHOWN])} is connected to another node", hint)
        raise _usage("--seed: this workflow has no seed", "Leave --seed out.")

    # -- what is there -------------------------------------------------------------------------

    def limits(self) -> dict[Key, int]:
        """The largest value of each seed, where its node's definition tells."""
        found: dict[Key, int] = {}
        for node in self._nodes:
            for name in node.inputs:
                spec = self._spec(node, name) if name.endswith("seed") else None
                most = spec.options.get("max") if spec is not None else None
                if isinstance(most, int) and not isinstance(most, bool):
                    found[(node.id, name)] = most
        return found

    def _spec(self, node: PromptNode, name: str) -> InputSpec | None:
        return find_spec(self._info.definition(node.class_type), name, node.inputs)

    def _takes(self, node: PromptNode, name: str) -> bool:
        return name in node.inputs or self._spec(node, name) is not None

    def _inputs_of(self, node: PromptNode) -> list[str]:
        definition = self._info.definition(node.class_type)
        declared = [spec.name for spec in definition.declared] if definition is not None else []
        return list(dict.fromkeys((*node.inputs, *declared)))

    def _called(self, name: str) -> list[PromptNode]:
        """The nodes of that id; else of that title or class; else of one that is written otherwise."""
        by_id = [node for node in self._nodes if node.id == name]
        if by_id:
            return by_id
        exact = [node for node in self._nodes if name in (node.title, node.class_type)]
        if exact:
            return exact
        loose = name.casefold().strip()
        return [node for node in self._nodes if loose in (node.title.casefold(), node.class_type.casefold())]

    def _only(self, name: str, option: str) -> PromptNode:
        called = self._called(name)
        if len(called) > 1:
            raise _usage(
                f"{option}: {clean(name, 80)} is {len(called)} nodes",
                f"Name one by its id: {_list_of(called)}.",
            )
        return called[0]

    def _no_node(self, name: str) -> ConfigError:
        names = [word for node in self._nodes for word in (node.id, node.title, node.class_type)]
        close = difflib.get_close_matches(name, list(dict.fromkeys(names)), n=1, cutoff=0.5)
        near = f"Did you mean {clean(close[0], 80)}? " if close else ""
        return _usage(
            f"no node is called {clean(name, 80)}", f"{near}The nodes are: {_list_of(self._nodes)}."
        )

    def _no_input(self, node: PromptNode, name: str) -> ConfigError:
        names = self._inputs_of(node)
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        near = f"Did you mean {clean(close[0], 80)}? " if close else ""
        listed = clean(", ".join(names), 400) if names else "none"
        return _usage(f"node {node.words} has no input {clean(name, 80)}", f"{near}Its inputs are: {listed}.")


def _read(text: str, rule: ValueRule, *, known: bool) -> Typed:
    """The value that a text stands for: JSON where it is of the input's type, else the text itself."""
    if rule.kind is ValueKind.TEXT or (not known and rule.kind is ValueKind.JSON):
        value = _json_or_none(text)
        if isinstance(value, str) or (not known and value is not None and not isinstance(value, list)):
            return Typed(value)
        return Typed(text)
    typed = read_value(text, rule)
    if rule.kind is ValueKind.JSON and not typed.problem and not _can_be_sent(typed.value):
        return Typed(problem="a number in it is not finite")
    if typed.problem and rule.kind is ValueKind.CHOICE:
        value = _json_or_none(text)
        return read_value(value, rule) if isinstance(value, str) else typed
    if typed.problem and rule.kind is ValueKind.JSON and _json_or_none(text) is None and text != "null":
        return Typed(text)
    return typed


def _json_or_none(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if _can_be_sent(value) else None


def _can_be_sent(value: Any) -> bool:
    """JSON has no infinite numbers, though Python reads them."""
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return True


def _help_with(text: str, rule: ValueRule) -> str:
    if rule.kind is not ValueKind.CHOICE:
        return f"It takes: {rule.words}."
    choices = [write_value(choice) for choice in rule.choices]
    close = difflib.get_close_matches(text, choices, n=3, cutoff=0.4)
    if close:
        return f"Did you mean {' or '.join(clean(choice, 120) for choice in close)}?"
    more = f" and {len(choices) - _SHOWN} more" if len(choices) > _SHOWN else ""
    return f"It takes: {clean(', '.join(choices[:_SHOWN]), 400)}{more}."


def _splits(text: str, mark: str) -> Iterator[tuple[str, str]]:
    """The text parted at each mark, from the left; neither part of the first name is empty."""
    at = text.find(mark)
    while at != -1:
        if text[:at]:
            yield text[:at], text[at + len(mark) :]
        at = text.find(mark, at + 1)


def _place(node: PromptNode, name: str) -> str:
    return f"{clean(node.id, 40)}.{clean(name, 80)} ({clean(node.class_type, 60)})"


def _list_of(found: Sequence[PromptNode]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(node.words for node in found[:_SHOWN]) + more


def _usage(message: str, hint: str) -> ConfigError:
    return ConfigError(_USAGE, message, hint)
