"""Collecting what a conversion has to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from comfy_tui.workflow.conversion.model import BYPASS, NEVER, Node, Scope
from comfy_tui.workflow.diagnostic import Diagnostic, Severity

_LIMIT = 1000
_ABOUT_VALUES = frozenset(
    ("surplus_values", "shifted_values", "null_value", "unknown_dynamic_option", "undeclared_input")
)


@dataclass(frozen=True, slots=True)
class _Finding:
    severity: Severity
    code: str
    message: str
    node: Node | None
    scope: Scope | None
    input: str | None
    hint: str | None


class Report:
    """Findings in the order they were made, each said once; warnings beyond a limit are counted."""

    def __init__(self) -> None:
        self._found: dict[_Finding, None] = {}
        self._left_out = 0

    def error(self, code: str, message: str, node: Node | None = None, scope: Scope | None = None) -> None:
        """Say that the server would refuse the result, or that there is none."""
        self._found.setdefault(_Finding(Severity.ERROR, code, message, node, scope, None, None))

    def warn(
        self,
        code: str,
        message: str,
        node: Node | None = None,
        scope: Scope | None = None,
        *,
        input: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Say what was lost, guessed or repaired."""
        if len(self._found) >= _LIMIT:
            self._left_out += 1
            return
        self._found.setdefault(_Finding(Severity.WARNING, code, message, node, scope, input, hint))

    def diagnostics(self, ids: Mapping[int, str]) -> tuple[Diagnostic, ...]:
        """All that was said, given the prompt ids of nodes by their identity.

        Warnings about nodes that cannot be emitted are left out, and so are those about values of nodes
        that are muted or bypassed: nothing of theirs is sent.
        """
        found = [self._placed(one, ids) for one in self._found if not _is_moot(one, ids)]
        if self._left_out:
            text = f"{self._left_out} more warnings of this workflow are left out"
            found.append(Diagnostic(Severity.WARNING, "more_warnings", text))
        return tuple(found)

    @staticmethod
    def _placed(one: _Finding, ids: Mapping[int, str]) -> Diagnostic:
        node, node_id = one.node, None
        if node is not None:
            node_id = one.scope.node_id(node) if one.scope is not None else ids.get(id(node), node.key)
        return Diagnostic(
            one.severity,
            one.code,
            one.message,
            node_id=node_id,
            node_title=(node.title or None) if node is not None else None,
            class_type=node.type if node is not None else None,
            input=one.input,
            hint=one.hint,
        )


def _is_moot(one: _Finding, ids: Mapping[int, str]) -> bool:
    if one.node is None or one.severity is Severity.ERROR:
        return False
    silent = one.node.mode in (NEVER, BYPASS)
    return id(one.node) not in ids or (silent and one.code in _ABOUT_VALUES)
