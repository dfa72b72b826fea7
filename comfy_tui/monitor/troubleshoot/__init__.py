"""Maps what failed to its cause and the next step."""

from comfy_tui.monitor.troubleshoot.diagnose import Diagnosis, diagnose, diagnose_problem
from comfy_tui.monitor.troubleshoot.table import CAUSES, Cause, Remedy

__all__ = ["CAUSES", "Cause", "Diagnosis", "Remedy", "diagnose", "diagnose_problem"]
