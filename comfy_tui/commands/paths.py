"""``comfy-tui paths``: where everything is kept."""

from __future__ import annotations

import argparse
import os

from comfy_tui import paths
from comfy_tui.commands.common import Command, tell
from comfy_tui.config import config_path
from comfy_tui.errors import EXIT_OK
from comfy_tui.text import printable


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def _run(args: argparse.Namespace) -> int:
    rows = {**dict(paths.list_paths()), "config": config_path(args.config, os.environ)}
    for name, path in rows.items():
        tell(f"{name:<8} {printable(path, 4096)}{'' if path.exists() else '  (not there yet)'}")
    return EXIT_OK


COMMAND = Command("paths", "list where comfy-tui keeps things", _add_arguments, _run)
