"""The state of the server: statistics, features, logs, the front page."""

from __future__ import annotations

from aiohttp import web

from ..state import state_of
from .table import BARE, Route, body_of

_PAGE = """<!doctype html><title>comfy-tui demo</title>
<h1>The demo server of comfy-tui</h1>
<p>Not ComfyUI: a small server of the same manners. There is no web page.</p>"""


async def _index(request: web.Request) -> web.Response:
    return web.Response(text=_PAGE, content_type="text/html")


async def _stats(request: web.Request) -> web.Response:
    return web.json_response(state_of(request).system_stats())


async def _features(request: web.Request) -> web.Response:
    return web.json_response(state_of(request).features())


async def _socket(request: web.Request) -> web.StreamResponse:
    return await state_of(request).hub.handle(request)


async def _logs(request: web.Request) -> web.Response:
    return web.json_response(state_of(request).logs.text())


async def _raw_logs(request: web.Request) -> web.Response:
    return web.json_response(state_of(request).logs.raw())


async def _subscribe(request: web.Request) -> web.Response:
    said = await body_of(request)
    subscribers = state_of(request).logs.subscribers
    if said["enabled"]:
        subscribers.add(said["clientId"])
    else:
        subscribers.discard(said["clientId"])
    return web.Response()


ROUTES = [
    Route("GET", "/", _index, BARE),
    Route("GET", "/ws", _socket),
    Route("GET", "/system_stats", _stats),
    Route("GET", "/features", _features),
    Route("GET", "/internal/logs", _logs, BARE),
    Route("GET", "/internal/logs/raw", _raw_logs, BARE),
    Route("PATCH", "/internal/logs/subscribe", _subscribe, BARE),
]
