"""The verdict that POST /prompt would give, found before anything is sent (comfyui-api, section 5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from comfy_tui.workflow.checking.declared import Definitions
from comfy_tui.workflow.checking.files import Files
from comfy_tui.workflow.checking.problem import brief
from comfy_tui.workflow.checking.rules import rules_for
from comfy_tui.workflow.checking.scan import MALFORMED
from comfy_tui.workflow.checking.verdict import Verdict
from comfy_tui.workflow.checking.walk import Walk
from comfy_tui.workflow.diagnostic import Diagnostic, Severity


class Checker:
    """Judges prompts for one server; keeps what it has read of the server's node classes.

    May be used by several threads at once.

    Args:
        object_info: the server's node definitions (``GET /object_info``).
        version: of the server ("0.26.0"); None means the newest rules.
        input_files: what is known of the server's folders "input", "output" and "temp": all paths in
            it, with ``/``. Without it only the definitions' own lists count, and what they cannot
            decide is not called wrong.
    """

    def __init__(
        self,
        object_info: Mapping[str, Any],
        version: str | None = None,
        *,
        input_files: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        given: Any = object_info  # callers pass what they read
        self._known = isinstance(given, Mapping) and bool(given)
        self._rules = rules_for(version)
        nodes = given if self._known else {}
        self._definitions = Definitions(nodes, dynamic_inputs=self._rules.dynamic_inputs)
        self._files = Files(nodes, input_files)

    def check(self, prompt: Mapping[str, Any]) -> Verdict:
        """Judge one prompt; see :func:`check`."""
        impossible = _impossible(prompt, self._known)
        if impossible is not None:
            return Verdict(False, (impossible,), MALFORMED if impossible.code == MALFORMED else None)
        return Walk(prompt, self._definitions, self._rules, self._files).verdict()


def check(
    prompt: Mapping[str, Any],
    object_info: Mapping[str, Any],
    *,
    version: str | None = None,
    input_files: Mapping[str, Collection[str]] | None = None,
) -> Verdict:
    """Judge an API-format prompt as a server would, and warn of what it misses.

    Args:
        prompt: the prompt, any JSON value; it is not changed.
        object_info: the server's node definitions. For many prompts make one :class:`Checker`.
        version: see :class:`Checker`.
        input_files: see :class:`Checker`.

    Returns:
        A verdict. Errors are what the server would refuse, with its own type as the code, and what
        would kill its worker, as ``breaks_server``. Wrong things on nodes that no output needs are
        warnings, and so is what the server takes and then fails on. Nothing is raised for any value.
    """
    return Checker(object_info, version, input_files=input_files).check(prompt)


def _impossible(prompt: Any, known: bool) -> Diagnostic | None:
    """Why nothing can be said of a prompt at all."""
    if not isinstance(prompt, Mapping):
        words = f"The prompt is {brief(prompt)}, not an object of nodes."
        return Diagnostic(Severity.ERROR, MALFORMED, words, hint="Give a workflow in API format.")
    if isinstance(prompt.get("nodes"), list):
        words = "This is a workflow in the editor's format, not a prompt."
        return Diagnostic(Severity.ERROR, MALFORMED, words, hint="Convert it first.")
    if not known:
        return Diagnostic(
            Severity.ERROR,
            "no_inventory",
            "Nothing is known of the server's nodes, so the workflow cannot be checked.",
            hint="Connect to the server, or give a saved object_info.",
        )
    return None
