"""Models that are not there, listed as if they were."""

from __future__ import annotations

import os
from typing import Any

from aiohttp import web

from ..models import metadata, model_size_bytes
from ..state import DemoState, state_of
from .table import BARE, Route

#: When the made-up files were made.
_MODIFIED = 1_750_000_000.25


async def _folders(request: web.Request) -> web.Response:
    return web.json_response(state_of(request).folder_names())


async def _models(request: web.Request) -> web.Response:
    state = state_of(request)
    folder = request.match_info["folder"]
    if folder not in state.folder_names():
        return web.Response(status=404)
    return web.json_response(state.names(folder))


async def _embeddings(request: web.Request) -> web.Response:
    return web.json_response([os.path.splitext(name)[0] for name in state_of(request).names("embeddings")])


def _paths(state: DemoState, folder: str) -> list[str]:
    return [str(state.folders.root / "models" / folder)]


async def _folder_paths(request: web.Request) -> web.Response:
    state = state_of(request)
    return web.json_response({name: _paths(state, name) for name in state.folder_names()})


async def _details_of_folders(request: web.Request) -> web.Response:
    state = state_of(request)
    names = [name for name in state.folder_names() if name not in ("configs", "custom_nodes")]
    return web.json_response([{"name": name, "folders": _paths(state, name)} for name in names])


async def _details(request: web.Request) -> web.Response:
    state = state_of(request)
    folder = request.match_info["folder"]
    if folder not in state.folder_names():
        return web.Response(status=404)
    return web.json_response([_detail(folder, name) for name in state.names(folder)])


def _detail(folder: str, name: str) -> dict[str, Any]:
    size = model_size_bytes(folder, name)
    return {"name": name, "pathIndex": 0, "modified": _MODIFIED, "created": _MODIFIED, "size": size}


async def _preview(request: web.Request) -> web.Response:
    if int(request.match_info["index"]) != 0:
        raise IndexError("list index out of range")
    return web.Response(status=404)


async def _metadata(request: web.Request) -> web.Response:
    name = request.rel_url.query.get("filename", "")
    found = metadata(request.match_info["folder"], name) if ".safetensors" in name else None
    if found is None:
        return web.Response(status=404)
    dress = state_of(request).dress
    return web.json_response({key: dress(value) for key, value in found.items()})


ROUTES = [
    Route("GET", "/embeddings", _embeddings),
    Route("GET", "/models", _folders),
    Route("GET", "/models/{folder}", _models),
    Route("GET", "/view_metadata/{folder}", _metadata),
    Route("GET", "/experiment/models", _details_of_folders),
    Route("GET", "/experiment/models/{folder}", _details),
    Route("GET", "/experiment/models/preview/{folder}/{index}/{name:.*}", _preview),
    Route("GET", "/internal/folder_paths", _folder_paths, BARE),
]
