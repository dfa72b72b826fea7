"""Cancelling tells the truth: what does not stop is said, and so are the ways out."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.troubleshoot.diagnose import cause_of
from comfy_tui.options import Pace
from comfy_tui.screens import way_out
from queue_support import Desk, graph, post_other, slow
from support import console, until

#: As soon as a test can see it.
QUICK = Pace(cancel_s=0.2, standstill_s=3600.0)


@asynccontextmanager
async def at_queue(
    size: tuple[int, int] = (120, 40), *, command: str = "", pace: Pace = QUICK, **server: Any
) -> AsyncIterator[Desk]:
    options: dict[str, Any] = {"speed": 1.0, "previews": False, **server}
    async with DemoServer(**options) as demo:
        profile = replace(profile_from_url(demo.url), restart_command=command)
        async with console(demo.url, size=size, server=profile, pace=pace) as ui:
            await ui.online()
            await ui.press("3")
            yield Desk(demo, ui)


def stubborn() -> dict[str, Any]:
    """A node that never looks whether it is to stop."""
    prompt = graph("DemoHang", ignore_interrupt=True)
    prompt["3"]["_meta"] = {"title": "Stubborn"}
    return prompt


@pytest.mark.parametrize("legacy", [False, True], ids=["0.26.0", "0.3.64"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_node_that_does_not_stop_is_named(size: tuple[int, int], legacy: bool) -> None:
    async with at_queue(size, legacy=legacy) as desk:
        await desk.ours("mine", stubborn())
        await desk.ui.see("Stubborn")
        await desk.ui.press("x", "y")
        await desk.ui.see("▶ stopping", "Stubborn has not reached", "ctrl+r")
        await desk.ui.press("enter")
        await desk.ui.see("Stubborn has not reached")


async def test_one_that_stops_is_not_complained_of() -> None:
    async with at_queue(pace=Pace(cancel_s=5.0)) as desk:
        await desk.ours("mine", slow())
        await desk.ui.see("DemoSleep")
        await desk.ui.press("x", "y")
        await desk.ui.see("⊘ cancelled")
        assert "not reached" not in desk.ui.text()
        assert desk.ui.app.standstill.prompt_id == ""


async def test_x_again_offers_the_ways_out_and_waiting_does_nothing() -> None:
    async with at_queue() as desk:
        await desk.ours("mine", stubborn())
        await desk.ui.see("Stubborn")
        await desk.ui.press("x", "y")
        await desk.ui.see("has not reached")
        await desk.ui.press("x")
        await desk.ui.see("Keep waiting", "no restart_command")
        desk.server.faults.forget()
        await desk.ui.press("w")
        await desk.ui.gone("Keep waiting")
        assert {method for method, _ in desk.server.requests} <= {"GET"}
        await desk.ui.press("x")
        await desk.ui.see("Ask the server again")
        await desk.ui.press("a")
        await desk.ui.see("Asked again")


async def test_the_managers_restart_is_a_way_out_after_a_question_that_says_what_it_hits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(way_out, "STEP_S", 0.05)
    async with at_queue(manager="v4", speed=20.0) as desk:
        await desk.ours("mine", stubborn())
        await post_other(desk.server, "theirs")
        await desk.ui.see("Stubborn", "theirs")
        await desk.ui.press("ctrl+r")
        await desk.ui.see("by its Manager")
        await desk.ui.press("m")
        await desk.ui.see("1 job that runs, 1 waiting; 1 of them not yours", "No (n)")
        await desk.ui.press("n")
        assert desk.server.faults.count("/v2/manager/reboot") == 0
        await desk.ui.press("ctrl+r")
        await desk.ui.see("by its Manager")
        await desk.ui.press("m")
        await desk.ui.see("Restart (y)")
        await desk.ui.press("y")
        await desk.ui.see("is back")


async def test_the_own_command_is_shown_in_full_run_after_a_yes_and_its_words_are_shown(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "a mark; $(no shell)"
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch(); print('restarted \\x1b[31mred')"
    command = shlex.join([sys.executable, "-c", script, str(mark)])
    async with at_queue(command=command) as desk:
        await desk.ours("mine", stubborn())
        await desk.ui.see("Stubborn")
        await desk.ui.press("ctrl+r")
        await desk.ui.see("by the command of your config")
        await desk.ui.press("c")
        await desk.ui.see("without a shell", "1 job that runs")
        await desk.ui.press("enter")
        await desk.ui.gone("without a shell")
        assert not mark.exists()
        await desk.ui.press("ctrl+r")
        await desk.ui.see("by the command of your config")
        await desk.ui.press("c")
        await desk.ui.see("without a shell")
        await desk.ui.press("y")
        screen = await desk.ui.see("It ended well", "restarted")
        assert "\x1b" not in screen
        assert mark.exists()
        await desk.ui.press("escape")
        await desk.ui.gone("It ended well")


async def test_another_persons_job_is_named_as_not_yours() -> None:
    async with at_queue() as desk:
        await post_other(desk.server, "theirs", stubborn())
        await desk.ui.see("theirs")
        await desk.ui.press("ctrl+r")
        await desk.ui.see("theirs (not yours)")


async def test_a_dead_worker_is_told_by_evidence_and_left_alone() -> None:
    async with at_queue(pace=Pace(standstill_s=0.5)) as desk:
        desk.server.dead_worker()
        await desk.ours("mine")
        await desk.ours("next")
        await desk.ui.see(
            "no step for", "log silent since", "GPU memory unchanged", "1 waiting job not moved"
        )
        await desk.ui.see("nobody can tell from here", "ctrl+r")
        stuck = cause_of("stuck")
        await desk.ui.press("ctrl+r")
        await desk.ui.see(*(step[:30] for step in stuck.steps))
        await desk.ui.press("escape", "enter")
        await desk.ui.see("Why, and what to do", stuck.title)
        assert {path for method, path in desk.server.requests if method == "POST"} == {"/prompt"}


async def test_a_command_without_end_is_ended_with_its_children(tmp_path: Path) -> None:
    from comfy_tui.monitor.own_restart import run_restart

    note = tmp_path / "pid"
    run = await run_restart(f"sh -c 'sleep 1000 & echo $! > {note}; echo begun; wait'", limit_s=0.5)
    assert (run.code, run.output) == (None, "begun")
    child = int(note.read_text())

    def ended() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"

    await until(ended)


async def test_a_server_left_behind_by_the_command_is_neither_waited_for_nor_ended(tmp_path: Path) -> None:
    from comfy_tui.monitor.own_restart import run_restart

    note = tmp_path / "pid"
    run = await run_restart(f"sh -c 'sleep 30 & echo $! > {note}; echo started'", limit_s=20)
    assert (run.code, run.output) == (0, "started")
    child = int(note.read_text())
    os.kill(child, 0)
    os.kill(child, 9)


async def test_endless_words_of_a_command_are_bounded() -> None:
    from comfy_tui.monitor.own_restart import run_restart

    run = await run_restart("sh -c 'yes word | head -c 3000000; echo the end; exit 3'", limit_s=20)
    assert run.code == 3
    assert len(run.output) <= 64 * 1024
    assert run.output.endswith("the end")


async def test_a_command_that_cannot_be_run_is_said() -> None:
    from comfy_tui.errors import ComfyError
    from comfy_tui.monitor.own_restart import run_restart

    with pytest.raises(ComfyError, match="No such file"):
        await asyncio.wait_for(run_restart("/nowhere/at-all now"), 5)
