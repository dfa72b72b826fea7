"""Drives the real console in tests: keys in, screen out, conditions instead of sleeps."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual import events
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot

from comfy_tui.app import ComfyApp
from comfy_tui.config import Config, ServerProfile, profile_from_url
from comfy_tui.options import AppOptions
from comfy_tui.project import find_project

PATIENCE_S = 20.0


async def until(condition: Callable[[], Any], what: str = "", patience_s: float = PATIENCE_S) -> Any:
    """Wait until the condition gives something true, and return that."""
    end = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience_s:g} s in vain for {what or condition}")
        await asyncio.sleep(0.01)


class Console:
    """A running console, with the means of a person: press keys, read the screen."""

    def __init__(self, app: ComfyApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, each when the one before has done what it does at once.

        The pilot's own press waits until the processor is idle, twice for each, which takes long beside a
        server, and longer than a person does.  What opens later, such as a dialog after an answer of the
        server, is to be waited for.
        """
        for key in keys:
            await self._press(key)
        await self.pilot._wait_for_screen()

    async def _press(self, key: str) -> None:
        arrived = asyncio.Event()
        self.app.post_message(_key_event(key))
        self.app.call_later(arrived.set)
        await until(
            lambda: not self.app.is_running or (arrived.is_set() and self.app.keys.idle), f"{key} to be done"
        )

    async def type(self, text: str) -> None:
        await self.press(*(_key(ch) for ch in text))

    def text(self) -> str:
        """What the screen shows, line by line, without colours; toasts included."""
        return "\n".join(
            "".join(segment.text for segment in strip).rstrip()
            for strip in self.app.screen._compositor.render_strips()
        )

    async def see(self, *words: str, patience_s: float = PATIENCE_S) -> str:
        """Wait until all the words are on the screen; returns the screen."""

        def there() -> str:
            screen = self.text()
            return screen if all(word in screen for word in words) else ""

        try:
            found: str = await until(there, patience_s=patience_s)
        except AssertionError:
            raise AssertionError(f"{words} did not appear on:\n{self.text()}") from None
        return found

    async def gone(self, *words: str) -> None:
        """Wait until none of the words is on the screen."""
        try:
            await until(lambda: not any(word in self.text() for word in words))
        except AssertionError:
            raise AssertionError(f"{words} are still on:\n{self.text()}") from None

    async def online(self) -> None:
        """Wait for the first answers of the server."""
        await until(
            lambda: self.app.jobs.read_at_s is not None and self.app.health.stats is not None, "answers"
        )


def _key_event(key: str) -> events.Key:
    """The event of a key's name, as a terminal's driver makes it."""
    if len(key) == 1 and not key.isalnum():
        key = _character_to_key(key)
    character: str | None
    try:
        character = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
    except KeyError:
        character = key if len(key) == 1 else None
    return events.Key(key, character)


def _key(character: str) -> str:
    names = {" ": "space", ".": "full_stop", "/": "slash", "-": "minus", "_": "underscore", ",": "comma"}
    return names.get(character, character)


def options_for(
    url: str, *, config: Config | None = None, project: Path | None = None, **changes: Any
) -> AppOptions:
    """The options of a console on that server, polling often."""
    profile = changes.pop("server", None) or profile_from_url(url)
    assert isinstance(profile, ServerProfile)
    values: dict[str, Any] = {
        "config": config or Config(),
        "server": profile,
        "server_source": "the argument",
        "project": find_project(project, project) if project else None,
        "readonly": False,
        "interval_s": 0.2,
        "theme": "dark",
        "ascii": False,
    }
    return AppOptions(**{**values, **changes})


@asynccontextmanager
async def console(url: str, *, size: tuple[int, int] = (120, 40), **options: Any) -> AsyncIterator[Console]:
    """A console on the server at ``url``; it is ended in any case."""
    app = ComfyApp(options_for(url, **options))
    async with app.run_test(size=size, notifications=True) as pilot:
        yield Console(app, pilot)


async def answers_lost(server: Any) -> tuple[asyncio.Server, int]:
    """A proxy that passes requests on and loses the answers to POST /prompt."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", server.port)
            length = next(
                (
                    int(line[15:])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ),
                0,
            )
            up_writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            up_writer.write(await reader.readexactly(length))
            answer = await up_reader.read(-1)
            if not head.startswith(b"POST /prompt"):
                writer.write(answer)
                await writer.drain()
            up_writer.close()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    return listener, listener.sockets[0].getsockname()[1]
