"""Keeps the picture of a server's jobs, with as few and as small questions as each version allows."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobRecord, JobState
from comfy_tui.errors import ServerError
from comfy_tui.monitor.state import Job, Jobs
from comfy_tui.text import clean
from comfy_tui.workflow.parameters import PromptSummary, nodes, summarize

#: Our own key in ``extra_data``: the server keeps it as it is (comfyui-api, section 4.1).
EXTRA_KEY = "comfy_tui"
_ACTIVE = (JobState.RUNNING, JobState.PENDING)
_ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
_REMEMBERED = 4000
#: Up to so many newly ended jobs are read one by one; more are read with one history call.
_SINGLE_READS = 3


@dataclass(frozen=True, slots=True)
class _Details:
    """What a prompt said about its job; kept, so that a prompt is read once."""

    title: str
    summary: PromptSummary
    ours: bool
    client_id: str | None
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
    """

    def __init__(
        self,
        client: ComfyClient,
        *,
        install_id: str,
        history_items: int,
        clock: Callable[[], float] = time.time,
        on_read: Callable[[JobRecord], None] = lambda record: None,
    ) -> None:
        self._client = client
        self._install_id = install_id
        self._history_items = history_items
        self._clock = clock
        self._on_read = on_read
        self._details: OrderedDict[str, _Details] = OrderedDict()
        self._ended: tuple[JobRecord, ...] = ()
        self._first_seen_running: dict[str, float] = {}
        self._legacy: bool | None = None
        self._last_active: frozenset[str] = frozenset()

    def forget(self) -> None:
        """The server may be another one now (it was gone): learn again what it can do."""
        self._legacy = None
        self._ended = ()
        self._last_active = frozenset()

    async def read(self) -> Jobs:
        """Ask the server.

        Raises:
            ApiError: it did not answer in full; nothing of what was known is changed.
        """
        active = None if self._legacy else await self._read_by_jobs_api()
        if active is None:
            active = await self._read_by_queue()
        now = self._clock()
        running = [record for record in active if record.state is JobState.RUNNING]
        ids = {record.prompt_id for record in running}
        self._first_seen_running = {key: self._first_seen_running.get(key, now) for key in ids}
        pending = sorted(
            (record for record in active if record.state is JobState.PENDING),
            key=lambda record: (record.number, record.prompt_id),
        )
        return Jobs(
            running=tuple(map(self._job, running)),
            pending=tuple(map(self._job, pending)),
            ended=tuple(map(self._job, self._ended)),
            read_at_s=now,
        )

    async def _read_by_jobs_api(self) -> tuple[JobRecord, ...] | None:
        """Light answers without prompts; prompts are read once for each job that is new."""
        try:
            active, ended = await asyncio.gather(
                self._client.jobs(_ACTIVE), self._client.jobs(_ENDED, self._history_items)
            )
        except ServerError:
            # One malformed history entry makes this route fail until it is gone (comfyui-api, section 5.8).
            return None
        self._legacy = active is None or ended is None
        if active is None or ended is None:
            return None
        if any(record.prompt_id not in self._details for record in active):
            queue = await self._client.queue()
            self._learn((*queue.running, *queue.pending))
        await self._merge_ended(ended)
        return active

    async def _merge_ended(self, listed: tuple[JobRecord, ...]) -> None:
        known = {(record.prompt_id, record.ended_at_s): record for record in self._ended}
        missing = [record for record in listed if (record.prompt_id, record.ended_at_s) not in known]
        if len(missing) > _SINGLE_READS:
            full = await self._client.history(self._history_items)
        else:
            answers = [await self._client.history_entry(record.prompt_id) for record in missing]
            full = tuple(record for record in answers if record is not None)
        self._learn(full)
        by_id = {record.prompt_id: self._without_prompt(record) for record in full}
        self._ended = tuple(
            known.get((record.prompt_id, record.ended_at_s)) or _merged(record, by_id.get(record.prompt_id))
            for record in listed
        )

    async def _read_by_queue(self) -> tuple[JobRecord, ...]:
        """The older way: whole prompts each time; the history only when it has changed."""
        queue, newest = await asyncio.gather(self._client.queue(), self._client.history(1))
        active = (*queue.running, *queue.pending)
        self._learn(active)
        ids = frozenset(record.prompt_id for record in active)
        stamp = [(record.prompt_id, record.ended_at_s) for record in newest]
        known = [(record.prompt_id, record.ended_at_s) for record in self._ended[:1]]
        if self._last_active - ids or stamp != known:
            full = await self._client.history(self._history_items)
            self._learn(full)
            self._ended = tuple(self._without_prompt(record) for record in full)
        self._last_active = ids
        return active

    def job_of(self, record: JobRecord) -> Job:
        """A record that was read by itself, as a job."""
        self._learn((record,))
        return self._job(self._without_prompt(record))

    def _learn(self, records: Iterable[JobRecord]) -> None:
        for record in records:
            if record.prompt is None:
                continue
            self._on_read(record)
            summary = summarize(record.prompt)
            mark = record.extra_data.get(EXTRA_KEY)
            self._details[record.prompt_id] = _Details(
                title=title_of(record.prompt, record.extra_data, summary),
                summary=summary,
                ours=isinstance(mark, Mapping) and mark.get("install") == self._install_id,
                client_id=record.client_id,
                node_names=_node_names(record.prompt),
            )
            self._details.move_to_end(record.prompt_id)
        while len(self._details) > _REMEMBERED:
            self._details.popitem(last=False)

    @staticmethod
    def _without_prompt(record: JobRecord) -> JobRecord:
        """Prompts and workflows are large and are read again when a job is opened."""
        return replace(record, prompt=None, extra_data={})

    def _job(self, record: JobRecord) -> Job:
        details = self._details.get(record.prompt_id)
        started, bound = record.started_at_s, False
        if started is None and record.state is JobState.RUNNING:
            started, bound = self._first_seen_running.get(record.prompt_id), True
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


def _merged(listed: JobRecord, full: JobRecord | None) -> JobRecord:
    """The jobs API's entry, completed by the history's: outputs and the error's traceback."""
    if full is None:
        return listed
    return replace(listed, outputs=full.outputs, texts=full.texts, error=full.error or listed.error)
