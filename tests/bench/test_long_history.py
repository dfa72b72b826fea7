"""A server with 10,000 jobs of 40 kB in its history: what a poll moves and costs, and what the end of a job.

The server is the demo in a process of its own; bytes are counted at a proxy, whose processor time is in the
reader's.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
import uuid
from multiprocessing.connection import Connection
from typing import Any

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.config import profile_from_url
from comfy_tui.demo.queue import Job, Outcome
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.jobs import JobTracker
from fault_proxy import FaultProxy

pytestmark = pytest.mark.bench
ENTRIES, PENDING, POLLS = 10_000, 100, 30


def prompt(class_type: str) -> dict[str, Any]:
    """A hundred nodes, of which the first three run."""
    found: dict[str, Any] = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": uuid.uuid4().int % 1000},
        },
        "2": {"class_type": class_type, "inputs": {"image": ["1", 0], "seconds": 1.0, "steps": 1}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    for number in range(4, 101):
        found[str(number)] = {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "x" * 250}}
    return found


_EXTRA = {"extra_pnginfo": {"workflow": {"nodes": [], "ballast": "x" * 8_000}}}


async def _serve(pipe: Connection, *, legacy: bool) -> None:
    async with DemoServer(legacy=legacy, previews=False) as server:
        queue = server.state.queue
        shared = prompt("DemoSleep")
        for number in range(ENTRIES):
            at = 1_700_000_000_000 + number
            extra = {**_EXTRA, "create_time": at}
            data = {"prompt_id": str(uuid.uuid4()), "timestamp": at}
            outcome = Outcome(messages=[("execution_start", data), ("execution_success", data)])
            entry = outcome.wire(Job(number, data["prompt_id"], shared, extra, ["3"]))
            queue._history[data["prompt_id"]] = entry
        pipe.send(server.port)
        while (said := await asyncio.to_thread(pipe.recv)) != "stop":
            count, kind = (1, "DemoSleep") if said == "end" else (PENDING + 1, "DemoHang")
            for _ in range(count):
                extra = {**_EXTRA, "create_time": int(time.time() * 1000)}
                queue.put(Job(queue.take_number({}), str(uuid.uuid4()), prompt(kind), extra, ["3"]))
            if said == "end":
                await server.wait_idle()
            pipe.send("done")


def serve(pipe: Connection, legacy: bool) -> None:
    """In the server's process."""
    asyncio.run(_serve(pipe, legacy=legacy))


class Meter:
    """Polls, and what they moved and cost."""

    def __init__(self, client: ComfyClient, proxy: FaultProxy) -> None:
        self.client, self.proxy = client, proxy
        self.tracker = JobTracker(client, install_id="me", history_items=50)

    async def poll(self) -> None:
        await asyncio.gather(self.client.system_stats(), self.tracker.read())

    async def measure(self, what: str, polls: int) -> tuple[float, float]:
        """Mean bytes and seconds of processor time of a poll."""
        bytes_before, began = self.proxy.bytes_down.total(), time.process_time()
        for _ in range(polls):
            await self.poll()
        moved = (self.proxy.bytes_down.total() - bytes_before) / polls
        spent = (time.process_time() - began) / polls
        print(f"  {what}: {moved / 1000:.1f} kB, {spent * 1000:.1f} ms of CPU a poll, the proxy's included")
        return moved, spent


@pytest.mark.parametrize("legacy", [False, True], ids=["0.26.0", "0.3.64"])
async def test_polls_of_a_long_history(legacy: bool) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, legacy), daemon=True)
    process.start()

    async def order(what: str) -> None:
        ours.send(what)
        await asyncio.to_thread(ours.recv)

    try:
        port = await asyncio.to_thread(ours.recv)
        async with FaultProxy(port) as proxy, ComfyClient(profile_from_url(proxy.url)) as client:
            print(f"\n{'0.3.64' if legacy else '0.26.0'} routes, {ENTRIES} entries of 40 kB")
            meter = Meter(client, proxy)
            await meter.measure("the first poll", 1)
            await meter.poll()
            quiet, cpu_s = await meter.measure("nothing happens", POLLS)
            await order("end")
            ended, _ = await meter.measure("a job has ended", 1)
            await order("queue")
            await meter.measure(f"{PENDING} more jobs of 40 kB wait", 1)
            waiting, _ = await meter.measure("they wait on", POLLS)
        assert quiet < 50_000
        assert cpu_s < 0.020
        assert ended < (130_000 if legacy else 50_000)  # one that was never seen to run
        assert waiting < 70_000
    finally:
        ours.send("stop")
        process.join(10)
        process.kill()
