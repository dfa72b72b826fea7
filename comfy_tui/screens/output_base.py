"""What all actions on outputs share: which ones are chosen, and the app."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from comfy_tui.monitor.outputs import Output
from comfy_tui.text import clean
from comfy_tui.widgets.leavable import Leavable

if TYPE_CHECKING:
    from pathlib import Path

    from comfy_tui.app import ComfyApp
    from comfy_tui.monitor.making import Sources
    from comfy_tui.monitor.session import Session


class ActsOnOutputs(Leavable, Screen[Any]):
    """A second base of a screen that shows outputs."""

    def chosen_outputs(self) -> tuple[Output, ...]:
        """What the actions are for; to be given by the screen."""
        return ()

    def all_outputs(self) -> tuple[Output, ...]:
        """Everything that the server's history has; may be given by the screen."""
        from comfy_tui.monitor.outputs import outputs_of

        return outputs_of(self._tui.jobs.ended)

    def sources(self, session: Session, output: Output, saved: Path | None = None) -> Sources:
        """Where it is looked for what made it."""
        from comfy_tui.monitor.making import Sources

        client = self._tui.client_of(output) or session.client
        return Sources(client, session.control, self._tui.journal, saved)

    def only_watched(self, outputs: Iterable[Output], what: str) -> bool:
        """Whether all are of the watched server, which alone is changed; says so where not."""
        others = sorted({clean(output.server_name, 40) for output in outputs if output.server})
        if others:
            words = f"It is on {', '.join(others)}: 1, then enter on that server watches it."
            self._tui.tell(what, words, severity="warning")
        return not others

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
