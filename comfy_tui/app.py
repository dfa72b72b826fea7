"""The console: its modes, the state that they show, and the actions that work everywhere."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.events import Key
from textual.filter import LineFilter
from textual.message import Message
from textual.reactive import var
from textual.screen import ModalScreen, Screen

from comfy_tui import paths
from comfy_tui.errors import EXIT_OK, ComfyError, ConfigError
from comfy_tui.keymap import KEYMAP, user_keymap
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
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.terminal.choose import DESCRIPTIONS, offered
from comfy_tui.text import clean, clean_lines
from comfy_tui.themes import DEFAULT_THEME, load_themes
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.counted import counted
from comfy_tui.widgets.filters import AsciiFilter, SafeFilter
from comfy_tui.widgets.graphics import Graphics
from comfy_tui.widgets.picture_driver import paint_after_suspend, picture_driver
from comfy_tui.widgets.speaker import Speaker, speaking_driver
from comfy_tui.widgets.typed_ahead import take_typed_ahead
from comfy_tui.widgets.typed_keys import key_events

if TYPE_CHECKING:
    from comfy_tui.config import ServerProfile
    from comfy_tui.monitor.attendant import Attendant
    from comfy_tui.monitor.journal import Journal
    from comfy_tui.monitor.memory_log import MemoryThen
    from comfy_tui.monitor.previews import Previews
    from comfy_tui.monitor.session import Session
    from comfy_tui.screens.save_desk import SaveDesk

T = TypeVar("T")
_log = logging.getLogger("comfy_tui")
#: So many events of earlier runs are listed at the start.
_PAST_EVENTS = 100
_SAFE, _ASCII = SafeFilter(), AsciiFilter()


def _mode(module: str, name: str) -> Callable[[], Screen[Any]]:
    """A screen whose module is imported when it is first shown: opening is at once."""

    def make() -> Screen[Any]:
        screen: Screen[Any] = getattr(importlib.import_module(f"comfy_tui.screens.{module}"), name)()
        return screen

    return make


class ComfyApp(App[int]):
    """One console for one ComfyUI server."""

    TITLE = "comfy-tui"
    ENABLE_COMMAND_PALETTE = True
    CSS = """
    Toast { max-width: 70; padding: 0 1; margin-top: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app", "screen", leave_out=("app.palette",))]
    MODES: ClassVar[dict[str, Any]] = {
        "servers": _mode("servers", "ServersScreen"),
        "workflows": _mode("workflows", "WorkflowsScreen"),
        "queue": _mode("queue", "QueueScreen"),
        "outputs": _mode("outputs", "OutputsScreen"),
        "logs": _mode("logs", "LogsScreen"),
        "history": _mode("history", "HistoryScreen"),
        "doctor": _mode("doctor", "DoctorScreen"),
    }
    DEFAULT_MODE = "servers"

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
                isinstance(message, ComfyApp.Published)
                and type(message.update) is type(self.update)
                and not isinstance(self.update, Notice)
            )

    def __init__(self, options: AppOptions) -> None:
        self.options = options
        self._speaker = Speaker(options.config.alerts, os.environ)
        super().__init__()
        self.graphics = Graphics(self, _image_mode(options), options.terminal)
        #: The text that was copied last.
        self.copied = ""
        #: Bytes that went to the terminal, by screen.
        self.sent_bytes: Counter[str] = Counter()
        self.driver_class = counted(self.driver_class, self._note_sent)
        self.session: Session | None = None
        self._attendant: Attendant | None = None
        self._was_away = True
        #: Every job and event, in a file of this person; opened after the first frame.
        self.journal: Journal | None = None
        self._watching: asyncio.Task[None] | None = None
        self._saves: SaveDesk | None = None
        self._keymap: dict[str, str] = {}
        self._theme_problems = self._load_themes()
        self.connection = Connection(
            options.server.name, options.server.url, readonly=options.readonly or options.server.readonly
        )

    def _note_sent(self, count_bytes: int) -> None:
        self.sent_bytes[self.current_mode] += count_bytes

    @cached_property
    def previews(self) -> Previews:
        """What is kept of outputs, in memory and on the disk; the modules come with the first use."""
        from comfy_tui.monitor.preview_cache import PreviewCache
        from comfy_tui.monitor.previews import Previews

        return Previews(PreviewCache())

    # -- start and end -------------------------------------------------------------------------

    def get_driver_class(self) -> type[Driver]:
        """The driver that Textual chose, with pictures and words to the terminal itself."""
        return speaking_driver(picture_driver(super().get_driver_class()), self._speaker)

    def get_line_filters(self) -> list[LineFilter]:
        """Let no control character of a server through, and only ASCII where that was asked for."""
        ours: list[LineFilter] = [_SAFE, _ASCII] if self.options.ascii else [_SAFE]
        return [*super().get_line_filters(), *ours]

    def on_mount(self) -> None:
        """Keys and warnings at once; the server after the first frame."""
        paint_after_suspend(self)
        # Whoever ends the console by a signal gets the terminal back as it was, without pictures.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit, 128 + signal.SIGTERM)
        if self._theme_problems:
            self.tell("Themes left out", "\n".join(self._theme_problems), severity="warning")
        try:
            self._keymap = user_keymap(self.options.config.keys, str(self.options.config.file))
            self.set_keymap(self._keymap)
        except ConfigError as error:
            self.tell_error(error)
        for warning in self.options.config.warnings:
            self.tell("Config", warning, severity="warning")
        self.call_after_refresh(self._start)

    async def on_unmount(self) -> None:
        """Write what is still to be written."""
        if self.journal is not None:
            await self.journal.close()

    def _load_themes(self) -> tuple[str, ...]:
        """Register the themes and choose one, before anything is styled; returns what is wrong."""
        themes, problems = load_themes()
        for theme in themes:
            self.register_theme(theme.as_textual())
        wanted = self.options.theme or DEFAULT_THEME
        if wanted not in {theme.name for theme in themes}:
            problems = (*problems, f"there is no theme {wanted!r}")
            wanted = DEFAULT_THEME
        self.theme = wanted
        return problems

    def _start(self) -> None:
        # What is there now stays: the collector need not look through it again while keys wait.
        gc.freeze()
        self.watch_server(self.options.server)
        self._import_screens()
        # What was pressed while the terminal was asked.
        for event in key_events(self.options.terminal.answers.typed):
            self.post_message(event)

    @work(thread=True)
    def _import_screens(self) -> None:
        """So that the first press of their keys does not wait for it."""
        for mode in ("workflows", "queue", "outputs", "logs", "history"):
            importlib.import_module(f"comfy_tui.screens.{mode}")

    def watch_server(self, profile: ServerProfile) -> None:
        """Leave the server that is watched now, if any, and watch this one."""
        if self._watching is not None:
            self._watching.cancel()
        self.session = None
        self.health, self.jobs, self.progress, self.happened = Health(), Jobs(), Progress(), ()
        self.standstill = Standstill()
        self.connection = Connection(
            profile.name, profile.url, readonly=self.options.readonly or profile.readonly
        )
        self.run_worker(self._watch_server(profile), group="session", exclusive=True, exit_on_error=True)

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
        self.run_worker(self._recall_events(attendant, profile.name), group="recall", exclusive=True)
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

    async def _recall_events(self, attendant: Attendant, server: str) -> None:
        if self.journal is not None and not self.journal.closed:
            attendant.recall(await self.journal.events(limit=_PAST_EVENTS, server=server))

    def _list_events(self, happened: Happened) -> None:
        self.happened = happened

    def _offer_unsent(self, connection: Connection) -> None:
        """Once the server answers again: ask about what could not be sent; never while a question is open."""
        if connection.link is not Link.ONLINE:
            self._was_away = True
        elif self._was_away and not isinstance(self.screen, ModalScreen):
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

    @property
    def actions_under_way(self) -> int:
        """How many of the things that a person asked for have not ended, here or on a screen."""
        return sum(1 for worker in self.workers if worker.group == "actions" and not worker.is_finished)

    async def action_quit(self) -> None:
        """Leave, after a question where something would be forgotten."""
        kept = self.journal is not None and self.journal.durable
        if (kept or not (self.jobs.unsent or self.jobs.kept)) and not self.actions_under_way:
            self.exit(EXIT_OK)
            return
        from comfy_tui.screens.dialogs import ConfirmDialog

        question = "Actions under way are broken off; what could not be written to the journal is forgotten."
        self.push_screen(
            ConfirmDialog("Leave now?", question, "Leave"), lambda yes: self.exit(EXIT_OK) if yes else None
        )

    @property
    def saves(self) -> SaveDesk:
        """Where outputs are saved; made when it is first needed."""
        if self._saves is None:
            from comfy_tui.screens.save_desk import SaveDesk

            self._saves = SaveDesk(self)
            if self.session is not None:
                self._saves.follow(self.session)
        return self._saves

    # -- words ---------------------------------------------------------------------------------

    def tell(self, title: str, message: str, *, severity: str = "information") -> None:
        """Show a toast; whatever the text holds, it is text."""
        level: Any = severity if severity in ("information", "warning", "error") else "information"
        timeout_s = 5 if level == "information" else 10
        self.notify(
            clean_lines(message, 900),
            title=clean(title, 100),
            severity=level,
            timeout=timeout_s,
            markup=False,
        )

    def tell_error(self, error: ComfyError) -> None:
        """Show what failed and what to do; also in the log."""
        _log.warning("%s: %s", clean(error.title), clean(error.message, 2000))
        text = "\n".join(part for part in (error.message, error.hint) if part)
        self.tell(error.title, text or error.title, severity="error")

    def copy(self, text: str, what: str) -> None:
        """Put a text on the clipboard and say where it went.

        Args:
            text: what to copy; control characters are left out.
            what: a word or two for the toast: ``prompt``, ``URL``.
        """
        self.run_worker(self._copy(text, what), group="clipboard", exit_on_error=True)

    async def _copy(self, text: str, what: str) -> None:
        from comfy_tui import clipboard

        self.copied = text = clipboard.safe(text)
        try:
            route = await asyncio.to_thread(clipboard.copy, text, os.environ)
        except ComfyError as error:
            self.tell_error(error)
            return
        if route is clipboard.Route.TERMINAL:
            self.copy_to_clipboard(text)
        self.tell("Clipboard", f"{what}: {clipboard.words(route, os.environ)}")

    def action_show_copied(self) -> None:
        """Show what was copied last, for where the clipboard did not take it."""
        if not self.copied:
            self.tell("Nothing to show", "Nothing was copied yet: y copies.")
            return
        from comfy_tui.screens.copied import CopiedScreen

        self.push_screen(CopiedScreen(self.copied))

    def act(
        self,
        call: Callable[[Session], Awaitable[T]],
        done: Callable[[T], str | None],
        *,
        title: str = "Done",
    ) -> None:
        """Run what a person asked for: a toast when it is done, a toast with the hint when it failed.

        Args:
            call: the action, given the session.
            done: the words for its result; None for no toast.
            title: the toast's title.
        """
        if self.session is None:
            self.tell("One moment", "The console is not connected yet.", severity="warning")
            return
        self.run_worker(self._act(call(self.session), done, title), group="actions", exit_on_error=True)

    async def _act(self, call: Awaitable[T], done: Callable[[T], str | None], title: str) -> None:
        try:
            text = done(await call)
        except ComfyError as error:
            self.tell_error(error)
            return
        if text:
            self.tell(title, text)

    # -- actions -------------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """Before the keys of the app: what was typed into a field ahead of its focus."""
        if take_typed_ahead(event, self.focused):
            event.prevent_default()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action that works here, and the themes, for the palette."""
        active = {
            binding.id: binding for _, binding, enabled, _ in screen.active_bindings.values() if enabled
        }
        for known in KEYMAP:
            if known.id in active:
                action = active[known.id].action
                yield SystemCommand(
                    known.label, f"{known.help} ({' '.join(known.keys)})", self._runner(screen, action)
                )
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)

    def _runner(self, screen: Screen[Any], action: str) -> Callable[[], Any]:
        focused = screen.focused or screen

        async def run() -> None:
            for namespace in (focused, screen, self):
                if await self.run_action(action, default_namespace=namespace):
                    return

        return run

    def action_show_help(self) -> None:
        """Show the keys."""
        from comfy_tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(getattr(self.screen, "AREA", "app"), self._keymap))

    def action_go_back(self) -> None:
        """Nothing is open: stay."""

    def action_show_screen(self, mode: str) -> None:
        """Go to a mode; leaves an opened dialog's mode as it is."""
        if mode in self.MODES and self.current_mode != mode:
            self.switch_mode(mode)

    def action_refresh_now(self) -> None:
        """Ask the server now."""
        if self.session is not None:
            self.session.refresh()

    def action_next_image_mode(self) -> None:
        """Show pictures in the next way that the terminal has."""
        modes, now = offered(self.options.terminal), self.graphics.mode
        mode = modes[(modes.index(now) + 1) % len(modes)] if now in modes else modes[0]
        self.graphics.set_mode(mode)
        words = [f"{mode}: {DESCRIPTIONS[mode]}"]
        if mode is self.options.terminal.images:
            words += [self.options.terminal.images_why, *self.options.terminal.remedies]
        self.tell("Pictures", "\n".join(words))

    def action_toggle_pause(self) -> None:
        """Stop asking the server, or go on."""
        if self.session is not None:
            self.session.pause(not self.connection.paused)

    def action_free_memory(self) -> None:
        """Ask how much to free, then free it."""
        from comfy_tui.screens.dialogs import ChoiceDialog

        choices = (
            ("models", "m", "Unload the models (the cache of results stays)"),
            ("all", "c", "Unload the models and forget the cached results"),
        )
        text = "The server frees when it is idle, or after the running job."
        self.push_screen(ChoiceDialog("Free memory", choices, text), self._free)

    def _free(self, choice: str | None) -> None:
        if choice is not None:
            self.act(
                lambda session: session.free(unload_models=True, free_memory=choice == "all"),
                lambda words: words,
                title="Free memory",
            )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what changes the server where that was ruled out."""
        if self.connection.readonly and action in CHANGING_ACTIONS:
            return None
        return super().check_action(action, parameters)


#: Actions that change a server; off in read-only mode (the client refuses them as well).
CHANGING_ACTIONS = frozenset(
    (
        "free_memory",
        "queue_workflow",
        "upload_image",
        "install_missing",
        "restart_server",
        "cancel_job",
        "way_out",
        "clear_pending",
        "requeue_job",
        "free_requeue",
        "reseed_job",
        "move_front",
        "requeue_lost",
        "requeue_known",
        "reseed_known",
        "hold_jobs",
        "resume_jobs",
        "requeue_output",
        "reseed_output",
        "upload_output",
        "delete_history",
    )
)


def _image_mode(options: AppOptions) -> ImageMode:
    """How pictures are shown: as asked for, else as the terminal can."""
    if options.images is not ImageMode.AUTO:
        return options.images
    return ImageMode.ASCII if options.ascii else options.terminal.images


def _prepare_state(session_module: Any) -> str:
    """Open the log and read the id that marks our jobs: files, so in a thread."""
    from comfy_tui.log import open_log
    from comfy_tui.monitor.identity import read_install_id

    open_log()
    install_id: str = read_install_id()
    return install_id


def run_app(options: AppOptions, before_start: Callable[[], None] | None = None) -> int:
    """Run the console; returns the exit code.

    Args:
        options: the choices of this run.
        before_start: called right before the terminal is taken over.
    """
    app = ComfyApp(options)
    if before_start is not None:
        app.graphics.before_start = before_start
    result = app.run(mouse=True)
    return result if isinstance(result, int) else app.return_code or EXIT_OK
