"""``comfy-tui convert``: workflow files to the prompts that the browser would queue for them."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_tui.commands.common import Command, say, tell
from comfy_tui.commands.node_source import add_node_source, find_nodes
from comfy_tui.errors import EXIT_FAILURE, EXIT_OK, ComfyError, ConfigError, ExportError
from comfy_tui.text import count_of

if TYPE_CHECKING:
    from comfy_tui.workflow import Converter
    from comfy_tui.workflow.diagnostic import Diagnostic

_USAGE = "Wrong usage"
_TRY = "Try: comfy-tui convert --help"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a workflow in any format")
    add_node_source(parser)
    parser.add_argument(
        "--frontend",
        metavar="VERSION",
        help="be like this version of the browser's frontend, such as 1.45.19, also where another way is "
        "better: who owns promoted values, and which links are read",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--output-dir",
        type=Path,
        metavar="DIR",
        help="write each prompt there, under the file's own name with the ending .json",
    )
    where.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the one prompt there")


def _run(args: argparse.Namespace) -> int:
    if len(args.files) > 1 and args.output_dir is None:
        what = "-o names one file" if args.output else "stdout takes one prompt"
        raise ConfigError(_USAGE, f"{what}; several need --output-dir DIR", _TRY)
    work = _Work(args)
    if args.output_dir is not None:
        _make_folder(args.output_dir)
    from comfy_tui.commands.progress import track

    failed = 0
    for path in track(args.files, len(args.files), "converting"):
        try:
            work.convert(path)
        except _NoNodesError as error:
            raise error.reason from None
        except ComfyError as error:
            failed += 1
            say(f"{error}" if path in str(error) else f"{path}: {error}")
            if error.hint:
                say(error.hint)
    if failed and len(args.files) > 1:
        say(f"{count_of(failed, 'file')} of {len(args.files)} failed")
    return EXIT_FAILURE if failed else EXIT_OK


class _NoNodesError(Exception):
    """The node classes cannot be had: nothing can be converted, so that it ends the command."""

    def __init__(self, reason: ComfyError) -> None:
        super().__init__(reason)
        self.reason = reason


class _Work:
    """One run: the node classes, got when the first file needs them, and where prompts go."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._converter: Converter | None = None
        self._inputs = {place: path for path in args.files if (place := _place(Path(path))) is not None}
        #: What was written, by place on the disk, and the file that it came from.
        self._written: dict[tuple[int, int], str] = {}

    def convert(self, path: str) -> None:
        """Convert one file and write its prompt; words about it go to stderr."""
        from comfy_tui.commands.workflow_file import read_file

        file = read_file(path)
        for note in file.notes:
            say(f"{path}: warning: {note}")
        if file.graph is None:
            self._write(path, file.prompt or {})
            return
        made = self._ready().convert(file.graph)
        for one in made.diagnostics:
            say(f"{path}: {_words(one)}")
        self._write(path, made.prompt)

    def _ready(self) -> Converter:
        if self._converter is None:
            from comfy_tui.workflow import Converter

            try:
                self._converter = Converter(find_nodes(self._args).object_info, self._args.frontend)
            except ComfyError as error:
                raise _NoNodesError(error) from error
        return self._converter

    def _write(self, path: str, prompt: Mapping[str, Any]) -> None:
        target = self._target(path)
        try:
            if target is None:
                # ASCII: what a terminal or a pipe makes of other characters does not change the data.
                tell(json.dumps(prompt, indent=2, allow_nan=False))
                return
            text = json.dumps(prompt, ensure_ascii=False, indent=2, allow_nan=False)
        except ValueError as error:
            raise ExportError("The prompt was not written", "a number in it is not finite") from error
        self._refuse_to_lose(path, target)
        from comfy_tui.inventory.disk import replace_file

        try:
            replace_file(target, text.encode("utf-8", "surrogatepass") + b"\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ExportError("The prompt was not written", f"{target}: {reason}") from error
        place = _place(target)
        if place is not None:
            self._written[place] = path

    def _target(self, path: str) -> Path | None:
        if self._args.output_dir is None:
            return self._args.output if self._args.output is None else Path(self._args.output)
        return Path(self._args.output_dir) / f"{Path(path).stem}.json"

    def _refuse_to_lose(self, path: str, target: Path) -> None:
        """Neither a workflow that was named nor the prompt of another one is written over."""
        place = _place(target)
        if place is None:
            return
        if place in self._inputs:
            raise ExportError(
                "The prompt was not written",
                f"{target} is the workflow {self._inputs[place]} itself",
                "Name another folder or file: a prompt cannot be turned back into the workflow.",
            )
        before = self._written.get(place)
        if before is not None and not _same(before, path):
            raise ExportError(
                "The prompt was not written",
                f"{target} is the prompt of {before} already",
                "Convert files of the same name into folders of their own.",
            )


def _words(one: Diagnostic) -> str:
    """A diagnostic on one line."""
    from comfy_tui.commands.diagnostic_text import place_of

    place = place_of(one)
    hint = f" {one.hint}" if one.hint else ""
    return f"{one.severity.value}: {place + ': ' if place else ''}{one.message}{hint} [{one.code}]"


def _place(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return (state.st_dev, state.st_ino)


def _same(one: str, other: str) -> bool:
    return _place(Path(one)) == _place(Path(other))


def _make_folder(folder: Path) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ExportError("The folder cannot be made", f"{folder}: {reason}") from error


COMMAND = Command(
    "convert",
    "turn workflow files into the prompts that the browser would queue",
    _add_arguments,
    _run,
    "Warnings go to stderr. Exit code 0: all were converted; 1: some were not, the others are written; "
    "2: the arguments, the config or the node definitions cannot be used; 3: no server answers.",
)
