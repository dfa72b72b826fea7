"""Mode 3: queue again, move to the front, and submissions that nobody confirmed."""

from __future__ import annotations

import pytest

from queue_support import desk, graph, seeded
from support import until

BOTH = pytest.mark.parametrize("legacy", [False, True], ids=["new", "legacy"])


# -- again, and to the front ---------------------------------------------------------------------


async def test_queue_again_with_the_same_and_with_a_new_seed() -> None:
    async with desk() as d:
        await d.ours("picture", seeded())
        await d.ui.see("✓ done")
        await d.ui.press("u")
        await d.ui.see("Queued again", "picture, as before.", "Done (2)")
        await d.ui.press("U")
        await d.ui.see("picture, with a new seed.", "Done (3)")
        newest, second, first = d.ui.app.jobs.ended
        assert first.summary is not None
        assert second.summary == first.summary
        assert newest.summary is not None
        assert newest.summary.seed != first.summary.seed
        assert newest.ours
        assert newest.title == "picture"


async def test_a_job_without_a_seed_says_so() -> None:
    async with desk() as d:
        await d.other("plain", graph())
        await d.ui.see("✓ done")
        await d.ui.press("U")
        await d.ui.see("there is no seed to change")


async def test_several_marked_jobs_are_queued_in_their_order() -> None:
    async with desk() as d:
        await d.other("early", graph())
        await d.other("later", graph())
        await d.ui.see("Done (2)")
        await d.ours("long one")
        await d.ui.see("▶ running")
        await d.ui.press("G", "space", "k", "space", "u")
        await d.ui.see("Queued again", "2 jobs, as before.", "Waiting (2)")
        assert d.waiting() == ["early", "later"]


@BOTH
async def test_to_the_front(legacy: bool) -> None:
    async with desk(legacy=legacy) as d:
        await d.ours("long one")
        await d.ours("second")
        moved = await d.ours("third")
        await d.other("poster")
        await d.ui.see("▶ running", "Waiting (3)")
        d.rows.select(moved)
        await d.ui.press("t")
        await d.ui.see("1 job moved to the front.")
        await until(lambda: d.waiting() == ["third", "second", "poster"])
        assert d.ui.app.jobs.pending[0].prompt_id == moved
        assert d.ui.app.jobs.pending[0].ours
        await d.ui.press("t")
        await d.ui.see("It is the next one already.")


async def test_anothers_job_is_moved_only_after_a_question() -> None:
    async with desk() as d:
        await d.ours("long one")
        await d.ours("second")
        moved = await d.other("poster")
        await d.ui.see("Running (1)", "Waiting (2)")
        await d.ui.press("G", "t")
        await d.ui.see("Move 1 job to the front?", "not yours", "same id")
        await d.ui.press("n", "t", "y")
        await d.ui.see("1 job moved to the front.")
        await until(lambda: d.waiting() == ["poster", "second"])
        assert d.ui.app.jobs.pending[0].prompt_id == moved
        assert not d.ui.app.jobs.pending[0].ours


async def test_a_moved_job_that_the_server_refuses_is_kept() -> None:
    async with desk() as d:
        await d.ours("long one")
        await d.ours("second")
        await d.ours("third")
        await d.ui.see("Running (1)", "Waiting (2)")
        d.server.faults.set("/prompt", status=400, method="POST", body="no", content_type="text/plain")
        await d.ui.press("G", "t")
        await d.ui.see("Not confirmed (1)", "! not sent", "third")
        d.server.faults.clear()
        d.rows.select(d.ui.app.jobs.unsent[0].prompt_id)
        await d.ui.press("u")
        await d.ui.see("third: the server has it now.", "Waiting (2)")
        await d.ui.gone("Not confirmed")


# -- not confirmed -------------------------------------------------------------------------------


async def test_a_lost_submission_is_shown_sent_again_and_gone() -> None:
    async with desk() as d:
        await d.other("finished", graph())
        await d.ui.see("✓ done")
        d.server.faults.set("/prompt", close=True, method="POST")
        await d.ui.press("u")
        await d.ui.see("Not confirmed (1)", "? unknown", "1 not confirmed")
        d.server.faults.clear()
        await d.ui.press("g", "enter")
        await d.ui.see("it is looked for with each refresh", "x discards it")
        await d.ui.press("q", "u")
        await d.ui.see("finished: the server has it now.", "Done (2)")
        await d.ui.gone("Not confirmed")


async def test_a_submission_that_arrived_after_all_resolves_itself() -> None:
    async with desk() as d:
        await d.other("finished", graph())
        await d.ui.see("✓ done")
        await d.ours("long one")
        await d.ui.see("▶ running")
        d.server.faults.set("/prompt", close=True, method="POST")
        await d.ui.press("G", "u")
        await d.ui.see("Not confirmed (1)")
        d.server.faults.clear()
        assert d.ui.app.session is not None
        # As if the server had only been slow: the same submission, by its id.
        submission = d.ui.app.session._outbox._submissions[d.ui.app.jobs.unsent[0].prompt_id]
        await d.ui.app.session.client.submit(
            submission.prompt, prompt_id=submission.prompt_id, client_id="c", extra_data={}
        )
        await d.ui.see("the server has it after all", "Waiting (1)")
        await d.ui.gone("Not confirmed")


async def test_a_lost_submission_can_be_discarded() -> None:
    async with desk() as d:
        await d.other("finished", graph())
        await d.ui.see("✓ done")
        d.server.faults.set("/prompt", close=True, method="POST")
        await d.ui.press("u")
        await d.ui.see("Not confirmed (1)")
        await d.ui.press("g", "x")
        await d.ui.see("Discard 1 job?", "If the server took one after all")
        await d.ui.press("y")
        await d.ui.see("1 unconfirmed job discarded.")
        await d.ui.gone("Not confirmed")
