"""What can be done with outputs, all together: save, copy, open, upload, queue again, delete."""

from __future__ import annotations

from comfy_tui.screens.output_copying import CopyActions
from comfy_tui.screens.output_making import MakingActions
from comfy_tui.screens.output_outside import OutsideActions


class OutputActions(CopyActions, MakingActions, OutsideActions):
    """A second base of a screen that shows outputs and says which are chosen."""
