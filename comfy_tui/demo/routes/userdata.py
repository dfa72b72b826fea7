"""Files and settings of the one user."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from ..folders import inside
from ..state import DemoState, state_of
from .table import Route, body_of

_BAD_NAME = 'Invalid filename. Please avoid special characters like :\\/*?"<>|'


def _info(path: Path, base: Path, *, legacy: bool) -> dict[str, Any]:
    stat = path.stat()
    modified: float = stat.st_mtime if legacy else int(stat.st_mtime * 1000)
    created: float = stat.st_ctime if legacy else int(stat.st_ctime * 1000)
    name = path.relative_to(base).as_posix()
    return {"path": name, "size": stat.st_size, "modified": modified, "created": created}


def _says(request: web.Request, name: str) -> bool:
    return request.rel_url.query.get(name, "").lower() == "true"


async def _list(request: web.Request) -> web.Response:
    state = state_of(request)
    wanted = request.rel_url.query.get("dir", "")
    if not wanted:
        return web.Response(status=400, text="Directory not provided")
    base = inside(state.folders.user, wanted)
    if base is None:
        return web.Response(status=403, text="Invalid directory")
    if not base.is_dir():
        return web.Response(status=404, text="Directory not found")
    pattern = "**/*" if _says(request, "recurse") else "*"
    files = [path for path in base.glob(pattern) if path.is_file() and not path.name.startswith(".")]
    if _says(request, "full_info"):
        return web.json_response([_info(path, base, legacy=state.legacy) for path in files])
    names = [path.relative_to(base).as_posix() for path in files]
    if _says(request, "split"):
        return web.json_response([[name, *name.split("/")] for name in names])
    return web.json_response(names)


async def _list_all(request: web.Request) -> web.Response:
    state = state_of(request)
    root = state.folders.user
    base = inside(root, unquote(request.rel_url.query.get("path", "")))
    if base is None:
        return web.Response(status=400, text="Invalid path requested")
    if not root.is_dir():
        return web.json_response([])
    if not base.exists():
        return web.Response(status=404, text="Requested path not found")
    if not base.is_dir():
        return web.Response(status=400, text="Requested path is not a directory")
    found: list[dict[str, Any]] = []
    for path in sorted(base.rglob("*")):
        entry: dict[str, Any] = {"name": path.name, "path": path.relative_to(root).as_posix()}
        if path.is_dir():
            entry["type"] = "directory"
        else:
            stat = path.stat()
            entry.update(type="file", size=stat.st_size, modified=stat.st_mtime)
        found.append(entry)
    found.sort(key=lambda entry: (entry["type"] != "directory", entry["name"].lower()))
    return web.json_response(found)


def _path(request: web.Request, name: str = "file") -> Path | web.Response:
    """The file that a route names. The router has decoded the name once; the real server does so again."""
    wanted = request.match_info.get(name)
    if not wanted:
        return web.Response(status=400)
    path = inside(state_of(request).folders.user, unquote(wanted))
    return web.Response(status=403) if path is None else path


async def _get(request: web.Request) -> web.StreamResponse:
    path = _path(request)
    if isinstance(path, web.Response):
        return path
    if path.is_dir():
        return web.Response(status=403, content_type="application/octet-stream")
    if not path.exists():
        return web.Response(status=404)
    return web.FileResponse(path)


def _answer(state: DemoState, request: web.Request, path: Path) -> web.Response:
    root = state.folders.user
    if _says(request, "full_info"):
        return web.json_response(_info(path, root, legacy=state.legacy))
    return web.json_response(path.relative_to(root).as_posix())


async def _post(request: web.Request) -> web.Response:
    path = _path(request)
    if isinstance(path, web.Response):
        return path
    if request.rel_url.query.get("overwrite") == "false" and path.exists():
        return web.Response(status=409, text="File already exists")
    try:
        body = await request.read()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    except OSError:
        return web.Response(status=400, reason=_BAD_NAME)
    return _answer(state_of(request), request, path)


async def _delete(request: web.Request) -> web.Response:
    path = _path(request)
    if isinstance(path, web.Response):
        return path
    if not path.exists():
        return web.Response(status=404)
    os.remove(path)
    return web.Response(status=204)


async def _move(request: web.Request) -> web.Response:
    source, target = _path(request), _path(request, "dest")
    if isinstance(source, web.Response):
        return source
    if not source.exists():
        return web.Response(status=404)
    if isinstance(target, web.Response):
        return target
    if request.rel_url.query.get("overwrite") == "false" and target.exists():
        return web.Response(status=409, text="File already exists")
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)
    return _answer(state_of(request), request, target)


def _settings_file(state: DemoState) -> Path:
    return state.folders.user / "comfy.settings.json"


def _read_settings(state: DemoState) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(_settings_file(state).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _merge_settings(state: DemoState, changes: dict[str, Any]) -> None:
    merged = {**_read_settings(state), **changes}
    _settings_file(state).parent.mkdir(parents=True, exist_ok=True)
    _settings_file(state).write_text(json.dumps(merged, indent=4), "utf-8")


async def _get_settings(request: web.Request) -> web.Response:
    return web.json_response(_read_settings(state_of(request)))


async def _get_setting(request: web.Request) -> web.Response:
    return web.json_response(_read_settings(state_of(request)).get(request.match_info["id"]))


async def _post_settings(request: web.Request) -> web.Response:
    _merge_settings(state_of(request), await body_of(request))
    return web.Response()


async def _post_setting(request: web.Request) -> web.Response:
    _merge_settings(state_of(request), {request.match_info["id"]: await body_of(request)})
    return web.Response()


async def _users(request: web.Request) -> web.Response:
    return web.json_response({"storage": "server", "migrated": True})


async def _new_user(request: web.Request) -> web.Response:
    """Only a server for several users has more than one; this one says so in its own words."""
    return web.json_response({"error": "The demo server has one user"}, status=400)


ROUTES = [
    Route("GET", "/userdata", _list),
    Route("GET", "/v2/userdata", _list_all),
    Route("GET", "/userdata/{file}", _get),
    Route("POST", "/userdata/{file}", _post),
    Route("DELETE", "/userdata/{file}", _delete),
    Route("POST", "/userdata/{file}/move/{dest}", _move),
    Route("GET", "/settings", _get_settings),
    Route("GET", "/settings/{id}", _get_setting),
    Route("POST", "/settings", _post_settings),
    Route("POST", "/settings/{id}", _post_setting),
    Route("GET", "/users", _users),
    Route("POST", "/users", _new_user),
]
