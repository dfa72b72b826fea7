"""The client's contract, over real sockets: the embedded server as both versions, and its misbehaviour."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.http import ConnectionBroke, NotSent
from comfy_tui.comfy.rejection import PromptRejected
from comfy_tui.comfy.types import JobRecord, JobState
from comfy_tui.config import ServerProfile, profile_from_url
from comfy_tui.demo.server import DemoServer
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
from support import until

PICTURE = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 255}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "t"}},
}


@pytest.fixture(params=[False, True], ids=["0.26.0", "0.3.64"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[DemoServer]:
    async with DemoServer(legacy=request.param) as server:
        yield server


@pytest.fixture
async def client(server: DemoServer) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(profile_from_url(server.url), timeout_s=5) as client:
        yield client


async def submit(client: ComfyClient, prompt: Any = PICTURE, **extra: Any) -> str:
    sent = await client.submit(
        prompt, prompt_id=str(uuid.uuid4()), client_id="c", extra_data={"mark": 1}, **extra
    )
    return sent.prompt_id


async def ended(client: ComfyClient, prompt_id: str) -> JobRecord:
    for _ in range(500):
        record = await client.history_entry(prompt_id)
        if record is not None:
            return record
        await asyncio.sleep(0.01)
    raise AssertionError("the job did not end")


async def test_system_stats(client: ComfyClient, server: DemoServer) -> None:
    stats = await client.system_stats()
    assert stats.comfyui_version == server.options.version
    [device] = stats.devices
    assert device.has_vram
    assert device.vram_total_bytes == server.options.vram_bytes
    assert device.vram_used_bytes is not None
    assert client.response_time_s is not None


async def test_cpu_has_no_vram() -> None:
    async with DemoServer(device="cpu") as server, ComfyClient(profile_from_url(server.url)) as client:
        assert not (await client.system_stats()).devices[0].has_vram


async def test_submit_run_and_view(client: ComfyClient) -> None:
    prompt_id = await submit(client)
    record = await ended(client, prompt_id)
    assert record.state is JobState.COMPLETED
    assert record.extra_data["mark"] == 1
    assert record.client_id == "c"
    assert record.started_at_s is not None
    assert record.ended_at_s is not None
    [file] = record.outputs
    assert (file.type, file.node_id, file.key) == ("output", "2", "images")
    content = await client.view_bytes(file, limit_bytes=10**6)
    assert content.startswith(b"\x89PNG")
    with pytest.raises(BadReply, match="too large"):
        await client.view_bytes(file, limit_bytes=10)
    assert (await client.history(5))[0].prompt_id == prompt_id


async def test_jobs_api_only_where_the_server_has_it(client: ComfyClient, server: DemoServer) -> None:
    prompt_id = await submit(client)
    await ended(client, prompt_id)
    jobs = await client.jobs([JobState.COMPLETED], 5)
    if server.options.legacy:
        assert jobs is None
        assert await client.cancel_job(prompt_id) is None
    else:
        assert jobs is not None
        assert jobs.jobs[0].prompt_id == prompt_id
        assert await client.cancel_job(prompt_id) is False


async def test_queue_is_sorted_as_it_will_run(client: ComfyClient, server: DemoServer) -> None:
    slow = {
        "1": PICTURE["1"],
        "s": {"class_type": "DemoSleep", "inputs": {"seconds": 3600.0, "steps": 600, "image": ["1", 0]}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["s", 0], "filename_prefix": "t"}},
    }
    first = await submit(client, slow)
    await until(lambda: server.state.queue.running)
    later = [await submit(client, {**PICTURE, "1": _colour(n)}) for n in range(4)]
    front = await submit(client, {**PICTURE, "1": _colour(9)}, front=True)
    queue = await client.queue()
    waiting = [record.prompt_id for record in queue.pending]
    assert [record.prompt_id for record in queue.running] == [first]
    assert waiting == [front, *later]
    await client.clear_pending()
    await client.interrupt(first)


def _colour(number: int) -> dict[str, Any]:
    return {
        "class_type": "EmptyImage",
        "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": number},
    }


async def test_a_rejected_prompt_says_which_node_which_input_and_why(client: ComfyClient) -> None:
    bad = {**PICTURE, "1": {"class_type": "EmptyImage", "inputs": {**PICTURE["1"]["inputs"], "width": 0}}}  # type: ignore[dict-item]
    with pytest.raises(PromptRejected) as caught:
        await submit(client, bad)
    assert "EmptyImage (1), width: Value 0 smaller than min of 1" in caught.value.message
    assert caught.value.hint
    assert caught.value.node_errors[0].type == "value_smaller_than_min"
    with pytest.raises(PromptRejected) as caught:
        await submit(client, {"7": {"class_type": "NoSuchNode", "inputs": {}}})
    assert "NoSuchNode" in caught.value.message
    assert "Install" in caught.value.hint


async def test_upload_gives_the_name_that_counts(client: ComfyClient) -> None:
    first = await client.upload_image("bild ü.png", b"one")
    again = await client.upload_image("bild ü.png", b"two")
    assert first.reference == "bild ü.png"
    assert again.reference == "bild ü (1).png"


async def test_saved_workflows_and_templates(client: ComfyClient) -> None:
    files = await client.saved_workflows()
    assert files
    assert all(file.size_bytes and file.modified_at_s and file.modified_at_s < 1e11 for file in files)
    assert (await client.saved_workflow(files[0].path)).lstrip().startswith(b"{")
    templates = await client.templates()
    assert templates
    assert (await client.template(templates[0])).lstrip().startswith(b"{")


async def test_unknown_node_definition_is_none(client: ComfyClient) -> None:
    assert await client.node_definition("NoSuchNode") is None
    definition = await client.node_definition("EmptyImage")
    assert definition is not None
    assert "input" in definition
    assert "EmptyImage" in await client.object_info()


# -- what goes wrong ---------------------------------------------------------------------------


async def failure(server: DemoServer, path: str = "/system_stats", **fault: Any) -> ApiError:
    server.faults.set(path, **fault)
    async with ComfyClient(profile_from_url(server.url), timeout_s=0.3) as client:
        with pytest.raises(ApiError) as caught:
            await client.system_stats()
    assert caught.value.title
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("fault", "kind", "word"),
    [
        ({"status": 500}, ServerError, "log"),
        ({"status": 502}, ServerError, "proxy"),
        ({"status": 401}, Refused, "token"),
        ({"status": 403}, Refused, "token"),
        ({"status": 404}, Refused, "port"),
        ({"status": 302, "headers": {"Location": "https://login.invalid/x"}}, Refused, "login"),
        ({"body": "<html><b>hello"}, BadReply, "address"),
        ({"garbage": True}, BadReply, "log"),
        ({"body": "{}", "content_type": "application/json"}, BadReply, "port"),
        ({"body": "[1, 2]", "content_type": "application/json"}, BadReply, "port"),
        ({"body": "[" * 100_000, "content_type": "application/json"}, BadReply, "log"),
        ({"cut": True}, ConnectionBroke, "log"),
        ({"close": True}, ConnectionBroke, "log"),
        ({"hang": True}, TimedOut, "busy"),
    ],
)
async def test_every_misbehaviour_is_an_error_with_a_hint(
    fault: dict[str, Any], kind: type[ApiError], word: str
) -> None:
    async with DemoServer() as server:
        error = await failure(server, **fault)
    assert isinstance(error, kind)
    assert word in (error.hint + error.message).lower()


async def test_a_read_is_retried_once_after_a_timeout_a_submit_never() -> None:
    async with (
        DemoServer() as server,
        ComfyClient(profile_from_url(server.url), timeout_s=0.3) as client,
    ):
        server.faults.set("/system_stats", hang=True, times=1)
        await client.system_stats()
        assert server.faults.count("/system_stats") == 2
        server.faults.set("/prompt", hang=True)
        with pytest.raises(TimedOut):
            await submit(client)
        assert server.faults.count("/prompt", "POST") == 1


async def test_nothing_listens() -> None:
    async with ComfyClient(profile_from_url("http://127.0.0.1:9")) as client:
        with pytest.raises(NotSent) as caught:
            await client.system_stats()
    assert isinstance(caught.value, Unreachable)
    assert "Offline" in caught.value.hint


async def test_a_trickle_is_not_an_answer() -> None:
    """Bytes that keep coming do not keep a call alive beyond its time."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    listener = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with ComfyClient(profile_from_url(f"http://127.0.0.1:{port}"), timeout_s=0.3) as client:
        with pytest.raises(TimedOut):
            await client.system_stats()
    listener.close()


async def test_readonly_sends_nothing_that_changes() -> None:
    async with (
        DemoServer() as server,
        ComfyClient(profile_from_url(server.url), readonly=True) as client,
    ):
        await client.system_stats()
        for call in (
            submit(client),
            client.clear_pending(),
            client.interrupt("x"),
            client.free(unload_models=True, free_memory=True),
            client.upload_image("x.png", b""),
            client.cancel_job("x"),
        ):
            with pytest.raises(ReadOnlyError):
                await call
        assert {method for method, _ in server.requests} == {"GET"}


# -- credentials -------------------------------------------------------------------------------


async def test_credentials_prefix_and_no_origin() -> None:
    async with DemoServer(require_auth="Bearer s3cret", prefix="/comfy") as server:
        with pytest.raises(Refused, match="No access"):
            async with ComfyClient(profile_from_url(server.url)) as client:
                await client.system_stats()
        server.faults.forget()
        os.environ["T"] = "s3cret"
        profile = _profile(server.url)
        async with ComfyClient(profile) as client:
            await client.system_stats()
        headers = {name.lower(): value for name, value in server.seen[-1].headers.items()}
        assert headers["authorization"] == "Bearer s3cret"
        assert "origin" not in headers
        assert "s3cret" not in repr(profile)


async def test_credentials_do_not_follow_a_redirect() -> None:
    async with DemoServer() as other, DemoServer(require_auth="Bearer s3cret") as server:
        server.faults.set("/system_stats", status=302, headers={"Location": other.url + "/system_stats"})
        os.environ["T"] = "s3cret"
        with pytest.raises(Refused, match="elsewhere"):
            async with ComfyClient(_profile(server.url)) as client:
                await client.system_stats()
        assert other.requests == []


def _profile(url: str) -> ServerProfile:
    """A profile with a token, as the config makes it."""
    from comfy_tui.config import load_config
    from comfy_tui.paths import config_file

    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(f'[servers.s]\nurl = "{url}"\ntoken = {{ env = "T" }}\n')
    profile = load_config().server("s")
    assert profile is not None
    return profile


async def test_what_json_cannot_say_is_not_sent(client: ComfyClient, server: DemoServer) -> None:
    with pytest.raises(WorkflowError, match="NaN"):
        await submit(client, {"1": {"class_type": "EmptyImage", "inputs": {"width": float("nan")}}})
    assert server.faults.count("/prompt", "POST") == 0


async def test_a_lone_surrogate_is_no_trouble(client: ComfyClient) -> None:
    prompt = {**PICTURE, "3": {"class_type": "PreviewAny", "inputs": {"source": "\ud800"}}}
    assert await submit(client, prompt)
