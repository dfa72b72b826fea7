"""All of it together, for the command and for the screen."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from comfy_tui.doctor.check import Section
from comfy_tui.doctor.machine import console_section, parts_section
from comfy_tui.doctor.server import server_section
from comfy_tui.doctor.terminal import clipboard_section, locale_section, terminal_section, tmux_section
from comfy_tui.options import AppOptions
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.terminal.facts import TerminalFacts


async def examine(
    options: AppOptions,
    facts: TerminalFacts,
    *,
    size: tuple[int, int] | None = None,
    shown: ImageMode | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Section, ...]:
    """Look at everything.

    Args:
        options: of this run.
        facts: what the terminal was asked.
        size: of the terminal, in columns and lines.
        shown: how pictures are shown now, where the console runs.
        environ: the environment; that of the process if left out.
    """
    environ = os.environ if environ is None else environ
    server = asyncio.create_task(server_section(options.server, options.server_source))
    # Disks and programs may be slow; keys wait for nothing.
    console, parts, clipboard = await asyncio.gather(
        asyncio.to_thread(console_section, options.config),
        asyncio.to_thread(parts_section),
        asyncio.to_thread(clipboard_section, environ),
    )
    tmux = tmux_section(facts)
    return (
        terminal_section(facts, size, shown),
        *([tmux] if tmux is not None else []),
        clipboard,
        locale_section(environ),
        await server,
        console,
        parts,
    )
