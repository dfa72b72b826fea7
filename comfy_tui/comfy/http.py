"""HTTP calls to a ComfyUI server: reads are repeated once; every failure is an ApiError with a hint."""

from __future__ import annotations

import asyncio
import io
import json
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from comfy_tui import __version__
from comfy_tui.comfy.faults import FAULTS
from comfy_tui.comfy.reach import is_loopback, no_cookies, ssl_context, unusable_proxy
from comfy_tui.comfy.rejection import rejected_prompt
from comfy_tui.comfy.unpacking import ENCODINGS, encoding_of, pieces
from comfy_tui.errors import (
    ApiError,
    BadReply,
    ReadOnlyError,
    Refused,
    ServerError,
    TimedOut,
    Unreachable,
    WorkflowError,
)
from comfy_tui.json_weight import TooManyValues, loads

if TYPE_CHECKING:
    from comfy_tui.config import ServerProfile

#: A call that has not ended after this many seconds is given up (a generation is not a call).
TIMEOUT_S = 30.0
#: The largest answer with nodes, prompts or logs in it that is read: an object_info of hundreds of packs is
#: some 20 MB, a queue of a thousand large workflows 40 MB.
JSON_LIMIT_BYTES = 128 * 1024 * 1024
#: The largest other answer: states and lists of names are some kilobytes, 50 000 files 4 MB.
ANSWER_LIMIT_BYTES = 8 * 1024 * 1024
#: From this size on JSON is parsed in a thread, so that no key waits for it.
_THREAD_PARSE_BYTES = 128 * 1024


class HttpConnection:
    """A keep-alive connection pool to one server, with its credentials.

    Redirects are not followed and proxies are not used for loopback addresses, so that credentials
    go to the named host only.

    Args:
        profile: the server's address, TLS settings and credentials.
        timeout_s: seconds for a whole call.
        readonly: refuse everything but reads, whoever asks.
    """

    def __init__(
        self, profile: ServerProfile, *, timeout_s: float = TIMEOUT_S, readonly: bool = False
    ) -> None:
        self.profile = profile
        self.readonly = readonly
        self.timeout_s = timeout_s
        #: Seconds that the last answered call took.
        self.response_time_s: float | None = None
        #: What the last answer gave as its date, and about when it was written by our clock.
        self.dated: tuple[str, float] = ("", 0.0)
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                # Reading credentials may run a command; TLS certificates are read from disk.
                self._client = await asyncio.to_thread(self._make_client)
            return self._client

    def _make_client(self) -> httpx.AsyncClient:
        try:
            client = httpx.AsyncClient(
                headers={"User-Agent": f"comfy-tui/{__version__}", "Accept-Encoding": "gzip, deflate"},
                verify=ssl_context(self.profile),
                timeout=httpx.Timeout(self.timeout_s),
                follow_redirects=False,
                cookies=no_cookies(),
                trust_env=not is_loopback(self.profile.url),
                limits=httpx.Limits(max_connections=8, max_keepalive_connections=4),
            )
        except (ImportError, ValueError, httpx.InvalidURL):
            raise unusable_proxy() from None
        # Last, and nowhere in a variable: a crash report prints what frames hold.
        client.headers.update({name: value.reveal() for name, value in self.profile.credentials()})
        return client

    async def close(self) -> None:
        """Close the pool."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def read_json(
        self, path: str, params: Mapping[str, str] | None = None, *, limit_bytes: int = ANSWER_LIMIT_BYTES
    ) -> Any:
        """GET a JSON answer of at most ``limit_bytes``; one retry after a timeout."""
        return await parse_json(await self.read_text(path, limit_bytes, params), path)

    async def read_text(self, path: str, limit_bytes: int, params: Mapping[str, str] | None = None) -> bytes:
        """GET bytes of at most ``limit_bytes``; one retry after a timeout."""
        try:
            return await self._call("GET", path, limit_bytes=limit_bytes, params=params)
        except TimedOut:
            return await self._call("GET", path, limit_bytes=limit_bytes, params=params, retried=True)

    async def send_json(self, path: str, payload: Any) -> Any:
        """POST JSON, once; gives the parsed answer, or None where the answer is empty."""
        content = _encode(payload)
        body = await self._call("POST", path, content=content, headers={"Content-Type": "application/json"})
        return await parse_json(body, path) if body.strip() else None

    async def patch_json(self, path: str, payload: Any) -> None:
        """PATCH JSON, once; the answer does not count."""
        content = _encode(payload)
        await self._call("PATCH", path, content=content, headers={"Content-Type": "application/json"})

    async def send_nothing(self, path: str) -> None:
        """POST without a body, once; the answer does not count."""
        await self._call("POST", path)

    async def change_by_get(self, path: str) -> None:
        """GET a route that changes the server (manager-and-models, section 2.3), once, as a change."""
        self._allow_change()
        await self._call("GET", path)

    async def send_files(self, path: str, data: Mapping[str, str], files: Mapping[str, Any]) -> Any:
        """POST a multipart form, once."""
        return await parse_json(await self._call("POST", path, data=data, files=files), path)

    async def send_bytes(self, path: str, content: bytes, params: Mapping[str, str]) -> bytes:
        """POST raw bytes, once."""
        return await self._call("POST", path, content=content, params=params)

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """GET an answer piece by piece; only the wait between two pieces is limited in time.

        What was asked for unless it is the same as before (``If-None-Match``) may be answered by 304.
        """
        conditional = headers is not None and not headers.keys().isdisjoint(CONDITIONS)
        client = await self._open()
        request = self._request(client, "GET", path, params=params, headers=headers)
        try:
            async with _answer(client, request) as response:
                unchanged = conditional and response.status_code == 304
                if response.status_code not in (200, 206) and not unchanged:
                    raise _status_error(response, await _read_limited(response, 64 * 1024), path)
                yield response
        except httpx.HTTPError as error:
            raise self._transport_error(error, retried=False) from None

    async def _call(
        self,
        method: str,
        path: str,
        *,
        limit_bytes: int = ANSWER_LIMIT_BYTES,
        retried: bool = False,
        **options: Any,
    ) -> bytes:
        if method != "GET":
            self._allow_change()
        client = await self._open()
        clock = asyncio.get_running_loop().time
        started = clock()
        request = self._request(client, method, path, **options)
        # "from None": the frames of httpx hold the headers, and a crash report prints what frames hold.
        try:
            async with asyncio.timeout(self.timeout_s), _answer(client, request) as response:
                body = await _read_limited(response, limit_bytes)
        except TimeoutError:
            raise self._timed_out(retried=retried) from None
        except httpx.HTTPError as error:
            raise self._transport_error(error, retried=retried) from None
        self.response_time_s = clock() - started
        self.dated = response.headers.get("date", ""), time.time() - self.response_time_s / 2
        if not 200 <= response.status_code < 300:
            raise _status_error(response, body, path)
        return body

    def _request(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Request:
        """The request; names in it come from servers and files: half characters become ``?``."""
        try:
            return client.build_request(
                method,
                self.profile.url + path,
                params=None if params is None else _whole(params),
                data=None if data is None else _whole(data),
                **options,
            )
        except httpx.InvalidURL:
            raise BadReply(
                "The server cannot be asked for this", "its name is longer than an address may be"
            ) from None

    def _allow_change(self) -> None:
        if self.readonly:
            raise ReadOnlyError("Read-only", "the console does not change this server", READONLY_HINT)

    def _timed_out(self, *, retried: bool) -> TimedOut:
        again = ", asked twice" if retried else ""
        fault = FAULTS["timeout"]
        return TimedOut(fault.title, f"nothing within {self.timeout_s:g} s{again}", fault.step)

    def _transport_error(self, error: httpx.HTTPError, *, retried: bool) -> ApiError:
        if isinstance(error, httpx.ConnectTimeout):
            return _not_sent("no_connection", f"{self.profile.url} does not take a connection")
        if isinstance(error, httpx.TimeoutException):
            return self._timed_out(retried=retried)
        if isinstance(error, httpx.ConnectError):
            return _connect_error(error, self.profile.url)
        if isinstance(error, httpx.DecodingError):
            return BadReply("The answer cannot be unpacked", "its compression is broken", _LOG_HINT)
        fault = FAULTS["broken_connection"]
        return ConnectionBroke(fault.title, "the server ended it in the middle of an answer", fault.step)


#: The headers that ask for a file only if it is another one by now.
CONDITIONS = ("If-None-Match", "If-Modified-Since")
#: What a refusal is taken to say that came as a web page: a proxy's, not ComfyUI's.
WEB_PAGE = "a web page"
READONLY_HINT = "It was started with --readonly, or the config says readonly for this server."
_LOG_HINT = FAULTS["broken_connection"].step


class NotSent(Unreachable):
    """No connection was made: the server cannot have seen the request."""


class ConnectionBroke(Unreachable):
    """The connection ended before the answer: the server may have seen the request."""


def _connect_error(error: httpx.ConnectError, url: str) -> ApiError:
    reason = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            words = getattr(cause, "verify_message", "") or cause.reason or "TLS failed"
            return _not_sent("tls", str(words))
        cause = cause.__cause__ or cause.__context__
    if "Name or service" in reason or "getaddrinfo" in reason or "Temporary failure" in reason:
        host = urlsplit(url).hostname or url
        return _not_sent("unknown_host", f"there is no address for {host}")
    return _not_sent("refused_connection", f"{url} refused the connection")


def _not_sent(fault_id: str, message: str) -> NotSent:
    fault = FAULTS[fault_id]
    return NotSent(fault.title, message, fault.step)


def _encode(payload: Any) -> bytes:
    """The payload as JSON.

    Raises:
        WorkflowError: it holds what JSON cannot say; nothing is sent then.
    """
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(payload, allow_nan=False).encode()  # a lone surrogate travels as an escape
    except (ValueError, TypeError, RecursionError) as error:
        message = "it holds a value that JSON has no words for, such as NaN or infinity"
        raise WorkflowError("This cannot be sent", message, "Give that input a number.") from error


def _whole(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text.encode("utf-8", "replace").decode("utf-8") for name, text in texts.items()}


@asynccontextmanager
async def _answer(client: httpx.AsyncClient, request: httpx.Request) -> AsyncIterator[httpx.Response]:
    """The answer to a request, not read yet; one that could not be unpacked safely is none."""
    try:
        response = await client.send(request, stream=True)
    except (httpx.InvalidURL, ValueError):
        # httpx prepares for a redirect even where it is not to follow it.
        raise BadReply("The answer cannot be read", "it redirects to what is no address", _LOG_HINT) from None
    try:
        if encoding_of(response) not in ENCODINGS:
            raise BadReply(
                "The answer cannot be unpacked", "it is packed in a way that was not asked for", _LOG_HINT
            )
        yield response
    finally:
        await response.aclose()


async def _read_limited(response: httpx.Response, limit_bytes: int) -> bytes:
    body = io.BytesIO()  # gives what it holds without a copy
    async for piece in pieces(response):
        if body.tell() + len(piece) > limit_bytes:
            raise BadReply(
                "The answer is too large", f"more than {limit_bytes // (1024 * 1024)} MB", _LOG_HINT
            )
        body.write(piece)
    return body.getvalue()


async def parse_json(body: bytes, path: str) -> Any:
    """Parse a JSON answer, tolerant of NaN; large ones in a thread.

    Raises:
        BadReply: it is not JSON.
    """
    if len(body) > _THREAD_PARSE_BYTES:
        return await asyncio.to_thread(_parse_json, body, path)
    return _parse_json(body, path)


def _parse_json(body: bytes, path: str) -> Any:
    try:
        return loads(body)
    except (ValueError, RecursionError) as error:
        if body[:1000].lstrip()[:1] == b"<":
            raise BadReply(
                "This is not ComfyUI",
                f"{path} answered with a web page",
                "Is this the right address? A proxy's login page looks like this too.",
            ) from error
        raise BadReply("The answer is not JSON", f"{path}: {_reason(error)}", _LOG_HINT) from error


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    if isinstance(error, TooManyValues):
        return str(error)
    return "it cannot be read"


def _status_error(response: httpx.Response, body: bytes, path: str) -> ApiError:
    """The error for an answer that is not a success (comfyui-api, section 1.1)."""
    status = response.status_code
    html = "html" in response.headers.get("content-type", "").lower()
    text = "" if html else body[:2000].decode("utf-8", "replace").strip()
    if status >= 500:
        fault = FAULTS["bad_gateway" if status in (502, 503, 504) else "server_error"]
        message = f"{path}: {status} {text[:200]}".rstrip()
        return ServerError(fault.title, message, fault.step, status=status)
    if status in (401, 403):
        fault = FAULTS["no_access"]
        said = WEB_PAGE if html else text
        return Refused(fault.title, f"{path}: {status}", fault.step, status=status, said=said)
    if status == 400 and path == "/prompt":
        return rejected_prompt(body)
    if 300 <= status < 400:
        host = _host_of(response.headers.get("location", "")) or "another page"
        return Refused(
            "The address leads elsewhere",
            f"{path} redirects to {host}",
            "Use the address it redirects to, or log in at the proxy and give its header in the config.",
            status=status,
        )
    if status == 404 and html:
        return Refused(
            "This is not ComfyUI",
            f"{path} was answered with a web page",
            "Look at the port and the path prefix.",
            status=status,
        )
    if status == 413:
        fault = FAULTS["too_large"]
        return Refused(fault.title, text[:200], fault.step, status=status)
    message = f"{path}: {status} {text[:200]}".rstrip()
    return Refused(
        "The server said no",
        message,
        "The file, id or setting may not exist there.",
        status=status,
        said=text,
    )


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
