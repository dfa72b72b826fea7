"""The verdict that POST /prompt would give, found before anything is sent (comfyui-api, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_tui.workflow.checking.declared import Definitions
from comfy_tui.workflow.checking.files import Files, ServerFile
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
        known_files: whether a file is on the server, for those that it was asked for; what comes to it
            later counts from then on.
    """

    def __init__(
        self,
        object_info: Mapping[str, Any],
        version: str | None = None,
        *,
        known_files: Mapping[ServerFile, bool] | None = None,
    ) -> None:
        given: Any = object_info  # callers pass what they read
        self._known = isinstance(given, Mapping) and bool(given)
        self._rules = rules_for(version)
        nodes = given if self._known else {}
        self._definitions = Definitions(nodes, dynamic_inputs=self._rules.dynamic_inputs)
        self._files = Files(nodes, {} if known_files is None else known_files)

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
    known_files: Mapping[ServerFile, bool] | None = None,
) -> Verdict:
    """Judge an API-format prompt as a server would, and warn of what it misses.

    Args:
        prompt: the prompt, any JSON value; it is not changed.
        object_info: the server's node definitions. For many prompts make one :class:`Checker`.
        version: see :class:`Checker`.
        known_files: see :class:`Checker`.

    Returns:
        A verdict. Errors are what the server would refuse, with its own type as the code, and what
        would kill its worker, as ``breaks_server``. Wrong things on nodes that no output needs are
        warnings, and so is what the server takes and then fails on. Nothing is raised for any value.
    """
    return Checker(object_info, version, known_files=known_files).check(prompt)


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
