"""A server that attacks whoever asks it: over raw sockets, so that no library is polite in between."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.http11 import Request, Response

from comfy_tui.comfy import connect as connect_module
from comfy_tui.comfy import socket
from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.events import NodeProgress, ProgressState, read_event
from comfy_tui.comfy.rejection import rejected_prompt
from comfy_tui.comfy.socket import read_messages
from comfy_tui.comfy.types import OutputFile
from comfy_tui.comfy.unpacking import PIECE_BYTES, pieces
from comfy_tui.errors import ApiError, BadReply, ConfigError, Refused, WorkflowError
from comfy_tui.inventory.node_table import NodeTable
from comfy_tui.json_weight import MOST_VALUES
from comfy_tui.profile import Credential, SecretSource, ServerProfile
from comfy_tui.secret import Secret
from comfy_tui.workflow.formats import load_json

MB = 1024 * 1024
PICTURE = OutputFile("a.png", "", "output", "1", "images")


@asynccontextmanager
async def answering(
    answer: bytes, headers: tuple[Credential, ...] = (), heads: list[bytes] | None = None
) -> AsyncIterator[ComfyClient]:
    """A client of a server that says the same to everything, and notes the heads of what it is asked."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heads is not None:
            heads.append(head)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with ComfyClient(ServerProfile("evil", url, headers=headers), timeout_s=10) as client:
            yield client
    finally:
        server.close()


def said(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MB)) for _ in range(size // MB)) + packer.flush()


@pytest.mark.parametrize(
    "location", ["http://[", "//[", "http://a]b/", "http://\u2100@host/", "javascript:x", "http://xn--zzz-/"]
)
@pytest.mark.parametrize("status", ["300 Many", "302 Found"])
async def test_a_redirect_to_nowhere_is_an_error_with_words(location: str, status: str) -> None:
    async with answering(said(b"", status, location=location)) as client:
        with pytest.raises((Refused, BadReply)):
            await client.system_stats()
        with pytest.raises((Refused, BadReply)):
            await client.view_bytes(PICTURE, limit_bytes=MB)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "gzip,deflate", "GZIP , gzip"])
async def test_what_is_packed_in_another_way_than_asked_for_is_not_unpacked(encoding: str) -> None:
    async with answering(said(gzip.compress(bomb(256 * MB)), content_encoding=encoding)) as client:
        tracemalloc.start()
        try:
            with pytest.raises(BadReply, match="unpacked"):
                await client.system_stats()
            with pytest.raises(BadReply, match="unpacked"):
                await client.view_bytes(PICTURE, limit_bytes=MB)
            assert tracemalloc.get_traced_memory()[1] < 16 * MB
        finally:
            tracemalloc.stop()


async def test_a_packed_answer_is_unpacked_up_to_the_limit() -> None:
    async with answering(said(gzip.compress(b'{"system": {}}'), content_encoding="gzip")) as client:
        assert (await client.system_stats()).devices == ()
    async with answering(said(bomb(256 * MB), content_encoding="gzip")) as client:
        with pytest.raises(BadReply, match="too large"):
            await client.view_bytes(PICTURE, limit_bytes=MB)


async def test_a_bomb_is_unpacked_in_small_pieces_with_turns_for_others_between() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with answering(said(bomb(64 * MB), content_encoding="gzip")) as client:
        async with client.view(PICTURE) as response:
            waiting = asyncio.create_task(others())
            sizes = [len(piece) async for piece in pieces(response)]
            waiting.cancel()
        assert (sum(sizes), max(sizes)) == (64 * MB, PIECE_BYTES)
        assert turns >= len(sizes)
        for ask in (client.system_stats, client.queue_remaining, client.extensions):
            with pytest.raises(BadReply, match="more than 8 MB"):
                await ask()


async def test_what_is_packed_is_read_to_its_end_and_no_further() -> None:
    text = json.dumps({"system": {"comfyui_version": "0.26.0", "argv": ["x" * 999] * 999}}).encode()
    bare = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": [gzip.compress(text)],
        "deflate": [zlib.compress(text), bare.compress(text) + bare.flush()],
    }
    for encoding, bodies in packed.items():
        for body in bodies:
            async with answering(said(body, content_encoding=encoding)) as client:
                assert (await client.system_stats()).comfyui_version == "0.26.0"
            for broken in (body[:-3], body + b"more", b"?" * 99):
                async with answering(said(broken, content_encoding=encoding)) as client:
                    with pytest.raises(BadReply, match="compression is broken"):
                        await client.system_stats()


async def test_what_is_small_as_text_and_large_in_memory_is_not_parsed() -> None:
    # 120 kB on the line, 18 MB of text, half a gigabyte of lists.
    lists = b'{"queue_running": [' + b"[]," * MOST_VALUES + b"0]}"
    async with answering(said(gzip.compress(lists, 1), content_encoding="gzip")) as client:
        for ask in (client.queue, client.log_entries, client.object_info):
            tracemalloc.start()
            try:
                with pytest.raises(BadReply, match="6 million values"):
                    await ask()
                assert tracemalloc.get_traced_memory()[1] < 64 * MB
            finally:
                tracemalloc.stop()
    refusal = b'{"error": {"message": "m"}, "x": [' + b"[]," * MOST_VALUES + b"0]}"
    assert "no reason" in rejected_prompt(refusal).message
    with pytest.raises(ValueError, match="million"):
        NodeTable.split(b'{"A": [' + b"[]," * MOST_VALUES + b"0]}")
    with pytest.raises(WorkflowError, match="million"):
        load_json(b'{"1": [' + b"[]," * MOST_VALUES + b"0]}")


async def test_a_servers_cookies_are_not_kept_and_a_persons_own_are_sent() -> None:
    heads: list[bytes] = []
    answer = said(b'{"system": {}}', set_cookie="evil=1; Path=/")
    own = Credential("Cookie", SecretSource("value", Secret("mine=1")))
    for headers, sent in (((), set()), ((own,), {b"cookie: mine=1"})):
        async with answering(answer, headers, heads) as client:
            await client.system_stats()
            await client.system_stats()
        lines = {line.lower() for head in heads for line in head.split(b"\r\n")}
        assert {line for line in lines if line.startswith(b"cookie")} == sent
    assert len(heads) == 4


@pytest.mark.parametrize("name", ["\ud800", "caf\udce9.png", "x" * 70_000, "../..", "a\r\nX: y"])
async def test_names_that_no_address_can_hold_end_nothing(name: str) -> None:
    calls: list[Callable[[ComfyClient], Awaitable[object]]] = [
        lambda client: client.history_entry(name),
        lambda client: client.view_bytes(OutputFile(name, name, name, "1", "images"), limit_bytes=MB),
        lambda client: client.view_size(OutputFile(name, name, name, "1", "images")),
        lambda client: client.saved_workflow(name),
        lambda client: client.node_definition(name),
        lambda client: client.cancel_job(name),
        lambda client: client.upload_image(name, b"x", subfolder=name),
    ]
    async with answering(said(b"{}")) as client:
        for call in calls:
            with suppress(ApiError):  # it may be refused, in words
                await call(client)


async def test_integers_without_end_are_no_numbers() -> None:
    endless = {"system": {"ram_total": 10**400}, "devices": [{"vram_total": 10**400, "vram_free": 1e300}]}
    async with answering(said(json.dumps(endless).encode())) as client:
        stats = await client.system_stats()
    assert (stats.ram_total_bytes, stats.devices[0].vram_total_bytes) == (None, None)
    assert stats.devices[0].vram_free_bytes is None
    nodes = {"1": {"value": 10**400, "max": float("inf"), "state": "running"}}
    frame = json.dumps({"type": "progress_state", "data": {"prompt_id": "p", "nodes": nodes}})
    assert read_event(frame) == ProgressState("p", (NodeProgress("1", 0.0, 0.0, False),))


async def test_certificates_that_cannot_be_read_are_the_configs_fault(tmp_path: object) -> None:
    for file in ("/nowhere.pem", __file__):
        async with ComfyClient(ServerProfile("box", "https://127.0.0.1:9", ca_file=file)) as client:
            with pytest.raises(ConfigError, match=r"nowhere|test_hostile"):
                await client.system_stats()


async def test_a_proxy_that_cannot_be_used_is_an_error_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "socks5://user:LEAK@127.0.0.1:9")
    profile = ServerProfile("box", "http://192.0.2.1:8188")
    async with ComfyClient(profile) as client:
        with pytest.raises(ConfigError) as raised:
            await client.system_stats()
    assert "LEAK" not in str(raised.value) + raised.value.hint
    with pytest.raises(ConfigError):
        await anext(read_messages(profile, "id"))


async def test_the_socket_does_not_follow_a_redirect_with_our_headers() -> None:
    came: list[Request] = []

    def note(connection: ServerConnection, request: Request) -> Response | None:
        came.append(request)
        return None

    async def nothing(connection: ServerConnection) -> None:
        await connection.send("{}")

    async with serve(nothing, "127.0.0.1", 0, process_request=note) as other:
        port = other.sockets[0].getsockname()[1]

        def lead_away(connection: ServerConnection, request: Request) -> Response:
            response = connection.respond(302, "")
            response.headers["Location"] = f"ws://127.0.0.1:{port}/ws"
            return response

        async with serve(nothing, "127.0.0.1", 0, process_request=lead_away) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            key = Credential("X-Api-Key", SecretSource("value", Secret("geheim")))
            with pytest.raises(InvalidStatus):
                await anext(read_messages(ServerProfile("evil", url, headers=(key,)), "id"))
    assert came == []


async def test_a_refusal_of_the_socket_is_taken_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    take = ClientConnection.data_received

    def note(connection: ClientConnection, data: bytes) -> None:
        sizes.append(len(data))
        take(connection, data)

    monkeypatch.setattr(ClientConnection, "data_received", note)
    async with answering(said(b" " * 500_000)) as client:
        with pytest.raises(InvalidStatus):
            await anext(read_messages(client.profile, "id"))
    assert max(sizes) <= 4096

    async def greet(connection: ServerConnection) -> None:
        await connection.send(" " * 500_000)
        await connection.wait_closed()

    async with serve(greet, "127.0.0.1", 0, compression=None) as server:
        profile = ServerProfile("box", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert len(await anext(read_messages(profile, "id"))) == 500_000
    assert max(sizes) > 4096


async def test_a_message_is_not_unpacked_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "MESSAGE_LIMIT_BYTES", 4 * MB)

    async def swell(connection: ServerConnection) -> None:
        await connection.send("a" * (64 * MB))
        await connection.wait_closed()

    async with serve(swell, "127.0.0.1", 0) as server:
        profile = ServerProfile("evil", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(ConnectionClosedError, match="1009"):
            await anext(read_messages(profile, "id"))


def test_a_message_that_would_stop_the_keys_is_not_read() -> None:
    nodes = {str(number): {"value": 1, "max": 1, "state": "finished"} for number in range(200_000)}
    frame = json.dumps({"type": "progress_state", "data": {"prompt_id": "p", "nodes": nodes}})
    began = time.perf_counter()
    assert read_event(frame) is None
    assert time.perf_counter() - began < 0.05


async def test_a_mistake_shows_no_credential_in_its_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    # What a crash report prints: every frame with its variables.
    from rich.console import Console
    from rich.traceback import Traceback

    key = Credential("X-Api-Key", SecretSource("value", Secret("geheim")))
    profile = ServerProfile("box", "http://127.0.0.1:9", headers=(key,))

    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError

    async def connect() -> None:
        monkeypatch.setattr(connect_module.Connect, "__await__", fail)
        await anext(read_messages(profile, "id"))

    async def ask() -> None:
        monkeypatch.setattr(httpx.Headers, "update", fail)
        async with ComfyClient(profile) as client:
            await client.system_stats()

    for attempt in (connect, ask):
        try:
            await attempt()
        except Exception as error:
            console = Console(record=True, width=200, file=io.StringIO())
            console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
            report = console.export_text()
        assert "ZeroDivisionError" in report
        assert "geheim" not in report
