"""Every job seen on every server, kept in a file of this person: nothing is lost between key and server."""

from comfy_tui.monitor.journal.journal import Journal
from comfy_tui.monitor.journal.row import Fate, JournalEvent, JournalJob, Medians

__all__ = ["Fate", "Journal", "JournalEvent", "JournalJob", "Medians"]
