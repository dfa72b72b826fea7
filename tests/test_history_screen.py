"""Mode 6: the journal's jobs, found by words, opened, queued again once."""

from __future__ import annotations

import pytest

from comfy_tui import paths
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.submit import Submission
from comfy_tui.widgets.row_list import RowList
from queue_support import desk, graph, post_other, seeded
from support import console, until


async def test_what_the_server_has_forgotten_is_still_found() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        session = ui.app.session
        assert session is not None
        await session.submit(Submission(seeded(), "a red fox"))
        await post_other(server, "somebody's", graph())
        await until(lambda: len(ui.app.jobs.ended) == 2)
        await server.stop()
        await server.start()
        await until(lambda: ui.app.jobs.read_at_s and not ui.app.jobs.ended)
        await ui.press("6")
        screen = await ui.see("2 jobs", "a red fox", "somebody's", "✓ done")
        assert "ours" in screen
        await ui.press("slash")
        await ui.type("fox saveimage")
        await ui.press("enter")
        await ui.see("1 of 2 jobs")
        await ui.gone("somebody's")
        await ui.press("enter")
        await ui.see("Nodes (3)", "PrimitiveInt", "queued", "from here")
        await ui.press("escape", "u")
        await ui.see("a red fox, as before.")
        await until(lambda: [job.title for job in ui.app.jobs.ended] == ["a red fox"])
        await ui.press("U")
        await ui.see("with a new seed")
        await until(lambda: len(ui.app.jobs.ended) == 2)
        prompts = [
            taken.prompt["5"]["inputs"]["seed"] for taken in server.record.taken if "5" in taken.prompt
        ]
        assert prompts[:2] == [5, 5]
        assert prompts[2] != 5


async def test_words_that_nothing_holds() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        await ui.press("6")
        await ui.see("The journal is empty")
        await post_other(server, "one", graph())
        await ui.see("✓ done")
        await ui.press("slash")
        await ui.type("nonsense")
        await ui.see("No job holds 'nonsense'", "escape clears the filter")
        await ui.press("escape")
        await ui.see("✓ done")


async def test_a_lost_job_is_queued_once_from_here_too() -> None:
    async with desk() as d:
        await d.ours("precious")
        await d.ui.see("▶ running")
        await d.server.stop()
        await d.server.start()
        await d.ui.see("‡ lost")
        await d.ui.press("6")
        await d.ui.see("‡ lost", "precious")
        await d.ui.press("u")
        await d.ui.see("precious, as before.")
        await d.ui.see("▶ running")
        d.ui.app.screen.query_one("#known").select(
            next(key for key, job in d.ui.app.screen._jobs.items() if job.fate.value == "lost")
        )
        await d.ui.press("u")
        await d.ui.see("had been queued again already; not twice.")
        assert len(d.server_has()) == 1


async def test_a_job_of_another_server_asks() -> None:
    async with DemoServer() as first, DemoServer() as second:
        async with console(first.url) as ui:
            await ui.online()
            await post_other(first, "elsewhere", graph())
            await until(lambda: ui.app.jobs.ended)
            read = ui.app.jobs.read_at_s or 0
            await until(lambda: (ui.app.jobs.read_at_s or 0) > read)
        async with console(second.url) as ui:
            await ui.online()
            await ui.press("6")
            await ui.see("elsewhere")
            await ui.press("u")
            await ui.see("Queue 1 job again?", "1 job ran on another server")
            await ui.press("y")
            await ui.see("elsewhere, as before.")
            assert len(second.record.taken) == 1


async def test_the_workflow_of_a_job_can_be_opened() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        await post_other(server, "a red fox", graph())
        await until(lambda: ui.app.jobs.ended)
        await ui.press("6")
        await ui.see("a red fox")
        await ui.press("o")
        await ui.see("Workflow of that run")
        assert ui.app.current_mode == "workflows"


async def test_without_a_journal_the_history_is_of_this_run() -> None:
    paths.journal_file().mkdir(parents=True)
    async with DemoServer() as server, console(server.url) as ui:
        await ui.see("The journal cannot be used")
        await ui.online()
        await post_other(server, "one", graph())
        await ui.press("6")
        await ui.see("✓ done", "the journal cannot be written")


async def test_a_failure_is_as_complete_from_here_as_from_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with desk(size=(120, 60)) as d:
        monkeypatch.setattr(d.ui.app, "copy", lambda text, what: copied.append(text))
        secret = graph("DemoError", message="it broke")
        secret["3"]["_meta"] = {"title": "My breaker"}
        await d.ours("broken", secret)
        await d.ui.see("✗ failed")
        # The server has forgotten it: all that is told comes from the journal, and from its log.
        d.server.state.queue.clear_history()
        await d.ui.press("6", "enter")
        await d.ui.see(
            *("Why, and what to do", 'DemoError (3) "My breaker"', "Traceback", "Inputs of the node"),
            *("message", "Server log around it", "F Free+again", "Y Report"),
        )
        await d.ui.press("Y")
        await until(lambda: copied)
        assert copied[0].startswith("## ValueError: it broke")
        assert "### Inputs of the node" in copied[0]
        before = d.server.faults.count("/free")
        await d.ui.press("F")
        await d.ui.see("Freed and queued again", "broken, as before.")
        assert d.server.faults.count("/free") == before + 1
        await d.ui.press("o")
        outline = await until(lambda: next(iter(d.ui.app.screen.query("#outline").results(RowList)), None))
        await until(lambda: "3" in (outline.current_key or ""))


async def test_marked_jobs_are_queued_once_each_in_their_order_and_others_have_no_report() -> None:
    async with desk() as d:
        for name in ("first", "second"):
            await d.ours(name, seeded())
        await d.ui.press("6")
        await d.ui.see("first", "second", "✓ done")
        await d.ui.press("Y")
        await d.ui.see("No report")
        before = len(d.server.record.taken)
        await d.ui.press("space", "space", "u")
        await d.ui.see("first, as before.", "second, as before.")
        assert len(d.server.record.taken) == before + 2
