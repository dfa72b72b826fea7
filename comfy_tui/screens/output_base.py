"""What all actions on outputs share: which ones are chosen, and the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from comfy_tui.monitor.outputs import Output

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp


class ActsOnOutputs(Screen[Any]):
    """A second base of a screen that shows outputs."""

    def chosen_outputs(self) -> tuple[Output, ...]:
        """What the actions are for; to be given by the screen."""
        return ()

    def all_outputs(self) -> tuple[Output, ...]:
        """Everything that the server's history has; may be given by the screen."""
        from comfy_tui.monitor.outputs import outputs_of

        return outputs_of(self._tui.jobs.ended)

    def acted(self) -> None:
        """An action was done on them."""

    @property
    def _tui(self) -> ComfyApp:
        return cast("ComfyApp", self.app)

    def one_output(self, what: str) -> Output | None:
        """The one that is chosen; says so where there is none."""
        chosen = self.chosen_outputs()
        if not chosen:
            self._tui.tell(what, "Choose an output first.", severity="warning")
            return None
        return chosen[0]
