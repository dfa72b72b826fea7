"""What real servers told over the socket leads to what their recorded history says."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.comfy import wire
from comfy_tui.comfy.events import Event, PreviewFrame, ProgressState, read_event, read_picture
from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.progress import End, ProgressTracker
from comfy_tui.monitor.state import Progress

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings"
recorded = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings of real servers are not here")
VERSIONS = pytest.mark.parametrize("version", ["0.3.64", "0.26.0"])


def transcript(file: Path) -> Iterator[tuple[str, str, Any]]:
    """Socket, direction and content of each line."""
    for line in file.read_text("utf-8").splitlines():
        entry = json.loads(line)
        content = base64.b64decode(entry["b64"]) if entry["dir"] == "recv_bin" else entry.get("json")
        yield entry["socket"], entry["dir"], content


def events_of(file: Path) -> dict[str, list[Event]]:
    """The events of each socket."""
    found: dict[str, list[Event]] = {}
    for socket, direction, content in transcript(file):
        event: Event | None = None
        if direction == "recv":
            event = read_event(json.dumps(content))
        elif direction == "recv_bin":
            event = read_picture(content)
        if event is not None:
            found.setdefault(socket, []).append(event)
    return found


def histories(version: str) -> dict[str, JobState]:
    """Every prompt that a recorded history has, with its end."""
    found: dict[str, JobState] = {}

    def walk(data: Any) -> None:
        if not isinstance(data, dict):
            return
        entries = {k: v for k, v in data.items() if isinstance(v, dict) and "outputs" in v and "status" in v}
        found.update({record.prompt_id: record.state for record in wire.read_history(entries)})
        for key, value in data.items():
            if key not in entries:
                walk(value)

    for file in (RECORDINGS / version).glob("history_*.json"):
        walk(json.loads(file.read_text("utf-8")))
    return found


def play(events: list[Event]) -> tuple[list[End], list[Progress]]:
    """The ends of prompts, and the progress after each event."""
    tracker = ProgressTracker()
    ends, seen = [], []
    for event in events:
        end = tracker.feed(event)
        if end is not None:
            ends.append(end)
        seen.append(tracker.progress)
    return ends, seen


@recorded
@VERSIONS
def test_every_recorded_socket_ends_as_the_history_says(version: str) -> None:
    history = histories(version)
    assert history
    compared = 0
    for file in sorted((RECORDINGS / version).glob("ws_*.jsonl")):
        for socket, events in events_of(file).items():
            ends, _ = play(events)
            for end in ends:
                if end.prompt_id in history:
                    assert end.outcome == history[end.prompt_id], f"{file.name} {socket}"
                    compared += 1
                else:
                    assert end.outcome is not None, f"{file.name} {socket} {end.prompt_id}"
    assert compared >= 20


@recorded
@VERSIONS
def test_a_prompt_of_every_recording_is_followed_node_by_node(version: str) -> None:
    followed = 0
    for file in sorted((RECORDINGS / version).glob("ws_*.jsonl")):
        for events in events_of(file).values():
            _, seen = play(events)
            for event, progress in zip(events, seen, strict=True):
                if isinstance(event, ProgressState) and any(not node.finished for node in event.nodes):
                    assert progress.prompt_id == event.prompt_id
                    assert progress.node_title
                    followed += 1
    assert followed > 100


@recorded
@VERSIONS
def test_nodes_of_an_expansion_have_the_title_of_the_prompts_own(version: str) -> None:
    [events] = events_of(RECORDINGS / version / "ws_expand.jsonl").values()
    prompt_id = next(event.prompt_id for event in events if isinstance(event, ProgressState))
    tracker = ProgressTracker()
    nodes = {"1": {"class_type": "ProbeExpand", "inputs": {}, "_meta": {"title": "Grows"}}}
    tracker.know(prompt_id, {**nodes, "2": {"class_type": "PreviewAny", "inputs": {}}})
    titles, bars, most = set(), set(), 0
    for event in events:
        tracker.feed(event)
        titles.add(tracker.progress.node_title)
        bars.add((tracker.progress.value, tracker.progress.max))
        most = max(most, tracker.progress.nodes_done)
    assert titles - {""} == {"Grows", "PreviewAny"}
    assert {(1, 2), (2, 2)} <= bars
    assert most == 2


@recorded
@VERSIONS
@pytest.mark.parametrize("kind", ["metadata", "metadata_png", "plain", "plain_png"])
def test_recorded_previews_are_pictures_of_their_node(version: str, kind: str) -> None:
    events = events_of(RECORDINGS / version / f"ws_preview_{kind}.jsonl")["submitter"]
    pictures = [event for event in events if isinstance(event, PreviewFrame)]
    assert pictures
    assert all(picture.image.startswith((b"\xff\xd8\xff", b"\x89PNG")) for picture in pictures)
    assert all(bool(picture.prompt_id) == ("metadata" in kind) for picture in pictures)
    _, seen = play(events)
    numbers = [progress.preview.number for progress in seen if progress.preview is not None]
    assert max(numbers) == len(pictures)
