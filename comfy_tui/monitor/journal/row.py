"""What the journal holds, as frozen values.  Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comfy_tui.comfy.types import ExecutionError, JobRecord, OutputFile, OutputText


class Fate(StrEnum):
    """What is known of a job.  The words are stored and exported: they are never changed."""

    #: It is being sent: written before the request, so that a kill leaves a trace.
    SENDING = "sending"
    #: No answer told whether the server has it.
    UNKNOWN = "unknown"
    #: The server cannot have seen it; it waits to be sent.
    UNSENT = "unsent"
    #: The server said no, or the person did: it will not be sent.
    REFUSED = "refused"
    #: It is being taken off the server, to be held.
    HOLDING = "holding"
    #: Taken off the server on purpose; it waits here to be put back.
    HELD = "held"
    PENDING = "pending"
    RUNNING = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: It waited or ran, and the server that forgot it was away or started again meanwhile.
    LOST = "lost"
    #: It waited or ran, and is listed nowhere, although the server answered all the time.
    GONE = "gone"

    @property
    def on_server(self) -> bool:
        """Whether it was in the server's queue when it was last seen."""
        return self in (Fate.PENDING, Fate.RUNNING)

    @property
    def final(self) -> bool:
        """Whether nothing more will become of it, and it may be forgotten when it is old."""
        return self in (Fate.REFUSED, Fate.COMPLETED, Fate.FAILED, Fate.CANCELLED, Fate.LOST, Fate.GONE)


class Wish(StrEnum):
    """What was asked of the server for a job, and whether it heard that.  The words are stored."""

    NONE = ""
    #: It is to be stopped; written before the request, and no answer is known.
    ASKED = "cancel"
    #: It ran, and the server took the request to stop it.
    TAKEN = "cancel taken"


@dataclass(frozen=True, slots=True)
class JournalJob:
    """One job of one server.  What is not known is None or empty, never a guess."""

    #: The server's address: a job belongs to it, whatever the server is called in the config.
    server: str
    prompt_id: str
    fate: Fate
    server_name: str = ""
    title: str = ""
    ours: bool = False
    #: Why it is lost, gone, unknown or refused, in words.
    evidence: str = ""
    number: float | None = None
    client_id: str | None = None
    fingerprint: str = ""
    timing: str = ""
    created_at_s: float | None = None
    #: When this console sent it, or first saw it.
    noted_at_s: float | None = None
    #: When something was last done with it from here, or found out about it.
    changed_at_s: float | None = None
    seen_at_s: float | None = None
    started_at_s: float | None = None
    ended_at_s: float | None = None
    waited_s: float | None = None
    ran_s: float | None = None
    outputs: tuple[OutputFile, ...] = ()
    texts: tuple[OutputText, ...] = ()
    error: ExecutionError | None = None
    vram_before_bytes: int | None = None
    vram_peak_bytes: int | None = None
    vram_after_bytes: int | None = None
    #: The job that was queued in its stead, and the one that this one was queued for.
    again_as: str = ""
    again_of: str = ""
    #: It carried keys for paid nodes; they are never kept.
    had_keys: bool = False
    #: A person has put it away: it is not offered any more.
    dismissed: bool = False
    #: Only where they were asked for: the prompt, and what travelled beside it.
    prompt: Mapping[str, Any] | None = None
    extra_data: Mapping[str, Any] = field(default_factory=dict)
    #: In the journal's own order.
    row_id: int = 0

    @property
    def workflow(self) -> Mapping[str, Any] | None:
        """The editor's workflow that was sent along."""
        return self.record().workflow

    def record(self) -> JobRecord:
        """The job as a server would tell it; an unknown end is told as failed."""
        from comfy_tui.comfy.types import JobRecord, JobState

        try:
            state = JobState(self.fate.value)
        except ValueError:
            state = JobState.PENDING if not self.fate.final else JobState.FAILED
        return JobRecord(
            prompt_id=self.prompt_id,
            state=state,
            number=self.number or 0.0,
            prompt=self.prompt,
            extra_data=self.extra_data,
            created_at_s=self.created_at_s,
            started_at_s=self.started_at_s,
            ended_at_s=self.ended_at_s,
            outputs=self.outputs,
            texts=self.texts,
            error=self.error,
        )


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """Something that happened, for the list of events and for scripts."""

    #: ``connected``, ``lost``, ``queued``, ``done``, ``failed``, ``freed``, ``alert`` ...
    kind: str
    title: str
    text: str = ""
    #: ``information``, ``warning`` or ``error``.
    severity: str = "information"
    server: str = ""
    prompt_id: str = ""
    at_s: float = 0.0
    #: Given by the journal; grows.
    row_id: int = 0


@dataclass(frozen=True, slots=True)
class Medians:
    """How long the runs of a workflow took, of those that ended well."""

    #: How many runs they are taken from; 0 where none is known.
    runs: int = 0
    waited_s: float | None = None
    ran_s: float | None = None
    #: Whether models, steps and sizes were the same, too.
    exact: bool = False

    @property
    def usual_s(self) -> float | None:
        """How long another run takes; those of other models, steps and sizes say nothing of it."""
        return self.ran_s if self.exact else None


@dataclass(frozen=True, slots=True)
class Place:
    """Which server's jobs are meant, and which run asks."""

    #: Its address.
    server: str
    #: What it is called in the config.
    name: str
    owner: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be sent, or was: the prompt, what travels beside it, and for whom."""

    prompt_id: str
    title: str
    prompt: Mapping[str, Any]
    extra_data: Mapping[str, Any]
    client_id: str | None = None
    number: float | None = None
