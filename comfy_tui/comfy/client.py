"""The routes of a ComfyUI server that the console needs, typed.  The paths and their traps: comfyui-api."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from comfy_tui.comfy import wire
from comfy_tui.comfy.events import LogEntry, read_log_entries
from comfy_tui.comfy.file_routes import FileRoutes
from comfy_tui.comfy.http import JSON_LIMIT_BYTES, TIMEOUT_S, HttpConnection, parse_json
from comfy_tui.comfy.manager import (
    Manager,
    find_manager,
    read_alerts,
    read_installed,
    read_mappings,
    read_models,
)
from comfy_tui.comfy.manager_queue import ManagerQueue
from comfy_tui.comfy.reach import clock_ahead
from comfy_tui.comfy.types import (
    JobRecord,
    JobsPage,
    JobState,
    Queue,
    Submitted,
    SystemStats,
    Template,
    UserFile,
)
from comfy_tui.errors import BadReply, Refused

if TYPE_CHECKING:
    from comfy_tui.config import ServerProfile

#: The largest workflow file that is read from a server.
WORKFLOW_LIMIT_BYTES = 64 * 1024 * 1024


def _segment(name: str) -> str:
    """A name as one part of a path; half characters, which no address can hold, become ``?``."""
    return quote(name, safe="", errors="replace")


class ComfyClient(FileRoutes):
    """A ComfyUI server as seen from outside.

    Reads are repeated once after a timeout; what changes the server is sent once.  Every method raises
    :class:`~comfy_tui.errors.ApiError` (or ConfigError for credentials that cannot be had).
    """

    def __init__(
        self, profile: ServerProfile, *, timeout_s: float = TIMEOUT_S, readonly: bool = False
    ) -> None:
        self.profile = profile
        super().__init__(HttpConnection(profile, timeout_s=timeout_s, readonly=readonly or profile.readonly))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    @property
    def readonly(self) -> bool:
        """Whether nothing is changed on the server, whoever asks."""
        return self._http.readonly

    @property
    def response_time_s(self) -> float | None:
        """Seconds that the last answered call took."""
        return self._http.response_time_s

    @property
    def clock_ahead_s(self) -> float | None:
        """How far the server's clock is ahead of ours, by the date of its last answer; to about a second."""
        return clock_ahead(*self._http.dated)

    # -- state ---------------------------------------------------------------------------------

    async def system_stats(self) -> SystemStats:
        """``GET /system_stats``: versions, devices, memory."""
        return wire.read_system_stats(await self._http.read_json("/system_stats"))

    async def queue_remaining(self) -> int:
        """``GET /prompt``: how many jobs run or wait; the cheapest question."""
        data = await self._http.read_json("/prompt")
        info = data.get("exec_info") if isinstance(data, Mapping) else None
        count = info.get("queue_remaining") if isinstance(info, Mapping) else None
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise wire.not_comfyui("/prompt has no 'queue_remaining'")
        return count

    async def object_info(self) -> Mapping[str, Any]:
        """``GET /object_info``: every node class that the server has; about a megabyte."""
        data = await self._http.read_json("/object_info", limit_bytes=JSON_LIMIT_BYTES)
        if not isinstance(data, Mapping):
            raise wire.not_comfyui("/object_info is not an object")
        return data

    async def node_definition(self, class_type: str) -> Mapping[str, Any] | None:
        """``GET /object_info/{class}``: one class; None where the server lacks it."""
        data = await self._http.read_json(
            "/object_info/" + _segment(class_type), limit_bytes=JSON_LIMIT_BYTES
        )
        entry = data.get(class_type) if isinstance(data, Mapping) else None
        return entry if isinstance(entry, Mapping) else None

    async def object_info_text(self) -> bytes:
        """``GET /object_info`` as it came, not parsed: to be split beside the event loop."""
        return await self._http.read_text("/object_info", JSON_LIMIT_BYTES)

    async def model_folders(self) -> tuple[str, ...]:
        """``GET /models``: the names of the folders."""
        return wire.read_names(await self._http.read_json("/models"))

    async def models(self, folder: str) -> tuple[str, ...] | None:
        """``GET /models/{folder}``: the files in it; None where the server has no such folder."""
        try:
            return wire.read_names(await self._http.read_json("/models/" + _segment(folder)))
        except Refused as error:
            if error.status == 404:
                return None
            raise

    async def embeddings(self) -> tuple[str, ...]:
        """``GET /embeddings``: their names, as a prompt text calls them."""
        return wire.read_names(await self._http.read_json("/embeddings"))

    async def extensions(self) -> tuple[str, ...]:
        """``GET /extensions``: the scripts that the core and the packs bring for the browser."""
        return wire.read_names(await self._http.read_json("/extensions"))

    async def installed_packs(self) -> Mapping[str, Mapping[str, Any]] | None:
        """What a Manager on the server says is installed, by folder; None where there is no Manager."""
        for path in ("/v2/customnode/installed", "/customnode/installed"):
            try:
                data = await self._http.read_json(path)
            except Refused as error:
                if error.status in (403, 404, 405):
                    continue
                raise
            if isinstance(data, Mapping):
                return {str(name): entry for name, entry in data.items() if isinstance(entry, Mapping)}
        return None

    async def node_replacements(self) -> Any:
        """``GET /node_replacements``: classes that the server replaces; None where it has no such list."""
        try:
            return await self._http.read_json("/node_replacements")
        except Refused as error:
            if error.status in (404, 405):
                return None
            raise

    async def manager(self) -> Manager | None:
        """Which ComfyUI-Manager the server has, if any."""
        return await find_manager(self._http)

    async def pack_mappings(self, manager: Manager) -> Mapping[str, Any]:
        """The Manager's map of node classes by pack; one to two megabytes."""
        return await read_mappings(self._http, manager)

    async def model_list(self, manager: Manager) -> Mapping[str, Any] | None:
        """The Manager's list of models; None where it has none."""
        return await read_models(self._http, manager)

    async def manager_packs(
        self, manager: Manager, *, at_start: bool = False
    ) -> Mapping[str, Mapping[str, Any]]:
        """The Manager's packs by folder, as they are or as they were when the server started."""
        return await read_installed(self._http, manager, at_start=at_start)

    async def manager_alerts(self, manager: Manager) -> tuple[str, ...]:
        """What the Manager warns of since the server started."""
        return await read_alerts(self._http, manager)

    def manager_queue(self, manager: Manager, client_id: str) -> ManagerQueue:
        """The Manager's queue: what installs and restarts."""
        return ManagerQueue(self._http, manager, client_id)

    async def subscribe_logs(self, client_id: str) -> None:
        """Have the server's log sent to the socket of that id (section 7.8); ends with the socket."""
        await self._http.patch_json("/internal/logs/subscribe", {"clientId": client_id, "enabled": True})

    async def log_entries(self) -> tuple[LogEntry, ...]:
        """``GET /internal/logs/raw``: the last writes to the server's log, oldest first."""
        return tuple(
            read_log_entries(await self._http.read_json("/internal/logs/raw", limit_bytes=JSON_LIMIT_BYTES))
        )

    # -- jobs ----------------------------------------------------------------------------------

    async def queue(self) -> Queue:
        """``GET /queue``, with whole prompts: can be large."""
        return wire.read_queue(await self._http.read_json("/queue", limit_bytes=JSON_LIMIT_BYTES))

    async def queue_text(self) -> bytes:
        """``GET /queue`` as it came, not parsed: to be compared with the answer before."""
        return await self._http.read_text("/queue", JSON_LIMIT_BYTES)

    async def parse_queue(self, body: bytes) -> Queue:
        """What :meth:`queue_text` gave."""
        return wire.read_queue(await parse_json(body, "/queue"))

    async def history(self, max_items: int) -> tuple[JobRecord, ...]:
        """``GET /history?max_items=``, newest first."""
        return (await self.sized_history(max_items))[0]

    async def sized_history(self, max_items: int) -> tuple[tuple[JobRecord, ...], int]:
        """The same, and how many bytes the answer had."""
        path = f"/history?max_items={max_items}"
        body = await self._http.read_text(path, JSON_LIMIT_BYTES)
        return wire.read_history(await parse_json(body, path)), len(body)

    async def history_entry(self, prompt_id: str) -> JobRecord | None:
        """``GET /history/{id}``: one ended job; None where it is unknown, waiting or running."""
        return (await self.sized_history_entry(prompt_id))[0]

    async def sized_history_entry(self, prompt_id: str) -> tuple[JobRecord | None, int]:
        """The same, and how many bytes the answer had."""
        path = "/history/" + _segment(prompt_id)
        body = await self._http.read_text(path, JSON_LIMIT_BYTES)
        records = wire.read_history(await parse_json(body, path))
        return next((record for record in records if record.prompt_id == prompt_id), None), len(body)

    async def jobs(self, states: Iterable[JobState], limit: int | None = None) -> JobsPage | None:
        """``GET /api/jobs``, newest first; None where the server has no jobs API."""
        params = {"status": ",".join(states)}
        if limit is not None:
            params["limit"] = str(limit)
        try:
            return wire.read_jobs(
                await self._http.read_json("/api/jobs", params, limit_bytes=JSON_LIMIT_BYTES)
            )
        except Refused as error:
            if error.status in (404, 405):
                return None
            raise

    async def submit(
        self,
        prompt: Mapping[str, Any],
        *,
        prompt_id: str,
        client_id: str,
        extra_data: Mapping[str, Any],
        front: bool = False,
    ) -> Submitted:
        """``POST /prompt``, once.  After a timeout look for ``prompt_id`` before sending again.

        Raises:
            PromptRejected: the server said no and why.
            TimedOut, ConnectionBroke: it is not known whether the server took it.
        """
        payload: dict[str, Any] = {
            "prompt": prompt,
            "prompt_id": prompt_id,
            "client_id": client_id,
            "extra_data": extra_data,
        }
        if front:
            payload["front"] = True
        return wire.read_submitted(await self._http.send_json("/prompt", payload), prompt_id)

    async def delete_pending(self, prompt_ids: Sequence[str]) -> None:
        """Take waiting jobs out of the queue; unknown ids are ignored by the server."""
        await self._http.send_json("/queue", {"delete": list(prompt_ids)})

    async def clear_pending(self) -> None:
        """Take every waiting job out of the queue."""
        await self._http.send_json("/queue", {"clear": True})

    async def interrupt(self, prompt_id: str) -> None:
        """Interrupt that job if it is the one that runs now; otherwise nothing happens."""
        await self._http.send_json("/interrupt", {"prompt_id": prompt_id})

    async def cancel_job(self, prompt_id: str) -> bool | None:
        """``POST /api/jobs/{id}/cancel``: interrupt or dequeue.

        Returns whether the server found it to cancel; None where it has no jobs API.
        """
        try:
            data = await self._http.send_json(f"/api/jobs/{_segment(prompt_id)}/cancel", {})
        except Refused as error:
            if error.status in (404, 405):
                return None
            raise
        return bool(data.get("cancelled")) if isinstance(data, Mapping) else False

    async def delete_history(self, prompt_ids: Sequence[str]) -> None:
        """Remove ended jobs from the server's history; files stay."""
        await self._http.send_json("/history", {"delete": list(prompt_ids)})

    async def free(self, *, unload_models: bool, free_memory: bool) -> None:
        """Ask for memory: the server acts when idle, else after the running job (section 8.5)."""
        await self._http.send_json("/free", {"unload_models": unload_models, "free_memory": free_memory})

    # -- workflows on the server ---------------------------------------------------------------

    async def saved_workflows(self) -> tuple[UserFile, ...]:
        """The workflows that the browser saved; empty where there are none."""
        params = {"dir": "workflows", "recurse": "true", "full_info": "true"}
        try:
            return wire.read_user_files(await self._http.read_json("/userdata", params))
        except Refused as error:
            if error.status == 404:
                return ()
            raise

    async def saved_workflow(self, path: str) -> bytes:
        """One of them, by its path below ``workflows/``.  The server decodes twice (section 13)."""
        once = _segment("workflows/" + path)
        segment = once.replace("%25", "%2525")
        return await self._http.read_text("/userdata/" + segment, WORKFLOW_LIMIT_BYTES)

    async def templates(self) -> tuple[Template, ...]:
        """The workflows that ship with the server: the core's and those of custom node packs."""
        found: list[Template] = []
        with suppress(Refused, BadReply):  # the template package may not be installed there
            found += wire.read_template_index(await self._http.read_json("/templates/index.json"))
        found += wire.read_pack_templates(await self._http.read_json("/workflow_templates"))
        return tuple(found)

    async def template(self, template: Template) -> bytes:
        """The file of one of them."""
        name = _segment(template.name) + ".json"
        if template.pack:
            path = f"/api/workflow_templates/{_segment(template.pack)}/{name}"
        else:
            path = f"/templates/{name}"
        return await self._http.read_text(path, WORKFLOW_LIMIT_BYTES)
