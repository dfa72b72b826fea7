"""Everything that is known of one failed job, put together for its page and for a report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.comfy.types import ExecutionError, JobRecord, SystemStats
from comfy_tui.monitor.journal.row import JournalJob
from comfy_tui.monitor.logs.excerpt import Excerpt
from comfy_tui.monitor.memory_log import MemoryThen
from comfy_tui.monitor.state import Job
from comfy_tui.monitor.troubleshoot.diagnose import Diagnosis, diagnose
from comfy_tui.workflow.parameters import nodes

#: So many frames, counted from the end, say where it broke.
LAST_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that failed or was interrupted."""

    title: str
    prompt_id: str
    diagnosis: Diagnosis
    error: ExecutionError | None
    node_title: str = ""
    #: None where the log was not asked for yet.
    excerpt: Excerpt | None = None
    memory: MemoryThen | None = None
    stats: SystemStats | None = None

    @property
    def node_id(self) -> str:
        """The node of the prompt; empty where it is not known."""
        return (self.error.node_id or "") if self.error is not None else ""

    @property
    def frames(self) -> tuple[str, ...]:
        """The traceback, a text for each frame, the outermost first."""
        return frames_of(self.error) if self.error is not None else ()


def failure_of(
    job: Job | JournalJob,
    record: JobRecord,
    *,
    excerpt: Excerpt | None = None,
    memory: MemoryThen | None = None,
    stats: SystemStats | None = None,
) -> Failure:
    """Put it together.

    Args:
        job: the job as the list knows it, or the journal.
        record: the job as the server keeps it.
        excerpt: the log around it.
        memory: the memory then.
        stats: the versions.
    """
    error = record.error or job.error
    return Failure(
        title=job.title,
        prompt_id=job.prompt_id,
        diagnosis=diagnose(error, job.state if isinstance(job, Job) else record.state),
        error=error,
        node_title=title_of_node(record.prompt or {}, (error.node_id if error is not None else "") or ""),
        excerpt=excerpt,
        memory=memory,
        stats=stats,
    )


def title_of_node(prompt: Mapping[str, Any], node_id: str) -> str:
    """The title that a person gave the node; empty where it has none."""
    return next((title for other, _, _, title in nodes(prompt) if other == node_id), "")


_FRAME = re.compile(r'^ {0,4}File "', re.MULTILINE)


def frames_of(error: ExecutionError) -> tuple[str, ...]:
    """The frames of a traceback, however it was cut into strings."""
    text = "".join(part if part.endswith("\n") else part + "\n" for part in error.traceback[-2_000:])[
        -400_000:
    ]
    starts = [found.start() for found in _FRAME.finditer(text)]
    if not starts:
        return (text.rstrip("\n"),) if text.strip() else ()
    ends = [*starts[1:], len(text)]
    return tuple(text[start:end].rstrip("\n") for start, end in zip(starts, ends, strict=True))
