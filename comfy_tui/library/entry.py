"""Workflows that can be chosen, before any of them is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from comfy_tui.comfy.types import Template, UserFile
from comfy_tui.workflow.metadata import MEDIA_ENDINGS


@dataclass(frozen=True, slots=True)
class Entry:
    """One workflow of one source; exactly one of ``path``, ``remote`` and ``template`` says where it is.

    The same file may stand in two groups: ``key`` tells those apart, ``identity`` does not.
    """

    group: str
    name: str
    path: Path | None = None
    #: The path below ``workflows/`` in the server's user folder.
    remote: str = ""
    template: Template | None = None
    size_bytes: int | None = None
    modified_at_s: float | None = None

    @property
    def identity(self) -> str:
        """What this is a copy of, wherever it is listed."""
        if self.path is not None:
            return f"file:{self.path}"
        if self.template is not None:
            return f"template:{self.template.pack}/{self.template.name}"
        return f"server:{self.remote}"

    @property
    def key(self) -> str:
        """The row of the list."""
        return f"{self.group}|{self.identity}"

    @property
    def is_local(self) -> bool:
        """Whether it can be read without a server."""
        return self.path is not None

    @property
    def is_media(self) -> bool:
        """Whether it is a local picture, video or sound: little is read of those, however large."""
        return self.path is not None and is_media(self.path.name)

    @property
    def place(self) -> str:
        """Where it is, in words that can be copied."""
        if self.path is not None:
            return str(self.path)
        if self.template is not None:
            return f"{self.template.pack or 'ComfyUI'} template {self.template.name}"
        return f"workflows/{self.remote}"


@dataclass(frozen=True, slots=True)
class Group:
    """The workflows of one source; ``note`` says what is missing in it, or why it is empty."""

    key: str
    title: str
    entries: tuple[Entry, ...] = ()
    note: str = ""


def is_media(name: str) -> bool:
    """Whether a file is a picture, a video or sound by its name."""
    return name.lower().endswith(MEDIA_ENDINGS)


def stem_of(path: str) -> str:
    """A path without the ending that all workflows have."""
    return path[:-5] if path.lower().endswith(".json") and len(path) > 5 else path


def server_group(files: tuple[UserFile, ...]) -> Group:
    """The workflows that the browser saved on the server."""
    entries = tuple(
        Entry(
            "server",
            stem_of(file.path),
            remote=file.path,
            size_bytes=file.size_bytes,
            modified_at_s=file.modified_at_s,
        )
        for file in sorted(files, key=lambda file: file.path.casefold())
        if file.path.lower().endswith(".json")
    )
    return Group("server", "Server", _unique(entries), "" if entries else "nothing is saved on the server")


def template_group(templates: tuple[Template, ...]) -> Group:
    """The workflows that ship with the server."""
    entries = tuple(
        Entry(
            "templates",
            f"{template.pack}: {template.title or template.name}" if template.pack else template.title,
            template=template,
        )
        for template in templates
    )
    return Group("templates", "Templates", _unique(entries), "" if entries else "the server has none")


def _unique(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    return tuple({entry.key: entry for entry in entries}.values())
