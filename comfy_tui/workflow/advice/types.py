"""One piece of advice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from comfy_tui.workflow.diagnostic import Severity


class AdviceKind(StrEnum):
    """What there is to do."""

    #: Put another class in the node's place; the server says which.
    REPLACE_NODE = "replace_node"
    #: The node is ComfyUI's own, and the server is too old for it.
    UPDATE_COMFYUI = "update_comfyui"
    #: A package of ComfyUI's own (frontend, templates) is older than the server asks for.
    UPDATE_PACKAGE = "update_package"
    #: Install a custom node pack.
    INSTALL_PACK = "install_pack"
    #: The pack is there without the node: update it, or look why it did not load.
    UPDATE_PACK = "update_pack"
    #: Nobody who was asked knows the node.
    FIND_NODE = "find_node"
    #: The same file is on the server under another name or folder.
    CHOOSE_MODEL = "choose_model"
    #: Download a file into a folder.
    DOWNLOAD_MODEL = "download_model"
    #: The file is known by its name only.
    FIND_MODEL = "find_model"
    #: A picture, sound or video is to be uploaded.
    UPLOAD_FILE = "upload_file"


class Origin(StrEnum):
    """Who says so."""

    SERVER = "server"
    WORKFLOW = "workflow"
    MANAGER = "server's Manager"
    CACHED_MAP = "cached map"
    REGISTRY = "registry"
    PROJECT = "references/models.md"
    CATALOGUE = "template catalogue"
    MODEL_LIST = "Manager's model list"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Pack:
    """A custom node pack: by its id in the registry, by its repository, or both."""

    id: str | None = None
    repository: str | None = None
    version: str | None = None
    title: str = ""

    @property
    def name(self) -> str:
        """What to call it."""
        return self.id or self.title or self.repository or "?"


@dataclass(frozen=True, slots=True)
class Near:
    """A file on the server that is like a missing one.

    Attributes:
        folder: the model folder that it is in.
        name: its name there, as a node would choose it.
        same_file: its file name is the wanted one; only where it lies differs.
    """

    folder: str
    name: str
    same_file: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one missing thing.

    Texts of workflows and servers stand in it as they are: clean them where they are shown. Commands and
    links are safe to paste: quoted for a POSIX shell, http(s) only, without control characters.

    Attributes:
        kind: what there is to do.
        what: the missing thing: a class, a file name, a pack.
        severity: that of the finding it answers.
        message: a sentence for people.
        origin: whose knowledge it is.
        nodes: prompt ids of the nodes that need it.
        classes: their classes.
        input: the input, for models and files.
        file_name: the exact name of a model file.
        folder: the model folder it belongs in.
        url: where the file is.
        sha256: its checksum where known.
        near: what the server has instead, best first.
        pack: the pack to install or update.
        others: other packs that have a node of this name.
        replacement: the class to put in the node's place.
        has: the version that the server has, for mismatches.
        needs: the version that is needed, where known.
        commands: ready to run in the server's ComfyUI folder; alternatives, the best first.
        link: the page to read first.
        doubt: why a command is not to be run unread; empty when there is no special reason.
    """

    kind: AdviceKind
    what: str
    severity: Severity
    message: str
    origin: Origin = Origin.NOBODY
    nodes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    input: str | None = None
    file_name: str | None = None
    folder: str | None = None
    url: str | None = None
    sha256: str | None = None
    near: tuple[Near, ...] = ()
    pack: Pack | None = None
    others: tuple[Pack, ...] = ()
    replacement: str | None = None
    has: str | None = None
    needs: str | None = None
    commands: tuple[str, ...] = ()
    link: str | None = None
    doubt: str = ""
