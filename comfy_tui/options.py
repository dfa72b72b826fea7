"""What the command line hands to the console: everything it needs, nothing global."""

from __future__ import annotations

from dataclasses import dataclass

from comfy_tui.config import Config, ServerProfile
from comfy_tui.project import Project


@dataclass(frozen=True, slots=True)
class AppOptions:
    """The choices of this run; flags, environment and config file are already merged."""

    config: Config
    server: ServerProfile
    #: Where the address came from, in words: ``the argument``, ``COMFY_TUI_URL``, ``the default``, ...
    server_source: str
    project: Project | None
    readonly: bool
    interval_s: float
    theme: str
    ascii: bool
    demo: bool = False
