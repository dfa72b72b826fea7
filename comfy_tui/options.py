"""What the command line hands to the console: everything it needs, nothing global."""

from __future__ import annotations

from dataclasses import dataclass, field

from comfy_tui.config import Config, ServerProfile
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.project import Project
from comfy_tui.terminal.facts import TerminalFacts


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the console is with a server, in seconds.  A test of many faults is less so."""

    #: A whole call, from the connection to the end of the answer.
    timeout_s: float = 30.0
    #: Waits before each look for a submission whose answer did not come; None: the outbox's own.
    look_delays_s: tuple[float, ...] | None = None
    #: The wait before the socket is opened again; it doubles while that fails.
    reconnect_s: float = 1.0
    #: A queue that moves and no event for so long: the socket is taken for deaf.
    deaf_s: float = 2.0
    #: A job that was asked to stop and has not is told of after this.
    cancel_s: float = 8.0
    #: A running job without any sign of life is told of after this.
    standstill_s: float = 300.0


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
    pace: Pace = Pace()
    #: How pictures are shown, as asked for; ``auto`` is what the terminal's facts say.
    images: ImageMode = ImageMode.AUTO
    #: What was learnt of the terminal before anything was drawn.
    terminal: TerminalFacts = field(default_factory=TerminalFacts)
