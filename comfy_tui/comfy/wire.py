"""From the server's JSON to our types: absent, unknown and wrong-typed fields are endured.

Only a reply that is not of its kind at all raises: :class:`~comfy_tui.errors.BadReply`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from comfy_tui.comfy.node_output import read_outputs
from comfy_tui.comfy.types import (
    Device,
    ExecutionError,
    JobRecord,
    JobsPage,
    JobState,
    NodeError,
    PackageVersion,
    Queue,
    Submitted,
    SystemStats,
    Template,
    UploadedFile,
    UserFile,
)
from comfy_tui.errors import BadReply

#: No number that a server means is larger: 64 bits, and room.
_LARGEST = 1e21
NOT_COMFYUI_HINT = "Is this the address of a ComfyUI server? Look at the port and the path."


def not_comfyui(what: str) -> BadReply:
    """The error for an answer that no ComfyUI gives."""
    return BadReply("This does not look like ComfyUI", what, NOT_COMFYUI_HINT)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Not math.isfinite: JSON's integers have no end, and some cannot even be made a float.
    return value if -_LARGEST < value < _LARGEST else None


def _count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 else None


def _seconds(milliseconds: Any) -> float | None:
    number = _number(milliseconds)
    return number / 1000 if number is not None and 0 < number < 1e16 else None


def read_system_stats(data: Any) -> SystemStats:
    """Read ``GET /system_stats``.

    Raises:
        BadReply: it has no ``system`` object.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("system"), Mapping):
        raise not_comfyui("/system_stats has no 'system'")
    system = data["system"]
    return SystemStats(
        comfyui_version=_text_or_none(system.get("comfyui_version")),
        python_version=_text_or_none(system.get("python_version")),
        pytorch_version=_text_or_none(system.get("pytorch_version")),
        os=_text_or_none(system.get("os")),
        ram_total_bytes=_count(system.get("ram_total")),
        ram_free_bytes=_count(system.get("ram_free")),
        argv=tuple(_text(arg) for arg in _list(system.get("argv"))),
        packages=_read_packages(system),
        devices=tuple(_read_device(_map(entry)) for entry in _list(data.get("devices"))),
    )


def _read_packages(system: Mapping[str, Any]) -> tuple[PackageVersion, ...]:
    entries = [_map(entry) for entry in _list(system.get("comfy_package_versions"))]
    found = [
        PackageVersion(
            _text(entry.get("name")),
            _text_or_none(entry.get("installed")),
            _text_or_none(entry.get("required")),
        )
        for entry in entries
        if _text(entry.get("name"))
    ]
    templates = "comfyui-workflow-templates"
    if not any(package.name == templates for package in found):
        installed = _text_or_none(system.get("installed_templates_version"))
        required = _text_or_none(system.get("required_templates_version"))
        if installed or required:
            found.append(PackageVersion(templates, installed, required))
    return tuple(found)


def _read_device(entry: Mapping[str, Any]) -> Device:
    return Device(
        name=_text(entry.get("name")) or "device",
        type=_text(entry.get("type")),
        index=_count(entry.get("index")),
        vram_total_bytes=_count(entry.get("vram_total")),
        vram_free_bytes=_count(entry.get("vram_free")),
        torch_vram_total_bytes=_count(entry.get("torch_vram_total")),
        torch_vram_free_bytes=_count(entry.get("torch_vram_free")),
    )


def read_queue(data: Any) -> Queue:
    """Read ``GET /queue``; pending jobs come sorted as they will run (the server sends heap order).

    Raises:
        BadReply: neither list is there.
    """
    if not isinstance(data, Mapping) or not {"queue_running", "queue_pending"} & data.keys():
        raise not_comfyui("/queue has no 'queue_running'")
    running = _queue_items(data.get("queue_running"), JobState.RUNNING)
    pending = _queue_items(data.get("queue_pending"), JobState.PENDING)
    return Queue(tuple(running), tuple(sorted(pending, key=lambda job: (job.number, job.prompt_id))))


def _queue_items(items: Any, state: JobState) -> Iterable[JobRecord]:
    for item in _list(items):
        if isinstance(item, list) and len(item) >= 3 and isinstance(item[1], str):
            extra = _map(item[3]) if len(item) > 3 else {}
            yield JobRecord(
                prompt_id=item[1],
                state=state,
                number=_number(item[0]) or 0.0,
                prompt=_map(item[2]),
                extra_data=extra,
                created_at_s=_seconds(extra.get("create_time")),
            )


def read_history(data: Any) -> tuple[JobRecord, ...]:
    """Read ``GET /history``, newest first (the server sends oldest first).

    Raises:
        BadReply: it is no object.
    """
    if not isinstance(data, Mapping):
        raise not_comfyui("/history is not an object")
    entries = [_history_entry(str(key), entry) for key, entry in data.items() if isinstance(entry, Mapping)]
    return tuple(reversed(entries))


def _history_entry(prompt_id: str, entry: Mapping[str, Any]) -> JobRecord:
    item = _list(entry.get("prompt"))
    extra = _map(item[3]) if len(item) > 3 else {}
    status = _map(entry.get("status"))
    messages = {
        message[0]: _map(message[1])
        for message in _list(status.get("messages"))
        if isinstance(message, list) and len(message) == 2 and isinstance(message[0], str)
    }
    started = _seconds(_map(messages.get("execution_start")).get("timestamp"))
    ended = None
    state = JobState.COMPLETED if status.get("status_str") != "error" else JobState.FAILED
    error = None
    if "execution_interrupted" in messages:
        state = JobState.CANCELLED
        ended = _seconds(messages["execution_interrupted"].get("timestamp"))
    elif "execution_error" in messages:
        state = JobState.FAILED
        error = read_execution_error(messages["execution_error"])
        ended = _seconds(messages["execution_error"].get("timestamp"))
    elif "execution_success" in messages:
        ended = _seconds(messages["execution_success"].get("timestamp"))
    outputs, texts = read_outputs(entry.get("outputs"))
    return JobRecord(
        prompt_id=prompt_id,
        state=state,
        number=(_number(item[0]) or 0.0) if item else 0.0,
        prompt=_map(item[2]) if len(item) > 2 else None,
        extra_data=extra,
        created_at_s=_seconds(extra.get("create_time")) or started,
        started_at_s=started,
        ended_at_s=ended,
        outputs=outputs,
        texts=texts,
        error=error,
    )


def read_execution_error(data: Mapping[str, Any]) -> ExecutionError:
    """Read the data of an ``execution_error`` message."""
    return ExecutionError(
        node_id=_text_or_none(data.get("node_id")),
        class_type=_text_or_none(data.get("node_type")),
        exception_type=_text(data.get("exception_type")) or "error",
        message=_text(data.get("exception_message")).strip(),
        traceback=tuple(_text(line) for line in _list(data.get("traceback"))),
        inputs=_map(data.get("current_inputs")),
    )


_JOB_STATES = {state.value: state for state in JobState}


def read_jobs(data: Any) -> JobsPage:
    """Read ``GET /api/jobs``, in the order of the answer.

    Raises:
        BadReply: it has no ``jobs`` list.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("jobs"), list):
        raise not_comfyui("/api/jobs has no 'jobs'")
    jobs = (read_job(job) for job in data["jobs"] if isinstance(job, Mapping) and _text(job.get("id")))
    return JobsPage(tuple(jobs), _count(_map(data.get("pagination")).get("total")))


def read_job(job: Mapping[str, Any]) -> JobRecord:
    """Read one job of the jobs API (comfyui-api, section 9)."""
    details = _map(job.get("workflow"))
    error = job.get("execution_error")
    outputs, texts = read_outputs(job.get("outputs"))
    prompt = details.get("prompt")
    return JobRecord(
        prompt_id=_text(job.get("id")),
        state=_JOB_STATES.get(_text(job.get("status")), JobState.PENDING),
        number=_number(job.get("priority")) or 0.0,
        prompt=prompt if isinstance(prompt, Mapping) else None,
        extra_data=_map(details.get("extra_data")),
        created_at_s=_seconds(job.get("create_time")),
        started_at_s=_seconds(job.get("execution_start_time")),
        ended_at_s=_seconds(job.get("execution_end_time")),
        outputs=outputs,
        texts=texts,
        error=read_execution_error(error) if isinstance(error, Mapping) else None,
    )


def read_node_errors(data: Any) -> tuple[NodeError, ...]:
    """Read ``node_errors`` of the answer of ``POST /prompt`` (comfyui-api, section 5.2)."""
    found: list[NodeError] = []
    for node_id, entry in _map(data).items():
        for error in _list(_map(entry).get("errors")):
            info = _map(error)
            inner = _text(info.get("type")) == "exception_during_inner_validation"
            name = _text_or_none(_map(info.get("extra_info")).get("input_name"))
            found.append(
                NodeError(
                    node_id=str(node_id),
                    class_type=_text(_map(entry).get("class_type")),
                    type=_text(info.get("type")),
                    message=_text(info.get("message")),
                    details=_text(info.get("details")),
                    # There the name is an input of the consumer, not of this node.
                    input_name=None if inner else name,
                )
            )
    return tuple(found)


def read_submitted(data: Any, prompt_id: str) -> Submitted:
    """Read the answer of an accepted ``POST /prompt``.

    Raises:
        BadReply: it does not name a prompt.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("prompt_id"), str):
        raise not_comfyui("the answer to a prompt has no 'prompt_id'")
    return Submitted(
        data["prompt_id"] or prompt_id, _number(data.get("number")), read_node_errors(data.get("node_errors"))
    )


def read_upload(data: Any) -> UploadedFile:
    """Read the answer of an upload.

    Raises:
        BadReply: it names no file.
    """
    if not isinstance(data, Mapping) or not _text(data.get("name")):
        raise not_comfyui("the answer to an upload has no 'name'")
    return UploadedFile(data["name"], _text(data.get("subfolder")), _text(data.get("type")) or "input")


def read_user_files(data: Any) -> tuple[UserFile, ...]:
    """Read ``GET /userdata?...&full_info=true``; its times are float seconds or, newer, int milliseconds."""
    found: list[UserFile] = []
    for entry in _list(data):
        if isinstance(entry, str):
            found.append(UserFile(entry, None, None))
        elif isinstance(entry, Mapping) and _text(entry.get("path")):
            modified = _number(entry.get("modified"))
            if modified is not None and modified > 1e11:
                modified /= 1000
            found.append(UserFile(_text(entry["path"]), _count(entry.get("size")), modified))
    return tuple(found)


def read_template_index(data: Any) -> tuple[Template, ...]:
    """Read ``GET /templates/index.json``: the core's templates."""
    return tuple(
        Template(
            name=_text(entry.get("name")),
            title=_text(entry.get("title")) or _text(entry.get("name")),
            description=_text(entry.get("description")),
            models=tuple(_text(model) for model in _list(entry.get("models")) if _text(model)),
        )
        for group in _list(data)
        for entry in map(_map, _list(_map(group).get("templates")))
        if _text(entry.get("name"))
    )


def read_pack_templates(data: Any) -> tuple[Template, ...]:
    """Read ``GET /workflow_templates``: the example workflows of the custom node packs."""
    return tuple(
        Template(name=name, title=name, pack=str(pack))
        for pack, names in _map(data).items()
        for name in _list(names)
        if isinstance(name, str) and name
    )


def read_names(data: Any) -> tuple[str, ...]:
    """Read a plain list of names."""
    return tuple(name for name in _list(data) if isinstance(name, str))
