"""Prompts: sending, the queue, the history, interrupting, freeing, node definitions."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from aiohttp import web

from ..hostile import dress_document
from ..nodes import NODES
from ..queue import Job, without_secrets
from ..state import DemoState, state_of
from ..validation import Validator, problem
from .table import Route, body_of

_BAD_ID = (
    "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
    "omit it to let the server generate one"
)


def _refuse(error: dict[str, Any], node_errors: dict[str, Any] | None = None) -> web.Response:
    return web.json_response({"error": error, "node_errors": node_errors or {}}, status=400)


async def _get_prompt(request: web.Request) -> web.Response:
    return web.json_response({"exec_info": {"queue_remaining": state_of(request).queue.remaining}})


async def _post_prompt(request: web.Request) -> web.Response:
    state = state_of(request)
    body = await body_of(request)
    number = state.queue.take_number(body)
    state.logs.write("got prompt")
    if "prompt" not in body:
        return _refuse(problem("no_prompt", "No prompt provided", "No prompt provided"))
    prompt_id = _prompt_id(body, legacy=state.legacy)
    if prompt_id is None:
        return _refuse(problem("invalid_prompt_id", "prompt_id must be a valid UUID", _BAD_ID))
    prompt = body["prompt"]
    if not state.legacy:
        _walk_for_replacement(prompt)
    validator = Validator(prompt, state, state.folders, legacy=state.legacy)
    verdict = validator.check(body.get("partial_execution_targets"))
    if verdict.error is not None:
        state.logs.write(f"invalid prompt: {verdict.error['message']}", "WARNING")
        return _refuse(verdict.error, verdict.node_errors)
    extra_data = _extra_data(body, request, legacy=state.legacy)
    if state.options.hostile:
        _make_hostile(prompt, extra_data)
    state.queue.put(Job(number, prompt_id, prompt, extra_data, verdict.outputs))
    answer = {"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors}
    return web.json_response(answer)


def _prompt_id(body: dict[str, Any], *, legacy: bool) -> str | None:
    given = body.get("prompt_id")
    if legacy:
        return str(body["prompt_id"]) if "prompt_id" in body else str(uuid.uuid4())
    if given is None:
        return str(uuid.uuid4())
    return given if is_canonical(given) else None


def is_canonical(value: Any) -> bool:
    """Whether the value is a UUID as the new version wants it."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def _walk_for_replacement(prompt: Any) -> None:
    """The new version looks at every node for classes to replace, and falls over what is not one."""
    for node in prompt.values():
        class_type = node.get("class_type")
        hash(class_type)
        for _ in node.get("inputs", {}).items():
            pass


def _extra_data(body: dict[str, Any], request: web.Request, *, legacy: bool) -> Any:
    extra_data = body.get("extra_data", {})
    if "client_id" in body:
        hash(body["client_id"])
        extra_data["client_id"] = body["client_id"]
    if not legacy:
        extra_data["create_time"] = int(time.time() * 1000)
        usage = extra_data.get("comfy_usage_source", request.headers.get("Comfy-Usage-Source"))
        if usage is not None:
            extra_data["comfy_usage_source"] = usage
    return extra_data


def _make_hostile(prompt: dict[str, Any], extra_data: dict[str, Any]) -> None:
    dress_document(prompt)
    workflow = (extra_data.get("extra_pnginfo") or {}).get("workflow")
    if isinstance(workflow, dict):
        dress_document(workflow)


async def _get_queue(request: web.Request) -> web.Response:
    state = state_of(request)
    running = state.queue.running
    found = {
        "queue_running": [_shown(running, state)] if running is not None else [],
        "queue_pending": [_shown(job, state) for job in state.queue.pending()],
    }
    return web.json_response(found)


def _shown(job: Job, state: DemoState) -> list[Any]:
    wire = job.wire()
    if not state.legacy and isinstance(wire[3], dict):
        wire[3] = without_secrets(wire[3])
    return wire


async def _post_queue(request: web.Request) -> web.Response:
    queue = state_of(request).queue
    body = await body_of(request)
    if "clear" in body and bool(body["clear"]):
        queue.clear()
    if "delete" in body:
        for prompt_id in body["delete"]:
            queue.delete(prompt_id)
    return web.Response()


async def _get_history(request: web.Request) -> web.Response:
    query = request.rel_url.query
    max_items = int(query["max_items"]) if query.get("max_items") is not None else None
    offset = int(query["offset"]) if query.get("offset") is not None else -1
    return web.json_response(state_of(request).queue.history(max_items, offset))


async def _get_history_entry(request: web.Request) -> web.Response:
    prompt_id = request.match_info["prompt_id"]
    entry = state_of(request).queue.history_entry(prompt_id)
    return web.json_response({} if entry is None else {prompt_id: entry})


async def _post_history(request: web.Request) -> web.Response:
    queue = state_of(request).queue
    body = await body_of(request)
    if "clear" in body and bool(body["clear"]):
        queue.clear_history()
    if "delete" in body:
        for prompt_id in body["delete"]:
            queue.delete_history(prompt_id)
    return web.Response()


async def _interrupt(request: web.Request) -> web.Response:
    queue = state_of(request).queue
    try:
        body = await body_of(request)
    except json.JSONDecodeError:
        body = {}
    prompt_id = body.get("prompt_id")
    running = queue.running
    if not prompt_id or (running is not None and running.prompt_id == prompt_id):
        queue.interrupt()
    return web.Response()


async def _free(request: web.Request) -> web.Response:
    queue = state_of(request).queue
    body = await body_of(request)
    for wish in ("unload_models", "free_memory"):
        if body.get(wish, False):
            queue.wish(wish)
    return web.Response()


async def _object_info(request: web.Request) -> web.Response:
    state = state_of(request)
    return web.json_response({name: state.definition(name) for name in NODES if state.has_node(name)})


async def _object_info_one(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    state = state_of(request)
    return web.json_response({name: state.definition(name)} if state.has_node(name) else {})


ROUTES = [
    Route("GET", "/prompt", _get_prompt),
    Route("POST", "/prompt", _post_prompt),
    Route("GET", "/queue", _get_queue),
    Route("POST", "/queue", _post_queue),
    Route("GET", "/history", _get_history),
    Route("GET", "/history/{prompt_id}", _get_history_entry),
    Route("POST", "/history", _post_history),
    Route("POST", "/interrupt", _interrupt),
    Route("POST", "/free", _free),
    Route("GET", "/object_info", _object_info),
    Route("GET", "/object_info/{name}", _object_info_one),
]
