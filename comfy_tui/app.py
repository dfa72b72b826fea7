"""The console: its modes, its keys and themes, and the actions that work everywhere."""

from __future__ import annotations

import asyncio
import importlib
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, ClassVar, cast

from textual import work
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.events import Event, Key
from textual.filter import LineFilter
from textual.screen import Screen

from comfy_tui.app_watch import WatchingApp
from comfy_tui.errors import EXIT_OK, ConfigError
from comfy_tui.keymap import KEYMAP, user_keymap
from comfy_tui.options import AppOptions
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.terminal.choose import DESCRIPTIONS, offered
from comfy_tui.themes import DEFAULT_THEME, load_themes
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.counted import counted
from comfy_tui.widgets.filters import AsciiFilter, FontFilter, SafeFilter
from comfy_tui.widgets.graphics import Graphics
from comfy_tui.widgets.key_order import KeyOrder, Settled
from comfy_tui.widgets.picture_driver import paint_after_suspend, picture_driver
from comfy_tui.widgets.quiet import LOOK_S, Quiet, give_memory_back, heard
from comfy_tui.widgets.speaker import speaking_driver
from comfy_tui.widgets.typed_keys import key_events

_SAFE, _ASCII = SafeFilter(), AsciiFilter()
#: After the terminal hung up, the end takes no longer.
_HANG_UP_S = 4


def _mode(module: str, name: str) -> Callable[[], Screen[Any]]:
    """A screen whose module is imported when it is first shown: opening is at once."""

    def make() -> Screen[Any]:
        screen: Screen[Any] = getattr(importlib.import_module(f"comfy_tui.screens.{module}"), name)()
        return screen

    return make


class ComfyApp(WatchingApp):
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

    def __init__(self, options: AppOptions, *, own_process: bool = False) -> None:
        #: Keys, one after the other.
        self.keys = KeyOrder(self)
        self._line_cleaners = _filters(options)
        super().__init__(options)
        self._quiet = Quiet() if own_process else None
        self.graphics = Graphics(self, _image_mode(options), options.terminal)
        #: Bytes that went to the terminal, by screen.
        self.sent_bytes: Counter[str] = Counter()
        self.driver_class = counted(self.driver_class, self._note_sent)
        if self._quiet is not None:
            self.driver_class = heard(self.driver_class, self._quiet.pressed)
        #: The keys that the person chose, by binding id.
        self._chosen_keys: dict[str, tuple[str, ...]] = {}
        self._theme_problems = self._load_themes()

    def _note_sent(self, count_bytes: int) -> None:
        self.sent_bytes[self.current_mode] += count_bytes

    # -- start and end -------------------------------------------------------------------------

    def get_driver_class(self) -> type[Driver]:
        """The driver that Textual chose, with pictures and words to the terminal itself."""
        return speaking_driver(picture_driver(super().get_driver_class()), self._speaker)

    def get_line_filters(self) -> list[LineFilter]:
        """What is drawn goes through ours as well."""
        return [*super().get_line_filters(), *self._line_cleaners]

    def _hang_up(self) -> None:
        """End as by SIGTERM; where the terminal is gone, that may wait for ever: an alarm ends it."""
        signal.alarm(_HANG_UP_S)
        self.exit(128 + signal.SIGHUP)

    def on_mount(self) -> None:
        """Keys and warnings at once; the server after the first frame."""
        paint_after_suspend(self)
        # Whoever ends the console by a signal gets the terminal back as it was, without pictures.
        with suppress(NotImplementedError, RuntimeError, ValueError, AttributeError):
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, self.exit, 128 + signal.SIGTERM)
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        if self._theme_problems:
            self.tell("Themes left out", "\n".join(self._theme_problems), severity="warning")
        try:
            self.set_keymap(user_keymap(self.options.config.keys, str(self.options.config.file)))
            self._chosen_keys = dict(self.options.config.keys)
        except ConfigError as error:
            self.tell_error(error)
        for warning in self.options.config.warnings:
            self.tell("Config", warning, severity="warning")
        self.call_after_refresh(self._start)

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
        if self._quiet is not None:
            self._quiet.begin()
            self.set_interval(LOOK_S, self._quiet.look)
        self.watch_server(self.options.server)
        self._import_screens()
        # What was pressed while the terminal was asked.
        for event in key_events(self.options.terminal.answers.typed):
            self.post_message(event)

    @work(thread=True)
    def _import_screens(self) -> None:
        """So that the first press of their keys does not wait for it."""
        if self._quiet is not None:
            give_memory_back()
        for mode in ("workflows", "queue", "outputs", "logs", "history", "doctor", "help"):
            importlib.import_module(f"comfy_tui.screens.{mode}")

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

    # -- actions -------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """Keys go on one after the other."""
        fresh = isinstance(event, Key) and not event.is_forwarded
        if fresh and self.keys.takes(cast("Key", event)):
            return
        await super().on_event(event)
        if fresh:
            self.keys.sent()

    def on_settled(self, message: Settled) -> None:
        """A key has done what it does."""
        self.keys.settled(message)

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

        self.push_screen(HelpScreen(getattr(self.screen, "AREA", "app"), self._chosen_keys))

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
        self.tell("Pictures", "\n".join(words), only_newest=True)

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


def _filters(options: AppOptions) -> list[LineFilter]:
    """Let no control character of a server through, and only what the terminal can draw."""
    if options.ascii:
        return [_SAFE, _ASCII]
    glyphs = options.terminal.glyphs
    return [_SAFE] if glyphs is None else [_SAFE, FontFilter(glyphs)]


def _image_mode(options: AppOptions) -> ImageMode:
    """How pictures are shown: as asked for, else as the terminal can."""
    if options.images is not ImageMode.AUTO:
        return options.images
    return ImageMode.ASCII if options.ascii else options.terminal.images


def run_app(options: AppOptions, before_start: Callable[[], None] | None = None) -> int:
    """Run the console; returns the exit code.

    Args:
        options: the choices of this run.
        before_start: called right before the terminal is taken over.
    """
    app = ComfyApp(options, own_process=True)
    if before_start is not None:
        app.graphics.before_start = before_start
    # GNU screen (4.9) keeps a lone escape for itself while it looks out for the mouse.
    result = app.run(mouse=not options.terminal.gnu_screen)
    return result if isinstance(result, int) else app.return_code or EXIT_OK
