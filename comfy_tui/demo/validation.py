"""What a server says about a prompt before it runs it, in the server's words and types."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .folders import Folders
from .nodes import NODES, NodeType
from .nodes.base import Listings, Spec

Problem = dict[str, Any]
_LONG_LIST = 20
_CORRUPTED = "The workflow may be corrupted or a custom node is missing."


@dataclass
class Verdict:
    """The outcome of a check: an error to refuse with, or outputs to run, and what is wrong with nodes."""

    error: dict[str, Any] | None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, Any] = field(default_factory=dict)


class _Endless(Exception):
    """A cycle in a version that runs into Python's recursion limit."""


def problem(kind: str, message: str, details: str = "", **extra: Any) -> Problem:
    """An error in the shape that the server uses everywhere."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


class Validator:
    """Checks one prompt. Converts its values in place, as the real server does."""

    def __init__(self, prompt: dict[str, Any], listings: Listings, folders: Folders, *, legacy: bool) -> None:
        self._prompt = prompt
        self._listings = listings
        self._folders = folders
        self._legacy = legacy
        self._done: dict[str, tuple[bool, list[Problem]]] = {}
        self._path: list[str] = []

    def check(self, targets: Iterable[Any] | None) -> Verdict:
        """Check everything that the (chosen) output nodes need."""
        candidates: list[str] = []
        wanted = None if targets is None else list(targets)
        for node_id, node in self._prompt.items():
            refusal = self._class_problem(node_id, node)
            if refusal is not None:
                return Verdict(refusal)
            if NODES[node["class_type"]].output_node and (wanted is None or node_id in wanted):
                candidates.append(node_id)
        if not candidates:
            return Verdict(problem("prompt_no_outputs", "Prompt has no outputs"))
        verdict = Verdict(None)
        words: list[str] = []
        for output in candidates:
            valid, reasons = self._check_output(output)
            if valid:
                verdict.outputs.append(output)
                continue
            words += [f"{reason['message']}: {reason['details']}" for reason in reasons]
            self._collect(verdict.node_errors, output)
        if not verdict.outputs:
            message = "Prompt outputs failed validation"
            verdict.error = problem("prompt_outputs_failed_validation", message, "\n".join(words))
        return verdict

    def _class_problem(self, node_id: str, node: Any) -> Problem | None:
        details = f"Node ID '#{node_id}'"
        if "class_type" not in node:
            if self._legacy:
                message = "Cannot execute because a node is missing the class_type property."
                return problem("invalid_prompt", message, details)
            title = node.get("_meta", {}).get("title")
            named = title or f"ID #{node_id}"
            message = f"Node '{named}' has no class_type. {_CORRUPTED}"
            extra = {"node_id": node_id, "class_type": None, "node_title": title}
            return problem("missing_node_type", message, details, **extra)
        class_type = node["class_type"]
        if self._listings.has_node(class_type):
            return None
        if self._legacy:
            return problem(
                "invalid_prompt", f"Cannot execute because node {class_type} does not exist.", details
            )
        title = node.get("_meta", {}).get("title", class_type)
        message = f"Node '{title}' not found. The custom node may not be installed."
        extra = {"node_id": node_id, "class_type": class_type, "node_title": title}
        return problem("missing_node_type", message, details, **extra)

    def _check_output(self, node_id: str) -> tuple[bool, list[Problem]]:
        self._path.clear()
        try:
            return self._check_node(node_id)
        except _Endless:
            return False, []
        except Exception as error:
            reason = problem(
                "exception_during_validation",
                "Exception when validating node",
                str(error),
                exception_type=type_name(error),
                traceback=traceback.format_tb(error.__traceback__),
            )
            self._done[node_id] = (False, [reason])
            return False, [reason]

    def _collect(self, node_errors: dict[str, Any], output: str) -> None:
        for node_id, (valid, reasons) in self._done.items():
            if valid or not reasons:
                continue
            if node_id not in node_errors:
                class_type = self._prompt[node_id]["class_type"]
                node_errors[node_id] = {"errors": reasons, "dependent_outputs": [], "class_type": class_type}
            node_errors[node_id]["dependent_outputs"].append(output)

    def _check_node(self, node_id: str) -> tuple[bool, list[Problem]]:
        if node_id in self._done:
            return self._done[node_id]
        self._path.append(node_id)
        inputs = self._prompt[node_id]["inputs"]
        node = NODES[self._prompt[node_id]["class_type"]]
        valid = True
        problems: list[Problem] = []
        for name, (required, spec) in node.inputs(self._listings).items():
            if name not in inputs:
                if required:
                    problems.append(
                        problem("required_input_missing", "Required input is missing", name, input_name=name)
                    )
                continue
            value = inputs[name]
            if isinstance(value, list):
                found, source_valid = self._check_link(name, spec, value)
                valid = valid and source_valid
            else:
                found = self._check_value(node, inputs, name, spec)
            if found is not None:
                problems.append(found)
        problems += self._custom_problems(node, inputs)
        self._path.pop()
        earlier = self._done.get(node_id)
        if earlier is not None:
            return earlier
        self._done[node_id] = (valid and not problems, problems)
        return self._done[node_id]

    def _check_link(self, name: str, spec: Spec, value: list[Any]) -> tuple[Problem | None, bool]:
        extra = {"input_name": name, "input_config": _config(spec)}
        if len(value) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return problem("bad_linked_input", message, name, **extra, received_value=value), True
        source_id = value[0]
        source = NODES[self._prompt[source_id]["class_type"]]
        received = source.outputs_of(legacy=self._legacy)[value[1]]
        if not self._matches(received, spec[0]):
            details = f"{name}, received_type({received}) mismatch input_type({spec[0]})"
            message = "Return type mismatch between linked nodes"
            extra.update(received_type=received, linked_node=value)
            return problem("return_type_mismatch", message, details, **extra), True
        if source_id in self._path:
            self._report_cycle(source_id)
            return None, False
        depth = len(self._path)
        try:
            return None, self._check_node(source_id)[0]
        except _Endless:
            raise
        except Exception as error:
            del self._path[depth:]
            reason = problem(
                "exception_during_inner_validation",
                "Exception when validating inner node",
                str(error),
                **extra,
                exception_message=str(error),
                exception_type=type_name(error),
                traceback=traceback.format_tb(error.__traceback__),
                linked_node=value,
            )
            self._done[source_id] = (False, [reason])
            return None, False

    def _report_cycle(self, start: str) -> None:
        if self._legacy:
            raise _Endless
        cycle = self._path[self._path.index(start) :]
        path = " -> ".join(f"{one} ({self._prompt[one]['class_type']})" for one in [*cycle, start])
        for node_id in cycle:
            reason = problem(
                "dependency_cycle", "Dependency cycle detected", path, node_id=node_id, cycle_nodes=cycle
            )
            self._done[node_id] = (False, [reason])

    def _matches(self, received: str, wanted: Any) -> bool:
        if wanted == "*" or (received == "*" and not self._legacy):
            return True
        if isinstance(wanted, list):
            return received == "COMBO" and not self._legacy
        return bool(set(received.split(",")) & set(str(wanted).split(",")))

    def _check_value(self, node: NodeType, inputs: dict[str, Any], name: str, spec: Spec) -> Problem | None:
        kind = spec[0]
        extra = {"input_name": name, "input_config": _config(spec)}
        value = inputs[name]
        try:
            if isinstance(value, dict) and "__value__" in value:
                value = inputs[name] = value["__value__"]
            convert = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}.get(str(kind))
            if convert is not None:
                value = inputs[name] = convert(value)
        except Exception as error:
            message = f"Failed to convert an input value to a {kind} value"
            extra.update(received_value=value, exception_message=str(error))
            return problem("invalid_input_type", message, f"{name}, {value}, {error}", **extra)
        if name in node.validates:
            return None
        options = spec[1] if len(spec) > 1 else {}
        extra["received_value"] = value
        if "min" in options and value < options["min"]:
            message = f"Value {value} smaller than min of {options['min']}"
            return problem("value_smaller_than_min", message, name, **extra)
        if "max" in options and value > options["max"]:
            message = f"Value {value} bigger than max of {options['max']}"
            return problem("value_bigger_than_max", message, name, **extra)
        return self._check_choice(name, spec, value, extra)

    def _check_choice(self, name: str, spec: Spec, value: Any, extra: dict[str, Any]) -> Problem | None:
        kind = spec[0]
        if isinstance(kind, list):
            choices = kind
        elif kind == "COMBO" and not self._legacy:
            choices = spec[1].get("options", [])
        else:
            return None
        if value in choices:
            return None
        listed = str(choices)
        if len(choices) > _LONG_LIST:
            listed = f"(list of length {len(choices)})"
            extra["input_config"] = None
        shown = f"'{value}'" if self._legacy else repr(value)
        return problem("value_not_in_list", "Value not in list", f"{name}: {shown} not in {listed}", **extra)

    def _custom_problems(self, node: NodeType, inputs: dict[str, Any]) -> list[Problem]:
        if node.validate is None:
            return []
        given = {name: inputs[name] for name in node.validates if name in inputs}
        if not given:
            return []
        literal = {name: None if isinstance(value, list) else value for name, value in given.items()}
        said = node.validate(self._listings, self._folders, literal)
        if said is None:
            return []
        message = "Custom validation failed for node"
        return [
            problem("custom_validation_failed", message, f"{name} - {said}", input_name=name)
            for name in given
        ]


def _config(spec: Spec) -> list[Any]:
    return [spec[0], spec[1] if len(spec) > 1 else {}]


def type_name(error: BaseException) -> str:
    """The name of an exception's class as the server writes it: with its module unless it is built in."""
    wire = getattr(error, "wire_name", None)
    if isinstance(wire, str):
        return wire
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
