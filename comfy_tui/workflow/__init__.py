"""What a workflow is: formats, conversion, checks. Pure: no network, no terminal."""

from comfy_tui.workflow.conversion import Control, Conversion, Converter, convert, next_values
from comfy_tui.workflow.formats import WorkflowFile, WorkflowKind, parse_workflow, read_workflow

__all__ = [
    "Control",
    "Conversion",
    "Converter",
    "WorkflowFile",
    "WorkflowKind",
    "convert",
    "next_values",
    "parse_workflow",
    "read_workflow",
]
