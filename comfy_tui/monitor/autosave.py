"""Saves every new output of our jobs by itself, each once, whichever of our consoles sees it first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.errors import ComfyError, ExportError
from comfy_tui.monitor.ledger import STALE_S, Ledger
from comfy_tui.monitor.outputs import Output, name_values, outputs_of
from comfy_tui.monitor.saving import How, NotStripped, SaveProgress, Wanted, prepare_folder, save_file
from comfy_tui.monitor.state import Jobs, Notice
from comfy_tui.text import clean, count_of

#: After a failure it is tried again when so many seconds have passed.
RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Found:
    output: Output
    wanted: Wanted
    key: str


class AutoSave:
    """Follows the jobs of one server.

    Args:
        client: the server.
        folder: where to save.
        how: how the files are called, and whether they are stripped.
        say: is told what happened, once for several files.
        ledger: what was saved before.
        clock: the time in Unix seconds.
    """

    def __init__(
        self,
        client: ComfyClient,
        folder: Path,
        how: How,
        say: Callable[[Notice], None],
        *,
        ledger: Ledger | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._folder = folder
        self._how = how
        self._say = say
        self._ledger = ledger or Ledger()
        self._clock = clock
        self._jobs = Jobs()
        self._task: asyncio.Task[None] | None = None
        self._baseline: frozenset[str] | None = None
        self._done: set[str] = set()
        self._told = ""
        self._again_at_s = 0.0

    @property
    def folder(self) -> Path:
        """Where it saves."""
        return self._folder

    def take(self, jobs: Jobs) -> None:
        """The jobs have changed: save what is new, beside everything else."""
        self._jobs = jobs
        busy = self._task is not None and not self._task.done()
        if jobs.read_at_s is not None and not busy and self._clock() >= self._again_at_s:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; a file under way is not left half."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            saved = await self._save_new()
        except ComfyError as error:
            self._fail(error)
            return
        except OSError as error:
            words = f"{error.filename or self._folder}: {error.strerror}"
            self._fail(ExportError("Not saved", clean(words), "Look at comfy-tui doctor: its folders."))
            return
        self._told = ""
        if saved:
            what = str(saved[0]) if len(saved) == 1 else f"{count_of(len(saved), 'file')} in {self._folder}"
            self._say(Notice("Saved by itself", what))

    def _fail(self, error: ComfyError) -> None:
        """Told once; tried again quietly."""
        self._again_at_s = self._clock() + RETRY_S
        words = f"{error}. {error.hint}".strip()
        if words != self._told:
            self._told = words
            self._say(Notice("Automatic saving waits", f"{words} It is tried again every minute.", "warning"))

    async def _save_new(self) -> list[Path]:
        folder = await asyncio.to_thread(prepare_folder, self._folder)
        if self._baseline is None:
            ended = [job.prompt_id for job in self._jobs.ended]
            url = self._client.profile.url
            self._baseline = await asyncio.to_thread(self._ledger.baseline, folder, url, ended)
            await asyncio.to_thread(self._ledger.tidy)
        saved: list[Path] = []
        failures: list[ComfyError] = []
        tried: set[str] = set()
        while found := await asyncio.to_thread(self._next, folder, tried):
            tried.add(found.key)
            try:
                saved.append(await self._save(found, folder))
                self._done.add(found.key)
            except NotStripped as error:
                self._done.add(found.key)  # asking again will not help
                self._say(Notice(error.title, f"{error.message}. {error.hint}", "warning"))
            except ExportError:
                raise  # the next one would fail the same way
            except ComfyError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return saved

    def _next(self, folder: Path, tried: set[str]) -> _Found | None:
        """The next output that is ours to save, oldest first; it is claimed then."""
        server = self._client.profile.name
        for output in sorted(outputs_of(self._jobs.ended), key=lambda item: item.job.ended_at_s or 0.0):
            job, file = output.job, output.file
            if file is None or output.is_temporary or not job.ours or job.prompt_id in (self._baseline or ()):
                continue
            key = self._ledger.key(job.prompt_id, file, folder)
            if key in self._done or key in tried:
                continue
            if self._ledger.is_done(key):
                self._done.add(key)
            elif self._ledger.claim(key):
                return _Found(output, Wanted(file, name_values(output, server), job.prompt_id), key)
        return None

    async def _save(self, found: _Found, folder: Path) -> Path:
        last_s = self._clock()

        def told(progress: SaveProgress) -> None:
            nonlocal last_s
            if self._clock() - last_s > STALE_S / 4:
                last_s = self._clock()
                self._ledger.refresh(found.key)

        kept = False
        try:
            path = await save_file(self._client, found.wanted, folder, replace(self._how, told=told))
            await asyncio.to_thread(self._ledger.done, found.key, path)
            kept = True
        finally:
            if not kept:
                await asyncio.shield(asyncio.to_thread(self._ledger.release, found.key))
        return path
