"""Jobs that the journal keeps, on the queue screen: lost and queued again once, held, not sent."""

from __future__ import annotations

import asyncio

import pytest

from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ApiError
from comfy_tui.monitor.state import Link
from comfy_tui.monitor.submit import Submission
from queue_support import Desk, desk, graph, post_other
from support import console, until


async def restarted(d: Desk) -> None:
    """The server is started again, and has forgotten everything."""
    await d.server.stop()
    await d.server.start()


async def test_lost_jobs_are_shown_and_queued_again_by_one_key_once() -> None:
    async with desk() as d:
        await d.ours("first one")
        await d.ours("second one", graph("DemoSleep", seconds=30.0, steps=300))
        await d.other("somebody's")
        await d.ui.see("Waiting (2)", "▶ running")
        await restarted(d)
        await d.ui.see("Lost: 2 jobs")
        await d.ui.see("Lost from the server", "‡ lost", "first one", "second one")
        assert "somebody's" not in d.titles()
        await d.ui.press("L")
        await d.ui.see("2 jobs queued.")
        await d.ui.see("▶ running", "Waiting (1)")
        await d.ui.gone("Lost from the server")
        queued = [job.title for job in (*d.ui.app.jobs.running, *d.ui.app.jobs.pending)]
        assert queued == ["first one", "second one"]
        await d.ui.press("L")
        await d.ui.see("Nothing is lost")
        assert len(d.server_has()) == 2


async def test_a_lost_job_tells_what_is_known_and_can_be_put_away() -> None:
    async with desk() as d:
        await d.ours("first one")
        await d.ui.see("▶ running")
        await restarted(d)
        await d.ui.see("‡ lost", "It ran when it was last seen.", "x puts it away")
        [entry] = d.ui.app.jobs.kept
        assert "The server was started again: its log says that it was started at" in entry.evidence
        await d.ui.press("enter")
        await d.ui.see("Nodes (3)", "DemoSleep")
        await d.ui.press("escape", "x")
        await d.ui.see("Put 1 job away?")
        await d.ui.press("y")
        await d.ui.gone("‡ lost")
        assert d.server_has() == set()


async def test_two_consoles_queue_a_lost_job_once() -> None:
    async with desk() as d, console(d.server.url) as other:
        await other.online()
        await d.ours("first one")
        await until(lambda: other.app.jobs.running)
        await restarted(d)
        await until(lambda: d.ui.app.jobs.kept and other.app.jobs.kept)
        [lost] = d.ui.app.jobs.kept
        sessions = [d.ui.app.session, other.app.session]
        results = await asyncio.gather(
            *(s.keep(lambda keeping: keeping.queue_again([lost.prompt_id])) for s in sessions if s)
        )
        assert sorted(len(result.queued) for result in results) == [0, 1]
        assert sorted(len(result.taken) for result in results) == [0, 1]
        assert len(d.server_has()) == 1
        await until(lambda: not other.app.jobs.kept and not d.ui.app.jobs.kept)


async def test_what_somebody_took_out_is_gone_and_not_called_lost() -> None:
    async with desk() as d:
        await d.ours("first one")
        second = await d.ours("second one")
        await d.ui.see("▶ running", "Waiting (1)")
        d.server.state.queue.delete(second)
        screen = await d.ui.see("∅ gone", "Gone from the queue", "second one")
        assert "‡ lost" not in screen
        [entry] = d.ui.app.jobs.kept
        assert "by its log it runs since" in entry.evidence


async def test_what_was_cancelled_from_here_is_neither() -> None:
    async with desk() as d:
        await d.ours("first one")
        await d.ours("second one")
        await d.ui.see("▶ running", "Waiting (1)")
        d.rows.select(d.ui.app.jobs.pending[0].prompt_id)
        await d.ui.press("x", "y")
        await d.ui.see("Removed from the queue")
        read = d.ui.app.jobs.read_at_s
        await until(lambda: (d.ui.app.jobs.read_at_s or 0) > (read or 0) + 1)
        assert d.ui.app.jobs.kept == ()


@pytest.mark.parametrize("legacy", [False, True])
async def test_held_jobs_leave_the_server_and_come_back_in_order(legacy: bool) -> None:
    async with desk(legacy=legacy) as d:
        await d.ours("running one")
        for name in ("one", "two", "three"):
            await d.ours(name)
        other = await d.other("somebody's")
        await d.ui.see("▶ running", "Waiting (4)")
        await d.ui.press("H")
        await d.ui.see("Hold 3 waiting jobs?", "other", "people's jobs go before them")
        await d.ui.press("y")
        await d.ui.see("3 jobs held.")
        await d.ui.see("◇ held")
        await until(lambda: len(d.ui.app.jobs.pending) == 1)
        assert [job.prompt_id for job in d.server.state.queue.pending()] == [other]
        await d.ui.press("R")
        await d.ui.see("3 jobs queued.")
        await d.ui.see("▶ running", "Waiting (4)")
        await until(lambda: d.waiting() == ["somebody's", "one", "two", "three"])
        assert d.ui.app.jobs.kept == ()


async def test_held_jobs_are_there_after_a_restart_of_console_and_server() -> None:
    async with desk() as d:
        await d.ours("running one")
        held = await d.ours("precious")
        await d.ui.see("▶ running", "Waiting (1)")
        await d.ui.press("H", "y")
        await d.ui.see("◇ held")
        await restarted(d)
        async with console(d.server.url) as again:
            await until(lambda: [entry.kept_as.value for entry in again.app.jobs.kept] == ["lost", "held"])
            assert held == again.app.jobs.kept[1].prompt_id


async def test_jobs_that_were_not_sent_are_sent_after_a_yes() -> None:
    async with desk() as d:
        await d.server.stop()
        await until(lambda: d.ui.app.connection.link is Link.OFFLINE)
        for name in ("one", "two"):
            with pytest.raises(ApiError):
                await d.ours(name)
        await d.ui.see("! not sent", "Not confirmed (2)")
        await d.server.start()
        await d.ui.press("r")
        await d.ui.see("Send 2 jobs now?", "one", "two")
        assert d.server_has() == set()
        await d.ui.press("y")
        await d.ui.see("2 jobs sent.")
        await d.ui.see("▶ running", "Waiting (1)")
        queued = [job.title for job in (*d.ui.app.jobs.running, *d.ui.app.jobs.pending)]
        assert queued == ["one", "two"]


async def test_a_no_leaves_them_unsent_and_they_outlive_the_console() -> None:
    async with desk() as d:
        await d.server.stop()
        await until(lambda: d.ui.app.connection.link is Link.OFFLINE)
        with pytest.raises(ApiError):
            await d.ours("one")
        await d.server.start()
        await d.ui.press("r")
        await d.ui.see("Send 1 job now?")
        await d.ui.press("n")
        await d.ui.gone("Send 1 job now?")
        async with console(d.server.url) as again:
            await again.see("Send 1 job now?")
            assert d.server_has() == set()


async def test_jobs_lost_while_no_console_looked_are_lost() -> None:
    async with DemoServer(speed=1.0, previews=False) as server:
        async with console(server.url) as ui:
            await ui.online()
            assert ui.app.session is not None
            await ui.app.session.submit(Submission(graph("DemoSleep", seconds=60.0, steps=600), "alone"))
            await post_other(server)
            await until(lambda: len(ui.app.jobs.pending) == 1)
        await server.stop()
        await server.start()
        async with console(server.url) as ui:
            await until(lambda: ui.app.jobs.kept)
            [entry] = ui.app.jobs.kept
            assert (entry.title, entry.kept_as.value) == ("alone", "lost")
            assert "The server was started again: its log says" in entry.evidence
