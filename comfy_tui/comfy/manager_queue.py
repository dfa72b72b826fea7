"""Tasks for a Manager: install, start, follow, restart (manager-and-models, section 2).

A 200 to a task means only that it was heard. Version 4 keeps a history that tells what became of it;
version 3, and version 4 with the old user interface, tell it once, on the socket: see :func:`read_ends`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from comfy_tui.comfy.events import ManagerStatus
from comfy_tui.comfy.http import ConnectionBroke, HttpConnection
from comfy_tui.comfy.manager import Manager
from comfy_tui.comfy.manager_rules import Action, explain
from comfy_tui.errors import BadReply, Refused, ServerError, TimedOut

#: What a task says that the security level forbids: nothing more (section 2.1).
FORBIDDEN_TEXT = "failed"
_TEXT_LIMIT = 2000


class TaskState(StrEnum):
    """How a task ended, as the Manager says it."""

    SUCCESS = "success"
    ERROR = "error"
    SKIPPED = "skip"


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """The true result of a task; ``message`` is the Manager's own."""

    state: TaskState
    message: str = ""

    @property
    def forbidden(self) -> bool:
        """Whether it is the one word with which version 4 says that its security level forbids it."""
        return self.state is TaskState.ERROR and self.message == FORBIDDEN_TEXT


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """The Manager's queue; ``waiting`` is None where it does not tell (version 3)."""

    running: int
    done: int
    total: int
    waiting: int | None
    processing: bool


@dataclass(frozen=True, slots=True)
class PackTask:
    """A pack to install: ``version`` of the registry's ``id``, or the repository where there is no id."""

    id: str | None = None
    version: str = "latest"
    repository: str | None = None

    @property
    def action(self) -> Action:
        """What rule it falls under."""
        from_git = self.id is None or self.version == "nightly"
        return Action.INSTALL_GIT if from_git else Action.INSTALL_VERSION

    def params(self) -> dict[str, Any]:
        """The fields that all Managers ask for."""
        common = {"channel": "default", "mode": "cache"}
        if self.id is None:
            unknown = {"version": "unknown", "selected_version": "unknown"}
            return {"id": self.repository, **unknown, "files": [self.repository], **common}
        found: dict[str, Any] = {"id": self.id, "version": self.version, "selected_version": self.version}
        if self.version == "nightly":
            found["repository"] = self.repository
        return {**found, **common}


@dataclass(frozen=True, slots=True)
class ModelTask:
    """A model to download: the fields of an entry in the Manager's list (section 2.1)."""

    name: str
    type: str
    base: str
    save_path: str
    filename: str
    url: str

    def params(self) -> dict[str, Any]:
        """The fields as the Manager calls them."""
        return {key: getattr(self, key) for key in ("name", "type", "base", "save_path", "filename", "url")}


class ManagerQueue:
    """The queue of one server's Manager.

    Everything that changes the server is sent once, and is refused where the console only reads.

    Args:
        http: the server.
        manager: which Manager it has.
        client_id: marks the tasks as ours in the history.
    """

    def __init__(self, http: HttpConnection, manager: Manager, client_id: str) -> None:
        self._http = http
        self.manager = manager
        self.client_id = client_id

    async def install(self, ui_id: str, task: PackTask | ModelTask) -> None:
        """Put a task into the queue, and start the queue. That it was taken is no success.

        Raises:
            Refused: the Manager's rules forbid it; with the rule, and what to do instead.
            ApiError: the server cannot be asked.
        """
        action = task.action if isinstance(task, PackTask) else Action.INSTALL_MODEL
        try:
            await self._put(ui_id, task)
            if not (self.manager.generation == 4 and self.manager.legacy_ui):  # a batch starts by itself
                await self.start()
        except Refused as error:
            raise explain(error, self.manager, action) from error

    async def _put(self, ui_id: str, task: PackTask | ModelTask) -> None:
        pack = isinstance(task, PackTask)
        if self.manager.generation == 3:
            path = "/manager/queue/" + ("install" if pack else "install_model")
            await self._http.send_json(path, {**task.params(), "ui_id": ui_id})
        elif self.manager.legacy_ui:
            await self._batch("install" if pack else "install_model", {**task.params(), "ui_id": ui_id})
        else:
            kind = "install" if pack else "install-model"
            about = {"kind": kind, "ui_id": ui_id, "client_id": self.client_id}
            await self._http.send_json("/v2/manager/queue/task", {**about, "params": task.params()})

    async def _batch(self, kind: str, item: Mapping[str, Any]) -> None:
        """Version 4 with the old user interface (section 2.2): it names what it refuses, without a reason."""
        answer = await self._http.send_json("/v2/manager/queue/batch", {kind: [item]})
        failed = answer.get("failed") if isinstance(answer, Mapping) else None
        if failed is None:
            raise BadReply("The Manager's answer cannot be used", "it does not say what it took")
        if failed:
            raise Refused("The Manager does not allow this", status=403)

    async def start(self) -> None:
        """Start the queue; one that runs already goes on."""
        await self._change("/manager/queue/start")

    async def reboot(self) -> None:
        """Restart ComfyUI; it goes away without an answer. What its queue holds is lost.

        Raises:
            Refused: the Manager's rules forbid it.
            ApiError: the server cannot be asked.
        """
        try:
            await self._change("/manager/reboot")
        except (ConnectionBroke, TimedOut):
            return
        except ServerError as error:
            if error.status not in (502, 503, 504):  # a proxy's word for "gone without an answer"
                raise
        except Refused as error:
            raise explain(error, self.manager, Action.RESTART) from error

    async def _change(self, path: str) -> None:
        """POST; before 3.40 these routes were GET (section 2.3)."""
        try:
            await self._http.send_nothing(self.manager.prefix + path)
        except Refused as error:
            if self.manager.generation != 3 or error.status not in (404, 405):
                raise
            await self._http.change_by_get(path)

    async def counts(self) -> QueueCounts:
        """How far the queue is."""
        path = f"{self.manager.prefix}/manager/queue/status"
        answer = await self._http.read_json(path)
        if not isinstance(answer, Mapping) or not isinstance(answer.get("is_processing"), bool):
            raise BadReply("The Manager's answer cannot be used", f"{path} does not say whether it works")
        return QueueCounts(
            running=_count(answer.get("in_progress_count")) or 0,
            done=_count(answer.get("done_count")) or 0,
            total=_count(answer.get("total_count")) or 0,
            waiting=_count(answer.get("pending_count")),
            processing=answer["is_processing"],
        )

    async def result(self, ui_id: str) -> TaskEnd | None:
        """What the history says of a task; None where it says nothing, or where there is no history."""
        if not self.manager.keeps_history:
            return None
        path = f"/v2/manager/queue/history?client_id={quote(self.client_id, safe='')}"
        return read_history(await self._http.read_json(path), ui_id)


def read_history(answer: Any, ui_id: str) -> TaskEnd | None:
    """One task's end in an answer of ``/v2/manager/queue/history``."""
    history = answer.get("history") if isinstance(answer, Mapping) else None
    entry = history.get(ui_id) if isinstance(history, Mapping) else None
    if not isinstance(entry, Mapping):
        return None
    status = entry.get("status")
    status = status if isinstance(status, Mapping) else {}
    result = entry.get("result")
    messages = status.get("messages")
    texts = [text for text in messages if isinstance(text, str)] if isinstance(messages, list) else []
    said = result if isinstance(result, str) else "; ".join(texts)
    match status.get("status_str"):
        case "success" if said in ("success", ""):
            return TaskEnd(TaskState.SUCCESS)
        case "skip":
            return TaskEnd(TaskState.SKIPPED, said[:_TEXT_LIMIT])
    return TaskEnd(TaskState.ERROR, said[:_TEXT_LIMIT])


def read_ends(status: ManagerStatus) -> dict[str, TaskEnd]:
    """The ends of tasks in a message of an old Manager, by their ``ui_id`` (section 2.3)."""
    return {ui_id: _end(said) for ui_id, said in status.results.items()}


def _end(said: Any) -> TaskEnd:
    if isinstance(said, Mapping):
        said = said.get("msg")
    text = said[:_TEXT_LIMIT] if isinstance(said, str) else ""
    if text == "success":
        return TaskEnd(TaskState.SUCCESS)
    return TaskEnd(TaskState.SKIPPED) if text == "skip" else TaskEnd(TaskState.ERROR, text)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
