"""All routes of the demo server, by topic."""

from __future__ import annotations

from aiohttp import web

from ..state import DemoState
from . import extras, files, jobs, manager, models, prompts, system, userdata
from .table import Route

_TOPICS = (system, prompts, files, models, userdata, extras)


def add_routes(app: web.Application, state: DemoState) -> None:
    """Register every route, bare and under ``/api`` where the real server has both."""
    prefix = state.options.prefix
    routes: list[Route] = [route for topic in _TOPICS for route in topic.ROUTES]
    if not state.legacy:
        routes += jobs.ROUTES
    if state.options.manager:
        routes += manager.routes_of(state.options.manager)
    for route in routes:
        if route.new_only and state.legacy:
            continue
        for base in route.bases:
            app.router.add_route(route.method, prefix + base + route.path, route.handler)
            if route.method == "GET" and route.path != "/ws":
                app.router.add_route("HEAD", prefix + base + route.path, route.handler)
    app.router.add_get("/{tail:.*}", _unknown)


async def _unknown(request: web.Request) -> web.Response:
    """The static handler of the real server: no JSON, no words."""
    return web.Response(status=404, content_type="application/octet-stream")
