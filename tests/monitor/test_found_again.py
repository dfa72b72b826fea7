"""A job that is thought to be out of the queue, and is not: it is found once, and is what it was."""

from __future__ import annotations

import asyncio

import pytest
from test_live_socket import watched

from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ServerError
from comfy_tui.monitor.journal import Fate
from comfy_tui.monitor.state import Notice
from queue_support import graph, post_other, slow
from support import until


async def test_a_move_that_failed_before_anything_was_done_leaves_it_waiting() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        await post_other(server, prompt=graph("DemoHang"))
        await until(lambda: server.state.queue.running)
        await w.submit(slow(), "first")
        prompt_id = await w.submit(slow(), "second")
        await until(lambda: w.session.jobs.find(prompt_id))
        server.faults.set("/queue", status=500, method="POST", body="no", content_type="text/plain")
        with pytest.raises(ServerError):
            await w.session.control.move_to_front(prompt_id, "second")
        server.faults.clear()

        async def fate() -> Fate | None:
            row = await w.session.shelf.one(prompt_id)
            return row.fate if row is not None else None

        async def polled(times: int) -> None:
            server.faults.forget()
            await server.faults.arrived("/system_stats", times)

        async with asyncio.timeout(20):
            while await fate() is not Fate.PENDING:
                await polled(1)
        await polled(4)
        assert not w.session.jobs.unsent
        assert len([one for one in w.updates if isinstance(one, Notice) and one.title == "Found"]) <= 1
