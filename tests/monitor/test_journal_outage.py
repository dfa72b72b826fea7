"""The journal's file fails while jobs run, and is back later: nothing is lost, nothing queued twice."""

from __future__ import annotations

import pytest
from test_journal_file import held
from test_journal_jobs import watched

from comfy_tui import paths
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.journal import Fate, JournalEvent
from comfy_tui.monitor.submit import Submission
from queue_support import slow
from support import until


async def test_what_is_lost_meanwhile_is_lost_and_queued_again_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DemoServer(speed=1.0, previews=False) as server, watched(server.url) as session:
        ids = [(await session.submit(Submission(slow(), f"job {number}"))).prompt_id for number in range(2)]
        await until(lambda: len(session.jobs.pending) == 1)
        with held(paths.journal_file(), monkeypatch):
            session.journal.add_event(JournalEvent("test", "finds it"))
            late = (await session.submit(Submission(slow(), "late"))).prompt_id
            await until(lambda: len(session.jobs.pending) == 2)
            await server.stop()
            await server.start()
            await until(lambda: len(session.jobs.kept) == 3)
            with pytest.raises(ComfyError, match="could queue it as well"):
                await session.keep(lambda keeping: keeping.queue_again(ids))
        again = await session.keep(lambda keeping: keeping.queue_again([*ids, late]))
        assert again.queued == (*ids, late)
        assert session.journal.durable
        await until(lambda: len(session.jobs.pending) == 2 and not session.jobs.kept)
        for prompt_id in (*ids, late):
            row = await session.shelf.one(prompt_id)
            assert row is not None
            assert (row.fate, bool(row.again_as)) == (Fate.LOST, True)


async def test_a_console_that_finds_the_file_locked_learns_later_what_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with DemoServer(speed=1.0, previews=False) as server:
        async with watched(server.url) as session:
            sent = await session.submit(Submission(slow(), "lost"))
            await until(lambda: session.jobs.running)
        await server.stop()
        await server.start()
        with held(paths.journal_file(), monkeypatch):
            session_of = watched(server.url)
            session = await session_of.__aenter__()
            assert not session.jobs.kept
        session.journal.hurry()
        await until(lambda: session.jobs.kept)
        [entry] = session.jobs.kept
        assert (entry.prompt_id, entry.kept_as.value) == (sent.prompt_id, "lost")
        assert "its log says that it was started at" in entry.evidence
        await session_of.__aexit__(None, None, None)
