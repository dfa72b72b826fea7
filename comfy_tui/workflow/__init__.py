"""What a workflow is: formats, conversion, checks. Pure: no network, no terminal.

The names are imported when they are first used: the console's first frame needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comfy_tui.workflow.checking import Checker, Verdict, check
    from comfy_tui.workflow.conversion import Control, Conversion, Converter, convert, next_values
    from comfy_tui.workflow.formats import (
        WorkflowFile,
        WorkflowKind,
        parse_file,
        parse_workflow,
        read_workflow,
    )
    from comfy_tui.workflow.outline import Outline, OutlineNode, outline_of
    from comfy_tui.workflow.writeback import WrittenBack, shared_inputs, write_back

_HOMES = {
    "checking": ("Checker", "Verdict", "check"),
    "conversion": ("Control", "Conversion", "Converter", "convert", "next_values"),
    "formats": ("WorkflowFile", "WorkflowKind", "parse_file", "parse_workflow", "read_workflow"),
    "outline": ("Outline", "OutlineNode", "outline_of"),
    "writeback": ("WrittenBack", "shared_inputs", "write_back"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Checker",
    "Control",
    "Conversion",
    "Converter",
    "Outline",
    "OutlineNode",
    "Verdict",
    "WorkflowFile",
    "WorkflowKind",
    "WrittenBack",
    "check",
    "convert",
    "next_values",
    "outline_of",
    "parse_file",
    "parse_workflow",
    "read_workflow",
    "shared_inputs",
    "write_back",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
