"""The values that made the chosen output, below the list where there is room; they follow the cursor."""

from __future__ import annotations

import asyncio
from functools import partial

from textual import work
from textual.timer import Timer

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.making import Making, from_history, from_journal
from comfy_tui.monitor.outputs import Output
from comfy_tui.screens.output_base import ActsOnOutputs
from comfy_tui.text import clean
from comfy_tui.widgets.line_view import Line, LineView
from comfy_tui.widgets.made_lines import made_lines

#: The pane needs a window of this size; elsewhere there is the page.
WIDTH, HEIGHT = 120, 30
#: Who goes on within this time does not have it read; and the picture comes first.
_STAY_S = 0.3


class MadePane(ActsOnOutputs):
    """A second base of the outputs screen, which composes ``LineView(id="made")``."""

    def __init__(self) -> None:
        super().__init__()
        self._made_wanted = True
        self._made_of: object = None
        self._made_due: Timer | None = None

    @property
    def made_fits(self) -> bool:
        """Whether there is room for it."""
        return self.size.width >= WIDTH and self.size.height >= HEIGHT

    def place_made(self) -> None:
        """Show the pane or not: the window may have changed."""
        self.query_one("#made").display = self._made_wanted and self.made_fits

    def show_made_of(self, output: Output | None) -> None:
        """Another output may be chosen, or the pane shown: read what made it, if that is not there."""
        pane = self.query_one("#made", LineView)
        key = None if output is None or not pane.display else (output.key, output.job.ended_at_s)
        if key != self._made_of:
            self._made_of = key
            self.workers.cancel_group(self, "made")
            if self._made_due is not None:
                self._made_due.stop()
            if output is None or key is None:
                pane.set_lines(())
            else:
                pane.await_lines()
                # Not a worker that sleeps: each that is cancelled leaves a heap of garbage.
                self._made_due = self.set_timer(_STAY_S, partial(self._read_made, output))

    @work(group="made", exclusive=True, exit_on_error=True)
    async def _read_made(self, output: Output) -> None:
        pane = self.query_one("#made", LineView)
        try:
            making = await self._at_hand(output)
        except ComfyError as error:
            pane.set_lines((Line(clean(error.title, 200), "dim"), Line("w looks into its file.", "dim")))
            return
        saved = await self._tui.saves.path_of(output)
        url = output.url(self._tui.server_of(output))
        pane.set_lines(await asyncio.to_thread(made_lines, output, making, url=url, saved=saved))
        pane.scroll_to(y=0, animate=False)

    async def _at_hand(self, output: Output) -> Making:
        """From the journal, which costs no request; what it has not seen the watched server tells."""
        journal, session = self._tui.journal, self._tui.session
        try:
            if journal is None:
                raise ComfyError("The journal is not open yet", "")
            return await from_journal(journal, self._tui.server_of(output), output)
        except ComfyError:
            if output.remembered or session is None:
                raise
        return await from_history(session.control, output)

    def action_toggle_made(self) -> None:
        """Show the values beside the outputs, or not; where there is no room, their page."""
        if not self.made_fits:
            self.run_worker(partial(self.run_action, "show_made"))
            return
        self._made_wanted = not self._made_wanted
        self.place_made()
        self.show_made_of(next(iter(self.chosen_outputs()), None))
