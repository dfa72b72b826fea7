"""Which outputs there are to list: those of the server's history, those that the journal knows beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual import work
from textual.screen import Screen

from comfy_tui.monitor.remembered import Remembered, RememberedJob
from comfy_tui.widgets.leavable import Leavable

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp


class OutputScope(Leavable, Screen[Any]):
    """A second base of the outputs screen: what the journal has, of the watched server or of every one."""

    def __init__(self) -> None:
        super().__init__()
        #: Outputs of all servers that were ever watched are listed.
        self.everywhere = False
        self._from_journal: tuple[RememberedJob, ...] = ()
        self._remembered: Remembered | None = None
        self._listed: frozenset[str] = frozenset()
        self._read_for: tuple[str, bool] | None = None

    def remembered_changed(self) -> None:
        """The journal was read; to be given by the screen."""

    @property
    def _watching(self) -> ComfyApp:
        return cast("ComfyApp", self.app)

    def remembered_jobs(self) -> tuple[RememberedJob, ...]:
        """What the journal has; read anew where something may have left the server's history."""
        listed = frozenset(job.prompt_id for job in self._watching.jobs.ended)
        wanted = (self._watching.connection.url, self.everywhere)
        if wanted != self._read_for or self._listed - listed:
            if self._read_for is not None and wanted != self._read_for:
                self._from_journal = ()
            self.read_journal()
        self._listed = listed
        return self._from_journal

    def read_journal(self) -> None:
        """Read it; what it has is shown when it is there."""
        if self._watching.journal is not None and not self._watching.journal.closed:
            self._read_for = (self._watching.connection.url, self.everywhere)
            self._read(*self._read_for)

    @work(group="journal", exclusive=True, exit_on_error=True)
    async def _read(self, watched: str, everywhere: bool) -> None:
        journal = self._watching.journal
        assert journal is not None
        if self._remembered is None:
            self._remembered = Remembered(journal)

        def publish(jobs: tuple[RememberedJob, ...]) -> None:
            name = self._watching.elsewhere.name
            found = []
            for one in jobs:
                if one.server == watched:
                    found.append(RememberedJob("", "", one.job))
                else:
                    found.append(RememberedJob(one.server, name(one.server, one.server_name), one.job))
            self._from_journal = tuple(one for one in found if one.job.state.ended)
            self.remembered_changed()

        await self._remembered.read("" if everywhere else watched, publish)

    def scope_words(self, of_journal: int, servers: int) -> str:
        """How many are listed beside the server's own list."""
        if not of_journal:
            return "every server: no others" if self.everywhere else ""
        words = f"{of_journal} from the journal"
        return f"{words}, {servers + 1} servers" if self.everywhere else words

    def action_toggle_servers(self) -> None:
        """The outputs of every server that was ever watched, or of this one."""
        self.everywhere = not self.everywhere
        self.read_journal()
        self.remembered_changed()
