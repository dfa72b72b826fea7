"""All sources of workflows, and how a workflow of each is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from comfy_tui import paths
from comfy_tui.comfy.client import ComfyClient
from comfy_tui.errors import ComfyError, WorkflowError
from comfy_tui.library.entry import Entry, Group, server_group, template_group
from comfy_tui.library.folders import list_groups
from comfy_tui.library.recent import recent_group
from comfy_tui.project import Project
from comfy_tui.text import format_bytes
from comfy_tui.workflow.formats import WorkflowFile, parse_file, parse_workflow
from comfy_tui.workflow.metadata import media_format

#: The largest workflow file that is read. Of pictures, videos and sound only parts are read.
LIMIT_BYTES = 64 * 1024 * 1024


def local_groups(project: Project | None, folders: Iterable[Path]) -> tuple[Group, ...]:
    """What can be read without a server: the project's workflows, the config's folders, recent files.

    Pictures, videos and sound in these folders are in groups of their own, after all others.
    """
    groups: list[Group] = []
    media: list[Group] = []

    def add(key: str, title: str, folder: Path) -> None:
        listed, pictures = list_groups(key, title, folder)
        groups.append(listed)
        media.extend([pictures] if pictures.entries else [])

    if project is not None:
        title = f"Project {project.name}"
        if project.workflows_folder.exists():
            add("project", title, project.workflows_folder)
        else:
            groups.append(Group("project", title, (), f"there is no {project.workflows_folder}"))
    for number, folder in enumerate(folders):
        add(f"folder{number}", f"Folder {folder.name or folder}", folder)
    recent = recent_group()
    return (*groups, *([recent] if recent.entries else ()), *media)


async def remote_groups(client: ComfyClient) -> tuple[Group, ...]:
    """What the server has; a source that fails becomes a group that says why."""
    groups = []
    try:
        groups.append(server_group(await client.saved_workflows()))
    except ComfyError as error:
        groups.append(Group("server", "Server", (), f"{error.title}: {error.message}"))
    try:
        groups.append(template_group(await client.templates()))
    except ComfyError as error:
        groups.append(Group("templates", "Templates", (), f"{error.title}: {error.message}"))
    return tuple(groups)


async def read_remote(entry: Entry, client: ComfyClient) -> bytes:
    """The bytes of a workflow on the server."""
    if entry.template is not None:
        return await client.template(entry.template)
    return await client.saved_workflow(entry.remote)


def read_file(path: Path, limit_bytes: int = LIMIT_BYTES) -> bytes:
    """The bytes of a workflow file.

    Raises:
        WorkflowError: it is not a file, too large, or cannot be read.
    """
    with _opened(path) as file:
        return _content(path, file, limit_bytes)


def read_workflow(path: Path, *, name: str = "") -> WorkflowFile:
    """A local workflow: a JSON file, or a picture, video or sound of any size that ComfyUI saved.

    Args:
        path: the file.
        name: what to call the workflow.

    Raises:
        WorkflowError: it cannot be read, or holds no workflow.
    """
    with _opened(path) as file:
        if media_format(file) is not None:
            return parse_file(file, name=name or path.name)
        file.seek(0)
        content = _content(path, file, LIMIT_BYTES)
    return parse_workflow(content, name=name or path.name)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file, open to be read.

    Raises:
        WorkflowError: it is none, or cannot be read.
    """
    try:
        # Without O_NONBLOCK a named pipe would never let go.
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        except ValueError as error:  # a name that cannot be one
            raise OSError(str(error)) from error
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _bad(path, "it is not a file", "Choose a file.")
            yield file
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise _bad(path, reason, "Is the path right, and may you read it?") from error


def _content(path: Path, file: BinaryIO, limit_bytes: int) -> bytes:
    size = os.fstat(file.fileno()).st_size
    if size > limit_bytes:
        words = f"{format_bytes(size)}; at most {format_bytes(limit_bytes)} are read"
        raise WorkflowError("The workflow is too large", f"{path}: {words}", "Is it a workflow?")
    content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise WorkflowError("The workflow is too large", f"{path}: it grows while it is read", "")
    return content


def _bad(path: Path, reason: str, hint: str) -> WorkflowError:
    return WorkflowError("The workflow cannot be read", f"{path}: {reason}", hint)


def typed_path(text: str, cwd: Path) -> Path:
    """The path that a person typed: ``~`` is their home, a relative one starts in ``cwd``.

    Raises:
        WorkflowError: it cannot be a path.
    """
    words = text.strip()
    if len(words) > 1 and words[0] == words[-1] and words[0] in "'\"":
        words = words[1:-1]
    if not words or "\0" in words:
        raise WorkflowError("No path", "nothing was typed", "Type the path of a file.")
    return Path(os.path.normpath(cwd / paths.expanded(words)))
