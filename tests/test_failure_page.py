"""The page of a job that failed: cause, next step, evidence, and the keys that help."""

from __future__ import annotations

from typing import Any

import pytest

from comfy_tui.widgets.row_list import RowList
from queue_support import Desk, desk, graph
from support import until

BOTH = pytest.mark.parametrize("legacy", [False, True], ids=["new", "legacy"])


async def fail(d: Desk, name: str = "broken", **inputs: Any) -> None:
    await d.ours(name, graph("DemoError", **{"message": "it broke", **inputs}))
    await d.ui.see("✗ failed")


@BOTH
async def test_cause_steps_frames_and_log(legacy: bool) -> None:
    async with desk(size=(120, 60), legacy=legacy) as d:
        await fail(
            d, message="mat1 and mat2 shapes cannot be multiplied (77x768 and 1024x320)", kind="RuntimeError"
        )
        await d.ui.press("enter")
        screen = await d.ui.see(
            "at        DemoError (3)",
            "exception RuntimeError",
            "Why, and what to do",
            "Sizes do not fit",
            "→ Are model, text encoder",
            "o open the workflow at the node",
            "failure.py",
            "Inputs of the node",
            "Server log around it",
            "!!! Exception during processing !!! mat1 and mat2",
        )
        assert screen.index("Why, and what to do") < screen.index("Traceback") < screen.index("Server log")


async def test_out_of_memory_frees_and_retries() -> None:
    async with desk(size=(120, 50)) as d:
        await d.ours("too large", graph("DemoOutOfMemory", gigabytes=40.0))
        await d.ui.see("✗ failed")
        await d.ui.press("enter")
        await d.ui.see("Out of GPU memory", "F free memory and retry")
        await d.ui.press("F")
        await d.ui.see("Freed and queued again", "too large, as before.")
        assert d.server.faults.count("/free") == 1
        await d.ui.press("escape")
        await d.ui.see("Done (2)")


async def test_memory_then() -> None:
    async with desk(size=(120, 60)) as d:
        prompt = graph("DemoSleep", seconds=1.0, steps=10)
        prompt["4"] = {"class_type": "DemoError", "inputs": {"image": ["3", 0], "message": "late"}}
        prompt["2"]["inputs"]["images"] = ["4", 0]
        await d.ours("late failure", prompt)
        await d.ui.see("✗ failed")
        await d.ui.press("enter")
        await d.ui.see("Memory then", "of 24.0 GB in use", "before the end was seen")


async def test_secrets_are_masked() -> None:
    async with desk(size=(120, 60)) as d:
        await fail(d, message="401 for https://x/?token=verysecret123456")
        await d.ui.press("enter")
        screen = await d.ui.see("token=***", "Server log around it")
        assert "verysecret" not in screen


async def test_the_report_is_copied_from_list_and_page(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with desk() as d:
        monkeypatch.setattr(d.ui.app, "copy", lambda text, what: copied.append(text))
        await d.ui.press("Y")
        await d.ui.see("No report")
        await fail(d)
        await d.ui.press("Y")
        await until(lambda: copied)
        assert copied[0].startswith("## ValueError: it broke")
        assert "- ComfyUI: 0.26.0" in copied[0]
        await d.ui.press("enter")
        await d.ui.see("Why, and what to do")
        await d.ui.press("Y")
        await until(lambda: len(copied) == 2)
        assert copied[0] == copied[1]


async def test_open_the_workflow_at_the_node() -> None:
    async with desk() as d:
        await fail(d)
        await d.ui.press("enter")
        await d.ui.see("Why, and what to do")
        await d.ui.press("o")
        await d.ui.see("broken", "DemoError")
        rows = d.ui.app.screen.query_one("#outline", RowList)
        await until(lambda: "3" in rows.current_key)


async def test_a_log_that_cannot_be_read() -> None:
    async with desk(size=(120, 60)) as d:
        await fail(d)
        d.server.faults.set("/internal/logs/raw", status=500)
        await d.ui.press("enter")
        await d.ui.see("Why, and what to do", "Server log around it", "the log cannot be read")


async def test_an_interrupted_job_is_no_fault() -> None:
    async with desk() as d:
        await d.ours("long one")
        await d.ui.see("/600")
        d.server.state.queue.interrupt()
        await d.ui.see("⊘ cancelled")
        await d.ui.press("enter")
        await d.ui.see("Somebody asked the server to stop this job")


async def test_the_footer_shows_what_helps_a_failed_job_only() -> None:
    async with desk(size=(80, 24)) as d:
        await fail(d)
        await d.ui.press("enter")
        await d.ui.see("F Free & again", "o Workflow", "Y Report", "u Again", "? Help")
        await d.ui.press("escape")
        await d.ours("fine")
        await d.ui.see("▶ running")
        await d.ui.press("g", "enter")
        screen = await d.ui.see("running · ours", "o Workflow")
        assert "Y Report" not in screen
        await d.ui.press("Y")
        assert "No report" not in d.ui.text()


async def test_memory_of_a_job_that_an_earlier_console_saw() -> None:
    async with desk(size=(120, 50)) as d:
        await fail(d)
        app = d.ui.app
        assert app._attendant is not None
        app._attendant._ends.clear()
        session = app.session
        assert session is not None
        [job] = app.jobs.ended
        session.shelf.memory(job.prompt_id, before_bytes=1024**3, peak_bytes=5 * 1024**3, after_bytes=0)
        await d.ui.press("enter")
        await d.ui.see("Memory then", "VRAM at most 5.0 GB at the polls while it ran")
