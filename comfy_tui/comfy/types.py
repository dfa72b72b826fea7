"""What a ComfyUI server says, as frozen values.  Times are Unix seconds, sizes are bytes.

A field that the server did not give is None (or empty): never a guess.  Text is as the server sent it;
it is cleaned where it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Device:
    """One entry of ``devices`` in ``GET /system_stats`` (comfyui-api, section 3.1)."""

    name: str
    type: str
    index: int | None
    vram_total_bytes: int | None
    vram_free_bytes: int | None
    torch_vram_total_bytes: int | None
    torch_vram_free_bytes: int | None

    @property
    def has_vram(self) -> bool:
        """Whether the memory numbers are a graphics card's own: a CPU and MPS repeat the RAM there."""
        return self.type not in ("cpu", "mps") and bool(self.vram_total_bytes)

    @property
    def vram_used_bytes(self) -> int | None:
        """Total less free, as the driver sees it; None where either is unknown."""
        if self.vram_total_bytes is None or self.vram_free_bytes is None:
            return None
        return max(0, self.vram_total_bytes - self.vram_free_bytes)

    @property
    def torch_used_bytes(self) -> int | None:
        """What PyTorch has reserved and uses now: reserved less its unused part."""
        if self.torch_vram_total_bytes is None or self.torch_vram_free_bytes is None:
            return None
        return max(0, self.torch_vram_total_bytes - self.torch_vram_free_bytes)


@dataclass(frozen=True, slots=True)
class PackageVersion:
    """A package of ComfyUI's own (frontend, templates): what is installed and what it asks for."""

    name: str
    installed: str | None
    required: str | None

    @property
    def differs(self) -> bool:
        """Whether both are known and not the same."""
        return bool(self.installed and self.required and self.installed != self.required)


@dataclass(frozen=True, slots=True)
class SystemStats:
    """``GET /system_stats``."""

    comfyui_version: str | None
    python_version: str | None
    pytorch_version: str | None
    os: str | None
    ram_total_bytes: int | None
    ram_free_bytes: int | None
    argv: tuple[str, ...]
    packages: tuple[PackageVersion, ...]
    devices: tuple[Device, ...]


class JobState(StrEnum):
    """The states of the jobs API (comfyui-api, section 9); ``CANCELLED`` means interrupted while running."""

    PENDING = "pending"
    RUNNING = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the server is done with it."""
        return self not in (JobState.PENDING, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a node left behind, as ``GET /view`` wants it."""

    filename: str
    subfolder: str
    type: str
    node_id: str
    #: The key in the node's output under which it stood: ``images``, ``gifs``, ``audio`` ...
    key: str = ""
    #: The node said that it moves (its ``animated`` flags).
    animated: bool = False


@dataclass(frozen=True, slots=True)
class OutputText:
    """Text that a node left behind."""

    text: str
    node_id: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionError:
    """Why a job failed (comfyui-api, section 6.4)."""

    node_id: str | None
    class_type: str | None
    exception_type: str
    message: str
    traceback: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job as the server tells it: from the queue, the history or the jobs API.

    ``prompt`` is None where the answer did not carry it (the jobs API).
    """

    prompt_id: str
    state: JobState
    number: float
    prompt: Mapping[str, Any] | None = None
    extra_data: Mapping[str, Any] = field(default_factory=dict)
    created_at_s: float | None = None
    started_at_s: float | None = None
    ended_at_s: float | None = None
    outputs: tuple[OutputFile, ...] = ()
    texts: tuple[OutputText, ...] = ()
    error: ExecutionError | None = None

    @property
    def client_id(self) -> str | None:
        """The socket id that it was submitted with."""
        value = self.extra_data.get("client_id")
        return value if isinstance(value, str) else None

    @property
    def workflow(self) -> Mapping[str, Any] | None:
        """The editor's workflow that was sent along."""
        pnginfo = self.extra_data.get("extra_pnginfo")
        workflow = pnginfo.get("workflow") if isinstance(pnginfo, Mapping) else None
        return workflow if isinstance(workflow, Mapping) else None


@dataclass(frozen=True, slots=True)
class JobsPage:
    """``GET /api/jobs``: the jobs in the order of the answer, and how many there are in all."""

    jobs: tuple[JobRecord, ...]
    total: int | None


@dataclass(frozen=True, slots=True)
class Queue:
    """``GET /queue``: what runs and what waits, in the order in which it will run."""

    running: tuple[JobRecord, ...]
    pending: tuple[JobRecord, ...]


@dataclass(frozen=True, slots=True)
class NodeError:
    """One error on one node of a rejected prompt (comfyui-api, section 5.3)."""

    node_id: str
    class_type: str
    type: str
    message: str
    details: str
    input_name: str | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The server took a prompt.  ``node_errors`` is not empty where it will run only a part (section 5.5)."""

    prompt_id: str
    number: float | None
    node_errors: tuple[NodeError, ...]


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """Where the server put an upload; ``reference`` is what a loader's input must say."""

    name: str
    subfolder: str
    type: str

    @property
    def reference(self) -> str:
        """``name`` or ``subfolder/name``, with the folder's mark where it is not ``input``."""
        path = f"{self.subfolder}/{self.name}" if self.subfolder else self.name
        return path if self.type == "input" else f"{path} [{self.type}]"


@dataclass(frozen=True, slots=True)
class UserFile:
    """A file in the server's user folder (``/userdata``)."""

    path: str
    size_bytes: int | None
    modified_at_s: float | None


@dataclass(frozen=True, slots=True)
class Template:
    """A workflow that ships with the server: the core's (``pack`` empty) or a custom node pack's."""

    name: str
    title: str
    pack: str = ""
    description: str = ""
    models: tuple[str, ...] = ()
