"""What the tests of ``comfy-tui run`` share: workflows, and the command beside a demo server."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from comfy_tui.demo.server import DemoServer
from support import until

Call = Callable[..., Awaitable[tuple[int, str, str]]]


def node(class_type: str, title: str = "", **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title or class_type}}


def picture(color: int = 255, *, through: dict[str, Any] | None = None) -> dict[str, Any]:
    """EmptyImage -> perhaps a node -> SaveImage."""
    found = {
        "1": node("EmptyImage", "Paper", width=16, height=8, batch_size=1, color=color),
        "3": node("SaveImage", "Keep it", images=["1", 0], filename_prefix="t"),
    }
    if through is not None:
        through["inputs"]["image"] = ["1", 0]
        found["2"] = through
        found["3"]["inputs"]["images"] = ["2", 0]
    return found


def sleeping(seconds: float = 60.0, steps: int = 600) -> dict[str, Any]:
    return picture(through=node("DemoSleep", "A nap", seconds=seconds, steps=steps))


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


async def history(server: DemoServer) -> list[dict[str, Any]]:
    """The prompts that have run, oldest first."""
    import httpx

    async with httpx.AsyncClient() as client:
        entries = (await client.get(server.url + "/history")).json()
    return [entry["prompt"][2] for entry in entries.values()]


async def until_running(server: DemoServer) -> str:
    """Wait until something runs; its id."""
    job = await until(lambda: server.state.queue.running, "a running job")
    return str(job.prompt_id)
