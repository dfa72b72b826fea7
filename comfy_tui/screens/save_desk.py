"""What all screens share that save outputs: the folder, what was saved where, and saving by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.widgets import Footer

from comfy_tui import paths
from comfy_tui.monitor.autosave import AutoSave
from comfy_tui.monitor.ledger import Ledger
from comfy_tui.monitor.outputs import Output, name_values
from comfy_tui.monitor.saving import How, Saved, SaveProgress, Wanted, save_files
from comfy_tui.monitor.state import Jobs, Notice
from comfy_tui.widgets.save_line import SaveLine

if TYPE_CHECKING:
    from comfy_tui.app_watch import WatchingApp
    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.monitor.session import Session

#: The progress is drawn so often at most.
_DRAW_S = 0.3


class SaveDesk:
    """One for the console.

    Args:
        console: the app.
    """

    def __init__(self, console: WatchingApp) -> None:
        self._console = console
        config = console.options.config
        #: Where to save; None until it is known.
        self.folder: Path | None = config.save_folder
        self.ledger = Ledger()
        self._paths: dict[tuple[str, object], Path] = {}
        self._auto: AutoSave | None = None
        self._auto_wanted = config.auto_save
        self._session: Session | None = None
        self._stopping = False
        self._running = 0
        self._drawn_s = 0.0
        self._line: SaveLine | None = None

    # -- saving --------------------------------------------------------------------------------

    @property
    def offered(self) -> Path:
        """The folder to offer where a person is asked."""
        project = self._console.options.project
        if self.folder is not None:
            return self.folder
        return project.folder / "outputs" if project is not None else Path("~/comfy-outputs")

    @property
    def strips(self) -> bool:
        """Whether files are saved without their metadata, as the config says."""
        return self._console.options.config.save_stripped

    async def save(
        self, client: ComfyClient, outputs: Sequence[Output], folder: Path, *, strip: bool
    ) -> Saved:
        """Save the files of some outputs, with the progress shown; each comes from its own server."""
        server = client.profile.name
        wanted = [
            Wanted(
                output.file,
                name_values(output, output.server_name or server),
                output.job.prompt_id,
                self._console.client_of(output) if output.server else None,
            )
            for output in outputs
            if output.file is not None
        ]
        self._stopping = False
        self._running += 1
        how = replace(
            self._how(strip),
            told=self._told,
            stopped=lambda: self._stopping,
            kept=lambda item, path: self._kept(item, path, folder),
        )
        try:
            return await save_files(client, wanted, folder, how)
        finally:
            self._running -= 1
            if not self._running:
                self._show(None)

    def _how(self, strip: bool) -> How:
        return How(self._console.options.config.save_name, strip)

    def _told(self, progress: SaveProgress) -> None:
        now_s = time.monotonic()
        if now_s - self._drawn_s >= _DRAW_S:
            self._drawn_s = now_s
            self._show(progress)

    def _show(self, progress: SaveProgress | None) -> None:
        """On the screen that is shown now; on another one that was left, the line goes."""
        screen = self._console.screen
        lines = list(screen.query(SaveLine))
        if not lines and progress is not None and (footers := screen.query(Footer)):
            lines = [SaveLine()]
            screen.mount(lines[0], before=footers.first())
        if self._line is not None and self._line not in lines:
            self._line.show(None)
        self._line = lines[0] if lines else None
        for line in lines:
            line.show(progress)

    def _kept(self, wanted: Wanted, path: Path, folder: Path) -> None:
        """Remember where it is; runs in a thread."""
        self._paths[(wanted.prompt_id, wanted.file)] = path
        place = paths.followed(folder)
        self.ledger.done(self.ledger.key(wanted.prompt_id, wanted.file, place), path)

    def stop(self) -> bool:
        """Stop saving; False where nothing is saved."""
        self._stopping = self._running > 0
        return self._stopping

    async def path_of(self, output: Output) -> Path | None:
        """Where it was saved, if it is still there."""
        if output.file is None:
            return None
        return await asyncio.to_thread(self._find, output)

    def _find(self, output: Output) -> Path | None:
        assert output.file is not None
        known = self._paths.get((output.job.prompt_id, output.file))
        if known is not None and known.is_file():
            return known
        for folder in dict.fromkeys((self.folder, self.offered)):
            if folder is not None:
                place = paths.followed(folder)
                found = self.ledger.path(self.ledger.key(output.job.prompt_id, output.file, place))
                if found is not None:
                    return found
        return None

    async def unsaved(self, outputs: Sequence[Output]) -> list[Output]:
        """Those that were not saved yet, oldest first; temporary ones are left out."""

        def look() -> list[Output]:
            kept = [output for output in outputs if output.file is not None and not output.is_temporary]
            new = [output for output in kept if self._find(output) is None]
            return sorted(new, key=lambda output: output.job.ended_at_s or 0.0)

        return await asyncio.to_thread(look)

    # -- by itself -----------------------------------------------------------------------------

    @property
    def is_automatic(self) -> bool:
        """Whether new outputs of our jobs are saved by themselves."""
        return self._auto is not None

    def follow(self, session: Session) -> None:
        """Watch the jobs of this server, where that is wanted."""
        self._session = session
        self._leave()
        if not self._auto_wanted:
            return
        if self.folder is None:
            self._console.tell(
                "Nothing is saved by itself",
                "auto_save of the config needs save_folder. A in the outputs asks for a folder.",
                severity="warning",
            )
            return
        self._auto = AutoSave(
            session.client, self.folder, self._how(self.strips), self._say, ledger=self.ledger
        )
        self.take(session.jobs)

    def _leave(self) -> None:
        if self._auto is not None:
            self._console.run_worker(self._auto.close, group="autosave", exit_on_error=False)
            self._auto = None

    def set_automatic(self, wanted: bool) -> None:
        """Turn it on or off for this run of the console."""
        self._auto_wanted = wanted
        if self._session is not None:
            self.follow(self._session)

    def take(self, jobs: Jobs) -> None:
        """The jobs have changed."""
        if self._auto is not None:
            self._auto.take(jobs)

    def _say(self, notice: Notice) -> None:
        self._console.tell(notice.title, notice.message, severity=notice.severity)
