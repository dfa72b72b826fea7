"""What a poll asks for, counted at a proxy, and that what is put together equals what the server has."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobState
from comfy_tui.config import profile_from_url
from comfy_tui.demo.queue import Job, Outcome
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.jobs import JobTracker
from comfy_tui.monitor.state import Jobs
from fault_proxy import FaultProxy
from queue_support import graph, post_other
from support import until

BOTH = pytest.mark.parametrize("legacy", [False, True], ids=["new", "legacy"])
#: Beside the prompt: with it an entry of the history has some 40 kB.
_WORKFLOW = {"nodes": [], "ballast": "x" * 40_000}
_ITEMS = 50


def remember(server: DemoServer, count: int) -> None:
    """Fill the history."""
    for number in range(count):
        stamp = 1_700_000_000_000 + number
        extra = {"extra_pnginfo": {"workflow": _WORKFLOW}, "create_time": stamp}
        job = Job(number, str(uuid.uuid4()), graph(), extra, ["2"])
        data = {"prompt_id": job.prompt_id, "timestamp": stamp}
        outcome = Outcome(messages=[("execution_start", data), ("execution_success", data)])
        server.state.queue.finish(job, outcome)


async def hold(server: DemoServer, count: int) -> None:
    """One that never ends, and so many of its kind with large workflows behind it."""
    await post_other(server, prompt=graph("DemoHang"))
    await until(lambda: server.state.queue.running)
    for _ in range(count):
        extra = {"extra_pnginfo": {"workflow": _WORKFLOW}, "create_time": 1}
        job = Job(server.state.queue.take_number({}), str(uuid.uuid4()), graph("DemoHang"), extra, ["2"])
        server.state.queue.put(job)


class Watch:
    """A tracker behind a proxy that counts."""

    def __init__(self, proxy: FaultProxy, tracker: JobTracker) -> None:
        self.proxy, self.tracker = proxy, tracker

    async def poll(self) -> tuple[Jobs, int]:
        """One poll, and the bytes of its answers."""
        before = self.proxy.bytes_down.total()
        jobs = await self.tracker.read()
        return jobs, self.proxy.bytes_down.total() - before


@asynccontextmanager
async def watch(server: DemoServer) -> AsyncIterator[Watch]:
    async with FaultProxy(server.port) as proxy, ComfyClient(profile_from_url(proxy.url)) as client:
        yield Watch(proxy, JobTracker(client, install_id="me", history_items=_ITEMS))


@BOTH
async def test_a_poll_of_a_long_history_is_light(legacy: bool) -> None:
    async with DemoServer(legacy=legacy) as server, watch(server) as w:
        remember(server, 300)
        first, all_bytes = await w.poll()
        assert len(first.ended) == _ITEMS
        assert all_bytes > 40_000 * _ITEMS
        w.proxy.requests.clear()
        for _ in range(3):
            jobs, count = await w.poll()
            assert jobs.ended == first.ended
            assert count < 50_000
        assert "GET /queue" in w.proxy.requests if legacy else w.proxy.requests == {"GET /jobs": 6}


@BOTH
async def test_of_what_has_ended_only_that_is_read(legacy: bool) -> None:
    async with DemoServer(legacy=legacy) as server, watch(server) as w:
        remember(server, 300)
        await w.poll()
        prompt_id = await post_other(server, prompt=graph())
        await server.wait_idle()
        jobs, count = await w.poll()
        assert jobs.ended[0].prompt_id == prompt_id
        assert jobs.ended[0].outputs
        assert len(jobs.ended) == _ITEMS
        assert count < 150_000


@BOTH
async def test_after_an_outage_what_was_known_is_not_read_again(legacy: bool) -> None:
    async with DemoServer(legacy=legacy) as server, watch(server) as w:
        remember(server, 100)
        first, _ = await w.poll()
        w.tracker.forget()
        jobs, count = await w.poll()
        assert jobs.ended == first.ended
        assert count < 100_000


async def test_a_large_queue_of_an_older_server_is_not_read_with_each_poll() -> None:
    async with DemoServer(legacy=True) as server, watch(server) as w:
        await hold(server, 100)
        first, all_bytes = await w.poll()
        assert len(first.pending) == 100
        assert all_bytes > 4_000_000
        for _ in range(3):
            jobs, count = await w.poll()
            assert jobs.pending == first.pending
            assert count < 1_000
        server.state.queue.delete(first.pending[50].prompt_id)
        w.tracker.hurry()
        jobs, _ = await w.poll()
        assert len(jobs.pending) == 99


async def test_a_kept_queue_says_how_old_it_is() -> None:
    """More wait by now than were listed, and it is too early to read so much again."""
    async with DemoServer(legacy=True) as server, watch(server) as w:
        await hold(server, 100)
        first, _ = await w.poll()
        w.tracker.changed()
        server.state.queue.interrupt()
        await until(lambda: server.state.queue.history())
        jobs, count = await w.poll()
        assert count < 200_000
        assert first.read_at_s is not None
        assert jobs.read_at_s == pytest.approx(first.read_at_s, abs=0.1)
        assert [job.state for job in jobs.ended] == [JobState.CANCELLED] * len(jobs.ended)
        assert not {job.prompt_id for job in jobs.ended} & {job.prompt_id for job in jobs.running}


async def test_an_answer_that_is_the_same_is_not_taken_apart_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    real = ComfyClient.parse_queue

    async def parse(client: ComfyClient, body: bytes) -> Any:
        parsed.append(len(body))
        return await real(client, body)

    monkeypatch.setattr(ComfyClient, "parse_queue", parse)
    async with DemoServer(legacy=True) as server, watch(server) as w:
        await hold(server, 2)
        for _ in range(3):
            jobs, _ = await w.poll()
            assert len(jobs.pending) == 2
        assert len(parsed) == 1


@BOTH
@pytest.mark.parametrize("seed", range(4))
async def test_what_is_put_together_is_what_the_server_has(legacy: bool, seed: int) -> None:
    """Anything happens between two polls, or in the middle of one; a reader without a past sees the same."""
    dice = random.Random(seed)
    async with DemoServer(legacy=legacy) as server, watch(server) as w:
        for _ in range(25):
            for _ in range(dice.randrange(4)):
                await _happen(server, dice)
            if dice.random() < 0.2:
                w.tracker.forget()
            await w.tracker.read()
            if dice.random() < 0.5:
                continue
            await until(lambda: _still(server))
            known, _ = await w.poll()
            async with watch(server) as other:
                whole, _ = await other.poll()
            assert shape(known) == shape(whole), f"seed {seed}"


def _still(server: DemoServer) -> bool:
    """Whether nothing moves by itself."""
    queue = server.state.queue
    running = queue.running
    if running is None:
        return not queue.remaining
    return not queue.interrupt_requested and running.prompt.get("3", {}).get("class_type") == "DemoHang"


def shape(jobs: Jobs) -> object:
    everything = (*jobs.running, *jobs.pending, *jobs.ended)
    return [(job.prompt_id, job.state, job.ended_at_s, job.title, job.outputs) for job in everything]


async def _happen(server: DemoServer, dice: random.Random) -> None:
    kinds = {
        "quick": graph("DemoSleep", seconds=1.0, steps=1),
        "endless": graph("DemoHang"),
        "failing": graph("DemoError", message="no"),
    }
    what = dice.choice([*kinds, "quick", "quick", "interrupt", "delete", "clear history"])
    queue = server.state.queue
    if what in kinds:
        await post_other(server, prompt=kinds[what])
    elif what == "interrupt":
        queue.interrupt()
    elif what == "delete" and queue.pending():
        queue.delete(dice.choice(queue.pending()).prompt_id)
    elif what == "clear history" and dice.random() < 0.3:
        queue.clear_history()
