"""What can be shown of outputs: kept in memory and on the disk, fetched where it is in neither."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.errors import Refused, TimedOut, Unreachable
from comfy_tui.monitor.kept import Kept
from comfy_tui.monitor.line_speed import LineSpeed, Traffic
from comfy_tui.monitor.outputs import Output, wrote
from comfy_tui.monitor.preview_cache import PreviewCache
from comfy_tui.monitor.preview_content import Level, Preview, Reader
from comfy_tui.monitor.preview_record import from_record, to_record
from comfy_tui.pictures.decode import KEEP_PX, THUMB_PX, shrunk

__all__ = ["BUDGET_BYTES", "Level", "Preview", "Previews"]

#: All decoded pictures together, whatever their number; what is being read comes on top, two at once.
BUDGET_BYTES = 48 * 1024 * 1024
#: So many previews wait for the disk at most; others are fetched again when they are forgotten.
_WRITING = 6
#: Whoever has a copy here does not wait longer than this for a server's word on it.
_ASK_S = 3.0
#: Facts about files outlive their pictures.
_FACTS = 20_000


class Previews:
    """Fetches previews and keeps the last ones, across servers.

    A file's name may be used again by a later job: what is kept is known by the job's end as well.

    Args:
        cache: the disk; None keeps everything in memory only.
        budget_bytes: what all pictures in memory take at most.
    """

    def __init__(self, cache: PreviewCache | None = None, budget_bytes: int = BUDGET_BYTES) -> None:
        self.cache = cache
        self.traffic = Traffic()
        self.speeds: dict[str, LineSpeed] = {}
        self._readers: dict[str, Reader] = {}
        self._kept: Kept[Preview] = Kept(budget_bytes)
        self._facts: dict[tuple[object, ...], Preview] = {}
        self._running: dict[tuple[object, ...], _Transfer] = {}
        #: What is an older copy, for want of an answer.
        self._doubtful: set[tuple[object, ...]] = set()
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def memory_bytes(self) -> int:
        """What the pictures in memory take."""
        return self._kept.used_bytes

    def speed(self, server_url: str) -> LineSpeed:
        """What was measured on the line to a server."""
        return self.speeds.setdefault(server_url, LineSpeed())

    def known(self, server_url: str, output: Output, level: Level = Level.PREVIEW) -> Preview | None:
        """The preview, if it can be had without asking the server or the disk."""
        if output.text is not None:
            return Preview(text=output.text.text, size_bytes=len(output.text.text.encode("utf-8", "replace")))
        return self._kept.get((*_key(server_url, output), level))

    def facts(self, server_url: str, output: Output) -> Preview | None:
        """What was once read of a file, without its pictures."""
        return self._facts.get(_key(server_url, output)) if output.file is not None else None

    async def load(self, client: ComfyClient, output: Output, level: Level = Level.PREVIEW) -> Preview:
        """The preview, fetched where it is not kept.  Two that want the same share one transfer.

        Raises:
            ApiError: the server did not give it, or it is no picture that can be drawn.
        """
        server_url = client.profile.url
        known = self.known(server_url, output, level)
        if known is not None or output.file is None:
            return known or Preview()
        key = (*_key(server_url, output), level)
        transfer = self._running.get(key)
        if transfer is None or transfer.task.done() or transfer.task.cancelling():
            transfer = _Transfer(asyncio.create_task(self._load(client, output, level)))
            self._running[key] = transfer
        transfer.waiting += 1
        try:
            return await asyncio.shield(transfer.task)
        finally:
            transfer.waiting -= 1
            if not transfer.waiting:
                # Done, or passed: nobody waits for it any more.
                transfer.task.cancel()
                if self._running.get(key) is transfer:
                    del self._running[key]

    async def _load(self, client: ComfyClient, output: Output, level: Level) -> Preview:
        server_url = client.profile.url
        found = await self._from_disk(client, output, level)
        if found is not None:
            self.traffic.spared_files += 1
            return self._keep(server_url, output, level, found)
        reader = self._readers.setdefault(server_url, Reader(self.speed(server_url), self.traffic))
        found = await reader.read(client, output, level)
        if level in (Level.THUMB, Level.PREVIEW):
            self._to_disk(server_url, output, found)
        return self._keep(server_url, output, level, await _fitting(found, level))

    def _keep(self, server_url: str, output: Output, level: Level, found: Preview) -> Preview:
        key = _key(server_url, output)
        self._kept.put((*key, level), found, found.memory_bytes)
        if found.kept_why:
            self._doubtful.add((*key, level))
        if found.small_bytes is None or key not in self._facts:
            self._facts[key] = replace(found, decoded=None, animation=None, text=None)
            while len(self._facts) > _FACTS:
                del self._facts[next(iter(self._facts))]
        return found

    # -- the disk ------------------------------------------------------------------------------

    async def _from_disk(self, client: ComfyClient, output: Output, level: Level) -> Preview | None:
        server_url = client.profile.url
        if self.cache is None or level not in (Level.THUMB, Level.PREVIEW):
            return None
        if level is Level.THUMB:
            larger = self.known(server_url, output)
            if larger is not None:
                return await _fitting(larger, level)
        found = await asyncio.to_thread(_read, self.cache, _key(server_url, output), level)
        return await _if_current(client, output, found) if found is not None else None

    def _to_disk(self, server_url: str, output: Output, found: Preview) -> None:
        """Beside what is shown: nobody waits for the disk."""
        if self.cache is not None and found.text is None and len(self._writing) < _WRITING:
            writing = asyncio.create_task(
                asyncio.to_thread(_write, self.cache, _key(server_url, output), found)
            )
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)

    def doubt_again(self) -> None:
        """Ask once more whether the older copies that were shown are still the files."""
        for key in self._doubtful:
            self._kept.drop(key)
        self._doubtful.clear()


@dataclass(slots=True)
class _Transfer:
    """A file on its way, and how many wait for it."""

    task: asyncio.Task[Preview]
    waiting: int = 0


def _key(server_url: str, output: Output) -> tuple[object, ...]:
    file = output.file
    assert file is not None
    return (server_url, file.type, file.subfolder, file.filename, output.job.prompt_id, output.job.ended_at_s)


async def _if_current(client: ComfyClient, output: Output, found: Preview) -> Preview | None:
    """What the disk had, if it is of the file that the output's job wrote; None where it has to be fetched.

    The name may have been used again since.  The server is asked only where the file's date does not show
    that this job wrote it; where it has no answer, the copy is all that there is, and says so.
    """
    if output.file is None or wrote(output.job, found.version):
        return found
    try:
        async with asyncio.timeout(_ASK_S):
            if found.version.is_told and await client.view_head(output.file, found.version) is None:
                return found
        return None
    except (TimeoutError, TimedOut, Unreachable):
        return replace(found, kept_why="kept here; the server does not answer")
    except Refused as error:
        if error.status != 404:
            raise
        return replace(found, kept_why="kept here; the server has no such file any more")


async def _fitting(found: Preview, level: Level) -> Preview:
    """Not more pixels than the level needs: a frame of a video is taken as it is."""
    side = {Level.THUMB: THUMB_PX, Level.PREVIEW: KEEP_PX}.get(level)
    if side is None or found.decoded is None or max(found.decoded.image.size) <= side:
        return found
    return replace(found, decoded=await asyncio.to_thread(shrunk, found.decoded, side))


def _read(cache: PreviewCache, key: tuple[object, ...], level: Level) -> Preview | None:
    """Blocks."""
    found = cache.read(key, THUMB_PX if level is Level.THUMB else KEEP_PX)
    return from_record(*found) if found is not None else None


def _write(cache: PreviewCache, key: tuple[object, ...], found: Preview) -> None:
    """Blocks."""
    cache.write(key, to_record(found), found.decoded.image if found.decoded is not None else None)
