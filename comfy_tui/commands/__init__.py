"""The subcommands, a module each; none imports the terminal library until it runs the console.

To add one: a module with a :class:`Command`, and its place in :data:`COMMANDS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from comfy_tui.commands import (
    cancel,
    convert,
    demo,
    doctor,
    events,
    free,
    history,
    inventory,
    paths,
    queue,
    run,
    status,
    validate,
    watch,
)
from comfy_tui.commands.common import Command

__all__ = ["COMMANDS", "Command"]

COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        status.COMMAND,
        run.COMMAND,
        watch.COMMAND,
        queue.QUEUE,
        queue.JOBS,
        cancel.COMMAND,
        free.COMMAND,
        history.COMMAND,
        events.COMMAND,
        convert.COMMAND,
        validate.COMMAND,
        inventory.COMMAND,
        doctor.COMMAND,
        demo.COMMAND,
        paths.COMMAND,
    )
}
