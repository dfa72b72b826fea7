"""What the journal keeps of jobs: how long, how much, medians, memory; crashes in the middle of holding."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from comfy_tui import paths
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ApiError, ComfyError
from comfy_tui.monitor.identity import read_install_id
from comfy_tui.monitor.journal import Fate, Journal, median_table
from comfy_tui.monitor.journal.document import pack, unpack
from comfy_tui.monitor.journal.retention import prune, used_bytes
from comfy_tui.monitor.journal.row import Asked
from comfy_tui.monitor.journal.search_table import search
from comfy_tui.monitor.journal.shelf import Shelf
from comfy_tui.monitor.session import Session
from comfy_tui.monitor.submit import Submission
from comfy_tui.profile import profile_from_url
from queue_support import graph, slow
from support import until


@pytest.fixture
async def journal() -> AsyncIterator[Journal]:
    found = Journal(paths.journal_file())
    yield found
    await found.close()


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[Session]:
    """A console without a screen; it ends as if killed: nothing is tidied up."""
    journal = Journal(paths.journal_file())
    session = Session(
        profile_from_url(url),
        lambda update: None,
        install_id=read_install_id(),
        interval_s=0.1,
        journal=journal,
    )
    running = asyncio.create_task(session.run())
    try:
        await until(lambda: session.jobs.read_at_s)
        yield session
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await journal.close()


def asked(number: int, size: int = 10) -> Asked:
    return Asked(f"id-{number}", f"job {number}", {"1": {"class_type": "A", "inputs": {"t": "x" * size}}}, {})


async def test_old_ones_go_and_what_matters_stays(journal: Journal) -> None:
    shelf = Shelf(journal, "http://s", clock=lambda: 100.0)
    for number, fate in enumerate(Fate):
        await shelf.put(asked(number), fate)
    await journal.call(prune, 200.0, 10**9)
    left = {job.fate for job in (await journal.call(search)).jobs}
    assert left == {fate for fate in Fate if not fate.final} | {Fate.LOST}


async def test_the_oldest_go_where_it_grows_too_large(journal: Journal) -> None:
    import random

    shelf, chance = Shelf(journal, "http://s"), random.Random(1)
    for number in range(300):
        text = "".join(chr(chance.randint(32, 0x2000)) for _ in range(4000))
        job = Asked(f"id-{number}", "", {"1": {"class_type": "A", "inputs": {"t": text}}}, {})
        await shelf.put(job, Fate.COMPLETED)
    before = await journal.call(used_bytes)
    await journal.call(prune, 0.0, before // 2)
    assert await journal.call(used_bytes) <= before // 2
    found = await journal.call(search)
    assert found.everything
    assert found.jobs[0].prompt_id == "id-299"


def test_keys_for_paid_nodes_are_never_kept() -> None:
    extra = {"api_key_comfy_org": "k-1", "auth_token_comfy_org": "t-1", "extra_pnginfo": {"workflow": {}}}
    packed = pack({}, extra)
    assert unpack(packed) == ({}, {"extra_pnginfo": {"workflow": {}}})


async def test_times_and_memory_of_a_job_are_kept(journal: Journal) -> None:
    async with DemoServer(speed=20) as server, watched(server.url) as session:
        prompt = graph("DemoSleep", seconds=4.0, steps=8)
        sent = await session.submit(Submission(prompt, "timed"))
        await until(lambda: session.jobs.find(sent.prompt_id) in session.jobs.ended)
        await session.keep(lambda keeping: keeping.put_away([]))

        async def kept() -> Any:
            return await session.shelf.one(sent.prompt_id)

        job = await kept()
        while job.vram_after_bytes is None:
            await asyncio.sleep(0.05)
            job = await kept()
        assert job.fate is Fate.COMPLETED
        assert job.ran_s is not None
        assert job.ran_s >= 0.15  # and longer on a busy machine
        assert job.vram_peak_bytes >= 0
        medians = await session.journal.call(median_table.of_prompt, prompt)
        assert (medians.runs, medians.exact) == (1, True)
        assert medians.ran_s == job.ran_s
        other = {"1": {"class_type": "B", "inputs": {}}}
        assert (await session.journal.call(median_table.of_prompt, other)).runs == 0


async def test_a_console_that_ends_between_writing_and_taking_off_holds_nothing() -> None:
    async with DemoServer(speed=1) as server:
        async with watched(server.url) as session:
            await session.submit(Submission(slow(), "running"))
            sent = await session.submit(Submission(graph(), "waiting"))
            await until(lambda: session.jobs.pending)
            record = (await session.client.queue()).pending[0]
            from comfy_tui.monitor.register import asked_of

            await session.shelf.put_held([asked_of(record)])
        async with watched(server.url) as session:
            # Its owner lives, for a test is one process: as after its end.
            session.register.look_for_held([sent.prompt_id])
            await until(lambda: not session.register._unsettled)
            job = await session.shelf.one(sent.prompt_id)
            assert job is not None
            assert job.fate is Fate.PENDING
            assert session.jobs.kept == ()


async def test_a_console_that_ends_after_taking_off_has_it_held() -> None:
    async with DemoServer(speed=1) as server:
        async with watched(server.url) as session:
            await session.submit(Submission(slow(), "running"))
            sent = await session.submit(Submission(graph(), "waiting"))
            await until(lambda: session.jobs.pending)
            server.faults.set("/history/*", hang=True)
            holding = asyncio.create_task(session.keep(lambda keeping: keeping.hold([sent.prompt_id])))
            await until(lambda: not server.state.queue.pending())
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
        server.faults.clear()
        async with watched(server.url) as session:
            session.register.look_for_held([sent.prompt_id])
            await until(lambda: [entry.kept_as.value for entry in session.jobs.kept] == ["held"])
            result = await session.keep(lambda keeping: keeping.resume([sent.prompt_id]))
            assert result.queued == (sent.prompt_id,)
            again = await session.keep(lambda keeping: keeping.resume([sent.prompt_id]))
            assert again.taken == (sent.prompt_id,)
            assert [job.prompt_id for job in server.state.queue.pending()] == [sent.prompt_id]


async def test_nothing_is_held_without_a_journal() -> None:
    paths.journal_file().mkdir(parents=True)
    async with DemoServer(speed=1) as server, watched(server.url) as session:
        await session.submit(Submission(slow(), "running"))
        sent = await session.submit(Submission(graph(), "waiting"))
        with pytest.raises(ComfyError, match="Nothing is held"):
            await session.keep(lambda keeping: keeping.hold([sent.prompt_id]))
        assert len(server.state.queue.pending()) == 1


async def test_a_resume_that_is_not_taken_stays_held() -> None:
    async with DemoServer(speed=1) as server, watched(server.url) as session:
        await session.submit(Submission(slow(), "running"))
        sent = await session.submit(Submission(graph(), "waiting"))
        await session.keep(lambda keeping: keeping.hold([sent.prompt_id]))
        server.faults.set("/prompt", status=403, method="POST")
        result = await session.keep(lambda keeping: keeping.resume([sent.prompt_id]))
        assert isinstance(result.error, ApiError)
        assert [entry.kept_as.value for entry in session.jobs.kept] == ["held"]
        server.faults.clear()
        assert (await session.keep(lambda keeping: keeping.resume([sent.prompt_id]))).queued
