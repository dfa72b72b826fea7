"""What can be done with jobs that are not on the server: held, lost, gone, or waiting to be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from comfy_tui.monitor.keeping import Held, Keeping, Queued
from comfy_tui.monitor.state import Kept, KeptAs
from comfy_tui.screens.dialogs import ConfirmDialog
from comfy_tui.text import clean, count_of
from comfy_tui.widgets.job_row import Entry, named, who

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp
    from comfy_tui.app_watch import WatchingApp
    from comfy_tui.monitor.session import Session

_NO_KEY = (
    "A job that carried a key for paid nodes loses it: such keys are never kept, and its paid nodes fail."
)


class KeptActions(Screen[Any]):
    """A second base of a screen that says which jobs are chosen."""

    def chosen_entries(self) -> tuple[Entry, ...]:
        """What the keys act on; to be given by the screen."""
        return ()

    def acted(self) -> None:
        """Something was asked of the server: marks may go."""

    @property
    def console(self) -> ComfyApp:
        """The app, with its own type."""
        return cast("ComfyApp", self.app)

    def _ask_kept(self, title: str, message: str, yes: str, then: Callable[[], None]) -> None:
        def answered(answer: bool | None) -> None:
            if answer:
                then()

        self.app.push_screen(ConfirmDialog(title, message, yes), answered)

    # -- hold and resume -----------------------------------------------------------------------

    def action_hold_jobs(self) -> None:
        """Ask, then take the marked waiting jobs of ours, or all of them, off the server."""
        waiting = [job for job in self.console.jobs.pending if who(job) == "ours"]
        chosen = self.chosen_entries()
        if len(chosen) > 1:
            waiting = [job for job in waiting if job in chosen]
        if not waiting:
            self.console.tell("Nothing to hold", "No job of yours waits.")
            return
        message = (
            f"{named(waiting)}\nThey are taken off the server and wait in this console's journal: other "
            "people's jobs go before them, and nothing runs until R puts them back, at the end of the "
            f"queue. The running job goes on. {_NO_KEY}"
        )

        def done(held: Held) -> str:
            words = f"{count_of(len(held.held), 'job')} held. R puts them back."
            if held.went_on:
                words += f" {count_of(len(held.went_on), 'job')} ran or had ended by then."
            return words

        ids = [job.prompt_id for job in waiting]
        self._ask_kept(
            f"Hold {count_of(len(waiting), 'waiting job')}?",
            message,
            "Hold",
            lambda: self._keep(lambda keeping: keeping.hold(ids), done, "Hold"),
        )

    def action_resume_jobs(self) -> None:
        """Put the marked held jobs, or all of them, back into the queue."""
        held = [entry for entry in self.console.jobs.kept if entry.kept_as is KeptAs.HELD]
        marked = [entry for entry in self.chosen_entries() if entry in held]
        wanted = marked if len(marked) > 1 else held
        if not wanted:
            self.console.tell("Nothing to resume", "No job is held. H holds the waiting ones.")
            return
        self._resume(wanted)

    def _resume(self, wanted: Sequence[Kept]) -> None:
        ids = [entry.prompt_id for entry in wanted]
        self._keep(lambda keeping: keeping.resume(ids), self._queued_words, "Resume")

    # -- lost and gone -------------------------------------------------------------------------

    def action_requeue_lost(self) -> None:
        """Queue every lost job again, in the order in which they were queued."""
        lost = [entry for entry in self.console.jobs.kept if entry.kept_as is KeptAs.LOST]
        if not lost:
            self.console.tell("Nothing is lost", "No job of yours was lost with the server.")
            return
        self.queue_kept(lost)

    def queue_kept(self, entries: Sequence[Kept]) -> None:
        """Queue held, lost or gone jobs again; asks where a key is missing."""
        if not entries:
            return

        def act() -> None:
            held = [entry for entry in entries if entry.kept_as is KeptAs.HELD]
            if held:
                self._resume(held)
            ids = [entry.prompt_id for entry in entries if entry.kept_as is not KeptAs.HELD]
            if ids:
                self._keep(lambda keeping: keeping.queue_again(ids), self._queued_words, "Queued again")

        keyed = [entry for entry in entries if entry.had_keys]
        if keyed:
            self._ask_kept("Queue without the key?", f"{named(keyed)}\n{_NO_KEY}", "Queue", act)
        else:
            act()

    def put_away(self, entries: Sequence[Kept]) -> None:
        """Ask, then do not list these any more."""
        if not entries:
            return
        ids = [entry.prompt_id for entry in entries]
        message = f"{named(entries)}\nThe history (6) keeps them; they are not offered here any more."
        held = any(entry.kept_as is KeptAs.HELD for entry in entries)
        if held:
            message += "\nA held job that is put away is not on the server, and will not run."
        self._ask_kept(
            f"Put {count_of(len(ids), 'job')} away?",
            message,
            "Put away",
            lambda: self._keep(lambda keeping: keeping.put_away(ids), lambda _: None, "Put away"),
        )

    def _queued_words(self, result: Queued) -> str | None:
        words = [f"{count_of(len(result.queued), 'job')} queued."] if result.queued else []
        if result.taken:
            words.append(f"{count_of(len(result.taken), 'job')} had been queued already: not twice.")
        if result.error is not None:
            left = f"{count_of(result.left, 'job')} not queued. " if result.left > 1 else ""
            error = result.error
            parts = (*words, left + error.message, error.hint)
            self.console.tell(error.title, "\n".join(part for part in parts if part), severity="error")
            return None
        return " ".join(words)

    def _keep(self, call: Callable[[Keeping], Any], done: Callable[[Any], str | None], title: str) -> None:
        async def act(session: Session) -> Any:
            return await session.keep(call)

        self.console.act(act, done, title=title)
        self.acted()


def offer_unsent(app: WatchingApp, then: Callable[[], None] = lambda: None) -> None:
    """The server answers: ask whether to send what waits since it did not."""
    waiting = [entry for entry in app.jobs.unsent if entry.surely_unsent]

    def answered(yes: bool | None) -> None:
        if yes:
            ids = [entry.prompt_id for entry in waiting]

            async def act(session: Session) -> Queued:
                return await session.keep(lambda keeping: keeping.send_unsent(ids))

            app.act(act, lambda result: _sent_words(app, result), title="Sent")
        then()

    message = (
        f"{named(waiting)}\nThey were not sent while the server did not answer. They stay in the queue (3) "
        "until you send them (u) or discard them (x)."
    )
    app.push_screen(ConfirmDialog(f"Send {count_of(len(waiting), 'job')} now?", message, "Send"), answered)


def _sent_words(app: WatchingApp, result: Queued) -> str | None:
    if result.error is not None:
        words = f"{len(result.queued)} sent, {result.left} not: {result.error.message}"
        app.tell(result.error.title, clean(words, 600), severity="error")
        return None
    taken = f" {count_of(len(result.taken), 'job')} waited no more: not sent twice." if result.taken else ""
    return f"{count_of(len(result.queued), 'job')} sent.{taken} 3 shows the queue."
