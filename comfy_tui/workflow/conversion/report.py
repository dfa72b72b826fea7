"""Collecting what a conversion has to say."""

from __future__ import annotations

from comfy_tui.workflow.conversion.model import Node, Scope
from comfy_tui.workflow.diagnostic import Diagnostic, Severity

_LIMIT = 1000


class Report:
    """Diagnostics in the order they were found, each said once; warnings beyond a limit are counted."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}
        self._left_out = 0

    def error(self, code: str, message: str, node: Node | None = None, scope: Scope | None = None) -> None:
        """Say that the server would refuse the result, or that there is none."""
        self._add(Severity.ERROR, code, message, node, scope, None, None)

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
        self._add(Severity.WARNING, code, message, node, scope, input, hint)

    def info(self, code: str, message: str, node: Node | None = None, scope: Scope | None = None) -> None:
        """Say what is worth knowing."""
        self._add(Severity.INFO, code, message, node, scope, None, None)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All that was said."""
        found = list(self._found)
        if self._left_out:
            text = f"{self._left_out} more warnings of this workflow are left out"
            found.append(Diagnostic(Severity.WARNING, "more_warnings", text))
        return tuple(found)

    def _add(
        self,
        severity: Severity,
        code: str,
        message: str,
        node: Node | None,
        scope: Scope | None,
        input: str | None,
        hint: str | None,
    ) -> None:
        if severity is not Severity.ERROR and len(self._found) >= _LIMIT:
            self._left_out += 1
            return
        node_id = None
        if node is not None:
            node_id = scope.node_id(node) if scope is not None else node.key
        said = Diagnostic(
            severity,
            code,
            message,
            node_id=node_id,
            node_title=(node.title or None) if node is not None else None,
            class_type=node.type if node is not None else None,
            input=input,
            hint=hint,
        )
        self._found.setdefault(said)
