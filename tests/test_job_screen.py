"""The page of one job."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from textual.widgets import Static

from queue_support import desk, graph, seeded

BOTH = pytest.mark.parametrize("legacy", [False, True], ids=["new", "legacy"])


# -- the page of a job ---------------------------------------------------------------------------


@BOTH
async def test_open_a_job_that_went_well(legacy: bool) -> None:
    async with desk(legacy=legacy) as d:
        await d.ours("picture", seeded())
        await d.ui.see("✓ done")
        await d.ui.press("enter")
        screen = await d.ui.see("Outputs", "seeded_00001_.png", "Parameters", "Nodes (3)", "← 1:0 EmptyImage")
        assert "✓ done · ours" in screen
        assert "x Cancel" not in screen
        await d.ui.press("F")
        await d.ui.see("This job did not fail; u queues it again.")
        assert re.search(r"waited .* · ran \d", screen)
        await d.ui.press("u")
        await d.ui.see("picture, as before.")
        await d.ui.press("escape")
        await d.ui.see("Done (2)")


async def test_open_a_failed_job_with_its_traceback() -> None:
    async with desk(size=(80, 24)) as d:
        await d.ours("broken", graph("DemoError", message="it broke", kind="KeyError"))
        await d.ui.see("✗ failed")
        await d.ui.press("enter")
        await d.ui.see("Error", "DemoError (3)", "exception KeyError", "it broke", "Traceback")
        await d.ui.press("j", "j", "j", "j", "j", "j")
        await d.ui.see("failure.py")
        await d.ui.press("G")
        await d.ui.see("✗ 3  DemoError")
        await d.ui.press("g")
        await d.ui.see("exception KeyError")
        await d.ui.press("q")
        await d.ui.see("Done (1)")


async def test_the_page_follows_its_job_and_cancels_it() -> None:
    async with desk() as d:
        await d.ours("long one")
        await d.ours("second")
        await d.ui.see("▶ running", "Waiting (1)")
        await d.ui.press("G", "enter")
        await d.ui.see("· waiting · 1 of 1 · ours", "so far", "DemoSleep")
        d.server.state.queue.interrupt()
        await d.ui.see("▶ running · ours", "/600", "x Cancel")
        await d.ui.press("x")
        await d.ui.see("Cancel 1 job?")
        await d.ui.press("y")
        await d.ui.see("⊘ cancelled · ours")
        await d.ui.gone("x Cancel")
        await d.ui.press("x")
        await d.ui.see("It has ended already.")


async def test_a_job_that_somebody_took_out() -> None:
    async with desk() as d:
        await d.ours("long one")
        await d.ours("second")
        await d.ui.see("▶ running", "Waiting (1)")
        await d.ui.press("G", "enter")
        await d.ui.see("Nodes (3)")
        d.server.state.queue.clear()
        await d.ui.see("∅ gone", "It waited when it was last seen.", "u queues it again", "Nodes (3)")


async def test_a_page_says_that_it_is_reading() -> None:
    async with desk() as d:
        await d.ours("picture", seeded())
        await d.ui.see("✓ done")
        d.server.faults.set("/history/*", delay_s=1.0)
        await d.ui.press("enter")
        await d.ui.see("Reading the job ...", "Known from the list")
        await d.ui.see("Nodes (3)")


async def test_the_page_of_an_ended_job_does_not_tell_of_another_that_runs() -> None:
    async with desk() as d:
        first = await d.ours("first one")
        await d.ours("second one")
        await d.ui.see("▶ running", "Waiting (1)", "/600")
        await d.ui.press("g", "enter")
        await d.ui.see("▶ running · ours", "/600")
        # The list tells of the end before the socket does.
        app = d.ui.app
        before = app.progress
        app.jobs = replace(app.jobs, running=app.jobs.pending, pending=())
        await d.ui.pilot.pause()
        app.progress = before
        await d.ui.pilot.pause()
        await d.ui.pilot.pause()
        head = str(app.screen.query_one("#head", Static).render())
        assert first in head
        assert "second one" not in head
