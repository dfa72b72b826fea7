"""Mode 3: the server's jobs, what can be done with them, and the page of one."""

from __future__ import annotations

import re
import time

import pytest
from textual.widgets import Static

from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.submit import Submission
from comfy_tui.screens.job import JobScreen
from comfy_tui.widgets.job_row import ran_words
from comfy_tui.widgets.row_list import RowList
from queue_support import desk, graph, post_other, ran_before, slow
from support import console, until

BOTH = pytest.mark.parametrize("legacy", [False, True], ids=["new", "legacy"])


# -- the panel's states --------------------------------------------------------------------------


async def test_empty_says_why_and_what_helps() -> None:
    async with desk() as d:
        await d.ui.see("the history is empty", "2 goes to the workflows", "as of")


async def test_loading_then_error_of_a_server_that_never_answered() -> None:
    async with DemoServer() as server:
        server.faults.set("*", hang=True)
        async with console(server.url) as ui:
            await ui.press("3")
            await ui.see("Asking http", "not read yet")
            server.faults.clear()
            server.faults.set("/queue", status=500)
            server.faults.set("/api/jobs", status=500)
            await ui.see("The server failed", "/queue: 500")
            server.faults.clear()
            await ui.see("the history is empty")


@BOTH
async def test_running_waiting_and_done_with_whose(legacy: bool) -> None:
    async with desk(legacy=legacy) as d:
        await d.other("finished one", graph())
        await d.ours("long one")
        await d.other("poster")
        await d.other("", graph())
        screen = await d.ui.see(
            "Running (1)", "Waiting (2)", "Done (1)", "1 running · 2 waiting", "PreviewImage (2 nodes)"
        )
        assert re.search(r"▶ running +long one +\w{8} ours .* \d", screen)
        assert re.search(r"· waiting +1 poster +\w{8} other", screen)
        assert re.search(r"· waiting +2 PreviewImage", screen)
        assert re.search(r"✓ done +finished one .* \d\.\ds", screen)


async def test_the_screens_keep_their_names_beside_the_counts() -> None:
    async with desk(size=(80, 24)) as d:
        await d.ui.see("1 Servers 2 Workflows", "● online")
        await d.ours("long one")
        await d.other("poster")
        await d.ui.see("1 Servers 2 Workflows", "7 Doctor", "● ▶1 +1")
        await d.server.stop()
        await d.ui.see("2 3 Queue 4", "✗ offline", "1 running 1 waiting")


async def test_the_job_that_ended_last_is_the_first_of_the_done() -> None:
    async with desk() as d:
        await d.ours("long one")
        await d.ours("second", graph("DemoSleep", seconds=0.3, steps=3))
        moved = await d.ours("third", graph("DemoSleep", seconds=0.2, steps=2))
        await d.ui.see("Running (1)", "Waiting (2)")
        d.rows.select(moved)
        await d.ui.press("t")
        await until(lambda: d.waiting() == ["third", "second"])
        d.server.state.queue.interrupt()
        await d.ui.see("Done (3)")
        assert d.titles() == ["second", "third", "long one"]


async def test_ages_are_not_invented() -> None:
    async with desk(legacy=True) as d:
        await d.other("long one")
        screen = await d.ui.see("▶ running", "> ")
        row = next(line for line in screen.splitlines() if "▶ running" in line and "long one" in line)
        assert " -- " in row
        assert re.search(r"> \d+\.\ds", row)


async def test_progress_of_our_running_job() -> None:
    async with desk() as d:
        await d.ours("long one")
        screen = await d.ui.see("/600", "of 3 nodes", "DemoSleep [")
        assert "█" in screen or "·" in screen
        await d.ui.press("x", "y")
        await d.ui.see("nothing runs")


async def test_progress_of_anothers_job_is_not_told() -> None:
    async with desk() as d:
        await d.other("poster")
        await d.ui.see("poster: the server tells progress to its owner only · ETA --")


async def test_jobs_of_an_earlier_run_have_an_eta_by_the_journal() -> None:
    """Nothing is told of them: their socket is gone."""
    async with DemoServer(speed=1.0, previews=False) as server:
        await ran_before(server, slow(), 600.0)
        async with console(server.url) as ui:
            await ui.online()
            assert ui.app.session is not None
            await ui.app.session.submit(Submission(graph("DemoHang"), "first"))
            await ui.app.session.submit(Submission(slow(), "second"))
        async with console(server.url, size=(80, 24)) as ui:
            await ui.online()
            await ui.press("3")
            await ui.see("first", "ETA --")
            server.state.queue.interrupt()
            await ui.see("second", "told yet · ETA ~9m 5")
            assert ui.app.jobs.running[0].ours
            assert ui.app.session is not None
            assert len(ui.app.session._usual._known) == 1


async def test_offline_keeps_the_jobs_dimmed_with_their_age() -> None:
    server = DemoServer(speed=1.0)
    await server.start()
    async with console(server.url) as ui:
        await post_other(server, "poster", graph())
        await ui.press("3")
        await ui.see("✓ done", "poster")
        await server.stop()
        await ui.see("OFFLINE", "✓ done", "poster", "stale: as of", " old")
        assert ui.app.screen.query_one("#jobs").has_class("stale")


async def test_a_job_runs_no_longer_than_it_was_seen() -> None:
    async with desk() as d:
        await d.ours("long one")
        await d.ui.see("▶ running")
        await d.ui.press("p")
        await d.ui.see("paused", "stale: as of")
        read_at_s = d.ui.app.jobs.read_at_s or 0.0
        job = d.ui.app.jobs.running[0]
        ran = ran_words(job, read_at_s)
        await until(lambda: time.time() - read_at_s > 3.0)
        assert ran in d.ui.text()
        await d.ui.press("enter")
        await d.ui.see(f"ran {ran}")


async def test_paused_data_grows_stale() -> None:
    async with desk() as d:
        await d.other("poster", graph())
        await d.ui.see("✓ done")
        assert not d.rows.has_class("stale")
        await d.ui.press("p")
        await d.ui.see("stale: as of", "paused")
        assert d.rows.has_class("stale")


@BOTH
async def test_a_failing_route_keeps_the_data_and_names_the_problem(legacy: bool) -> None:
    async with desk(legacy=legacy) as d:
        await d.other("poster", graph())
        await d.ui.see("✓ done", "poster")
        d.server.faults.set("/queue", status=500)
        d.server.faults.set("/api/jobs", status=500)
        await d.ui.see("! ", "500", "✓ done", "poster")
        assert d.rows.has_class("stale")
        d.server.faults.clear()
        await d.ui.gone("500")
        assert not d.rows.has_class("stale")


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (120, 40)], ids=str)
async def test_sizes(size: tuple[int, int]) -> None:
    async with desk(size=size) as d:
        await d.ours("long one", graph("DemoSleep", seconds=60.0, steps=600, note="a note"))
        await d.other("poster")
        screen = await d.ui.see("▶ running", "long one", "Waiting (1)")
        row = next(line for line in screen.splitlines() if "▶ running" in line and "long one" in line)
        assert re.search(r"ours", row)
        prompt_id = d.ui.app.jobs.running[0].prompt_id[:8]
        assert (prompt_id in row) is (size[0] >= 80)
        assert all(len(line) <= size[0] for line in screen.splitlines())
        assert d.ui.app.screen.query_one("#preview").display is (size[0] >= 110)
        if size[0] >= 110:
            await d.ui.press("g")
            await d.ui.see("makes    PreviewImage", "nodes    3", "created")


# -- cancel --------------------------------------------------------------------------------------


@BOTH
async def test_cancel_a_waiting_job_asks_and_no_keeps_it(legacy: bool) -> None:
    async with desk(legacy=legacy) as d:
        await d.ours("long one")
        victim = await d.ours("second")
        await d.ui.see("▶ running", "Waiting (1)", "second")
        await d.ui.press("G", "x")
        await d.ui.see("Cancel 1 job?", "· waiting: second", "No (n)")
        await d.ui.press("enter")
        await d.ui.gone("Cancel 1 job?")
        assert victim in d.server_has()
        await d.ui.press("x", "y")
        await d.ui.see("Removed from the queue: second.")
        await until(lambda: d.waiting() == [])
        assert victim not in d.server_has()
        await d.ui.see("▶ running")


@BOTH
async def test_interrupt_the_running_job(legacy: bool) -> None:
    async with desk(legacy=legacy) as d:
        await d.other("poster")
        await d.ui.see("▶ running")
        await d.ui.press("x")
        await d.ui.see("1 job, not yours", "A running job is interrupted")
        await d.ui.press("y")
        await d.ui.see("Interruption asked for: poster", "It stops where its", "⊘ cancelled")
        assert d.server_has() == set()


@BOTH
async def test_cancel_two_marked_jobs_and_no_other(legacy: bool) -> None:
    async with desk(legacy=legacy) as d:
        running = await d.ours("long one")
        first = await d.ours("second")
        kept = await d.ours("third")
        last = await d.other("poster")
        await d.ui.see("▶ running", "Waiting (3)")
        await d.ui.press("g", "j", "space", "j", "space")
        await d.ui.see("✓ · waiting")
        await d.ui.press("x")
        screen = await d.ui.see("Cancel 2 jobs?", "2 jobs, 1 is not yours", "poster")
        assert "waiting: third" not in screen
        await d.ui.press("y")
        await d.ui.see("Removed from the queue: second, poster.")
        assert d.server_has() == {running, kept}
        assert not {first, last} & d.server_has()
        assert not d.rows.marked


async def test_a_job_that_ended_meanwhile_is_called_gone() -> None:
    async with desk() as d:
        job = await d.ours("long one")
        await d.ui.see("▶ running")
        await d.ui.press("x")
        await d.ui.see("Cancel 1 job?")
        d.server.state.queue.interrupt()
        await until(lambda: job not in d.server_has())
        await d.ui.press("y")
        await d.ui.see("Already gone: long one.")


async def test_nothing_to_cancel() -> None:
    async with desk() as d:
        await d.other("poster", graph())
        await d.ui.see("✓ done")
        await d.ui.press("x")
        await d.ui.see("Nothing to cancel", "It has ended already.")


@BOTH
async def test_clear_takes_only_what_was_named(legacy: bool) -> None:
    async with desk(legacy=legacy) as d:
        running = await d.ours("long one")
        await d.ours("second")
        await d.other("poster")
        await d.ui.see("Running (1)", "Waiting (2)")
        await d.ui.press("X")
        await d.ui.see("Clear 2 waiting jobs?", "2 jobs, 1 is not yours")
        late = await d.other("late")
        await d.ui.press("y")
        await d.ui.see("2 waiting jobs removed from the queue.")
        assert d.server_has() == {running, late}


async def test_nothing_to_clear() -> None:
    async with desk() as d:
        await d.ui.press("X")
        await d.ui.see("Nothing to clear")


# -- filter and copy -----------------------------------------------------------------------------


async def test_filter_by_name_owner_and_state() -> None:
    async with desk() as d:
        await d.ours("apple")
        await d.other("pear")
        await d.other("plum pear")
        await d.ui.see("Running (1)", "Waiting (2)")
        await d.ui.press("slash", *"pear", "enter")
        await until(lambda: d.titles() == ["pear", "plum pear"])
        await d.ui.see("Waiting (2 of 2)")
        await d.ui.press("escape", "slash", *"other", "space", *"plum", "enter")
        await until(lambda: d.titles() == ["plum pear"])
        await d.ui.see("Waiting (1 of 2)")
        await d.ui.press("escape", "slash", *"running", "enter")
        await until(lambda: d.titles() == ["apple"])
        await d.ui.press("escape", "slash", *"zzz")
        await d.ui.see("No job holds 'zzz'", "escape clears the filter")
        await d.ui.press("enter", "escape")
        await until(lambda: len(d.titles()) == 3)
        await d.ui.press("g", "N")
        assert d.ui.app.jobs.pending[-1].prompt_id == d.rows.current_key


async def test_copy_offers_what_the_job_has(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[tuple[str, str]] = []
    async with desk() as d:
        monkeypatch.setattr(d.ui.app, "copy", lambda text, what: copied.append((text, what)))
        job = await d.ours("broken", graph("DemoError", message="it broke"))
        await d.ui.see("✗ failed")
        for letter in "itew":
            await d.ui.press("y")
            await d.ui.see("Error report", "Title")
            await d.ui.press(letter)
            await d.ui.gone("Error report")
        await until(lambda: len(copied) == 4)
    texts = {what: text for text, what in copied}
    assert texts["id"] == job
    assert texts["title"] == "broken"
    assert "ValueError" in texts["error report"]
    assert "Traceback" in texts["error report"] or "File " in texts["error report"]
    assert '"DemoError"' in texts["workflow"]


# -- read-only, hostile --------------------------------------------------------------------------


async def test_readonly_changes_nothing() -> None:
    async with desk(readonly=True) as d:
        await d.other("poster")
        await d.ui.see("▶ running", "read-only")
        before = len(d.server.seen)
        for key in "xXuUt":
            await d.ui.press(key)
        await d.ui.pilot.pause(0.3)
        assert "Cancel 1 job" not in d.ui.text()
        sent = [seen for seen in d.server.seen[before:] if seen.method == "POST"]
        assert sent == []
        await d.ui.press("enter")
        await d.ui.see("Nodes (3)")


async def test_hostile_text_is_shown_harmless() -> None:
    async with desk(hostile=True, warm_up=True) as d:
        await d.other("x[/]y \x1b[31m\u202e [bold", graph("DemoError", message="[/] \x1b]0;t\x07"))
        await d.ui.see("✗ failed", "x[/]y")
        for _ in range(4):
            await d.ui.press("enter")
            await d.ui.see("Nodes (", "q Back")
            text = d.ui.text()
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
            await d.ui.press("x", "y")  # an ended one: nothing to cancel; then the copy dialog
            await d.ui.press("escape", "escape", "j")
        await d.ui.see("x[/]y")


# -- cost ----------------------------------------------------------------------------------------


async def test_painting_many_jobs_is_cheap() -> None:
    async with desk() as d:
        await d.other("poster", graph())
        await d.ui.see("✓ done")
        from dataclasses import replace

        job = d.ui.app.jobs.ended[0]
        many = tuple(replace(job, prompt_id=f"{number:08}-x") for number in range(200))
        screen = d.ui.app.screen
        assert not isinstance(screen, JobScreen)
        d.ui.app.set_reactive(type(d.ui.app).jobs, replace(d.ui.app.jobs, ended=many))
        took = []
        for _ in range(5):
            began = time.perf_counter()
            screen.paint()  # type: ignore[attr-defined]
            took.append(time.perf_counter() - began)
        assert len(screen.query_one(RowList).rows) == 201
        assert min(took) < 0.02  # some 3 ms on an idle machine
        assert screen.query_one("#sums", Static)
