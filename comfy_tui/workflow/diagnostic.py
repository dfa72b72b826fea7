"""One thing that is wrong, doubtful or worth knowing about a workflow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """``ERROR``: the server would refuse it. ``WARNING``: it may go wrong. ``INFO``: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding, with the place in the workflow and the way to mend it.

    ``code`` is the server's own error type where it has one (comfyui-api, "Per-node error types"),
    else a name of ours. ``node_id`` is the id in the API-format prompt.
    """

    severity: Severity
    code: str
    message: str
    node_id: str | None = None
    node_title: str | None = None
    class_type: str | None = None
    input: str | None = None
    suggestions: tuple[str, ...] = ()
    hint: str | None = None
