"""What the tests of the demo server share: small prompts, a runner, a listening socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx

from comfy_tui.demo.server import DemoServer

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings"


def graph(**changes: Any) -> dict[str, Any]:
    """EmptyImage -> PreviewImage."""
    inputs = {"width": 16, "height": 8, "batch_size": 1, "color": 255, **changes}
    return {
        "1": {"class_type": "EmptyImage", "inputs": inputs},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }


def through(class_type: str, **inputs: Any) -> dict[str, Any]:
    """EmptyImage -> the node -> PreviewImage."""
    found = graph()
    found["3"] = {"class_type": class_type, "inputs": {"image": ["1", 0], **inputs}}
    found["2"]["inputs"]["images"] = ["3", 0]
    return found


async def post(client: httpx.AsyncClient, prompt: Any, **more: Any) -> str:
    """Queue a prompt that must be accepted."""
    answer = await client.post("/prompt", json={"prompt": prompt, "client_id": "test", **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["prompt_id"])


async def started(client: httpx.AsyncClient, prompt_id: str) -> None:
    """Wait until the prompt is the one that runs."""
    async with asyncio.timeout(10):
        while True:
            running = (await client.get("/queue")).json()["queue_running"]
            if running and running[0][1] == prompt_id:
                return


async def run(server: DemoServer, client: httpx.AsyncClient, prompt: Any, **more: Any) -> dict[str, Any]:
    """Queue a prompt and give its history entry."""
    prompt_id = await post(client, prompt, **more)
    await server.wait_idle()
    entry: dict[str, Any] = (await client.get(f"/history/{prompt_id}")).json()[prompt_id]
    return entry


class Listener:
    """A socket and what came through it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.messages: list[Any] = []

    async def next(self) -> Any:
        message = await self.socket.receive(timeout=10)
        if message.type is aiohttp.WSMsgType.TEXT:
            found: Any = json.loads(message.data)
        else:
            found = message.data
        self.messages.append(found)
        return found

    async def until(self, wanted: Callable[[Any], bool]) -> Any:
        while True:
            found = await self.next()
            if wanted(found):
                return found

    async def until_end(self, prompt_id: str | None = None) -> None:
        def over(message: Any) -> bool:
            return (
                isinstance(message, dict)
                and message["type"] == "executing"
                and message["data"]["node"] is None
                and prompt_id in (None, message["data"]["prompt_id"])
            )

        await self.until(over)

    def types(self) -> list[str]:
        return [m["type"] if isinstance(m, dict) else f"binary {m[3]}" for m in self.messages]

    def of(self, kind: str) -> list[Any]:
        return [m["data"] for m in self.messages if isinstance(m, dict) and m["type"] == kind]


@asynccontextmanager
async def listen(
    server: DemoServer, client_id: str = "test", *, flags: bool = False
) -> AsyncIterator[Listener]:
    """A connected socket, with its greeting read."""
    url = f"{server.url}/ws?clientId={client_id}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
        listener = Listener(socket)
        await listener.next()
        if flags:
            data = {"supports_preview_metadata": True}
            await socket.send_json({"type": "feature_flags", "data": data})
            await listener.next()
        yield listener
