"""The jobs of the new version: the queue and the history in a lighter form."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from ..queue import Job
from ..state import DemoState, state_of
from .prompts import is_canonical
from .table import API, Route, body_of

_STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
_TEXT_LIMIT = 1024


class _BadQuery(Exception):
    pass


def _bad(message: str, **more: Any) -> web.Response:
    return web.json_response({"error": message, **more}, status=400)


def _base(number: int | float, prompt_id: str, extra_data: dict[str, Any], status: str) -> dict[str, Any]:
    created = extra_data.get("create_time")
    return {"id": prompt_id, "status": status, "priority": number, "create_time": created}


def _waiting(job: Job, status: str) -> dict[str, Any]:
    found = _base(job.number, job.prompt_id, job.extra_data, status)
    found["outputs_count"] = 0
    found["workflow_id"] = _workflow_id(job.extra_data)
    return _without_nulls(found)


def _finished(entry: dict[str, Any]) -> dict[str, Any]:
    number, prompt_id, _, extra_data, _ = entry["prompt"]
    messages = dict(entry["status"]["messages"])
    last = entry["status"]["messages"][-1][1] if entry["status"]["messages"] else {}
    status = "completed" if entry["status"]["status_str"] == "success" else "failed"
    if "execution_interrupted" in messages:
        status = "cancelled"
    found = _base(number, prompt_id, extra_data, status)
    found["execution_start_time"] = messages.get("execution_start", {}).get("timestamp")
    found["execution_end_time"] = last.get("timestamp")
    found["execution_error"] = messages.get("execution_error")
    shown = _shown_outputs(entry["outputs"])
    found["outputs_count"] = len(shown)
    found["preview_output"] = _preview(shown)
    found["workflow_id"] = _workflow_id(extra_data)
    return _without_nulls(found)


def _workflow_id(extra_data: dict[str, Any]) -> Any:
    return extra_data.get("extra_pnginfo", {}).get("workflow", {}).get("id")


def _without_nulls(job: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if value is not None}


def _shown_outputs(outputs: dict[str, Any]) -> list[dict[str, Any]]:
    shown = []
    for node_id, output in outputs.items():
        for media, items in output.items():
            for item in items if isinstance(items, list) and media != "animated" else []:
                shown.append({**_shown(item), "nodeId": node_id, "mediaType": media})
    return shown


def _shown(item: Any) -> dict[str, Any]:
    if isinstance(item, dict):
        return item
    text = str(item)
    return {"content": text[:_TEXT_LIMIT], **({"truncated": True} if len(text) > _TEXT_LIMIT else {})}


def _preview(shown: list[dict[str, Any]]) -> dict[str, Any] | None:
    saved = [item for item in shown if item.get("type") == "output"]
    return next(iter(saved or shown), None)


def _all_jobs(state: DemoState) -> list[dict[str, Any]]:
    jobs = [_waiting(job, "pending") for job in state.queue.pending()]
    running = state.queue.running
    if running is not None:
        jobs.append(_waiting(running, "in_progress"))
    return jobs + [_finished(entry) for entry in state.queue.history().values()]


def _number(query: Any, name: str) -> int | None:
    if name not in query:
        return None
    try:
        return int(query[name])
    except ValueError:
        raise _BadQuery(f"{name} must be an integer") from None


def _select(jobs: list[dict[str, Any]], query: Any) -> dict[str, Any]:
    wanted = [word.strip() for word in query.get("status", "").split(",") if word.strip()]
    unknown = [word for word in wanted if word not in _STATUSES]
    if unknown:
        valid = ", ".join(_STATUSES)
        raise _BadQuery(f"Invalid status value(s): {', '.join(unknown)}. Valid values: {valid}")
    sort_by, order = query.get("sort_by", "created_at"), query.get("sort_order", "desc")
    if sort_by not in ("created_at", "execution_duration"):
        raise _BadQuery("sort_by must be 'created_at' or 'execution_duration'")
    if order not in ("asc", "desc"):
        raise _BadQuery("sort_order must be 'asc' or 'desc'")
    limit, offset = _number(query, "limit"), max(0, _number(query, "offset") or 0)
    if limit is not None and limit <= 0:
        raise _BadQuery("limit must be a positive integer")
    if wanted:
        jobs = [job for job in jobs if job["status"] in wanted]
    if "workflow_id" in query:
        jobs = [job for job in jobs if job.get("workflow_id") == query["workflow_id"]]
    jobs.sort(key=_duration if sort_by == "execution_duration" else _created, reverse=order == "desc")
    page = jobs[offset : offset + limit if limit is not None else None]
    more = offset + len(page) < len(jobs)
    pagination = {"offset": offset, "limit": limit, "total": len(jobs), "has_more": more}
    return {"jobs": page, "pagination": pagination}


def _created(job: dict[str, Any]) -> int:
    return int(job.get("create_time", 0))


def _duration(job: dict[str, Any]) -> int:
    return int(job.get("execution_end_time", 0) - job.get("execution_start_time", 0))


async def _list_jobs(request: web.Request) -> web.Response:
    try:
        return web.json_response(_select(_all_jobs(state_of(request)), request.rel_url.query))
    except _BadQuery as error:
        return _bad(str(error))


async def _get_job(request: web.Request) -> web.Response:
    state = state_of(request)
    prompt_id = request.match_info["job_id"]
    entry = state.queue.history_entry(prompt_id)
    if entry is not None:
        found = _finished(entry)
        found["outputs"] = entry["outputs"]
        found["execution_status"] = entry["status"]
        found["workflow"] = {"prompt": entry["prompt"][2], "extra_data": entry["prompt"][3]}
        return web.json_response(found)
    for job in _all_jobs(state):
        if job["id"] == prompt_id:
            return web.json_response(job)
    return web.json_response({"error": "Job not found"}, status=404)


def _cancel(state: DemoState, prompt_id: str) -> bool:
    running = state.queue.running
    if running is not None and running.prompt_id == prompt_id:
        state.queue.interrupt()
        return True
    return state.queue.delete(prompt_id)


async def _cancel_one(request: web.Request) -> web.Response:
    return web.json_response({"cancelled": _cancel(state_of(request), request.match_info["job_id"])})


async def _cancel_many(request: web.Request) -> web.Response:
    try:
        ids = (await body_of(request)).get("job_ids")
    except (json.JSONDecodeError, AttributeError):
        return _bad("Request body must be valid JSON")
    if not isinstance(ids, list):
        return _bad("job_ids must be a list")
    invalid = [str(one) for one in ids if not is_canonical(one)]
    if invalid:
        return _bad("job_ids contains invalid id(s)", invalid_ids=invalid)
    state = state_of(request)
    return web.json_response({"cancelled": any([_cancel(state, one) for one in ids])})


_DISABLED = {
    "error": {
        "code": "SERVICE_DISABLED",
        "message": "Assets system is disabled. Start the server with --enable-assets to use this feature.",
        "details": {},
    }
}


async def _assets(request: web.Request) -> web.Response:
    return web.json_response(_DISABLED, status=503)


ROUTES = [
    Route("GET", "/jobs", _list_jobs, API),
    Route("POST", "/jobs/cancel", _cancel_many, API),
    Route("GET", "/jobs/{job_id}", _get_job, API),
    Route("POST", "/jobs/{job_id}/cancel", _cancel_one, API),
    *(Route(method, "/assets", _assets, API) for method in ("GET", "POST")),
    *(Route(method, "/assets/{rest:.+}", _assets, API) for method in ("GET", "POST", "PUT", "DELETE")),
    Route("GET", "/tags", _assets, API),
]
