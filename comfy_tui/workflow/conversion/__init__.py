"""Converting the editor's format into prompts (graph-to-prompt)."""

from comfy_tui.workflow.conversion.control import Control, next_values
from comfy_tui.workflow.conversion.convert import Conversion, Converter, convert

__all__ = ["Control", "Conversion", "Converter", "convert", "next_values"]
