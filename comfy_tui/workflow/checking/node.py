"""Checks one node by itself; whether it matters to an output is decided in :mod:`.walk`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_tui.workflow.checking.declared import (
    DYNAMIC_TYPES,
    Declared,
    Definitions,
    Input,
    NodeClass,
    Selector,
)
from comfy_tui.workflow.checking.files import FILE_MISSING, FILE_UNKNOWN, Files, picker_kind, server_file
from comfy_tui.workflow.checking.links import Links
from comfy_tui.workflow.checking.nearest import Nearest
from comfy_tui.workflow.checking.problem import RAISES, NodeReport, Problem, brief, is_link
from comfy_tui.workflow.checking.rules import Rules
from comfy_tui.workflow.checking.validators import (
    looks_itself,
    own_problem,
    raises_without,
    takes_every_name,
)
from comfy_tui.workflow.checking.values import check_value, unwrapped
from comfy_tui.workflow.definition import MATCH_TYPE, WIDGET_TYPES
from comfy_tui.workflow.diagnostic import Severity

# Types that a person can fill in by hand, or that take anything.
_VALUE_TYPES = WIDGET_TYPES | DYNAMIC_TYPES | {"*", MATCH_TYPE}


class NodeChecker:
    """Checks the nodes of one prompt against one server's definitions."""

    def __init__(
        self, definitions: Definitions, links: Links, files: Files, rules: Rules, nearest: Nearest
    ) -> None:
        self._definitions = definitions
        self._links = links
        self._files = files
        self._rules = rules
        self._nearest = nearest
        self._kinds: dict[tuple[str, str], str | None] = {}

    def check(self, node: NodeClass, inputs: Mapping[str, Any]) -> NodeReport:
        """Everything the server checks in this node, then what it does not and that fails later."""
        report = NodeReport()
        declared = node.declared_for(inputs)
        for item in declared.inputs.values():
            if item.name in inputs:
                self._given(report, node, item, inputs[item.name])
            elif item.required:
                report.problems.append(self._missing(node, declared, item, inputs))
        self._own(report, node, inputs)
        report.problems += [
            self._unpicked(s, inputs) for s in declared.unpicked if s.required or s.name in inputs
        ]
        self._undeclared(report, node, declared, inputs)
        return report

    def _own(self, report: NodeReport, node: NodeClass, inputs: Mapping[str, Any]) -> None:
        """What the class says itself; where it raises, the server says nothing else of that input."""
        problem = own_problem(node, inputs, self._links.received, self._rules)
        if problem is None:
            return
        if problem.code == RAISES:
            report.problems = [other for other in report.problems if other.input != problem.input]
        if not any(other.code == RAISES for other in report.problems):
            report.problems.append(problem)

    def _kind(self, node: NodeClass, item: Input) -> str | None:
        key = (node.name, item.name)
        if key not in self._kinds:
            self._kinds[key] = picker_kind(node, item)
        return self._kinds[key]

    def _given(self, report: NodeReport, node: NodeClass, item: Input, value: Any) -> None:
        kind = self._kind(node, item)
        problem: Problem | None = None
        if isinstance(value, list):
            problem, target = self._links.check(item, node, value)
            if target is not None:
                report.follows.append(target)
        else:
            own = kind is not None or looks_itself(node, item)
            problem = check_value(item, value, self._rules, self._nearest, only_convert=own)
            problem = problem or self._literal_for_link(item, value)
        if kind is not None and (problem is None or (node.is_core and isinstance(value, list))):
            # Called after all else, and with a link it raises, which is then all that the server says.
            problem = self._files.check(node, item, value, kind, self._nearest) or problem
            if problem is not None and problem.code == FILE_UNKNOWN:
                report.unknown_files.append(server_file(unwrapped(value)))
            elif problem is not None and problem.code == FILE_MISSING:
                report.missing_files.append(server_file(unwrapped(value)))
        if problem is not None:
            report.problems.append(problem)

    def _missing(
        self, node: NodeClass, declared: Declared, item: Input, inputs: Mapping[str, Any]
    ) -> Problem:
        kind = self._kind(node, item)
        if (kind is not None and node.is_core) or raises_without(node, item):
            # The loader's own validation is called without it, which raises.
            words = (
                f"No {kind} file is given: {item.name} is missing." if kind else f"{item.name} is missing."
            )
            return Problem(RAISES, words, item.name, hint="Choose a value.")
        spare = [name for name in inputs if name not in declared.inputs]
        last = item.name.rsplit(".", 1)[-1]
        near = tuple(name for name in spare if name.rsplit(".", 1)[-1] == last)
        default = item.options.get("default")
        hint = "The server fills in no defaults for required inputs."
        if near:
            hint = f"It is given as {near[0]}; rename that to {item.name}."
        elif isinstance(default, (str, int, float)) and default != "":
            hint = f"Its default is {brief(default)}, but the server does not fill it in."
        return Problem(
            "required_input_missing", f"{item.name} is required and not given.", item.name, near, hint
        )

    def _literal_for_link(self, item: Input, value: Any) -> Problem | None:
        if not self._only_linked(item) or (unwrapped(value) is None and not item.required):
            return None
        value = unwrapped(value)
        return Problem(
            "literal_for_link",
            f"{item.name} takes a link of type {item.type}, but is {brief(value)}.",
            item.name,
            hint="The server accepts this and the node fails when it runs: link a node that makes one.",
            severity=Severity.WARNING,
        )

    def _only_linked(self, item: Input) -> bool:
        """Whether nothing but a link can be meant: a plain socket of a type that some node makes."""
        if not isinstance(item.type, str) or item.type in _VALUE_TYPES:
            return False
        if not item.options.keys().isdisjoint(("default", "widgetType", "socketless")):
            return False
        parts = [part.strip() for part in item.type.split(",")]
        return _VALUE_TYPES.isdisjoint(parts) and any(self._definitions.is_made(p) for p in parts)

    def _unpicked(self, selector: Selector, inputs: Mapping[str, Any]) -> Problem:
        given = inputs.get(selector.name)
        if selector.name not in inputs:
            message = f"{selector.name} is not given, so the node gets nothing for it."
        elif isinstance(given, list):
            message = f"{selector.name} is a link, but the server needs the choice itself to know its inputs."
        else:
            message = f"{selector.name} is {brief(given)}, which is none of its {len(selector.keys)} choices."
        return Problem(
            "unknown_selector",
            message,
            selector.name,
            self._nearest.among(given, selector.keys),
            "The server accepts this without a check and the node may fail when it runs.",
            Severity.WARNING,
        )

    def _undeclared(
        self, report: NodeReport, node: NodeClass, declared: Declared, inputs: Mapping[str, Any]
    ) -> None:
        if len(inputs) == len(declared.inputs) and inputs.keys() == declared.inputs.keys():
            return
        unpicked = {selector.name for selector in declared.unpicked}
        for name, value in inputs.items():
            if name in declared.inputs:
                continue
            if is_link(value):
                report.undeclared.append((name, value[0]))
            if name in unpicked or node.takes_anything or takes_every_name(node):
                continue
            if is_link(value):
                report.problems.append(self._stray_link(node, name, value))
            elif not any(str(name).startswith(f"{parent}.") for parent in unpicked):
                report.problems.append(self._stray_value(node, declared, name, inputs))

    def _stray_link(self, node: NodeClass, name: str, value: list[Any]) -> Problem:
        return Problem(
            "undeclared_link",
            f"{name} is not an input of {node.name}, but is linked to node {value[0]}.",
            name,
            hint="The server runs that node and hands its result over unasked; most nodes fail on that.",
            severity=Severity.WARNING,
        )

    def _stray_value(
        self, node: NodeClass, declared: Declared, name: str, inputs: Mapping[str, Any]
    ) -> Problem:
        hint = "The server drops it without a word."
        if name in declared.groups:
            hint = f"It stands for a group: give its members, {name}.…, one by one."
        absent = [known for known in declared.inputs if known not in inputs]
        near = self._nearest.among(str(name), absent, any_of_few=False)
        return Problem(
            "undeclared_input",
            f"{name} is not an input of {node.name}.",
            str(name),
            near,
            hint,
            Severity.INFO,
        )
