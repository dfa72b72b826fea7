"""What the screens share that act on workflows: the desk, and running what a person asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from comfy_tui.errors import ApiError, ComfyError
from comfy_tui.inventory.adviser import Surroundings, needs_server
from comfy_tui.inventory.prepare import Prepared
from comfy_tui.library.entry import Entry
from comfy_tui.screens.workflow_desk import Desk
from comfy_tui.widgets.leavable import Leavable
from comfy_tui.widgets.workflow_preview import Preview
from comfy_tui.workflow.diagnostic import Diagnostic

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp
    from comfy_tui.inventory.registry import Outside


class Acting(Leavable, Screen[Any]):
    """A second base of a screen that works on a :class:`Desk`."""

    desk: Desk

    def show_again(self) -> None:
        """Edits, or what is known of the server, have changed."""

    @property
    def console(self) -> ComfyApp:
        """The app, with its own type."""
        return cast("ComfyApp", self.app)

    @property
    def surroundings(self) -> Surroundings:
        """The watched server, for advice."""
        stats = self.console.health.stats
        packages = stats.packages if stats is not None else ()
        return Surroundings(self.desk.url, self.desk.node_info(), packages)

    async def learn(self, diagnostics: Collection[Diagnostic], outside: Outside | None = None) -> list[str]:
        """Ask the server, and other hosts where that was allowed, for what the findings need.

        Returns:
            What could not be had, in a person's words.
        """
        client = self.desk.client
        notes: list[str] = []
        if client is not None and needs_server(diagnostics):
            try:
                notes += (await self.desk.nodes.complete(client)).notes
            except ApiError as error:
                notes.append(f"models and packs: {error.message or error.title}")
                client = None
        return notes + list(
            await self.desk.adviser.ask(client, diagnostics, self.surroundings, outside=outside)
        )

    def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run what a person asked for; an expected error becomes a toast."""

        async def guarded() -> None:
            try:
                await work()
            except ComfyError as error:
                self.console.tell_error(error)

        self.run_worker(guarded, group="actions")


class Choosing(Acting):
    """A screen on which workflows are chosen."""

    def current_entry(self) -> Entry | None:
        """The workflow under the cursor; to be given by the screen."""
        return None

    def chosen_entries(self) -> tuple[Entry, ...]:
        """The marked workflows, else the one under the cursor; to be given by the screen."""
        return ()

    @property
    def shown(self) -> Preview | None:
        """What the preview shows."""
        return None

    def known_of(self, entry: Entry) -> Prepared | None:
        """What the preview knows of a workflow."""
        shown = self.shown
        return shown.prepared if shown is not None and shown.entry == entry else None
