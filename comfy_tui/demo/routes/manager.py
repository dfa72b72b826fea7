"""The routes of a pretended Manager (manager-and-models, sections 1.3, 1.4 and 2)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ..manager import MODEL_LIST, PACKS, SECURITY_TEXT, DemoManager, Task
from ..state import state_of
from .table import Route, body_of

_VERSIONS = {"v3": "V3.41", "v3-old": "V3.39", "v4": "V4.3", "v4-legacy": "V4.3"}
_BAD_TYPE = "Invalid Content-Type for this endpoint. Use application/json or omit body."
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


def _of(request: web.Request) -> DemoManager:
    manager = state_of(request).manager
    if manager is None:
        raise web.HTTPNotFound
    return manager


async def _version(request: web.Request) -> web.Response:
    return web.Response(text=_VERSIONS[_of(request).kind])


async def _is_legacy(request: web.Request) -> web.Response:
    return web.json_response({"is_legacy_manager_ui": _of(request).kind == "v4-legacy"})


async def _alerts(request: web.Request) -> web.Response:
    message = "[ComfyUI-Manager] Security Alert: ComfyUI outdated. Installations blocked (update allowed)."
    alert = {"message": message + "\nUpdate ComfyUI for normal operation.", "level": "error"}
    return web.json_response([alert] if _of(request).outdated else [])


async def _mappings(request: web.Request) -> web.Response:
    _ = request.rel_url.query["mode"]  # without it the real one fails too
    dress = state_of(request).dress
    return web.json_response({pack.id: [list(pack.classes), {"title_aux": dress(pack.id)}] for pack in PACKS})


async def _models(request: web.Request) -> web.Response:
    models = _of(request).disk.models
    listed = []
    for entry in MODEL_LIST:
        folder, _, below = entry["save_path"].partition("/")
        there = "/".join(filter(None, (below, entry["filename"]))) in models.get(folder, ())
        listed.append({**entry, "installed": str(there)})
    return web.json_response({"models": listed})


async def _installed(request: web.Request) -> web.Response:
    manager = _of(request)
    at_start = request.rel_url.query.get("mode") == "imported"
    return web.json_response(manager.imported if at_start else manager.disk.packs)


async def _status(request: web.Request) -> web.Response:
    return web.json_response(_of(request).counts(request.rel_url.query.get("client_id", "")))


async def _start(request: web.Request) -> web.Response:
    if request.content_type in _FORMS and request.can_read_body:
        return web.Response(status=400, text=_BAD_TYPE)
    return web.Response(status=200 if _of(request).start() else 201)


async def _reboot(request: web.Request) -> web.Response:
    manager = _of(request)
    if request.content_type in _FORMS and request.can_read_body:
        return web.Response(status=400, text=_BAD_TYPE)
    if manager.outdated:
        return web.json_response({"error": "comfyui_outdated"}, status=403)
    if manager.strong and manager.generation == 3:
        return web.json_response({"error": "security_level"}, status=403)
    if manager.strong:
        return web.Response(status=403)
    manager.reboot()
    if request.transport is not None:
        request.transport.abort()  # the real one goes away without an answer
    return web.Response()


async def _install(request: web.Request) -> web.Response:
    manager = _of(request)
    params = await body_of(request)
    refused = _refused_pack(manager, params)
    if refused is None:
        manager.pending.append(Task(params.get("ui_id", ""), "install", params))
    return refused or web.Response()


async def _install_model(request: web.Request) -> web.Response:
    manager = _of(request)
    params = await body_of(request)
    refused = _refused_model(manager, params)
    if refused is None:
        manager.pending.append(Task(params.get("ui_id", ""), "install-model", params))
    return refused or web.Response()


async def _task(request: web.Request) -> web.Response:
    said = await body_of(request)
    missing = [key for key in ("ui_id", "client_id", "kind", "params") if key not in said]
    if missing:
        text = f"Invalid task data: {len(missing)} validation errors for QueueTaskItem"
        return web.Response(status=400, text="\n".join([text, *missing]))
    _of(request).pending.append(Task(said["ui_id"], said["kind"], said["params"], said["client_id"]))
    return web.Response()


async def _history(request: web.Request) -> web.Response:
    query, history = request.rel_url.query, _of(request).history
    if "ui_id" in query:
        return web.json_response({"history": history.get(query["ui_id"], {})})
    client_id = query.get("client_id")
    found = {key: entry for key, entry in history.items() if client_id in (None, entry["client_id"])}
    return web.json_response({"history": found})


async def _batch(request: web.Request) -> web.Response:
    manager = _of(request)
    failed = []
    for kind, items in (await body_of(request)).items():
        for item in items:
            pack = kind == "install"
            refused = _refused_pack(manager, item) if pack else _refused_model(manager, item)
            if refused is not None:
                failed.append(item.get("id", item.get("ui_id", "")))
                continue
            task = Task(item.get("ui_id") or str(uuid.uuid4()), "install" if pack else "install-model", item)
            manager.pending.append(task)
    manager.start()
    return web.json_response({"failed": failed})


async def _not_here(request: web.Request) -> web.Response:
    return web.Response(status=405, text="405: Method Not Allowed")


async def _no_history(request: web.Request) -> web.Response:
    return web.Response(status=400)


def _refused_pack(manager: DemoManager, params: Mapping[str, Any]) -> web.Response | None:
    if manager.strong:
        return web.Response(status=403, text=SECURITY_TEXT)
    if params["version"] != "unknown" and params.get("selected_version") == "unknown":
        return web.Response(status=400, text="Invalid installation request")
    if params["version"] == "unknown" and params["files"][0] not in {pack.repository for pack in PACKS}:
        return web.Response(status=404, text=SECURITY_TEXT)
    return None


def _refused_model(manager: DemoManager, params: Mapping[str, Any]) -> web.Response | None:
    if manager.strong:
        return web.Response(status=403, text=SECURITY_TEXT)
    same = ("save_path", "base", "filename")
    if not any(all(params.get(key) == entry[key] for key in same) for entry in MODEL_LIST):
        return web.Response(status=400, text="Invalid model install request is detected")
    return None


def routes_of(kind: str) -> list[Route]:
    """The routes of that Manager; each generation answers 404 to the other's."""
    prefix = "/v2" if kind.startswith("v4") else ""
    changing = "GET" if kind == "v3-old" else "POST"  # before 3.40 (section 2.3)
    found = [
        Route("GET", prefix + "/manager/version", _version),
        Route("GET", prefix + "/customnode/getmappings", _mappings),
        Route("GET", prefix + "/customnode/installed", _installed),
        Route("GET", prefix + "/manager/queue/status", _status),
        Route(changing, prefix + "/manager/queue/start", _start),
        Route(changing, prefix + "/manager/reboot", _reboot),
    ]
    if kind != "v4":
        found.append(Route("GET", prefix + "/externalmodel/getlist", _models))
    if prefix == "":
        found.append(Route("GET", "/manager/startup_alerts", _alerts))
        found.append(Route("POST", "/manager/queue/install", _install))
        found.append(Route("POST", "/manager/queue/install_model", _install_model))
        return found
    found.append(Route("GET", "/v2/manager/is_legacy_manager_ui", _is_legacy))
    old = kind == "v4-legacy"
    found.append(Route("GET", "/v2/manager/queue/history", _no_history if old else _history))
    found.append(Route("POST", "/v2/manager/queue/task", _not_here if old else _task))
    if old:
        found.append(Route("POST", "/v2/manager/queue/batch", _batch))
    return found
