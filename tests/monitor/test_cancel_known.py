"""A request to cancel is an outcome only once the server has shown it."""

from __future__ import annotations

import pytest
from test_journal_jobs import watched

from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ServerError
from comfy_tui.monitor.journal import Fate, JournalJob
from comfy_tui.monitor.session import Session
from comfy_tui.monitor.submit import Submission
from queue_support import graph, slow
from support import until


async def row_of(session: Session, prompt_id: str) -> JournalJob:
    row = await session.shelf.one(prompt_id)
    assert row is not None
    return row


async def queued(session: Session, name: str) -> str:
    sent = await session.submit(Submission(slow(), name))
    await until(lambda: session.jobs.find(sent.prompt_id))
    return sent.prompt_id


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_cancel_that_failed_and_a_restart_of_both_is_lost(legacy: bool) -> None:
    async with DemoServer(speed=1.0, previews=False, legacy=legacy) as server:
        async with watched(server.url) as session:
            ids = [await queued(session, "runs"), await queued(session, "waits")]
            for path in ("/api/jobs/*", "/queue", "/interrupt"):
                server.faults.set(path, status=500, method="POST", body="no", content_type="text/plain")
            for prompt_id in ids:
                with pytest.raises(ServerError):
                    await session.cancel([prompt_id])
        await server.stop()
        server.faults.clear()
        await server.start()
        async with watched(server.url) as session:
            await until(lambda: len(session.jobs.kept) == 2)
            for prompt_id in ids:
                row = await row_of(session, prompt_id)
                assert row.fate is Fate.LOST
                assert "when cancelling it was asked for from here, without an answer" in row.evidence


async def test_a_cancel_that_the_server_took_counts_though_it_is_started_again() -> None:
    async with DemoServer(speed=1.0, previews=False) as server, watched(server.url) as session:
        sent = await session.submit(Submission(graph("DemoHang", ignore_interrupt=True), "hangs"))
        await until(lambda: session.jobs.running)
        assert (await session.cancel([sent.prompt_id])).interrupted == (sent.prompt_id,)
        await server.stop()
        await server.start()
        await until(lambda: session.jobs.read_at_s and not session.jobs.running)
        row = await row_of(session, sent.prompt_id)
        assert (row.fate, row.evidence) == (Fate.CANCELLED, "It ran when it was cancelled from here.")


async def test_a_cancel_without_an_answer_that_the_listing_shows_is_one() -> None:
    async with DemoServer(speed=1.0, previews=False) as server, watched(server.url) as session:
        await queued(session, "runs")
        waits = await queued(session, "waits")
        server.faults.set("/api/jobs/*", status=500, method="POST", times=1)
        with pytest.raises(ServerError):
            await session.cancel([waits])
        server.state.queue.delete(waits)
        while (row := await row_of(session, waits)).fate is Fate.PENDING:
            await server.faults.arrived("/system_stats", server.faults.count("/system_stats") + 1)
        assert row.fate is Fate.CANCELLED
        assert "without an answer" in row.evidence
