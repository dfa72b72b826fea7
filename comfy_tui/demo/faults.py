"""Misbehaviour that a test asks for, and a record of what was asked of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PROXY_PAGE = (
    "<html><head><title>{status}</title></head><body><h1>{status} from a proxy (demo)</h1></body></html>"
)


@dataclass(frozen=True)
class Seen:
    """A request that arrived: ``path`` without prefix and ``/api``."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Fault:
    """What happens instead of an answer."""

    status: int = 0
    body: str | bytes = ""
    content_type: str = "text/html"
    garbage: bool = False
    cut: bool = False
    hang: bool = False
    close: bool = False
    delay_s: float = 0.0
    method: str = ""
    times: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Faults:
    """Faults by path. A path may end in ``*``; ``/api`` in front of a request does not count."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._release = asyncio.Event()
        self._unblocked = False
        self._news = asyncio.Event()
        #: Every request in order, as ``(method, path)``.
        self.requests: list[tuple[str, str]] = []
        #: The same with queries and headers.
        self.seen: list[Seen] = []

    def set(
        self,
        path: str,
        *,
        status: int = 0,
        body: str | bytes = "",
        content_type: str = "text/html",
        garbage: bool = False,
        cut: bool = False,
        hang: bool = False,
        close: bool = False,
        delay_s: float = 0.0,
        method: str = "",
        times: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Misbehave on a path until :meth:`clear`, or so many ``times``.

        Args:
            path: such as ``/history``; ``/history/*`` for all below, ``*`` for everything.
            status: answer with this status; the body is ``body``, or a proxy's page of HTML.
            body: the body to send, with 200 unless ``status`` says otherwise.
            content_type: of that body.
            garbage: a 200 that claims JSON and is not.
            cut: promise a body and break off in its middle.
            hang: never answer, until cleared or stopped.
            close: close the connection without an answer.
            delay_s: wait before the normal answer (or before the other fault).
            method: only for this method.
            times: only for the next so many requests.
            headers: more headers for a ``status`` or ``body`` answer.
        """
        self._faults[path] = Fault(
            status, body, content_type, garbage, cut, hang, close, delay_s, method, times, headers or {}
        )

    def clear(self, path: str | None = None) -> None:
        """Behave again, everywhere or on one path; requests that hang are let go."""
        if path is None:
            self._faults.clear()
        else:
            self._faults.pop(path, None)
        self._release.set()
        self._release = asyncio.Event()

    def count(self, path: str, method: str = "") -> int:
        """How often a path was asked for."""
        return sum(1 for m, p in self.requests if p == path and (not method or m == method))

    async def arrived(self, path: str, times: int = 1, timeout_s: float = 10.0) -> None:
        """Wait until a path has been asked for so many times."""
        async with asyncio.timeout(timeout_s):
            while self.count(path) < times:
                await self._news.wait()

    def forget(self) -> None:
        """Empty the record of requests."""
        self.requests.clear()
        self.seen.clear()

    def stop(self) -> None:
        """Let go of everything, for good."""
        self._unblocked = True
        self.clear()

    def start(self) -> None:
        """Be ready for a server that starts."""
        self._unblocked = False

    def record(self, request: web.Request, path: str) -> None:
        """Note a request."""
        self.requests.append((request.method, path))
        self.seen.append(Seen(request.method, path, dict(request.query), dict(request.headers)))
        self._news.set()
        self._news = asyncio.Event()

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse | None:
        """The faulty answer for a request, or None to answer as usual."""
        fault = self._find(request.method, path)
        if fault is None or self._unblocked:
            return None
        release = self._release
        if fault.delay_s:
            await _wait(release, fault.delay_s)
        if fault.hang:
            await release.wait()
            return _drop(request)
        if fault.close:
            return _drop(request)
        if fault.cut:
            return await _cut(request, fault)
        if fault.garbage:
            return web.Response(text='{"demo": [1, 2, }<garbage>', content_type="application/json")
        if fault.status or fault.body:
            return _page(fault)
        return None

    def _find(self, method: str, path: str) -> Fault | None:
        for pattern, fault in self._faults.items():
            hit = path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1]))
            if not hit or (fault.method and fault.method != method) or fault.times == 0:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None


async def _wait(release: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(release.wait(), seconds)
    except TimeoutError:
        return


def _page(fault: Fault) -> web.Response:
    status = fault.status or 200
    body = fault.body or _PROXY_PAGE.format(status=status)
    raw = body.encode() if isinstance(body, str) else body
    headers = {"Content-Type": fault.content_type, **fault.headers}
    return web.Response(body=raw, status=status, headers=headers)


def _drop(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=200)


async def _cut(request: web.Request, fault: Fault) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"half": "of a body')
    if request.transport is not None:
        request.transport.close()
    return response
