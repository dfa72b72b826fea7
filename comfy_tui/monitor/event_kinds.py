"""The kinds of events; a module of its own, so that a command knows them at once."""

from __future__ import annotations

from collections.abc import Mapping

#: Every kind of event with its meaning, for the guide and for ``events --help``.
KINDS: Mapping[str, str] = {
    "connected": "the server answers, for the first time or again",
    "disconnected": "the server does not answer any more, or not as a ComfyUI",
    "queued": "a job of ours was seen in the queue for the first time",
    "started": "a job of ours runs",
    "done": "a job has ended well",
    "failed": "a job has ended with an error",
    "cancelled": "a running job was interrupted",
    "lost": "jobs that ran or waited, and that the server does not know any more",
    "gone": "jobs that are listed nowhere any more although the server answered all the time",
    "blocked": "a node of a running job blocked those behind it; the job goes on",
    "freed": "memory was freed, or not, after it was asked for",
    "alert": "a rule of the alerts came true",
    "note": "anything else that was told",
}
