"""What the commands share: options, the merging of flags with the config, and how errors are told."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from comfy_tui import paths
from comfy_tui.config import load_config, mask_url, resolve_server
from comfy_tui.errors import EXIT_USAGE, ComfyError, ExportError
from comfy_tui.keymap import user_keymap
from comfy_tui.options import AppOptions
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.project import find_project
from comfy_tui.text import clean

PASSWORD_NOTE = (
    "A password in a URL can be seen by everybody on the machine (ps); keep it in the config or in an\n"
    "environment variable instead."
)


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: its name, its options, and what it does."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    #: Returns the exit code; a ComfyError is told by the caller.
    run: Callable[[argparse.Namespace], int]
    epilog: str = ""


class Parser(argparse.ArgumentParser):
    """argparse without guesses at abbreviated options, and with errors that are safe to print."""

    def __init__(self, **options: object) -> None:
        super().__init__(**{"allow_abbrev": False, **options})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong with the arguments, passwords masked, and leave with 2."""
        masked = re.sub(r"\S*@\S*", lambda found: mask_url(found.group()), message)
        self.exit(EXIT_USAGE, f"comfy-tui: {clean(masked)}\nTry: {self.prog} --help\n")


def command_parser(command: Command) -> Parser:
    """The options of a subcommand."""
    parser = Parser(prog=f"comfy-tui {command.name}", description=command.help, epilog=command.epilog or None)
    add_common(parser)
    command.add_arguments(parser)
    return parser


def add_server(parser: argparse.ArgumentParser) -> None:
    """The server, as every command that talks to one takes it."""
    parser.add_argument(
        "server",
        nargs="?",
        metavar="URL|name",
        help="a server: host, host:port, a URL, or a name of the config (default http://127.0.0.1:8188)",
    )


def add_common(parser: argparse.ArgumentParser) -> None:
    """Options that every command takes."""
    parser.add_argument("--project", type=Path, metavar="DIR", help="the project folder")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the config file")


def add_appearance(parser: argparse.ArgumentParser) -> None:
    """Options of everything that opens the console."""
    parser.add_argument("--readonly", action="store_true", help="never change anything on the server")
    parser.add_argument(
        "--interval", type=interval, metavar="S", help="seconds between two looks at the server (1 to 3600)"
    )
    parser.add_argument("--theme", metavar="NAME", help="dark, light, high-contrast, colour-blind, or yours")
    parser.add_argument("--ascii", action="store_true", help="draw with plain ASCII only")
    modes = tuple(str(mode) for mode in ImageMode)
    parser.add_argument(
        "--images",
        dest="image_mode",
        choices=modes,
        metavar="HOW",
        help=f"how pictures are shown: {', '.join(modes)}",
    )


def interval(text: str) -> float:
    """The value of ``--interval``."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 3600:
        raise argparse.ArgumentTypeError("expected a number of seconds from 1 to 3600")
    return value


def settle(args: argparse.Namespace, *, server: str | None, demo: bool = False) -> AppOptions:
    """Merge flags, environment and config file, in that order, into the options of this run."""
    config = load_config(args.config)
    user_keymap(config.keys, str(config.file))
    cwd = paths.working_folder()
    profile, source = resolve_server(config, server, os.environ, cwd, args.project)
    for warning in config.warnings:
        say(f"warning: {warning}")
    return AppOptions(
        config=config,
        server=profile,
        server_source="the demo" if demo else source,
        project=find_project(cwd, args.project),
        readonly=getattr(args, "readonly", False) or config.readonly or profile.readonly,
        interval_s=getattr(args, "interval", None) or config.interval_s,
        theme=getattr(args, "theme", None) or config.theme,
        ascii=getattr(args, "ascii", False) or config.ascii,
        images=ImageMode(getattr(args, "image_mode", None) or config.images),
        demo=demo,
    )


def has_terminal() -> bool:
    """Whether there is a person at a terminal, on all ends: a console draws on stderr."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def tell(line: str) -> None:
    """A line of data, already clean, to stdout."""
    with output_errors():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def flush() -> None:
    """Write what was printed otherwise (help, the version)."""
    with output_errors():
        sys.stdout.flush()


@contextmanager
def output_errors() -> Iterator[None]:
    """A full disk behind stdout, or a closed one, is an error with words.

    Raises:
        ExportError: it cannot be written.
        BrokenPipeError: whoever reads it has gone.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ExportError("The output cannot be written", error.strerror or type(error).__name__) from error


def say(text: str) -> None:
    """A line of words, which go to stderr: stdout is for data."""
    with suppress(OSError):  # a full disk behind it: there is no way to tell
        sys.stderr.write(f"comfy-tui: {clean(text, 2000)}\n")


def say_error(error: ComfyError) -> None:
    """An error as a person reads it: what failed, and on a line of its own what to do."""
    say(str(error))
    if error.hint:
        with suppress(OSError):
            sys.stderr.write(f"{clean(error.hint, 2000)}\n")
