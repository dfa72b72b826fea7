"""A submission that was held up on its way, and sent again: it is done once."""

from __future__ import annotations

import copy

import pytest
from test_live_socket import Watched, watched

from comfy_tui.demo.record import Fate
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.state import Notice
from queue_support import graph, post_other
from support import until

BOTH = pytest.mark.parametrize("legacy", [False, True], ids=["new", "legacy"])


def arrive_late(server: DemoServer, prompt_id: str) -> None:
    """The first request comes after all."""
    queue = server.state.queue
    first = next(
        job for job in (queue.running, *queue.pending()) if job is not None and job.prompt_id == prompt_id
    )
    again = copy.copy(first)
    again.number = queue.take_number({})
    queue.put(again)


def notices(w: Watched) -> list[Notice]:
    return [update for update in w.updates if isinstance(update, Notice) and "twice" in update.title]


@BOTH
async def test_the_one_that_waits_behind_the_one_that_runs_is_taken_out(legacy: bool) -> None:
    async with DemoServer(speed=1, legacy=legacy, previews=False) as server, watched(server.url) as w:
        prompt_id = await w.submit(graph("DemoHang"))
        await until(lambda: server.state.queue.running)
        arrive_late(server, prompt_id)
        await until(lambda: not server.state.queue.pending())
        await until(lambda: notices(w))
        assert "came to the server twice" in notices(w)[0].message
        await until(lambda: not w.session.jobs.pending)
        assert [job.prompt_id for job in w.session.jobs.running] == [prompt_id]


async def test_two_that_wait_are_left_until_one_runs() -> None:
    """Two consoles would take out one each."""
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        await post_other(server, prompt=graph("DemoHang"))
        await until(lambda: server.state.queue.running)
        prompt_id = await w.submit(graph("DemoSleep", seconds=0.5, steps=1))
        arrive_late(server, prompt_id)
        await until(lambda: len(w.session.jobs.pending) == 2)
        server.state.queue.interrupt()
        await until(lambda: not server.state.queue.remaining)
        await until(lambda: prompt_id in [job.prompt_id for job in w.session.jobs.ended])
        fates = [taken.fate for taken in server.record.taken if taken.prompt_id == prompt_id]
        assert sorted(fates) == [Fate.COMPLETED, Fate.REMOVED]


async def test_somebody_elses_are_left_alone() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        prompt_id = await post_other(server, prompt=graph("DemoHang"))
        await until(lambda: server.state.queue.running)
        arrive_late(server, prompt_id)
        await until(lambda: w.session.jobs.pending)
        server.faults.forget()
        await server.faults.arrived("/system_stats", 3)
        assert len(server.state.queue.pending()) == 1
