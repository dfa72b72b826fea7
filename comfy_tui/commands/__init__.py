"""The subcommands, a module each; none is imported before it is asked for, nor the terminal library by any.

To add one: a module with a :class:`Command`, and its place in :data:`COMMANDS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from comfy_tui.commands.common import Command

__all__ = ["COMMANDS", "Command"]


class _Commands(Mapping[str, Command]):
    """Commands by their names, in the order of the help."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Command:
        module, constant = self._places[name].split(":")
        command: Command = getattr(importlib.import_module(f"comfy_tui.commands.{module}"), constant)
        return command

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


#: Name, module and constant.
COMMANDS: Mapping[str, Command] = _Commands(
    {
        "status": "status:COMMAND",
        "run": "run:COMMAND",
        "watch": "watch:COMMAND",
        "queue": "queue:QUEUE",
        "jobs": "queue:JOBS",
        "cancel": "cancel:COMMAND",
        "free": "free:COMMAND",
        "history": "history:COMMAND",
        "events": "events:COMMAND",
        "convert": "convert:COMMAND",
        "validate": "validate:COMMAND",
        "inventory": "inventory:COMMAND",
        "doctor": "doctor:COMMAND",
        "demo": "demo:COMMAND",
        "paths": "paths:COMMAND",
    }
)
