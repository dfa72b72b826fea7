"""What the demo server can be asked to be, and the names and versions it goes by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GIB = 1024**3
MAX_UPLOAD_BYTES = 104857600


@dataclass(frozen=True)
class DemoOptions:
    """How a demo server behaves.

    Attributes:
        legacy: behave as 0.3.64 instead of 0.26.0.
        speed: how much faster than a real GPU the simulated work runs.
        port: 0 takes any free port.
        folder: where input, output, temp and user files go; none means a temporary folder.
        device: ``"cuda"`` shows a simulated card of 24 GB, ``"cpu"`` the shape of a server without one.
        hostile: put markup, escape sequences and bidirectional characters into every text.
        require_auth: the exact ``Authorization`` header to ask for, as a proxy would; empty for none.
        prefix: a path in front of every route, as a reverse proxy would add (``/comfy``).
        previews: send a preview picture with each step, like ``--preview-method auto``.
        manager: a pretended ComfyUI-Manager: ``"v3"``, ``"v3-old"`` (before 3.40), ``"v4"``,
            ``"v4-legacy"`` (with the old user interface), or ``""`` for none.
        manager_level: its security level; ``"strong"`` refuses.
        warm_up: run three short workflows at the start, so that the history is not empty.
    """

    host: str = "127.0.0.1"
    port: int = 0
    legacy: bool = False
    speed: float = 1.0
    folder: Path | None = None
    device: str = "cuda"
    hostile: bool = False
    require_auth: str = ""
    prefix: str = ""
    previews: bool = True
    warm_up: bool = False
    vram_bytes: int = 24 * GIB
    manager: str = ""
    manager_level: str = "normal"

    @property
    def version(self) -> str:
        """The version that the server claims, always with the word demo."""
        return "0.3.64-demo" if self.legacy else "0.26.0-demo"
