"""The command line: what was asked for, and the exit code. The console is imported only to be run."""

from __future__ import annotations

import argparse
import io
import os
import sys
import textwrap
from collections.abc import Sequence

from comfy_tui import __version__
from comfy_tui.commands import COMMANDS, Command, common
from comfy_tui.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, ComfyError

#: Options of the console that take a value, to find the first word that is not an option.
_TAKE_VALUE = frozenset({"--project", "--config", "--interval", "--theme", "--images"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    _open_streams()
    _never_fail_to_print()
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        common.flush()
        return code
    except ComfyError as error:
        common.say_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_FAILURE  # whoever read our output has gone
    finally:
        _forget_unwritten()


def _run(argv: list[str]) -> int:
    command, rest = split_command(argv)
    parser = console_parser() if command is None else common.command_parser(command)
    try:
        args = parser.parse_args(rest)
    except SystemExit as leave:  # --help, --version, wrong usage
        return leave.code if isinstance(leave.code, int) else EXIT_OK
    return run_console(args) if command is None else command.run(args)


def split_command(argv: list[str]) -> tuple[Command | None, list[str]]:
    """The subcommand, if the first word that is no option names one, and the other arguments."""
    skip = False
    for index, word in enumerate(argv):
        if skip:
            skip = False
        elif word == "--":
            break
        elif word.startswith("-") and word != "-":
            skip = word in _TAKE_VALUE
        elif word in COMMANDS:
            return COMMANDS[word], argv[:index] + argv[index + 1 :]
        else:
            break
    return None, argv


class _ConsoleParser(common.Parser):
    """Lists the commands where help is asked for: only then are they imported."""

    def format_help(self) -> str:
        lines = "\n".join(
            textwrap.fill(f"  {command.name:<10} {command.help}", 80, subsequent_indent=" " * 13)
            for command in COMMANDS.values()
        )
        self.epilog = f"commands:\n{lines}\n\nEach has its own --help.\n{common.PASSWORD_NOTE}"
        return super().format_help()


def console_parser() -> argparse.ArgumentParser:
    """The options of the console itself."""
    parser = _ConsoleParser(
        prog="comfy-tui",
        description="A keyboard-driven terminal console for ComfyUI servers.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common.add_server(parser)
    common.add_common(parser)
    common.add_appearance(parser)
    parser.add_argument("--once", action="store_true", help="print the server's status and leave")
    parser.add_argument("-V", "--version", action="version", version=f"comfy-tui {__version__}")
    return parser


def run_console(args: argparse.Namespace) -> int:
    """Open the console; without a terminal, print one status and leave."""
    settings = common.settle(args, server=args.server)
    if args.once or not common.has_terminal():
        from comfy_tui.commands.status import print_status

        return print_status(settings.server, settings.server_source)
    from comfy_tui.commands.console import open_console

    return open_console(settings)


def _open_streams() -> None:
    """Streams that were closed by who started us: a file that we open must not become one of them."""
    closed = [number for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)) if stream is None]
    for number in closed:
        # Writing data to what can only be read fails, and that is told; words are lost in silence.
        handle = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
        if handle != number:
            os.dup2(handle, number)
            os.close(handle)
    if 1 in closed:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if 2 in closed:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _forget_unwritten() -> None:
    """What could not be written must not be tried once more when Python ends, which would be told as well."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _never_fail_to_print() -> None:
    """A terminal that has not a character gets a ``?``, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
