"""Saving by itself: our jobs, each output once, whichever console sees it first."""

from __future__ import annotations

import asyncio
import base64
import os
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobState, OutputFile
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor import autosave
from comfy_tui.monitor.autosave import AutoSave
from comfy_tui.monitor.ledger import STALE_S, Ledger
from comfy_tui.monitor.saving import How
from comfy_tui.monitor.state import Job, Jobs, Notice
from comfy_tui.naming import NameTemplate
from support import until

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


class Desk:
    """A server with files, the jobs that made them, and what was said."""

    def __init__(self, server: DemoServer, client: ComfyClient, tmp_path: Path) -> None:
        self.client = client
        self.output = server.state.folders.root / "output"
        self.output.mkdir(parents=True, exist_ok=True)
        self.folder = tmp_path / "saved"
        self.said: list[Notice] = []
        self.clock_s = 1000.0
        self.ledger_folder = tmp_path / "ledger"

    def jobs(self, *names: str, ours: bool = True, kind: str = "output") -> Jobs:
        made = []
        for number, name in enumerate(names):
            if not (self.output / name).exists():
                (self.output / name).write_bytes(name.encode())
            job = Job(f"id-{name}", JobState.COMPLETED, number, "flow", ours, ended_at_s=float(number + 1))
            made.append(replace(job, outputs=(OutputFile(name, "", kind, "9"),)))
        return Jobs(ended=tuple(reversed(made)), read_at_s=1.0)

    def console(self, how: How = How()) -> AutoSave:
        ledger = Ledger(self.ledger_folder, clock=lambda: self.clock_s)
        return AutoSave(
            self.client, self.folder, how, self.said.append, ledger=ledger, clock=lambda: self.clock_s
        )

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with DemoServer() as server, ComfyClient(profile_from_url(server.url)) as client:
        yield Desk(server, client, tmp_path)


async def settled(*consoles: AutoSave) -> None:
    for one in consoles:
        if one._task is not None:
            await one._task


async def test_what_is_new_from_now_on_and_is_ours(desk: Desk) -> None:
    auto = desk.console()
    auto.take(desk.jobs("old.png"))
    await settled(auto)
    assert desk.names() == []
    auto.take(desk.jobs("old.png", "new.png", "other.png"))
    await settled(auto)
    assert desk.names() == ["new.png", "other.png"]
    auto.take(desk.jobs("theirs.png", ours=False))
    await settled(auto)
    auto.take(desk.jobs("temporary.png", kind="temp"))
    await settled(auto)
    assert desk.names() == ["new.png", "other.png"]
    assert [notice.title for notice in desk.said] == ["Saved by itself"]


async def test_a_console_that_is_opened_later_goes_on_where_the_last_one_ended(desk: Desk) -> None:
    first = desk.console()
    first.take(desk.jobs("old.png"))
    await settled(first)
    later = desk.console()
    later.take(desk.jobs("old.png", "night.png"))
    await settled(later)
    assert desk.names() == ["night.png"]
    again = desk.console()
    again.take(desk.jobs("old.png", "night.png"))
    await settled(again)
    (desk.folder / "night.png").unlink()  # taken away by its owner: it is not brought back
    again.take(desk.jobs("old.png", "night.png"))
    await settled(again)
    assert desk.names() == []


async def test_what_another_server_had_before_is_not_new(desk: Desk) -> None:
    first = desk.console()
    first.take(desk.jobs("old.png"))
    await settled(first)
    async with DemoServer() as other, ComfyClient(profile_from_url(other.url)) as client:
        desk.client = client
        second = desk.console()
        second.take(desk.jobs("of the other.png"))
        await settled(second)
    assert desk.names() == []
    assert not desk.said


async def test_two_consoles_save_nothing_twice(desk: Desk) -> None:
    names = [f"{number}.png" for number in range(12)]
    consoles = [desk.console(How(NameTemplate.parse("{workflow}_{n}.{ext}"))) for _ in range(3)]
    for one in consoles:
        one.take(desk.jobs())
        await settled(one)
    for one in consoles:
        one.take(desk.jobs(*names))
    await settled(*consoles)
    contents = sorted((desk.folder / name).read_bytes().decode() for name in desk.names())
    assert contents == sorted(names)
    assert not [name for name in os.listdir(desk.folder) if name.endswith(".part")]


async def test_a_claim_of_a_console_that_died_is_taken_over_by_one(desk: Desk) -> None:
    auto, other = desk.console(), desk.console()
    jobs = desk.jobs("x.png")
    auto.take(Jobs(read_at_s=1.0))
    await settled(auto)
    ledger = Ledger(desk.ledger_folder, clock=lambda: desk.clock_s)
    file = jobs.ended[0].outputs[0]
    key = ledger.key("id-x.png", file, desk.folder.resolve())
    assert ledger.claim(key)
    desk.clock_s = os.stat(desk.ledger_folder / key).st_mtime + 1
    auto.take(jobs)
    await settled(auto)
    assert desk.names() == []
    desk.clock_s += STALE_S + 1
    auto.take(jobs)
    other.take(jobs)
    await settled(auto, other)
    assert desk.names() == ["x.png"]


def test_of_many_who_claim_one_gets_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    (tmp_path / "stale").touch()
    os.utime(tmp_path / "stale", (1, 1))
    for key in ("new", "stale"):
        won: list[bool] = []
        barrier = threading.Barrier(8)

        def claim(key: str = key, won: list[bool] = won, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            won.append(ledger.claim(key))

        threads = [threading.Thread(target=claim) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won.count(True) == 1


async def test_trouble_is_told_once_and_tried_again(desk: Desk) -> None:
    auto = desk.console()
    auto.take(Jobs(read_at_s=1.0))
    await settled(auto)
    jobs = desk.jobs("x.png", "y.png")
    (desk.output / "x.png").unlink()
    auto.take(jobs)
    await settled(auto)
    assert desk.names() == ["y.png"]
    for _ in range(3):
        auto.take(jobs)
        await settled(auto)
        desk.clock_s += autosave.RETRY_S
    assert [notice.severity for notice in desk.said] == ["warning"]
    (desk.output / "x.png").write_bytes(b"back")
    auto.take(jobs)
    await settled(auto)
    assert desk.names() == ["x.png", "y.png"]


async def test_a_folder_that_cannot_be_is_told_once(desk: Desk) -> None:
    desk.folder.write_text("a file")
    auto = desk.console()
    for _ in range(2):
        auto.take(desk.jobs("x.png"))
        await settled(auto)
        desk.clock_s += autosave.RETRY_S + 1
    assert len(desk.said) == 1
    assert "Not saved" in desk.said[0].message


async def test_what_cannot_be_stripped_does_not_hold_up_the_others(desk: Desk) -> None:
    auto = desk.console(How(strip=True))
    auto.take(Jobs(read_at_s=1.0))
    await settled(auto)
    (desk.output / "b.png").write_bytes(PNG)
    auto.take(desk.jobs("a.mp4", "b.png"))
    await settled(auto)
    assert desk.names() == ["b.png"]
    assert "without metadata" in desk.said[0].title


async def test_leaving_in_the_middle_leaves_nothing_half(desk: Desk) -> None:
    auto = desk.console()
    auto.take(Jobs(read_at_s=1.0))
    await settled(auto)
    (desk.output / "x.png").write_bytes(bytes(20_000_000))
    auto.take(desk.jobs("x.png"))
    await until(lambda: any(desk.folder.glob(".comfy-tui-*.part")))
    await auto.close()
    assert [name for name in os.listdir(desk.folder) if name != "x.png"] == []
    again = desk.console()
    again.take(desk.jobs("x.png"))
    await settled(again)
    assert desk.names() == ["x.png"]
    await asyncio.sleep(0)
