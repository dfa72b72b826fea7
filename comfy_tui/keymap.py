"""Every key of the console: one table, from which screens, the footer, help, docs and remaps are made.

A binding id (``area.verb``) is an API: people remap it in ``[keys]`` of the config.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from comfy_tui.errors import ConfigError
from comfy_tui.key_name import is_key, normal_key, textual_key

_TITLE = "The keys cannot be used"


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """A key, or several, for one action."""

    #: ``area.verb``.
    id: str
    #: As a person writes them: ``?``, ``f1``, ``ctrl+p``, ``X``.
    keys: tuple[str, ...]
    #: The name of the Textual action.
    action: str
    #: A word or two, for the footer.
    label: str
    #: A sentence, for the help and the palette.
    help: str
    #: Whether the footer shows it, if it fits.
    show: bool = False

    @property
    def area(self) -> str:
        """The part before the dot: where the key works."""
        return self.id.partition(".")[0]


#: Areas in the order of the help, with their titles.
AREAS: Mapping[str, str] = {
    "app": "Everywhere",
    "screen": "Screens",
    "list": "Lists",
    "server": "Servers",
    "workflow": "Workflows",
    "finding": "Findings of a workflow",
    "outline": "Outline of a workflow",
    "compare": "Several workflows compared",
    "job": "Queue",
    "output": "Outputs",
    "log": "Logs",
    "history": "History",
    "form": "Forms",
    "dialog": "Questions",
}

#: Areas whose keys work at the same time, so that none may be used twice among them.
TOGETHER: tuple[tuple[str, ...], ...] = (
    ("app", "screen", "list", "server"),
    ("app", "screen", "list", "workflow"),
    ("app", "screen", "list", "finding"),
    ("app", "screen", "list", "outline"),
    ("app", "screen", "list", "compare"),
    ("app", "screen", "list", "job"),
    ("app", "screen", "list", "output"),
    ("app", "screen", "list", "log"),
    ("app", "screen", "list", "history"),
    ("app", "form"),
    ("app", "dialog"),
)

K = KeyBinding
KEYMAP: tuple[KeyBinding, ...] = (
    K("app.help", ("?", "f1"), "show_help", "Help", "Show the keys of this screen.", True),
    K("app.palette", ("ctrl+p",), "command_palette", "Palette", "Find any action by its name."),
    K("app.quit", ("q",), "quit", "Quit", "Leave; jobs on the server go on.", True),
    K("app.back", ("escape",), "go_back", "Back", "Close what is open, or clear the filter."),
    K("app.copied", ("ctrl+y",), "show_copied", "Copied", "Show what was copied last, or save it to a file."),
    K("app.refresh", ("r",), "refresh_now", "Refresh", "Ask the server now."),
    K("app.pause", ("p",), "toggle_pause", "Pause", "Stop or go on asking the server."),
    K("app.free", ("f",), "free_memory", "Free VRAM", "Have the server unload its models; asks how much."),
    K("app.images", ("P",), "next_image_mode", "Pictures", "Show pictures another way."),
    K("app.suspend", ("ctrl+z",), "suspend_process", "Suspend", "Back to the shell for a while; fg returns."),
    K("screen.servers", ("1",), "show_screen('servers')", "Servers", "Go to the servers."),
    K("screen.workflows", ("2",), "show_screen('workflows')", "Workflows", "Go to the workflows."),
    K("screen.queue", ("3",), "show_screen('queue')", "Queue", "Go to the queue."),
    K("screen.outputs", ("4",), "show_screen('outputs')", "Outputs", "Go to the outputs."),
    K("screen.logs", ("5",), "show_screen('logs')", "Logs", "Go to the server's log and the events."),
    K("screen.history", ("6",), "show_screen('history')", "History", "Go to every job that was ever seen."),
    K("screen.doctor", ("7",), "show_screen('doctor')", "Doctor", "Look at what the console depends on."),
    K("list.down", ("j",), "cursor_down", "Down", "One row down (also the arrow key)."),
    K("list.up", ("k",), "cursor_up", "Up", "One row up (also the arrow key)."),
    K("list.top", ("g",), "scroll_top", "Top", "The first row."),
    K("list.bottom", ("G",), "scroll_bottom", "Bottom", "The last row."),
    K("list.filter", ("/",), "start_filter", "Filter", "Show only rows that hold what you type.", True),
    K("list.next", ("n",), "next_match", "Next", "The next row that matches."),
    K("list.previous", ("N",), "previous_match", "Previous", "The previous row that matches."),
    K("list.mark", ("space",), "toggle_mark", "Mark", "Mark the row, for actions on several."),
    K("list.open", ("enter",), "open_row", "Open", "Open the row.", True),
    K("list.copy", ("y",), "copy_row", "Copy", "Copy from the row: id, name, path, URL or prompt."),
    K("workflow.queue", ("Q",), "queue_workflow", "Queue", "Queue the workflow as it is.", True),
    K("workflow.edit", ("e",), "edit_workflow", "Edit", "Change values before queueing.", True),
    K("workflow.upload", ("i",), "upload_image", "Upload", "Upload an input image."),
    K("workflow.export", ("E",), "export_workflow", "Export", "Write the workflow to the project's folder."),
    K("workflow.open", ("o",), "open_file", "Open", "Open a workflow file by its path."),
    K("workflow.reset", ("u",), "reset_edits", "Reset", "Forget the changes: values as in the file."),
    K(
        "workflow.findings",
        ("d",),
        "show_findings",
        "Findings",
        "What is wrong, and how to mend it; with marks: a table.",
        True,
    ),
    K("workflow.outline", ("v",), "show_outline", "Outline", "The nodes in their order of running.", True),
    K(
        "finding.script",
        ("Y",),
        "copy_script",
        "Script",
        "Copy or save all commands as one shell script.",
        True,
    ),
    K("finding.upload", ("i",), "upload_image", "Upload", "Upload the missing input file of the row.", True),
    K(
        "finding.install",
        ("I",),
        "install_missing",
        "Install",
        "Install by the server's Manager; asks first.",
        True,
    ),
    K("finding.restart", ("R",), "restart_server", "Restart", "Restart ComfyUI by its Manager; asks first."),
    K(
        "finding.registry",
        ("a",),
        "ask_registry",
        "Registry",
        "Ask the registry, another host, for packs; asks first.",
    ),
    K("outline.all", ("m",), "toggle_all", "All", "Unfold all subgraphs, or fold them.", True),
    K(
        "compare.script",
        ("Y",),
        "copy_script",
        "Script",
        "Copy or save the commands for all as one shell script.",
        True,
    ),
    K("job.cancel", ("x",), "cancel_job", "Cancel", "Cancel the chosen or marked jobs; asks first.", True),
    K(
        "job.way_out",
        ("ctrl+r",),
        "way_out",
        "Ways out",
        "Where a job does not stop: wait, ask again, or restart ComfyUI; asks first.",
    ),
    K("job.clear", ("X",), "clear_pending", "Clear", "Cancel every pending job; asks first."),
    K("job.requeue", ("u",), "requeue_job", "Again", "Queue the job again, as it was.", True),
    K("job.reseed", ("U",), "reseed_job", "New seed", "Queue the job again with a new seed."),
    K(
        "job.free_again",
        ("F",),
        "free_requeue",
        "Free & again",
        "Free the memory of all models, then queue the job again.",
    ),
    K("job.node", ("o",), "open_node", "Workflow", "Open the workflow of the job, at the node that failed."),
    K("job.report", ("Y",), "copy_report", "Report", "Copy a report of the failure, fit for an issue."),
    K(
        "job.lost",
        ("L",),
        "requeue_lost",
        "Lost again",
        "Queue every job again that was lost with the server.",
    ),
    K("job.hold", ("H",), "hold_jobs", "Hold", "Take our waiting jobs off the server, to be put back later."),
    K("job.resume", ("R",), "resume_jobs", "Resume", "Put the held jobs back into the queue, in order."),
    K("job.front", ("t",), "move_front", "To front", "Move the pending job to the front."),
    K("output.save", ("s",), "save_output", "Save", "Save the chosen or marked files to a folder.", True),
    K("output.save_to", ("S",), "save_output_to", "Save to", "Save to another folder; asks which."),
    K(
        "output.save_otherwise",
        ("W",),
        "save_otherwise",
        "Save ...",
        "Save without metadata, or all that are new.",
    ),
    K(
        "output.auto_save",
        ("A",),
        "toggle_auto_save",
        "Auto-save",
        "Save new outputs of your jobs by itself.",
    ),
    K("output.stop", ("X",), "stop_saving", "Stop saving", "Stop what is being saved."),
    K("output.made", ("w",), "show_made", "What made it", "Prompt, models, seed and all values of it.", True),
    K("output.made_pane", ("M",), "toggle_made", "Values", "The values that made it below the list, or not."),
    K("output.workflow", ("e",), "open_run", "Workflow", "Open its workflow, with the values of that run."),
    K(
        "output.diff",
        ("d",),
        "diff_outputs",
        "Differences",
        "What differs in the values of two marked outputs.",
    ),
    K("output.requeue", ("u",), "requeue_output", "Again", "Queue what made it again, as it was."),
    K("output.reseed", ("U",), "reseed_output", "New seed", "Queue what made it again with a new seed."),
    K("output.view", ("v",), "view_outside", "Open outside", "Open it in the desktop's viewer or browser."),
    K("output.upload", ("i",), "upload_output", "As input", "Upload it, a picture or a mask as an input."),
    K("output.delete", ("D",), "delete_history", "Delete", "Delete its job from the history; asks first."),
    K("output.next", ("right", "l"), "next_output", "Next", "The next output; enlarged: to the right."),
    K("output.previous", ("left", "h"), "previous_output", "Previous", "The output before; enlarged: left."),
    K("output.tiles", ("t",), "toggle_tiles", "Tiles", "Show thumbnails, or the list.", True),
    K(
        "output.compare",
        ("c",),
        "compare_outputs",
        "Compare",
        "Two side by side: the marked, or the next.",
    ),
    K("output.kind", ("K",), "next_kind", "Kind", "Only pictures, only videos, only sounds ..., all."),
    K("output.order", ("o",), "next_order", "Order", "Newest, oldest, by name, kind, workflow, seed."),
    K("output.marked", ("m",), "toggle_marked", "Marked", "Only the marked ones, or all."),
    K("output.servers", ("V",), "toggle_servers", "Servers", "Outputs of every server seen, or of this one."),
    K("output.zoom_in", ("+",), "zoom_in", "Zoom", "Enlarge, in the full window; arrows move about.", True),
    K("output.zoom_out", ("-",), "zoom_out", "Smaller", "Make it smaller again, in the full window."),
    K("output.fit", ("0",), "zoom_fit", "Fit", "All of the picture."),
    K("output.native", ("=",), "zoom_native", "1:1", "A pixel of the picture on a dot of the screen."),
    K("output.play", (".",), "play_output", "Play", "Play or stop an animation or a video.", True),
    K("output.sheet", ("C",), "toggle_sheet", "Sheet", "The frames of a video or animation on one sheet."),
    K(
        "output.slides",
        ("a",),
        "toggle_slides",
        "Slides",
        "Show one after the other, or stop; moving on by hand stops it too.",
    ),
    K("output.flick", ("b",), "flick", "A/B", "Two compared: one in place of the other, and back.", True),
    K("log.follow", ("s",), "toggle_follow", "Hold", "Hold the log where it is, or follow it again.", True),
    K("log.level", ("l",), "next_level", "Level", "All lines, warnings and errors, or errors only.", True),
    K("log.events", ("e",), "next_pane", "Events", "Log and events, only the events, or only the log.", True),
    K("history.requeue", ("u",), "requeue_known", "Again", "Queue the job again, as it was.", True),
    K("history.reseed", ("U",), "reseed_known", "New seed", "Queue the job again with a new seed."),
    K(
        "history.free_again",
        ("F",),
        "free_requeue_known",
        "Free+again",
        "Free the server's memory, then queue the job again, as it was.",
    ),
    K(
        "history.open",
        ("o",),
        "open_known",
        "Workflow",
        "Open the workflow of the job; of a failed one, at the node that failed.",
        True,
    ),
    K("history.report", ("Y",), "copy_known_report", "Report", "Copy a report of the failure, for an issue."),
    K("form.queue", ("Q",), "queue_form", "Queue", "Queue with these values.", True),
    K(
        "form.accept",
        ("ctrl+s",),
        "accept_form",
        "Take",
        "Take what was typed, also several lines.",
        True,
    ),
    K(
        "form.more",
        ("m",),
        "show_more",
        "More",
        "Show every value of every node, or only the usual ones.",
        True,
    ),
    K("form.reset", ("u",), "reset_value", "Reset", "This value as in the file.", True),
    K("form.reset_all", ("U",), "reset_all", "Reset all", "All values as in the file."),
)
del K

#: What the footer shows where there is room for more.
SPARE = frozenset(
    {
        *("list.mark", "list.copy"),
        *("workflow.upload", "workflow.export", "workflow.open", "workflow.reset"),
        *("finding.restart", "finding.registry"),
        *("job.reseed", "job.front", "job.hold"),
        *(
            "output.compare",
            "output.requeue",
            "output.workflow",
            "output.view",
            "output.order",
            "output.kind",
        ),
        *("history.reseed", "form.reset_all"),
    }
)


def keys_of(area: str) -> tuple[KeyBinding, ...]:
    """The bindings of an area, in the order of the table."""
    return tuple(binding for binding in KEYMAP if binding.area == area)


def binding(binding_id: str) -> KeyBinding:
    """The binding of that id.

    Raises:
        KeyError: there is none; a mistake in the code, not of a person.
    """
    for found in KEYMAP:
        if found.id == binding_id:
            return found
    raise KeyError(binding_id)


def user_keymap(remaps: Iterable[tuple[str, tuple[str, ...]]], source: str = "config") -> dict[str, str]:
    """Check a person's keys; return them as Textual's ``App.set_keymap`` takes them.

    Args:
        remaps: binding ids with their keys, as in ``Config.keys``.
        source: the file they come from, for messages.

    Raises:
        ConfigError: an id is unknown, a key has no such name, or two actions that work at the same
            time would share a key. All of them are named in one message.
    """
    by_id = {known.id: known for known in KEYMAP}
    problems: list[str] = []
    hints: list[str] = []
    chosen: dict[str, tuple[str, ...]] = {}
    for binding_id, keys in remaps:
        if binding_id not in by_id:
            problems.append(f"keys.{binding_id}: no such binding")
            close = difflib.get_close_matches(binding_id, by_id, n=1, cutoff=0.5)
            hints += [f"Did you mean {close[0]}?"] if close else []
            continue
        problems += [f"keys.{binding_id}: {key!r} is not a key" for key in keys if not is_key(key)]
        chosen[binding_id] = keys
    problems += _conflicts(chosen)
    if problems:
        hints.append("comfy-tui's docs/guide/keys.md lists every id; a key is like x, X, f5, ctrl+r, space.")
        raise ConfigError(_TITLE, f"{source}: {'; '.join(problems)}", " ".join(hints))
    return {binding_id: ",".join(textual_key(key) for key in keys) for binding_id, keys in chosen.items()}


def _conflicts(chosen: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Keys that two actions would share, of which at least one was remapped."""
    problems: dict[str, None] = {}
    for areas in TOGETHER:
        taken: dict[str, str] = {}
        for known in KEYMAP:
            if known.area not in areas:
                continue
            for key in dict.fromkeys(normal_key(key) for key in chosen.get(known.id, known.keys)):
                other = taken.setdefault(key, known.id)
                if other != known.id and (known.id in chosen or other in chosen):
                    problems[f"{key} would be both {other} and {known.id}"] = None
    return list(problems)
