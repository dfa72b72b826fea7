"""Checks a prompt as the server would, and for what the server misses (comfyui-api, section 5)."""

from comfy_tui.workflow.checking.checker import Checker, check
from comfy_tui.workflow.checking.verdict import Verdict
from comfy_tui.workflow.checking.walk import BREAKS_SERVER

__all__ = ["BREAKS_SERVER", "Checker", "Verdict", "check"]
