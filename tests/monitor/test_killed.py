"""A console that is killed (-9) at any moment of a submit, then started again: the job is known, once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from comfy_tui import paths
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.identity import read_install_id
from comfy_tui.monitor.journal import Journal
from comfy_tui.monitor.journal.search_table import search
from comfy_tui.monitor.session import Session
from comfy_tui.profile import profile_from_url
from support import until

PROGRAM = Path(__file__).with_name("submitter.py")
#: Each is a run of a process of its own, killed so many seconds after its first words.
MOMENTS = 6


async def _killed_after(url: str, delay_s: float) -> list[str]:
    """Run the submitter and kill it; returns the ids that it was about to submit."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), url, "1000", stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    await asyncio.sleep(delay_s)
    child.send_signal(signal.SIGKILL)
    said = (await child.stdout.read()).decode("ascii").split()
    await child.wait()
    return [word for word in said if len(word) == 36]


@pytest.mark.parametrize("seed", range(MOMENTS))
async def test_a_killed_console_knows_every_submission_once(seed: int) -> None:
    """The last one may be in any state: not written yet and not sent, written, sent, answered."""
    chance = random.Random(seed)
    async with DemoServer(speed=50) as server:
        ids = await _killed_after(server.url, chance.uniform(0.0, 0.25))
        taken = [taken.prompt_id for taken in server.record.taken]
        journal = Journal(paths.journal_file())
        session = Session(
            profile_from_url(server.url),
            lambda update: None,
            install_id=read_install_id(),
            interval_s=0.2,
            journal=journal,
        )
        running = asyncio.create_task(session.run())
        try:
            await until(lambda: session.jobs.read_at_s)
            read = session.jobs.read_at_s or 0
            await until(lambda: (session.jobs.read_at_s or 0) > read)
            found = await journal.call(lambda connection: search(connection, limit=5000))
            known = [job.prompt_id for job in found.jobs]
            assert len(known) == len(set(known))
            # Whatever the server took is known; and nothing that is known as sent is unknown to the server.
            assert set(taken) <= set(known)
            unsure = {entry.prompt_id for entry in session.jobs.unsent}
            assert set(known) - unsure <= set(taken)
            # What was written and did not arrive is offered again, and that is at most the last one.
            assert unsure <= {ids[-1]} if ids else not unsure
            assert [taken.prompt_id for taken in server.record.taken] == taken  # nothing is sent by itself
            for prompt_id in unsure:
                await session.send_again(prompt_id)
            again = [taken.prompt_id for taken in server.record.taken]
            assert len(again) == len(set(again))
            assert set(again) == set(taken) | unsure
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await journal.close()


@pytest.mark.parametrize("moment", ["written", "sent"])
async def test_a_kill_between_two_steps(moment: str) -> None:
    """Exactly there: the journal has it and the server does not, or both, and no answer was read."""
    async with DemoServer(speed=50) as server:
        if moment == "written":
            server.faults.set("/prompt", hang=True, method="POST")
        ids = []
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROGRAM),
            server.url,
            "1",
            stdout=asyncio.subprocess.PIPE,
            env=dict(os.environ),
        )
        assert child.stdout is not None
        await child.stdout.readline()
        ids.append((await child.stdout.readline()).decode().strip())
        if moment == "written":
            await until(lambda: server.faults.count("/prompt", "POST"))
        else:
            await until(lambda: server.record.taken)
        child.send_signal(signal.SIGKILL)
        await child.wait()
        server.faults.clear()
        journal = Journal(paths.journal_file())
        session = Session(
            profile_from_url(server.url),
            lambda update: None,
            install_id=read_install_id(),
            interval_s=0.2,
            journal=journal,
        )
        running = asyncio.create_task(session.run())
        try:
            await until(lambda: session.jobs.read_at_s)
            if moment == "written":
                assert [entry.prompt_id for entry in session.jobs.unsent] == ids
                assert "the console ended while this was being sent" in session.jobs.unsent[0].reason.title
            else:
                await until(lambda: not session.jobs.unsent and session.jobs.find(ids[0]))
            assert len(server.record.taken) == (0 if moment == "written" else 1)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await journal.close()
