"""The answer of a check."""

from __future__ import annotations

from dataclasses import dataclass

from comfy_tui.workflow.checking.files import ServerFile
from comfy_tui.workflow.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a prompt can be queued, and everything that is to be said of it.

    Attributes:
        ok: no diagnostic is an error. A prompt of which the server would run only a part is not ok.
        diagnostics: what concerns the whole prompt first, then by node, in the order of the prompt.
        refusal: the type that POST /prompt would refuse with (comfyui-api, section 4.6), or
            ``malformed_prompt`` where it would answer 500; None where it would answer 200.
        runs: the outputs that the server would run.
        skipped: the outputs that it would leave out because something above them is wrong.
        unknown_files: files of loaders that may be there or not; a server refuses those that are not.
        missing_files: files of loaders that are not there by what is known, which may be old.
    """

    ok: bool
    diagnostics: tuple[Diagnostic, ...]
    refusal: str | None = None
    runs: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    unknown_files: tuple[ServerFile, ...] = ()
    missing_files: tuple[ServerFile, ...] = ()
