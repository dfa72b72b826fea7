"""Opens the console: the terminal is asked what it can do while the libraries are imported."""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import MutableMapping
from dataclasses import replace

from comfy_tui.options import AppOptions
from comfy_tui.pictures.mode import ColourDepth
from comfy_tui.terminal.facts import TerminalFacts
from comfy_tui.terminal.probe import asking

#: What the console needs and what does not read, on import, how many colours there are: Textual does.
_MEANWHILE = (
    "asyncio",
    "inspect",
    "rich.console",
    "rich.text",
    "comfy_tui.monitor.state",
    "comfy_tui.themes",
)
_COLOUR_SYSTEMS = {
    ColourDepth.TRUE: "truecolor",
    ColourDepth.EIGHT_BIT: "256",
    ColourDepth.STANDARD: "standard",
    ColourDepth.NONE: "standard",
}


def open_console(options: AppOptions) -> int:
    """Ask the terminal, run the console, give the terminal back; returns the exit code."""
    # Nothing of what is imported is garbage; looking for some takes time before the first frame.
    gc.disable()
    try:
        return _open(options)
    finally:
        gc.enable()


def _open(options: AppOptions) -> int:
    with asking(os.environ) as probe:
        for name in _MEANWHILE:
            importlib.import_module(name)
        facts = probe.finish(ascii_only=options.ascii)
        tell_textual(facts, os.environ)
        from comfy_tui.app import run_app

        return run_app(replace(options, terminal=facts), before_start=probe.restore)


def tell_textual(facts: TerminalFacts, environ: MutableMapping[str, str]) -> None:
    """How many colours there are: Textual reads it from the environment when it is imported."""
    environ.setdefault("TEXTUAL_COLOR_SYSTEM", _COLOUR_SYSTEMS[facts.depth])
