"""What the console knows of one server, in slices that are published one by one.

Every slice says when its data was read.  Times are Unix seconds, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from comfy_tui.errors import ComfyError

if TYPE_CHECKING:
    # Not at run time: the console's first frame shows none of them.
    from comfy_tui.comfy.types import ExecutionError, JobState, OutputFile, OutputText, SystemStats
    from comfy_tui.monitor.journal.row import JournalEvent
    from comfy_tui.workflow.parameters import PromptSummary


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as a value: what failed, what is known, what to do."""

    code: str
    title: str
    message: str
    hint: str

    @classmethod
    def of(cls, error: ComfyError) -> Problem:
        """Make it from the error."""
        return cls(error.code, error.title, error.message, error.hint)


class Link(StrEnum):
    """Whether the server answers."""

    CONNECTING = "connecting"
    ONLINE = "online"
    OFFLINE = "offline"
    #: Something answers, but not as a ComfyUI that we may use.
    FAULTY = "faulty"


class Source(StrEnum):
    """How the progress of jobs is known."""

    CONNECTING = "connecting"
    #: Events come over the socket.
    LIVE = "live"
    #: There is no socket: what the polls tell.
    POLLING = "polling only"


@dataclass(frozen=True, slots=True)
class Connection:
    """The way to the server."""

    name: str
    url: str
    link: Link = Link.CONNECTING
    problem: Problem | None = None
    #: When the next attempt is made, while it does not answer.
    retry_at_s: float | None = None
    last_answer_s: float | None = None
    response_time_s: float | None = None
    paused: bool = False
    readonly: bool = False
    source: Source = Source.CONNECTING
    #: Why it is not live.
    source_why: str = ""


@dataclass(frozen=True, slots=True)
class JobMemory:
    """Graphics memory in use, in all, as the polls saw it: before a job, at most while it ran, after it."""

    before_bytes: int | None
    peak_bytes: int
    after_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A program that holds graphics memory; ``used_bytes`` is None and ``name`` empty where not told."""

    pid: int
    name: str
    used_bytes: int | None
    is_server: bool = False


@dataclass(frozen=True, slots=True)
class GpuUse:
    """All programs that hold graphics memory, and who said so."""

    processes: tuple[GpuProcess, ...]
    #: ``nvidia-smi``, ``rocm-smi`` or ``nvidia-ml-py``.
    source: str

    @property
    def others(self) -> tuple[GpuProcess, ...]:
        """Those that are not the server."""
        return tuple(process for process in self.processes if not process.is_server)


@dataclass(frozen=True, slots=True)
class Health:
    """Versions, devices and memory, with the memory's recent past."""

    stats: SystemStats | None = None
    read_at_s: float | None = None
    problem: Problem | None = None
    #: For each device the used share of its memory (0 to 1) at the last polls, oldest first.
    vram_past: tuple[tuple[float, ...], ...] = ()
    ram_past: tuple[float, ...] = ()
    #: By the driver, where the console runs on the server's machine; None: only ComfyUI's own view.
    gpu: GpuUse | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job of the server, ours or another's.

    ``summary`` is None until the prompt has been read.  ``start_is_bound`` tells that ``started_at_s``
    is only when we first saw it run: it has run at least since then, and at most ``start_slack_s`` longer
    (None: not known).  ``usual_s`` is the median of this workflow's earlier runs, of a job that runs.
    """

    prompt_id: str
    state: JobState
    number: float
    title: str
    ours: bool
    client_id: str | None = None
    created_at_s: float | None = None
    started_at_s: float | None = None
    start_is_bound: bool = False
    start_slack_s: float | None = None
    usual_s: float | None = None
    ended_at_s: float | None = None
    outputs: tuple[OutputFile, ...] = ()
    texts: tuple[OutputText, ...] = ()
    error: ExecutionError | None = None
    summary: PromptSummary | None = None
    #: The class of each node of its prompt by the node's id; None until the prompt has been read.
    node_names: Mapping[str, str] | None = field(default=None, compare=False)

    def elapsed_s(self, now_s: float) -> float | None:
        """How long it ran, or has run so far; None where that is not known."""
        if self.started_at_s is None:
            return None
        end = self.ended_at_s if self.state.ended else now_s
        return max(0.0, end - self.started_at_s) if end is not None else None


@dataclass(frozen=True, slots=True)
class Unsent:
    """A submission that no answer confirmed.  It is kept until it is found, sent again or discarded."""

    prompt_id: str
    title: str
    reason: Problem
    #: Whether the server cannot have seen it (no connection); else it may still turn up.
    surely_unsent: bool
    at_s: float


class KeptAs(StrEnum):
    """Why the journal keeps a job before a person's eyes."""

    #: Taken off the server on purpose; waits to be put back.
    HELD = "held"
    #: The server that had it was away or started again, and does not list it any more.
    LOST = "lost"
    #: Listed nowhere any more, although the server answered all the time.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Kept:
    """A job of ours that is not on the server and that the journal keeps."""

    prompt_id: str
    title: str
    kept_as: KeptAs
    #: What is known of how that came, in words.
    evidence: str
    at_s: float
    #: It carried keys for paid nodes, which are never kept.
    had_keys: bool = False


@dataclass(frozen=True, slots=True)
class Jobs:
    """The server's queue and its recent history, newest first."""

    running: tuple[Job, ...] = ()
    pending: tuple[Job, ...] = ()
    ended: tuple[Job, ...] = ()
    unsent: tuple[Unsent, ...] = ()
    #: Held, lost or gone, in the order in which they would be queued again.
    kept: tuple[Kept, ...] = ()
    read_at_s: float | None = None
    problem: Problem | None = None

    def find(self, prompt_id: str) -> Job | None:
        """The job with this id."""
        everything = (*self.running, *self.pending, *self.ended)
        return next((job for job in everything if job.prompt_id == prompt_id), None)


@dataclass(frozen=True, slots=True)
class Preview:
    """The latest picture on the way; ``number`` tells one from the next."""

    number: int
    image: bytes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the running job is: from the socket, or (``from_log``) from the bars in the server's log.

    ``per_s`` are steps in a second and ``steps_left_s`` what the node's steps still take, as of ``at_s``;
    None while that is not known.
    """

    prompt_id: str = ""
    node_id: str = ""
    node_title: str = ""
    value: float = 0
    max: float = 0
    nodes_done: int = 0
    nodes_total: int = 0
    nodes_cached: int = 0
    per_s: float | None = None
    steps_left_s: float | None = None
    at_s: float | None = None
    from_log: bool = False
    preview: Preview | None = None


@dataclass(frozen=True, slots=True)
class Standstill:
    """What speaks for a running job that does not get on, with since when; None: not known, or not so.

    Empty (no ``prompt_id``) while there is nothing to say.
    """

    prompt_id: str = ""
    #: When this console asked the server to interrupt it.
    cancel_asked_s: float | None = None
    #: Whether that was long ago.
    cancel_late: bool = False
    no_step_since_s: float | None = None
    log_silent_since_s: float | None = None
    vram_same_since_s: float | None = None
    #: How many jobs wait behind it and have not moved.
    waiting: int = 0

    @property
    def quiet(self) -> bool:
        """Whether no sign of life came for long."""
        return self.no_step_since_s is not None or self.log_silent_since_s is not None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened and that a person wants to hear of, once."""

    title: str
    message: str
    #: ``information``, ``warning`` or ``error``.
    severity: str = "information"
    #: The kind of the event that it is listed as: ``lost``, ``freed`` ...; see :mod:`.event_kinds`.
    kind: str = "note"
    #: The jobs that it is about.
    prompt_ids: tuple[str, ...] = ()


Update = Connection | Health | Jobs | Progress | Standstill | Notice
#: The events of this run, the newest first, each with its number.
Happened = tuple[tuple[int, "JournalEvent"], ...]
