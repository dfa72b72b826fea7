"""What every request passes: the record, faults, a proxy's login, the origin rule, and the last resort."""

from __future__ import annotations

import ipaddress
import traceback
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from .faults import Faults
from .options import DemoOptions
from .state import DemoState

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"


def plain_path(path: str, prefix: str) -> str:
    """The path without the proxy's prefix and without ``/api``, except where only ``/api`` exists."""
    if prefix and path.startswith(prefix):
        path = path[len(prefix) :] or "/"
    if path.startswith("/api/") and not path.startswith(("/api/jobs", "/api/assets", "/api/tags")):
        return path[4:]
    return path


def make_middleware(state: DemoState, faults: Faults) -> Middleware:
    """The one middleware of the server."""
    options = state.options

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = plain_path(request.path, options.prefix)
        faults.record(request, path)
        faulty = await faults.answer(request, path)
        if faulty is not None:
            return faulty
        refused = _login(request, options) or _origin(request, legacy=options.legacy)
        if refused is not None:
            return refused
        if request.method == "OPTIONS":
            return web.Response()
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception:
            state.logs.write(traceback.format_exc(), "ERROR")
            return web.Response(status=500, text=TROUBLE)

    return middleware


def _login(request: web.Request, options: DemoOptions) -> web.Response | None:
    if not options.require_auth or request.headers.get("Authorization") == options.require_auth:
        return None
    scheme = options.require_auth.split(" ", maxsplit=1)[0]
    page = "<html><body><h1>401 Authorization Required</h1><p>a proxy (demo)</p></body></html>"
    headers = {"WWW-Authenticate": f'{scheme} realm="demo"'}
    return web.Response(status=401, text=page, content_type="text/html", headers=headers)


def _origin(request: web.Request, *, legacy: bool) -> web.Response | None:
    """Refuse what a page of another site asks of a loopback server."""
    if not legacy and request.headers.get("Sec-Fetch-Site") == "cross-site":
        return web.Response(status=403)
    host, origin = request.headers.get("Host"), request.headers.get("Origin")
    if host is None or origin is None:
        return None
    asked = urlsplit(f"//{host.lower()}")
    came = urlsplit(origin.lower())
    if not came.hostname or not _is_loopback(asked.hostname):
        return None
    same = asked.hostname == came.hostname
    if asked.port is not None and came.port is not None:
        same = same and asked.port == came.port
    return None if same else web.Response(status=403)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
