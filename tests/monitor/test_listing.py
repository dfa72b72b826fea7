"""What a poll asks for, counted at a proxy, and that what is put together equals what the server has."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobState
from comfy_tui.config import profile_from_url
from comfy_tui.demo.queue import Job, Outcome
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.jobs import JobTracker
from comfy_tui.monitor.listing import Listing
from comfy_tui.monitor.state import Jobs
from fault_proxy import FaultProxy
from queue_support import graph, post_other
from support import until

BOTH = pytest.mark.parametrize("legacy", [False, True], ids=["new", "legacy"])
#: Beside the prompt: with it an entry of the history has some 40 kB.
_WORKFLOW = {"nodes": [], "ballast": "x" * 40_000}
_ITEMS = 50


def remember(server: DemoServer, count: int, *, after: int = 0) -> None:
    """Fill the history."""
    for number in range(after, after + count):
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
        extra = {"extra_pnginfo": {"workflow": _WORKFLOW}, "create_time": int(time.time() * 1000)}
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
async def watch(server: DemoServer, *, items: int = _ITEMS) -> AsyncIterator[Watch]:
    async with FaultProxy(server.port) as proxy, ComfyClient(profile_from_url(proxy.url)) as client:
        yield Watch(proxy, JobTracker(client, install_id="me", history_items=items))


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
        first, _ = await w.poll()
        prompt_id = await post_other(server, prompt=graph())
        await server.wait_idle()
        jobs, count = await w.poll()
        assert jobs.ended[0].prompt_id == prompt_id
        assert jobs.ended[0].outputs
        assert jobs.ended[1:] == first.ended[:-1]
        assert count < 150_000


@BOTH
async def test_the_poll_that_sees_an_end_moves_the_entry_and_little_else(
    legacy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history is full, so that its length says nothing of what else has changed."""
    monkeypatch.setattr("comfy_tui.demo.queue.HISTORY_LIMIT", 60)
    async with DemoServer(legacy=legacy) as server, watch(server) as w:
        remember(server, 80)
        await hold(server, 1)
        before, _ = await w.poll()
        await w.poll()
        [waiting] = server.state.queue.pending()
        server.state.queue.interrupt()
        await until(lambda: server.state.queue.running is waiting)
        await settled(w)
        server.state.queue.interrupt()
        await until(lambda: server.state.queue.running is None)
        jobs, count = await w.poll()
        assert 40_000 < count < 48_000
        assert jobs.ended[0].prompt_id == waiting.prompt_id
        assert jobs.ended[2:] == before.ended[:-2]
        again, count = await w.poll()
        assert again.ended == jobs.ended
        assert count < 48_000


async def test_details_of_several_ends_are_spread_over_polls() -> None:
    """None of them is told before it is known whose it is."""
    async with DemoServer() as server, watch(server) as w:
        remember(server, 60)
        await w.poll()
        remember(server, 5, after=60)
        seen: list[int] = []
        while not seen or w.tracker.unfinished:
            jobs, count = await w.poll()
            seen.append(sum(job.ended_at_s is not None and job.summary is not None for job in jobs.ended))
            assert "not read yet" not in {job.title for job in jobs.ended}
            assert count < 50_000
        assert seen == [45, 46, 47, 48, 49, 50]
        assert len(jobs.ended) == _ITEMS


async def test_an_older_history_is_not_read_while_the_socket_would_tell() -> None:
    now = 0.0
    deaf = False
    async with (
        DemoServer(legacy=True) as server,
        FaultProxy(server.port) as proxy,
        ComfyClient(profile_from_url(proxy.url)) as client,
    ):
        remember(server, 60)
        listing = Listing(
            client,
            history_items=_ITEMS,
            learn=lambda records: None,
            knows=lambda prompt_id: True,
            told=lambda: not deaf,
            clock=lambda: now,
        )

        async def moved() -> int:
            before = proxy.bytes_down.total()
            await listing.read()
            return proxy.bytes_down.total() - before

        await moved()
        assert await moved() < 1_000
        listing.changed()
        assert 40_000 < await moved() < 45_000
        now += 31.0
        assert await moved() > 40_000
        assert await moved() < 1_000
        deaf = True
        assert await moved() > 40_000


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
async def test_what_is_put_together_is_what_the_server_has(
    legacy: bool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything happens between two polls, or in the middle of one; a reader without a past sees the same.

    Every other history is so short that it is full, as one of 10,000 entries is.
    """
    monkeypatch.setattr("comfy_tui.demo.queue.HISTORY_LIMIT", 14 if seed % 2 else 10_000)
    dice = random.Random(seed)
    async with DemoServer(legacy=legacy) as server, watch(server, items=10) as w:
        for _ in range(30):
            for _ in range(dice.randrange(4)):
                await _happen(server, dice, legacy=legacy)
            if dice.random() < 0.1:
                w.tracker.forget()
            await w.tracker.read()
            if dice.random() < 0.5:
                continue
            await until(lambda: _still(server))
            known = await settled(w)
            async with watch(server, items=10) as other:
                whole, _ = await other.poll()
            if legacy:  # the place of a deleted one is not filled up from below
                whole = replace(whole, ended=whole.ended[: max(1, len(known.ended))])
            assert shape(known) == shape(whole), f"seed {seed}"


async def settled(w: Watch) -> Jobs:
    """What is known after the poll that sees the last change, and the one that makes sure of it."""
    for _ in range(20):
        await w.poll()
        if not w.tracker.unfinished:
            break
    jobs, _ = await w.poll()
    return jobs


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


async def _happen(server: DemoServer, dice: random.Random, *, legacy: bool) -> None:
    kinds = {
        "quick": graph("DemoSleep", seconds=1.0, steps=1),
        "endless": graph("DemoHang"),
        "failing": graph("DemoError", message="no"),
    }
    what = dice.choice([*kinds, "quick", "quick", "interrupt", "delete", "clear history", "forget"])
    queue = server.state.queue
    if what in kinds:
        await post_other(server, prompt=kinds[what], front=dice.random() < 0.3)
    elif what == "interrupt":
        queue.interrupt()
    elif what == "delete" and queue.pending():
        queue.delete(dice.choice(queue.pending()).prompt_id)
    elif what == "clear history" and dice.random() < 0.2:
        queue.clear_history()
    elif what == "forget" and (ids := list(queue.history())):
        # An older server cannot be asked cheaply for more than its newest entry, and not while that moves.
        if not legacy:
            queue.delete_history(dice.choice(ids))
        elif not queue.remaining:
            queue.delete_history(ids[-1])
