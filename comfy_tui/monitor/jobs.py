"""Keeps the picture of a server's jobs, with as few and as small questions as each version allows."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobRecord, JobState
from comfy_tui.monitor.listing import Listing
from comfy_tui.monitor.state import Job, Jobs
from comfy_tui.text import clean
from comfy_tui.workflow.parameters import PromptSummary, nodes, summarize

#: Our own key in ``extra_data``: the server keeps it as it is (comfyui-api, section 4.1).
EXTRA_KEY = "comfy_tui"
#: So many prompts are remembered, and all that are listed.
_REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class _Details:
    """What a prompt said about its job; kept, so that a prompt is read once."""

    title: str
    summary: PromptSummary
    ours: bool
    client_id: str | None
    #: Its place in the queue: with another one it was put in again.
    number: float
    node_names: Mapping[str, str]


def title_of(prompt: Mapping[str, Any], extra_data: Mapping[str, Any], summary: PromptSummary) -> str:
    """Name a job: the workflow's name, else what it makes and from which words."""
    ours = extra_data.get(EXTRA_KEY)
    pnginfo = extra_data.get("extra_pnginfo")
    workflow = pnginfo.get("workflow") if isinstance(pnginfo, Mapping) else None
    candidates = [ours.get("name") if isinstance(ours, Mapping) else None]
    if isinstance(workflow, Mapping):
        extra = workflow.get("extra")
        info = extra.get("info") if isinstance(extra, Mapping) else None
        candidates += [workflow.get("name"), info.get("name") if isinstance(info, Mapping) else None]
    for name in candidates:
        if isinstance(name, str) and name.strip():
            return clean(name.strip(), 120)
    makes = ", ".join(summary.outputs[:2]) or "workflow"
    words = " ".join(summary.positive.split())
    return clean(f"{makes}: {words}" if words else f"{makes} ({summary.node_count} nodes)", 120)


class JobTracker:
    """Reads the jobs of one server.

    Args:
        client: the server.
        install_id: marks the jobs of this person's consoles.
        history_items: how many ended jobs are kept.
        clock: the time in Unix seconds.
        on_read: is given each record whose prompt was read.
        told: whether each change of the queue is told by the socket.
    """

    def __init__(
        self,
        client: ComfyClient,
        *,
        install_id: str,
        history_items: int,
        clock: Callable[[], float] = time.time,
        on_read: Callable[[JobRecord], None] = lambda record: None,
        told: Callable[[], bool] = lambda: False,
    ) -> None:
        self._install_id = install_id
        self._clock = clock
        self._on_read = on_read
        self._details: OrderedDict[str, _Details] = OrderedDict()
        #: When each was first seen to run, and by how much it may have begun earlier, where that is known.
        self._first_seen_running: dict[str, tuple[float, float | None]] = {}
        #: What waited by the last answer, and when that was asked for.
        self._waited: tuple[frozenset[str], float] = (frozenset(), 0.0)
        #: Ids that wait although they run or have ended, by the last answer.
        self.twice: tuple[str, ...] = ()
        #: Jobs whose beginning the socket told.
        self._began: OrderedDict[str, float] = OrderedDict()
        self._listing = Listing(
            client,
            history_items=history_items,
            learn=self._learn,
            knows=self._details.__contains__,
            told=told,
        )

    @property
    def unfinished(self) -> bool:
        """Whether outputs and errors of ended jobs are still to be read."""
        return self._listing.unfinished

    def forget(self) -> None:
        """The server may be another one now (it was gone): learn again what it can do."""
        self._listing.forget()

    def hurry(self, *, history: bool = False) -> None:
        """A person has acted, or asks, for the history too: the next answer is of now."""
        self._listing.hurry(history=history)

    def changed(self) -> None:
        """The server said that its queue has changed."""
        self._listing.changed()

    def began(self, prompt_id: str) -> None:
        """The socket tells that it begins now; no answer of a server says when a running job began."""
        self._began[prompt_id] = self._clock()
        while len(self._began) > _REMEMBERED:
            self._began.popitem(last=False)

    async def read(self) -> Jobs:
        """Ask the server.

        Raises:
            ApiError: it did not answer in full; nothing of what was known is changed.
        """
        asked_s = self._clock()
        listed = await self._listing.read()
        self.twice = listed.twice
        now = self._clock()
        self._keep_details([record.prompt_id for record in (*listed.ended, *listed.active)])
        running = [record for record in listed.active if record.state is JobState.RUNNING]
        waited, waited_s = self._waited
        self._first_seen_running = {
            key: self._first_seen_running.get(key)
            or (now, max(0.0, now - waited_s) if key in waited else None)
            for key in (record.prompt_id for record in running)
        }
        pending = sorted(
            (record for record in listed.active if record.state is JobState.PENDING),
            key=lambda record: (record.number, record.prompt_id),
        )
        self._waited = (frozenset(record.prompt_id for record in pending), asked_s - listed.age_s)
        return Jobs(
            running=tuple(map(self._job, running)),
            pending=tuple(map(self._job, pending)),
            ended=tuple(map(self._job, listed.ended)),
            read_at_s=now - listed.age_s,
        )

    def job_of(self, record: JobRecord) -> Job:
        """A record that was read by itself, as a job."""
        self._learn((record,))
        return self._job(record)

    def _learn(self, records: Iterable[JobRecord]) -> None:
        for record in records:
            known = self._details.get(record.prompt_id)
            if record.prompt is None or (known is not None and known.number == record.number):
                continue
            self._on_read(record)
            summary = summarize(record.prompt)
            mark = record.extra_data.get(EXTRA_KEY)
            self._details[record.prompt_id] = _Details(
                title=title_of(record.prompt, record.extra_data, summary),
                summary=summary,
                ours=isinstance(mark, Mapping) and mark.get("install") == self._install_id,
                client_id=record.client_id,
                number=record.number,
                node_names=_node_names(record.prompt),
            )

    def _keep_details(self, listed: Sequence[str]) -> None:
        for prompt_id in listed:
            if prompt_id in self._details:
                self._details.move_to_end(prompt_id)
        while len(self._details) > max(_REMEMBERED, len(listed)):
            self._details.popitem(last=False)

    def _job(self, record: JobRecord) -> Job:
        details = self._details.get(record.prompt_id)
        started, bound, slack_s = record.started_at_s, False, None
        if started is None and record.state is JobState.RUNNING:
            began_s = self._began.get(record.prompt_id)
            if began_s is not None:
                started = began_s
            else:
                started, slack_s = self._first_seen_running.get(record.prompt_id, (None, None))
                bound = True
        return Job(
            prompt_id=record.prompt_id,
            state=record.state,
            number=record.number,
            title=details.title if details else "not read yet",
            ours=details.ours if details else False,
            client_id=details.client_id if details else record.client_id,
            created_at_s=record.created_at_s,
            started_at_s=started,
            start_is_bound=bound,
            start_slack_s=slack_s,
            ended_at_s=record.ended_at_s,
            outputs=record.outputs,
            texts=record.texts,
            error=record.error,
            summary=details.summary if details else None,
            node_names=details.node_names if details else None,
        )


def _node_names(prompt: Mapping[str, Any]) -> Mapping[str, str]:
    """The classes of the nodes, each name once in memory however many prompts have it."""
    return {sys.intern(node_id): sys.intern(class_type) for node_id, class_type, _, _ in nodes(prompt)}
