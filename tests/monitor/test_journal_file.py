"""The journal's file: private, shared, and never a reason to stop: locked, full, damaged ..."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.journal import Journal, JournalEvent
from comfy_tui.monitor.journal import file as journal_files
from comfy_tui.monitor.journal.row import Asked, Fate
from comfy_tui.monitor.journal.shelf import Shelf


class Told:
    """A journal and what it told."""

    def __init__(self, file: Path | None, **options: Any) -> None:
        self.problems: list[ComfyError] = []
        self.returns = 0
        self.now_s = 1_000_000.0
        self.journal = Journal(
            file,
            on_problem=self.problems.append,
            on_return=self._returned,
            clock=lambda: self.now_s,
            **options,
        )

    def _returned(self) -> None:
        self.returns += 1

    def shelf(self) -> Shelf:
        """A server's part of it."""
        return Shelf(self.journal, "http://box", "box", clock=lambda: self.now_s)

    async def works(self, title: str = "it works") -> None:
        """What is written is read again."""
        self.journal.add_event(JournalEvent("test", title))
        events = await self.journal.events()
        await asyncio.sleep(0)
        assert [event.title for event in events][-1] == title

    def told(self) -> list[str]:
        return [problem.title for problem in self.problems]


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    found = Told(tmp_path / "state" / "journal.sqlite3")
    yield found
    await found.journal.close()


async def test_it_is_for_this_person_alone(told: Told) -> None:
    await told.works()
    folder = told.journal.file.parent
    for path in (folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert told.journal.durable
    assert told.told() == []


async def test_a_file_that_others_could_read_becomes_private(told: Told) -> None:
    await told.works()
    await told.journal.close()
    file = told.journal.file
    file.chmod(0o644)
    again = Told(file)
    await again.works()
    await again.journal.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_two_consoles_write_to_one_file(told: Told) -> None:
    other = Told(told.journal.file)
    for number in range(20):
        await told.works(f"one {number}")
        await other.works(f"two {number}")
    assert len(await told.journal.events()) == 40
    await other.journal.close()
    assert told.told() == other.told() == []


@pytest.mark.parametrize("damage", [b"this is no database at all, but text" * 100, None])
async def test_a_damaged_file_is_set_aside_and_never_deleted(told: Told, damage: bytes | None) -> None:
    file = told.journal.file
    if damage is None:
        for number in range(300):
            told.journal.add_event(JournalEvent("test", f"{number}", "x" * 500))
        await told.works()
        await told.journal.close()
        content = bytearray(file.read_bytes())
        content[100:] = b"\xa5" * (len(content) - 100)
        damage = bytes(content)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(damage)
    again = Told(file)
    await again.works()
    await again.works()
    assert again.told() == ["The journal was damaged"]
    aside = [path for path in file.parent.iterdir() if ".damaged-" in path.name and path.suffix != ""]
    assert damage in [path.read_bytes() for path in aside]
    assert again.journal.durable
    await again.journal.close()


async def test_damage_during_a_run_is_found_and_set_aside(told: Told) -> None:
    await told.works()
    file = told.journal.file

    def spoil(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT * FROM event").fetchall()
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        if not spoiled:
            spoiled.append(1)
            file.write_bytes(b"\xa5" * 8192)
            Path(f"{file}-wal").write_bytes(b"")
            raise error

    spoiled: list[int] = []
    await told.journal.call(spoil)
    await told.works()
    assert told.told() == ["The journal was damaged"]


async def test_a_locked_file_is_told_once_and_the_console_goes_on(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_files, "BUSY_S", 0.1)
    await told.works()
    holder = sqlite3.connect(told.journal.file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    other = Told(told.journal.file)
    await other.works()
    await other.works()
    assert other.told() == ["The journal cannot be used"]
    assert "locked" in other.problems[0].message
    assert not other.journal.durable
    holder.execute("ROLLBACK")
    await other.journal.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_read_only_folder_is_told_once(told: Told) -> None:
    folder = told.journal.file.parent
    folder.mkdir()
    folder.chmod(0o500)
    await told.works()
    assert told.told() == ["The journal cannot be used"]


async def test_a_file_that_cannot_be_written_is_told_once(told: Told) -> None:
    """By SQLite itself, so that it holds for root, too."""
    await told.works()
    await told.journal.close()
    again = Told(told.journal.file)

    def no_more(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA query_only = 1")

    await again.journal.call(no_more)
    await again.works("goes on")
    await again.works("and on")
    assert again.told() == ["The journal cannot be used"]
    await again.journal.close()


async def test_a_full_disk_is_told_once_and_nothing_open_is_forgotten(told: Told) -> None:
    await told.works()

    def no_room(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await told.journal.call(no_room)
    for _ in range(40):
        told.journal.add_event(JournalEvent("test", "much", "x" * 4000))
    await told.works()
    assert told.told() == ["The journal cannot be used"]
    assert "full" in told.problems[0].message


async def test_a_newer_file_is_left_alone(told: Told) -> None:
    await told.works()
    await told.journal.close()
    with sqlite3.connect(told.journal.file) as direct:
        direct.execute("PRAGMA user_version = 999")
    before = told.journal.file.read_bytes()
    again = Told(told.journal.file)
    await again.works()
    assert again.told() == ["The journal is of a newer comfy-tui"]
    await again.journal.close()
    assert told.journal.file.read_bytes() == before


ASKED = Asked("id-1", "a job", {"1": {"class_type": "A", "inputs": {}}}, {})


@contextmanager
def held(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Another program writes, and does not come to an end."""
    monkeypatch.setattr(journal_files, "BUSY_S", 0.05)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        yield holder
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def content(file: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """The events, and the jobs with their fates."""
    with sqlite3.connect(file) as direct:
        events = [row[0] for row in direct.execute("SELECT title FROM event ORDER BY id")]
        return events, list(direct.execute("SELECT prompt_id, fate FROM job ORDER BY id"))


@pytest.mark.parametrize("early", [True, False])
async def test_a_file_that_can_be_used_again_gets_what_happened_meanwhile_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """The file is locked from the start, or in the middle of a run."""
    file = tmp_path / "journal.sqlite3"
    first = Told(file)
    await first.works("before")
    await first.shelf().put(ASKED, Fate.PENDING)
    await first.journal.close()
    monkeypatch.setattr(journal_files, "BUSY_S", 0.05)
    told = Told(file)
    if not early:
        await told.works("begun")
    with held(file, monkeypatch):
        for _ in range(3):
            await told.works("meanwhile")
            told.now_s += 1_000
        await told.shelf().put(Asked("id-2", "new", ASKED.prompt, {}), Fate.PENDING)
        await told.shelf().settle(["id-1"], Fate.COMPLETED)
        assert told.told() == ["The journal cannot be used"]
        assert (told.journal.durable, told.returns) == (False, 0)
    told.now_s += 1_000
    await told.works("again")
    assert (told.journal.durable, told.returns, len(told.problems)) == (True, 1, 1)
    await told.journal.close()
    events, jobs = content(file)
    assert events == ["before", *([] if early else ["begun"]), *["meanwhile"] * 3, "again"]
    # What was never read from the file was not settled: only what is known to have been there is.
    assert jobs == [("id-1", "pending" if early else "completed"), ("id-2", "pending")]


async def test_what_is_in_memory_at_the_end_is_written_if_that_is_possible_by_then(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_files, "BUSY_S", 0.05)
    await told.works("begun")
    with held(told.journal.file, monkeypatch):
        await told.works("meanwhile")
    await told.journal.close()
    assert content(told.journal.file)[0] == ["begun", "meanwhile"]


async def test_a_job_that_is_in_the_file_is_not_queued_from_memory(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another console can, and does; when the file is back, that stays."""
    monkeypatch.setattr(journal_files, "BUSY_S", 0.05)
    shelf = told.shelf()
    await shelf.put(ASKED, Fate.LOST)
    with held(told.journal.file, monkeypatch):
        await told.works("meanwhile")
        for claim in (shelf.claim_again("id-1", "id-2"), shelf.claim("id-1", (Fate.LOST,))):
            with pytest.raises(ComfyError, match="another console could queue it as well"):
                await claim
        await shelf.put(Asked("id-3", "new", ASKED.prompt, {}), Fate.LOST)
        assert await shelf.claim_again("id-3", "id-4") is not None
    other = Told(told.journal.file)
    other.now_s += 5
    assert await other.shelf().claim_again("id-1", "id-5") is not None
    await other.journal.close()
    assert await shelf.claim_again("id-1", "id-6") is None
    assert told.journal.durable


async def test_a_disk_that_is_full_by_turns_is_told_once(told: Told) -> None:
    def no_room(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    for turn in range(3):
        await told.works(f"turn {turn}")
        await told.journal.call(no_room)
        for _ in range(40):
            told.journal.add_event(JournalEvent("test", "much", "x" * 4000))
        await told.works(f"full {turn}")
        told.now_s += 300
    await told.works("and again")
    assert told.told() == ["The journal cannot be used"]
    assert told.returns == 1
    titles = [event.title for event in await told.journal.events()]
    assert (len(titles), len(set(titles))) == (3 * 42 + 1, 8)


def test_nothing_is_imported_before_the_first_call() -> None:
    code = (
        "import sys; from comfy_tui.monitor.journal import Journal; Journal(None);"
        "sys.exit('sqlite3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
