"""Which server the console watches, and the state of it that screens show; a base of the app."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.message import Message
from textual.reactive import var
from textual.screen import ModalScreen

from comfy_tui import paths
from comfy_tui.app_words import TellingApp
from comfy_tui.monitor.alerts.words import title_words
from comfy_tui.monitor.state import (
    Connection,
    Happened,
    Health,
    Job,
    Jobs,
    Link,
    Notice,
    Progress,
    Standstill,
    Update,
)
from comfy_tui.options import AppOptions
from comfy_tui.text import clean
from comfy_tui.widgets.speaker import Speaker

if TYPE_CHECKING:
    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.config import ServerProfile
    from comfy_tui.monitor.attendant import Attendant
    from comfy_tui.monitor.elsewhere import Elsewhere
    from comfy_tui.monitor.journal import Journal
    from comfy_tui.monitor.memory_log import MemoryThen
    from comfy_tui.monitor.outputs import Output
    from comfy_tui.monitor.previews import Previews
    from comfy_tui.monitor.session import Session
    from comfy_tui.screens.save_desk import SaveDesk
    from comfy_tui.screens.upload_desk import UploadDesk

_log = logging.getLogger("comfy_tui")
#: So many events of earlier runs are listed at the start.
_PAST_EVENTS = 100


class WatchingApp(TellingApp):
    """An app that watches one server: slices of state come in as messages, screens watch them."""

    connection: var[Connection] = var(Connection("", ""))
    health: var[Health] = var(Health())
    jobs: var[Jobs] = var(Jobs())
    progress: var[Progress] = var(Progress())
    happened: var[Happened] = var(())
    #: Grows with each upload: lists of input files are to be read again.
    inputs_changed: var[int] = var(0)
    standstill: var[Standstill] = var(Standstill())

    class Published(Message):
        """The session has a new slice of state."""

        def __init__(self, update: Update) -> None:
            super().__init__()
            self.update = update

        def can_replace(self, message: Message) -> bool:
            """A newer slice of the same kind is all that is painted; notices are all given."""
            return (
                isinstance(message, WatchingApp.Published)
                and type(message.update) is type(self.update)
                and not isinstance(self.update, Notice)
            )

    def __init__(self, options: AppOptions) -> None:
        self.options = options
        self._speaker = Speaker(options.config.alerts, os.environ)
        super().__init__()
        self._attendant: Attendant | None = None
        self._was_away = True
        #: Every job and event, in a file of this person; opened after the first frame.
        self.journal: Journal | None = None
        self._saves: SaveDesk | None = None
        #: Every server that was watched in this run: with the credentials that it was given.
        self._watched: dict[str, ServerProfile] = {}
        self.connection = Connection(
            options.server.name, options.server.url, readonly=options.readonly or options.server.readonly
        )

    async def on_unmount(self) -> None:
        """Write what is still to be written."""
        await self.elsewhere.close()
        if self.journal is not None:
            await self.journal.close()

    @cached_property
    def uploads(self) -> UploadDesk:
        """What puts files into the server's input folder; the modules come with the first use."""
        from comfy_tui.screens.upload_desk import UploadDesk

        return UploadDesk(self)

    @cached_property
    def previews(self) -> Previews:
        """What is kept of outputs, in memory and on the disk; the modules come with the first use."""
        from comfy_tui.monitor.preview_cache import PreviewCache
        from comfy_tui.monitor.previews import Previews

        return Previews(PreviewCache())

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """Connections to servers that are not watched, for their files."""
        from comfy_tui.monitor.elsewhere import Elsewhere

        return Elsewhere(lambda: (*self._watched.values(), *self.options.config.servers))

    def server_of(self, output: Output) -> str:
        """The address of the server that has an output."""
        return output.server or self.connection.url

    def client_of(self, output: Output) -> ComfyClient | None:
        """The way to the server that has an output; None before the watched one is connected to."""
        if output.server and output.server != self.connection.url:
            return self.elsewhere.client(output.server)
        return self.session.client if self.session is not None else None

    @property
    def saves(self) -> SaveDesk:
        """Where outputs are saved; made when it is first needed."""
        if self._saves is None:
            from comfy_tui.screens.save_desk import SaveDesk

            self._saves = SaveDesk(self)
            if self.session is not None:
                self._saves.follow(self.session)
        return self._saves

    def watch_server(self, profile: ServerProfile) -> None:
        """Leave the server that is watched now, if any, and watch this one."""
        self.session = None
        self._watched[profile.url] = profile
        self.health, self.jobs, self.progress, self.happened = Health(), Jobs(), Progress(), ()
        self.standstill = Standstill()
        self.connection = Connection(
            profile.name, profile.url, readonly=self.options.readonly or profile.readonly
        )
        self.run_worker(partial(self._watch_server, profile), group="session", exclusive=True)

    async def _watch_server(self, profile: ServerProfile) -> None:
        # httpx takes 0.15 s to import: in a thread, so that keys are heard meanwhile.
        module = await asyncio.to_thread(importlib.import_module, "comfy_tui.monitor.session")
        install_id = await asyncio.to_thread(_prepare_state, module)
        config = self.options.config
        if self.journal is None:
            self.journal = module.Journal(
                paths.journal_file(),
                keep_days=config.journal_days,
                keep_bytes=config.journal_mb * 1024 * 1024,
                on_problem=self.tell_error,
                on_return=self._tell_return,
            )
        session: Session = module.Session(
            profile,
            lambda update: self._publish(session, update),
            install_id=install_id,
            interval_s=self.options.interval_s,
            history_items=config.history_items,
            readonly=self.options.readonly,
            pace=self.options.pace,
            journal=self.journal,
        )
        attendant: Attendant = module.Attendant(
            profile,
            config.alerts,
            self,
            self._list_events,
            self.journal.add_event,
            long_job_s=config.long_job_minutes * 60,
        )
        self._attendant = attendant
        self.run_worker(partial(self._recall_events, attendant, profile.name), group="recall", exclusive=True)
        self.session = session
        if config.auto_save or self._saves is not None:
            self.saves.follow(session)
        try:
            await session.run()
        finally:
            await attendant.close()

    def _publish(self, session: Session, update: Update) -> None:
        if session is self.session:
            self.post_message(self.Published(update))
            if self._attendant is not None:
                self._attendant.take(update)

    # -- alerts --------------------------------------------------------------------------------

    def toast(self, title: str, message: str, severity: str) -> None:
        """Show an alert as a toast."""
        self.tell(title, message, severity=severity)

    def ring(self) -> None:
        """Ring the terminal's bell."""
        self._speaker.ring()

    def notify_desktop(self, title: str, message: str) -> None:
        """Ask the terminal for a notification: over SSH it reaches the machine where a person sits."""
        self._speaker.notify(title, message)

    def _entitle(self) -> None:
        """Tell in the terminal's title how much is left."""
        connection = self.connection
        self._speaker.entitle(
            title_words(connection.name, connection.link, self.jobs, self.progress, time.time())
        )

    def memory_of(self, job: Job) -> MemoryThen | None:
        """The memory when a job ended, where that was seen."""
        return self._attendant.memory_of(job) if self._attendant is not None else None

    def _tell_return(self) -> None:
        self.tell("The journal is written again", "What this run knew of jobs and events is in it.")

    async def _recall_events(self, attendant: Attendant, server: str) -> None:
        if self.journal is not None and not self.journal.closed:
            attendant.recall(await self.journal.events(limit=_PAST_EVENTS, server=server))

    def _list_events(self, happened: Happened) -> None:
        self.happened = happened

    def _offer_unsent(self, connection: Connection) -> None:
        """Once the server answers again: ask about what could not be sent; never while a question is open.

        The last slices may come when the console ends and has no screen any more.
        """
        if connection.link is not Link.ONLINE:
            self._was_away = True
        elif self._was_away and self.screen_stack and not isinstance(self.screen, ModalScreen):
            self._was_away = False
            if any(entry.surely_unsent for entry in self.jobs.unsent) and not connection.readonly:
                from comfy_tui.screens.kept_actions import offer_unsent

                offer_unsent(self)

    @on(Published)
    def _take(self, message: Published) -> None:
        match message.update:
            case Connection() as connection:
                self.connection = connection
                self._offer_unsent(connection)
            case Health() as health:
                self.health = health
            case Jobs() as jobs:
                self.jobs = jobs
                if self._saves is not None:
                    self._saves.take(jobs)
            case Progress() as progress:
                self.progress = progress
            case Standstill() as standstill:
                self.standstill = standstill
            case Notice(title=title, message=text, severity=severity):
                if severity != "information":
                    _log.warning("%s: %s", clean(title), clean(text, 2000))
                self.tell(title, text, severity=severity)
        if isinstance(message.update, Connection | Jobs | Progress):
            self._entitle()


def _prepare_state(session_module: Any) -> str:
    """Open the log and read the id that marks our jobs: files, so in a thread."""
    from comfy_tui.log import open_log
    from comfy_tui.monitor.identity import read_install_id

    open_log()
    install_id: str = read_install_id()
    return install_id
