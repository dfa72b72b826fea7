"""What a workflow is: formats, conversion, checks. Pure: no network, no terminal."""

from comfy_tui.workflow.conversion import Control, Conversion, Converter, convert, next_values

__all__ = ["Control", "Conversion", "Converter", "convert", "next_values"]
